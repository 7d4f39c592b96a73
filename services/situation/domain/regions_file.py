"""The file that regions are kept in, such as `regions.csv`: one line each, in CSV."""

import csv
import io
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.situation.domain.places import RegionKind, check_parent, check_region
from shared.refusals import Refusal

COLUMNS: Final = ("code", "name", "english_name", "kind", "parent", "valid_from", "valid_to")
CODE: Final = re.compile(r"[0-9]{10}")
DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
KINDS: Final = [kind.value for kind in RegionKind if kind is not RegionKind.GROUP]
BYTE_ORDER_MARK: Final = "\ufeff"  # Excel begins a file with it


class RegionsFileUnreadable(Refusal):
    """Says what is wrong with which line."""

    english = "Line {line}: {reason}"
    korean = "{line}행: {korean_reason}"

    def __init__(self, line: int, reason: str, korean_reason: str) -> None:
        super().__init__(line=line, reason=reason, korean_reason=korean_reason)

    @classmethod
    def because(cls, line: int, refusal: Refusal) -> "RegionsFileUnreadable":
        return cls(line, refusal.sentence("en"), refusal.sentence("ko"))


def read_regions(text: str, known: Mapping[str, RegionKind] | None = None) -> list[dict[str, Any]]:
    """The rows as `POST /region-imports` takes them. `known` are regions that may be parents besides those of the file.

    Raises RegionsFileUnreadable.
    """
    lines = csv.reader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline=""), strict=True)
    rows: dict[str, tuple[int, dict[str, Any]]] = {}
    try:
        _check_header(next(lines, []))
        for cells in lines:
            if not any(cells):  # an empty line
                continue
            row = _row(lines.line_num, [cell.strip() for cell in cells])
            if before := rows.get(row["id"]):
                code, line = row["id"], before[0]
                raise RegionsFileUnreadable(
                    lines.line_num, f"{code} is on line {line} already.", f"{code}은(는) {line}행에 이미 있습니다."
                )
            rows[row["id"]] = lines.line_num, row
    except csv.Error as error:
        raise RegionsFileUnreadable(lines.line_num, f"no CSV: {error}.", f"CSV가 아닙니다({error}).") from error
    kinds = {**(known or {}), **{id_: RegionKind(row["kind"]) for id_, (_, row) in rows.items()}}
    for line, row in rows.values():
        try:
            check_parent(row["id"], RegionKind(row["kind"]), row["parent_id"], kinds.get(row["parent_id"] or ""))
        except Refusal as refusal:
            raise RegionsFileUnreadable.because(line, refusal) from refusal
    return [row for _, row in rows.values()]


def _check_header(cells: list[str]) -> None:
    if tuple(cells) != COLUMNS:
        needed, given = ",".join(COLUMNS), ",".join(cells)
        raise RegionsFileUnreadable(
            1, f"the columns are {needed}, not {given!r}.", f"열은 {needed}이어야 하는데 {given!r}입니다."
        )


def _row(line: int, cells: list[str]) -> dict[str, Any]:
    if len(cells) != len(COLUMNS):
        given, needed = len(cells), len(COLUMNS)
        raise RegionsFileUnreadable(
            line, f"{given} cells instead of {needed}.", f"칸이 {needed}개가 아니라 {given}개입니다."
        )
    code, name, english_name, kind, parent, valid_from, valid_to = cells
    for wanted in (code, *filter(None, [parent])):
        if not CODE.fullmatch(wanted):
            raise RegionsFileUnreadable(
                line, f"{wanted!r} is no code of 10 digits.", f"{wanted!r}은(는) 10자리 행정표준코드가 아닙니다."
            )
    if not name:
        raise RegionsFileUnreadable(line, "the name is missing.", "이름이 없습니다.")
    if kind not in KINDS:
        kinds = ", ".join(KINDS)
        raise RegionsFileUnreadable(
            line, f"the kind {kind!r} is none of {kinds}.", f"종류 {kind!r}은(는) {kinds} 중 하나가 아닙니다."
        )
    days = _day(line, valid_from), _day(line, valid_to)
    try:
        check_region(code, RegionKind(kind), parent or None, *days)
    except Refusal as refusal:
        raise RegionsFileUnreadable.because(line, refusal) from refusal
    return {
        "id": code,
        "name": name,
        "english_name": english_name or None,
        "kind": kind,
        "parent_id": parent or None,
        "valid_from": valid_from or None,
        "valid_to": valid_to or None,
    }


def _day(line: int, text: str) -> date | None:
    if not text:
        return None
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise RegionsFileUnreadable(
        line, f"{text!r} is no day: write YYYY-MM-DD.", f"{text!r}은(는) 날짜가 아닙니다. YYYY-MM-DD로 적습니다."
    )
