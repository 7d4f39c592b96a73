"""XLSX: amounts are numbers a person can calculate with, shown with thousands separators and △."""

import io
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from services.ledger.exports.archive import without_moment
from services.ledger.exports.layout import UNIT_LINE, UNIT_WON, Column, as_of_line, columns, heading, lines
from shared.money import NOT_MEASURED, in_unit

_AMOUNT_FORMAT: Final = '#,##0;"△"#,##0'
_RATE_FORMAT: Final = '0.0;"△"0.0'
_HEADER_ROW: Final = 4
_BORDER: Final = Border(*(Side(style="thin", color="8A949E"),) * 4)
_HEADER_FILL: Final = PatternFill("solid", fgColor="EEF2F7")
_TOTAL_FILL: Final = PatternFill("solid", fgColor="F8FAFC")
_MOMENTS: Final = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")


def render_xlsx(report: Mapping[str, Any]) -> bytes:
    """One sheet: title, as-of line, unit line at the right, table with the total first."""
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = "집행현황"
    shown = columns(report)
    width = len(shown) + 2
    _write_title(sheet, report, width)
    for number, text in enumerate(["기금명", "사업명", *(column.heading for column in shown)], 1):
        head = sheet.cell(_HEADER_ROW, number, text)
        head.font, head.fill, head.border = Font(bold=True), _HEADER_FILL, _BORDER
        head.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
        sheet.column_dimensions[get_column_letter(number)].width = {1: 20, 2: 36}.get(number, 15)
    for row, (fund, line, figures) in enumerate(lines(report), _HEADER_ROW + 1):
        _write_line(sheet, row, [fund, line], shown, figures)
    sheet.freeze_panes = f"C{_HEADER_ROW + 1}"
    sheet.print_title_rows = f"{_HEADER_ROW}:{_HEADER_ROW}"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    return _fixed(book, report["as_of"])


def _write_title(sheet: Worksheet, report: Mapping[str, Any], width: int) -> None:
    title = sheet.cell(1, 1, heading(report))
    title.font, title.alignment = Font(bold=True, size=16), Alignment(horizontal="center")
    as_of = sheet.cell(2, 1, as_of_line(report))
    as_of.alignment = Alignment(horizontal="center")
    unit = sheet.cell(3, width, UNIT_LINE)
    unit.alignment = Alignment(horizontal="right")
    for row in (1, 2):
        sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=width)


def _write_line(
    sheet: Worksheet, row: int, names: list[str], shown: tuple[Column, ...], figures: Mapping[str, Any]
) -> None:
    is_total = row == _HEADER_ROW + 1
    for number, name in enumerate(names, 1):
        cell = sheet.cell(row, number, name)
        cell.data_type = "s"  # text even where a name begins with =, which must not become a formula
        cell.alignment = Alignment(vertical="center", wrap_text=True)
    for number, column in enumerate(shown, len(names) + 1):
        figure = sheet.cell(row, number, _value(column, figures))
        figure.number_format = _RATE_FORMAT if column.is_rate else _AMOUNT_FORMAT
        figure.alignment = Alignment(horizontal="right", vertical="center")
    for number in range(1, len(names) + len(shown) + 1):
        any_cell = sheet.cell(row, number)
        any_cell.border = _BORDER
        if is_total:
            any_cell.font, any_cell.fill = Font(bold=True), _TOTAL_FILL


def _value(column: Column, figures: Mapping[str, Any]) -> int | Decimal | str:
    value = figures[column.key]
    if value is None:
        return NOT_MEASURED
    return Decimal(value) if column.is_rate else in_unit(value, UNIT_WON)


def _fixed(book: Workbook, as_of: str) -> bytes:
    """The workbook's bytes, dated by the report and not by the clock."""
    book.properties.creator = "Dure"
    written = io.BytesIO()
    book.save(written)
    stamp = f"{as_of}T00:00:00Z".encode()

    def date_by_report(name: str, content: bytes) -> bytes:
        return _MOMENTS.sub(rb"\g<1>" + stamp, content) if name == "docProps/core.xml" else content

    return without_moment(written.getvalue(), date_by_report)
