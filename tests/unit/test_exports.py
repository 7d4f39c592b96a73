"""The execution report in every format, read back with the libraries people's programs are built on."""

import csv
import io
import json
import subprocess
import sys
from datetime import datetime
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import pytest
from hwpx.document import HwpxDocument
from openpyxl import load_workbook

from services.ledger.audit import audit_table
from services.ledger.exports import FORMATS, UnknownFormatError, file_name, render

RELIEF_LINE: dict[str, Any] = {
    "fund_name": "지역교류협력기금",
    "fiscal_year": 2025,
    "line_id": "line-relief",
    "line_name": "타지방자치단체 재해·재난 구호지원",
    "original_appropriation": 1_000_000_000,
    "current_appropriation": 6_000_000_000,
    "committed": 5_000_000_000,
    "expended": 4_500_000_000,
    "uncommitted_balance": 1_000_000_000,
    "unpaid_balance": 1_500_000_000,
    "commitment_rate": "83.3",
    "expenditure_rate": "75.0",
    "year_end_forecast": 6_000_000_000,
    "remaining": 1_000_000_000,
    "forecast_rate": "100.0",
}
OVERDRAWN_LINE: dict[str, Any] = {
    "fund_name": "=재난관리기금",
    "fiscal_year": 2025,
    "line_id": "line-overdrawn",
    "line_name": "=응급복구",
    "original_appropriation": 100_000_000,
    "current_appropriation": 100_000_000,
    "committed": 101_578_000,
    "expended": 0,
    "uncommitted_balance": -1_578_000,
    "unpaid_balance": 100_000_000,
    "commitment_rate": "101.6",
    "expenditure_rate": "0.0",
    "year_end_forecast": None,
    "remaining": None,
    "forecast_rate": None,
}
TOTALS: dict[str, Any] = {
    "original_appropriation": 1_100_000_000,
    "current_appropriation": 6_100_000_000,
    "committed": 5_101_578_000,
    "expended": 4_500_000_000,
    "uncommitted_balance": 998_422_000,
    "unpaid_balance": 1_600_000_000,
    "commitment_rate": "83.6",
    "expenditure_rate": "73.8",
    "year_end_forecast": None,
    "remaining": None,
    "forecast_rate": None,
}
REPORT: dict[str, Any] = {
    "report": "execution",
    "as_of": "2025-04-11",
    "known_at": None,
    "unit": "won",
    "rows": [RELIEF_LINE, OVERDRAWN_LINE],
    "totals": TOTALS,
}
PRINTED_HEADINGS = [
    "본예산",
    "예산현액",
    "원인행위",
    "지출액",
    "집행률(원인행위)",
    "집행률(지출액)",
    "집행잔액(원인행위)",
    "집행잔액(지출액)",
    "’25년말 예상액(누계)",
    "집행예정액(잔여)",
    "’25년말 집행률",
]
RELIEF_CELLS = [
    "1,000,000",
    "6,000,000",
    "5,000,000",
    "4,500,000",
    "83.3",
    "75.0",
    "1,000,000",
    "1,500,000",
    "6,000,000",
    "1,000,000",
    "100.0",
]
OVERDRAWN_CELLS = ["100,000", "100,000", "101,578", "0", "101.6", "0.0", "△1,578", "100,000", "-", "-", "-"]


def test_json_keeps_won_and_the_order_of_the_report() -> None:
    content = render(REPORT, "json")
    assert json.loads(content) == REPORT
    assert list(json.loads(content)) == list(REPORT)
    assert content.endswith(b"}\n")
    assert "타지방자치단체".encode() in content


def test_csv_opens_in_excel_and_prints_thousand_won() -> None:
    content = render(REPORT, "csv")
    assert content.startswith(b"\xef\xbb\xbf")
    header, total, relief, overdrawn = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert header[:4] == ["사업명", "기금명", "본예산(천원)", "예산현액(천원)"]
    assert header[6:8] == ["집행률(원인행위, %)", "집행률(지출액, %)"]
    assert total[0] == "계"
    assert relief[2:13] == RELIEF_CELLS
    assert overdrawn[2:13] == OVERDRAWN_CELLS
    assert relief[13:] == ["2025-04-11", "-"]


def test_csv_defuses_a_name_that_begins_like_a_formula() -> None:
    rows = list(csv.reader(io.StringIO(render(REPORT, "csv").decode("utf-8-sig"), newline="")))
    assert rows[3][:2] == ["'=응급복구", "'=재난관리기금"]


