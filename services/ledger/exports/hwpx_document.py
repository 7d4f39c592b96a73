"""HWPX, the document format of Korean offices: a landscape page with title, as-of line, unit line and table."""

import re
from collections.abc import Mapping
from typing import Any, Final

from hwpx.document import HwpxDocument
from hwpx.oxml import HwpxOxmlTable

from services.ledger.exports.archive import without_moment
from services.ledger.exports.layout import UNIT_LINE, as_of_line, columns, heading, lines

# HWPUNIT, 1/7200 inch.
_A4_LONG: Final = 84_188
_A4_SHORT: Final = 59_528
_MARGIN: Final = 4_252  # 15 mm
_TABLE_WIDTH: Final = _A4_LONG - 2 * _MARGIN
_FIRST_WIDTHS: Final = (14, 20)  # fund and line, beside 9 for each column of figures
_FIGURE_WIDTH: Final = 9
_HEADER_COLOR: Final = "#EEF2F7"
_PREVIEW: Final = "Preview/PrvText.txt"
_METADATA: Final = "Contents/content.hpf"


def render_hwpx(report: Mapping[str, Any]) -> bytes:
    """The printed report; the total is the first row."""
    shown = columns(report)
    header = ["기금명", "사업명", *(column.heading for column in shown)]
    body = [[fund, line, *(column.text(figures) for column in shown)] for fund, line, figures in lines(report)]
    document = HwpxDocument.new()
    document.page.set_size(width=_A4_SHORT, height=_A4_LONG, orientation="landscape")
    document.page.set_margins(left=_MARGIN, right=_MARGIN, top=_MARGIN, bottom=_MARGIN)
    _add_line(document, heading(report), alignment="CENTER", size=16, bold=True)
    _add_line(document, as_of_line(report), alignment="CENTER", size=11)
    _add_line(document, UNIT_LINE, alignment="RIGHT", size=10)
    table = document.add_table(len(body) + 1, len(header), width=_TABLE_WIDTH)
    table.set_column_widths([*_FIRST_WIDTHS, *[_FIGURE_WIDTH] * len(shown)])
    _fill(document, table, [header, *body])
    _number_objects(document)
    text = [heading(report), as_of_line(report), UNIT_LINE, *("\t".join(row) for row in [header, *body])]

    def describe(name: str, content: bytes) -> bytes:
        if name == _PREVIEW:
            return "\r\n".join(text).encode()
        return _with_metadata(content, report) if name == _METADATA else content

    return without_moment(document.to_bytes(), describe)


def _with_metadata(package: bytes, report: Mapping[str, Any]) -> bytes:
    """Title, author and dates of this report in place of those of the library's template."""
    moment = f"{report['as_of']}T00:00:00Z"
    values = {"creator": "Dure", "lastsaveby": "Dure", "CreatedDate": moment, "ModifiedDate": moment, "date": moment}
    text = package.decode().replace("<opf:title/>", f"<opf:title>{heading(report)}</opf:title>")
    for name, value in values.items():
        text = re.sub(rf'(<opf:meta name="{name}"[^>]*>)[^<]*', rf"\g<1>{value}", text)
    return text.encode()


def _add_line(document: HwpxDocument, text: str, *, alignment: str, size: int, bold: bool = False) -> None:
    style = document.styles.ensure_run(size=size, bold=bold)
    paragraph = document.add_paragraph(text, char_pr_id_ref=style, inherit_style=False)
    document.styles.apply_paragraph_format(paragraphs=[paragraph], alignment=alignment)


def _fill(document: HwpxDocument, table: HwpxOxmlTable, rows: list[list[str]]) -> None:
    plain = document.styles.ensure_run(size=8)
    strong = document.styles.ensure_run(size=8, bold=True)
    aligned: dict[str, list[Any]] = {"CENTER": [], "LEFT": [], "RIGHT": []}
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            table.set_cell_text(row, column, text)
            paragraph = table.cell(row, column).paragraphs[0]
            for run in paragraph.runs:
                run.char_pr_id_ref = strong if row <= 1 else plain
            aligned["CENTER" if row == 0 else "LEFT" if column < len(_FIRST_WIDTHS) else "RIGHT"].append(paragraph)
            if row == 0:
                table.set_cell_shading(row, column, _HEADER_COLOR)
    for alignment, paragraphs in aligned.items():
        document.styles.apply_paragraph_format(paragraphs=paragraphs, alignment=alignment)


def _number_objects(document: HwpxDocument) -> None:
    """Paragraphs and tables get random ids from the library; counting them makes the bytes repeatable."""
    number = 0
    for section in document.sections:
        for element in section.element.iter():
            if isinstance(element.tag, str) and element.tag.rpartition("}")[2] in {"p", "tbl"}:
                number += 1
                element.set("id", str(number))
        section.mark_dirty()
