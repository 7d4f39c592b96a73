"""Reading a published table: bytes to text, text to columns and rows. Says what it cannot read."""

import csv
import io
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Final

from services.ledger.audit.findings import AuditInputError, Finding, FindingClass
from services.ledger.audit.headers import COUNT_UNITS, MONEY_UNITS, Header, parse_header, unit_of_name
from shared.money import parse_rate

Cell = tuple[int, int]  # row and column, counted from 0

SIZE_LIMIT_BYTES: Final = 16 * 1024 * 1024
_PARENT_NAMES: Final = frozenset(
    {"parent", "상위", "상위항목", "상위구분", "상위행", "상위과목", "상위사업", "상위분류"}
)
_UNIT_NAMES: Final = frozenset({"단위", "unit", "규격단위"})
_NUMBERING_NAMES: Final = frozenset({"연번", "번호", "순번", "no", "no."})
_NAMING_NAMES: Final = frozenset({"구분", "항목", "품목", "사업명", "과목", "부서", "연도", "년도", "회계연도", "분류"})
_UNKNOWN_UNITS: Final = frozenset({"", "-", "혼합", "(혼합)", "계", "합계", "기타", "각종", "해당없음"})
_NOTE: Final = re.compile(r"^\s*(※|\*|주\s*\d*\s*[):]|자료\s*:|출처\s*:|<|\(?단위)")
_BULLETS: Final = re.compile(r"^[\s○◦●◎□■▪▫·•∙▸▶‣ㅇ\-–*]+(?=\S)")
_LOOKS_LIKE_FIGURE: Final = re.compile(r"[△▲▵∆−\-(]?\s*[0-9OoIl][0-9OoIl,.\s]*%?\)?")
_WITH_RATE_IN_BRACKETS: Final = re.compile(r"(.*[0-9])\s*\(\s*[△▲-]?[0-9.,]+\s*%?\s*\)")
_WITH_UNIT: Final = re.compile(r"(.*[0-9])\s*([가-힣㎏㎞㎡ℓA-Za-z]+)")


@dataclass(frozen=True, slots=True)
class Row:
    line: int  # in the file, from 1
    name: str
    parent: str
    unit: str | None
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    headers: tuple[Header, ...]
    rows: tuple[Row, ...]
    parent_column: int | None
    unit_column: int | None
    figures: dict[Cell, Decimal]  # measured figures only
    figure_columns: tuple[int, ...]
    percent_columns: frozenset[int] = frozenset()
    defects: tuple[Finding, ...] = field(default=())

    def finding(
        self,
        cell: Cell,
        kind: FindingClass,
        recomputed: str | None = None,
        basis: str = "",
        sums: Mapping[str, str] | None = None,
    ) -> Finding:
        row, column = self.rows[cell[0]], self.headers[cell[1]]
        printed = row.cells[cell[1]].strip()
        return Finding(cell, self.name, row.name, column.name, row.line, printed, recomputed, kind, basis, sums)

    def printed(self, cell: Cell) -> str:
        return self.rows[cell[0]].cells[cell[1]].strip()

    def value(self, cell: Cell) -> Fraction | None:
        figure = self.figures.get(cell)
        return None if figure is None else Fraction(figure)

    def is_percent(self, column: int) -> bool:
        return column in self.percent_columns

    def is_additive(self, column: int) -> bool:
        return column in self.figure_columns and self.headers[column].is_additive and not self.is_percent(column)


def row_key(name: str) -> str:
    """Rows are named alike whatever their spacing and bullets: "합 계" and "○ 합계" are 합계."""
    return "".join(_BULLETS.sub("", unicodedata.normalize("NFC", name)).split())


def read_text(path: Path) -> str:
    """The file's text from UTF-8 (with or without a mark), UTF-16 with a mark, or CP949. Raises AuditInputError."""
    try:
        if path.stat().st_size > SIZE_LIMIT_BYTES:
            raise AuditInputError(f"{path.name} is larger than {SIZE_LIMIT_BYTES:,} bytes.")
        content = path.read_bytes()
    except OSError as error:
        raise AuditInputError(f"{path} cannot be read: {error.strerror or error}.") from error
    encodings = ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp949")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if any(unicodedata.category(character) == "Cc" and character not in "\t\r\n" for character in text):
            break
        return text
    raise AuditInputError(f"{path.name} is not a text table in UTF-8 or CP949.")


def parse_table(name: str, text: str) -> Table:
    """The table in `text`. Raises AuditInputError where there is no header, no row or no column of figures."""
    header_line, raw_headers, body = _split(name, text)
    headers = tuple(parse_header(raw) for raw in raw_headers)
    plain = [header.stem.lower() for header in headers]
    parent_column = next((index for index, stem in enumerate(plain) if stem in _PARENT_NAMES), None)
    unit_column = next((index for index, stem in enumerate(plain) if stem in _UNIT_NAMES), None)
    width = len(headers)
    for line, cells in body:
        if len(cells) > width and any(cell.strip() for cell in cells[width:]):
            raise AuditInputError(
                f"{name}, line {line}: {len(cells)} cells, while the header on line {header_line} has {width}. "
                "An amount with thousands separators must be quoted."
            )
    padded = [(line, tuple((cells + [""] * width)[:width]), len(cells)) for line, cells in body]
    special = {parent_column, unit_column}
    figure_columns = tuple(
        column
        for column in range(width)
        if column not in special and _is_figure_column(plain[column], [cells[column] for _, cells, _ in padded])
    )
    if not figure_columns:
        raise AuditInputError(f"{name} has no column of figures.")
    key_column = _key_column(headers, plain, padded, special | set(figure_columns), parent_column)
    rows = tuple(
        Row(
            line,
            cells[key_column].strip() if key_column is not None else str(number),
            cells[parent_column].strip() if parent_column is not None else "",
            _unit(cells, key_column, unit_column, figure_columns),
            cells,
        )
        for number, (line, cells, _) in enumerate(padded, 1)
    )
    bare = Table(name, headers, rows, parent_column, unit_column, {}, figure_columns)
    figures, defects = _figures(bare, padded)
    percent = frozenset(column for column in figure_columns if _is_percent(bare, figures, column))
    return replace(bare, figures=figures, percent_columns=percent, defects=tuple(defects))