def test_the_csv_export_passes_the_audit_of_published_tables() -> None:
    audit = audit_table("execution", render({**REPORT, "rows": [RELIEF_LINE], "totals": RELIEF_LINE}, "csv").decode())
    assert audit.findings == ()
    assert audit.checked > 8


def test_xlsx_holds_numbers_a_person_can_calculate_with() -> None:
    sheet = load_workbook(io.BytesIO(render(REPORT, "xlsx"))).active
    assert sheet is not None
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0][0] == "2025년도 예산 집행현황"
    assert rows[1][0] == "(’25.4.11. 기준)"
    assert rows[2][-1] == "(단위 : 천원, %)"
    assert rows[3] == ["기금명", "사업명", *PRINTED_HEADINGS]
    assert rows[4][1:6] == ["계", 1_100_000, 6_100_000, 5_101_578, 4_500_000]
    assert rows[5][6:8] == [83.3, 75]
    assert rows[6][8:] == [-1_578, 100_000, "-", "-", "-"]


def test_xlsx_shows_negatives_with_a_triangle_and_runs_no_name_as_a_formula() -> None:
    sheet = load_workbook(io.BytesIO(render(REPORT, "xlsx"))).active
    assert sheet is not None
    assert sheet["I7"].number_format == '#,##0;"△"#,##0'
    assert (sheet["B7"].value, sheet["B7"].data_type) == ("=응급복구", "s")


def test_hwpx_is_a_valid_document_with_the_printed_table() -> None:
    with HwpxDocument.open(io.BytesIO(render(REPORT, "hwpx"))) as document:
        assert document.validate().issues == ()
        lines = [paragraph.text for paragraph in document.paragraphs if paragraph.text]
        (table,) = [table for paragraph in document.paragraphs for table in paragraph.tables]
        cells = [[table.cell(row, column).text for column in range(13)] for row in range(table.row_count)]
    assert lines[:3] == ["2025년도 예산 집행현황", "(’25.4.11. 기준)", "(단위 : 천원, %)"]
    assert cells[0] == ["기금명", "사업명", *PRINTED_HEADINGS]
    assert cells[1][1] == "계"
    assert cells[2] == ["지역교류협력기금", "타지방자치단체 재해·재난 구호지원", *RELIEF_CELLS]
    assert cells[3][2:] == OVERDRAWN_CELLS


def test_hwpx_begins_with_its_stored_mimetype() -> None:
    first = ZipFile(io.BytesIO(render(REPORT, "hwpx"))).infolist()[0]
    assert (first.filename, first.compress_type) == ("mimetype", ZIP_STORED)


@pytest.mark.parametrize("format", FORMATS)
def test_a_look_back_says_what_was_known(format: str) -> None:
    known = "2025-04-20T00:00:00.000000Z"
    content = render({**REPORT, "known_at": known}, format)
    texts = [content]
    if format in {"xlsx", "hwpx"}:
        archive = ZipFile(io.BytesIO(content))
        texts = [archive.read(name) for name in archive.namelist()]
    assert any(known.encode() in text for text in texts)


@pytest.mark.parametrize("format", FORMATS)
def test_another_process_renders_the_same_bytes(format: str) -> None:
    program = (
        "import json, sys; from services.ledger.exports import render; "
        f"sys.stdout.buffer.write(render(json.load(sys.stdin), {format!r}))"
    )
    other = subprocess.run(  # noqa: PLW1510 - the return code is asserted with the output
        [sys.executable, "-c", program], input=json.dumps(REPORT).encode(), capture_output=True
    )
    assert other.returncode == 0, other.stderr.decode()
    assert other.stdout == render(REPORT, format)


@pytest.mark.parametrize("format", ["xlsx", "hwpx"])
def test_an_archive_carries_no_moment_of_its_making(format: str) -> None:
    archive = ZipFile(io.BytesIO(render(REPORT, format)))
    assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_workbook_is_dated_by_its_report() -> None:
    properties = load_workbook(io.BytesIO(render(REPORT, "xlsx"))).properties
    assert (properties.created, properties.modified) == (datetime(2025, 4, 11), datetime(2025, 4, 11))  # noqa: DTZ001 - as the library reads it


def test_an_unknown_format_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownFormatError, match="json, csv, xlsx, hwpx"):
        render(REPORT, "pdf")


def test_a_file_is_named_for_its_report_and_day() -> None:
    assert file_name(REPORT, "hwpx") == "execution-2025-04-11.hwpx"