def _is_percent(table: Table, figures: dict[Cell, Decimal], column: int) -> bool:
    if table.headers[column].is_percent:
        return True
    printed = [table.printed((row, column)) for row in range(len(table.rows)) if (row, column) in figures]
    return bool(printed) and all(cell.endswith("%") for cell in printed)


def parse_figure(text: str) -> Decimal | None:
    """The figure in a cell, also with its unit (549동) or a rate in brackets behind it. Raises ValueError."""
    try:
        return parse_rate(text)
    except ValueError:
        if bracketed := _WITH_RATE_IN_BRACKETS.fullmatch(text.strip()):
            return parse_rate(bracketed.group(1))
        match = _WITH_UNIT.fullmatch(text.strip())
        if match and match.group(2) in COUNT_UNITS | MONEY_UNITS:
            return parse_rate(match.group(1))
        raise


def _split(name: str, text: str) -> tuple[int, list[str], list[tuple[int, list[str]]]]:
    """The header with its line, and the rows with theirs; titles, notes and blank lines left out."""
    if not text.strip("\ufeff \t\r\n,"):
        raise AuditInputError(f"{name} is empty.")
    text = text.removeprefix("\ufeff")
    first = next(line for line in text.splitlines() if line.strip())
    delimiter = "\t" if "\t" in first and "," not in first else ";" if ";" in first and "," not in first else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines: list[tuple[int, list[str]]] = []
    try:
        lines.extend((reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells))
    except csv.Error as error:
        raise AuditInputError(f"{name}, line {reader.line_num}: not a well-formed CSV table ({error}).") from error
    while lines and sum(1 for cell in lines[0][1] if cell.strip()) < 2:
        lines.pop(0)  # a title or a unit line above the table
    if not lines:
        raise AuditInputError(f"{name} has no header with at least two columns.")
    (header_line, header), *body = lines
    while header and not header[-1].strip():
        header = header[:-1]
    body = [(line, cells) for line, cells in body if not _is_note(cells)]
    if not body:
        raise AuditInputError(f"{name} has a header and no rows.")
    return header_line, header, body


def _is_note(cells: list[str]) -> bool:
    filled = [cell for cell in cells if cell.strip()]
    return len(filled) == 1 and _NOTE.match(filled[0]) is not None


def _is_figure_column(stem: str, cells: list[str]) -> bool:
    if stem in _NUMBERING_NAMES | _NAMING_NAMES:
        return False
    readable = unreadable = 0
    for cell in cells:
        try:
            readable += parse_figure(cell) is not None
        except ValueError:
            unreadable += 1
    return readable > 0 and readable >= unreadable


def _key_column(
    headers: tuple[Header, ...],
    plain: list[str],
    padded: list[tuple[int, tuple[str, ...], int]],
    taken: set[int | None],
    parent_column: int | None,
) -> int | None:
    """The column that names the rows: the one parents refer to, else the first of words."""
    words = [index for index in range(len(headers)) if index not in taken and plain[index] not in _NUMBERING_NAMES]
    if parent_column is None or not words:
        return words[0] if words else None
    parents = {row_key(cells[parent_column]) for _, cells, _ in padded} - {""}
    return max(words, key=lambda index: len(parents & {row_key(cells[index]) for _, cells, _ in padded}))


def _unit(
    cells: tuple[str, ...], key_column: int | None, unit_column: int | None, figure_columns: tuple[int, ...]
) -> str | None:
    """The unit a row is counted in: from its own column, from its name, or behind its figure."""
    if unit_column is not None:
        unit = "".join(cells[unit_column].split())
        return None if unit in _UNKNOWN_UNITS else unit
    if key_column is not None and (named := unit_of_name(cells[key_column])):
        return named
    for column in figure_columns:
        match = _WITH_UNIT.fullmatch(cells[column].strip())
        if match and match.group(2) in COUNT_UNITS:
            return str(match.group(2))
    return None


def _figures(table: Table, padded: list[tuple[int, tuple[str, ...], int]]) -> tuple[dict[Cell, Decimal], list[Finding]]:
    """The measured figures, and the cells that should hold one and do not."""
    figures: dict[Cell, Decimal] = {}
    defects: list[Finding] = []
    for row, (_, cells, length) in enumerate(padded):
        for column in table.figure_columns:
            try:
                figure = parse_figure(cells[column])
            except ValueError:
                if _LOOKS_LIKE_FIGURE.fullmatch(cells[column].strip()):
                    defects.append(table.finding((row, column), FindingClass.UNREADABLE_FIGURE))
                continue
            if figure is not None:
                figures[row, column] = figure
        cut_off = [column for column in table.figure_columns if column >= length]
        if cut_off and any((row, column) in figures for column in table.figure_columns):
            defects.append(table.finding((row, cut_off[0]), FindingClass.MISSING_CELL))
    return figures, defects
