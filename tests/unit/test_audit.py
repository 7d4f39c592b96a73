"""The audit of published tables: what the real ones hold, and what any table of the kind may hold."""

import json
from pathlib import Path

import pytest
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from services.ledger.audit import AuditInputError, FindingClass, Severity, audit_file, audit_table
from services.ledger.audit.expressions import NotAFormulaError, parse_formula, spell
from services.ledger.audit.headers import parse_header
from tests.unit.audit_tables import Drawn, tables

PUBLISHED = Path(__file__).parents[2] / "deploy" / "demo" / "2025-yeongnam" / "published"
Found = tuple[str, str, str, str | None, str]


def findings(text: str, name: str = "table") -> list[Found]:
    return [
        (finding.row, finding.column, finding.printed, finding.recomputed, finding.kind.value)
        for finding in audit_table(name, text).findings
    ]


# --- the published tables


def test_the_published_tables_hold_six_findings_and_nothing_else() -> None:
    found = [
        (
            finding["table"],
            finding["row"],
            finding["column"],
            finding["printed"],
            finding["recomputed"],
            finding["class"],
        )
        for path in sorted(PUBLISHED.glob("*.csv"))
        for finding in audit_file(path)["findings"]
    ]
    assert found == [
        (
            "fund_execution",
            "타지방자치단체 재해·재난 구호지원",
            "'25년말 예상액",
            "1,000,000",
            "6,000,000",
            "remainder_for_cumulative",
        ),
        ("market_execution", "도농상생 직거래장터 운영", "집행률(원인행위)", "11.5", "11.6", "rate_truncated"),
        ("market_plan", "운영횟수(회)", "증감률", "172%", "173", "rate"),
        ("market_plan", "참여농가수(개)", "증감률", "51%", "52", "rate"),
        ("relief_goods", "총계", "수량", "723,170", None, "mixed_units"),
        ("revenue", "임시적세외수입", "징수율", "4.7", "5.0", "rate"),
    ]


def test_relief_goods_are_added_by_unit() -> None:
    (finding,) = audit_file(PUBLISHED / "relief_goods.csv")["findings"]
    assert finding["sums"] == {"동": "549", "개": "722,608", "대": "13"}
    assert "549동" in finding["message"]
    assert "722,608개" in finding["message_ko"]


def test_a_report_is_plain_json_with_the_number_of_figures_checked() -> None:
    report = audit_file(str(PUBLISHED / "revenue.csv"))
    assert json.loads(json.dumps(report)) == report
    assert report["checked"] == 64
    assert report["findings"][0]["line"] == 10
    assert report["findings"][0]["severity"] == "error"


# --- any table


@settings(deadline=None)  # a busy machine is no finding
@given(tables())
def test_a_correct_table_yields_no_finding(table: Drawn) -> None:
    report = audit_table("drawn", table.csv())
    assert report.findings == ()
    assert report.checked > 0


@settings(deadline=None)  # a busy machine is no finding
@given(tables(), st.data())
def test_a_planted_error_in_a_derived_figure_is_found_at_its_cell(table: Drawn, data: st.DataObject) -> None:
    cells = [
        (row, column)
        for row in range(len(table.names))
        for column, described in enumerate(table.columns)
        if table.figures[row][column] is not None and (described.of or table.names[row] in table.parents)
    ]
    row, column = data.draw(st.sampled_from(cells))
    right = table.figures[row][column]
    assert right is not None
    offset = data.draw(st.sampled_from([-3, -2, 2, 3, 41]))
    planted = table.with_figure(row, column, right + offset if table.columns[column].is_rate else 2 * right + 1_000)
    note(planted.csv())
    found = [finding for finding in audit_table("drawn", planted.csv()).findings if finding.severity is Severity.ERROR]
    # A rate that happens to fit the forecast plus what is spent rightly reads as a remainder.
    assume(not any(finding.kind is FindingClass.REMAINDER_FOR_CUMULATIVE for finding in found))
    assert [(finding.row, finding.cell[1] - 1) for finding in found] == [(table.names[row], column)]
    assert found[0].printed == planted.text(row, column)
    assert (found[0].recomputed or "").replace(",", "") == table.text(row, column).removesuffix("%").replace(",", "")


@settings(deadline=None)  # a busy machine is no finding
@given(tables(("overview",)), st.data())
def test_a_planted_error_in_an_input_is_told_by_the_figures_it_contradicts(table: Drawn, data: st.DataObject) -> None:
    leaves = [row for row, name in enumerate(table.names) if name not in table.parents]
    row = data.draw(st.sampled_from(leaves))
    right = table.figures[row][1]
    assert right is not None
    (finding,) = audit_table("drawn", table.with_figure(row, 1, 2 * right + 1_000).csv()).findings
    assert (finding.row, finding.cell[1] - 1) == (table.names[row], 1)
    assert (finding.kind, finding.recomputed) == (FindingClass.AMOUNT, table.text(row, 1))


# --- rounding


@pytest.mark.parametrize("printed", ["83.3", "83.3%", "83", "83.33", "83.30"])
def test_a_rate_is_compared_at_its_printed_precision(printed: str) -> None:
    assert findings(f"사업명,예산현액,집행액,집행률\n구호,6,5,{printed}\n") == []


@pytest.mark.parametrize(("printed", "kind"), [("11.5", "rate_truncated"), ("11.58", None), ("11.4", "rate")])
def test_truncation_is_a_class_of_its_own(printed: str, kind: str | None) -> None:
    found = findings(f'사업명,예산현액,집행액,집행률\n장터,"583,200","67,546",{printed}\n')
    assert [finding[4] for finding in found] == ([kind] if kind else [])


def test_a_sum_of_money_off_by_one_is_a_rounding_difference() -> None:
    table = '구분,예산현액,집행액,상위\n계,"1,001",500,\n가,400,200,계\n나,600,300,계\n'
    assert findings(table) == [("계", "예산현액", "1,001", "1,000", "rounding_difference")]
    assert audit_table("t", table).findings[0].severity is Severity.NOTICE


def test_a_count_off_by_one_is_an_error() -> None:
    assert findings("구분,선발인원(명)\n공무원,58\n외국인,71\n의료진,27\n계,157\n") == [
        ("계", "선발인원", "157", "156", "sum")
    ]


def test_a_lost_sign_is_found() -> None:
    assert findings("구분,2024년,2025년,증감,증감률\n가,150,100,△50,33.3\n나,100,150,50,50.0\n") == [
        ("가", "증감률", "33.3", "△33.3", "rate")
    ]


# --- what was not measured


@pytest.mark.parametrize("rate", ["-", "", "순증", "0", "0.0", "0.0%"])
def test_a_dash_is_left_out_and_a_zero_is_zero(rate: str) -> None:
    assert findings(f"사업명,예산현액,집행액,집행률,parent\n계,100,0,0.0,\n가,100,0,{rate},계\n나,-,-,-,계\n") == []


def test_a_zero_base_has_no_rate() -> None:
    assert findings("구분,2024년(A),2025년(B),증감(B-A),증감률\n가,0,5,5,100.0\n나,10,5,△5,△50.0\n") == []


# --- what headers mean

CORRECT = {
    "year order read from the headers": (
        "구분,2025년 예산액,2024년 예산액,증감액,증감률(%)\n"
        "계,300,250,50,20.0\n"
        "가,200,100,100,100.0\n"
        "나,100,150,△50,△33.3\n"
    ),
    "the previous year in words": (
        "과목,예산액,전년도예산액,비교증감,증감률\n지방세,1234,1100,134,12.2%\n세외,500,600,-100,-16.7%\n"
    ),
    "a share of the total": "구분,예산액,구성비\n합계,10000,100.0\n가,2500,25.0\n나,3333,33.3\n다,4167,41.7\n",
    "circled labels": "구분,예산현액①,집행액②,집행률(②/①×100),잔액(③=①-②)\n가,100,33,33.0,67\n나,200,50,25.0,150\n",
    "a fund's year": (
        "기금명,'24년말(A),수입(B),지출(C),'25년말(D=A+B-C)\n"
        "계,3000,500,700,2800\n"
        "관리,2000,300,500,1800\n"
        "구호,1000,200,200,1000\n"
    ),
    "a formula in words": "세목,조정액,징수결정액,수납액,징수율(수납액/징수결정액)\n취득세,900,1000,950,95.0\n",
    "stock": "품목,단위,입고,출고,재고\n생수,병,1000,700,300\n담요,개,500,100,400\n",
    "money beside quantities": (
        "품목,수량,단위,단가(원),금액(천원)\n"
        "생수,1000,병,500,500\n"
        "담요,500,장,20000,10000\n"
        "텐트,50,동,150000,7500\n"
        "계,,,,18000\n"
    ),
    "a total across": "구분,계,국비,시비,구비\n계,600,300,200,100\n가,100,50,30,20\n나,500,250,170,80\n",
    "per head": "구분,인원,1인당 지원액,지원액\n가,10,100,1000\n나,20,150,3000\n계,30,133,4000\n",
    "nested lines without a parent column": "구분,예산현액\n계,600\n사업비,400\n총무과,150\n인사과,250\n재무활동,200\n",
    "columns in unlike printing units": (
        "구분,예산현액(백만원),집행액(천원),집행률\n가,100,50000,50.0\n나,200,50000,25.0\n"
    ),
    "a unit line and a note": (
        '2025년 현황,,,\n,,,"(단위 : 천원, %)"\n구분,예산현액,집행액,집행률\n가,100,50,50.0\n\n※ 3. 31. 기준,,,\n'
    ),
    "a reduction by the supplementary budget": (
        "사업명,본예산,추경,예산현액\n가,100,50,150\n나,200,△20,180\n다,300,0,300\n"
    ),
    "counts of three years": "구분,2022년,2023년,2024년\n등록건수,149,173,176\n",
    "an unusual base of all rates": (
        "사업명,예산현액,배정액,집행액,집행률\n가,100,80,40,50.0\n나,200,90,30,33.3\n다,300,70,20,28.6\n"
    ),
    "amounts with a rate in brackets": "사업명,예산현액,집행액\n가,100,50(50.0)\n나,200,50(25.0%)\n계,300,100(33.3)\n",
}


@pytest.mark.parametrize("text", CORRECT.values(), ids=CORRECT.keys())
def test_a_correct_table_of_another_kind_raises_no_false_alarm(text: str) -> None:
    assert findings(text) == []


PLANTED: dict[str, tuple[str, Found]] = {
    "a share": (
        "구분,예산액,구성비\n합계,10000,100.0\n가,2500,25.0\n나,3333,33.5\n다,4167,41.7\n",
        ("나", "구성비", "33.5", "33.3", "rate"),
    ),
    "a balance": (
        "구분,예산현액,집행액,집행잔액\n가,100,33,67\n나,200,50,160\n다,300,50,250\n",
        ("나", "집행잔액", "160", "150", "difference"),
    ),
    "a fund's closing amount": (
        "기금명,전기말(A),수입(B),지출(C),당기말(D=A+B-C)\n관리,2000,300,500,1900\n",
        ("관리", "당기말", "1900", "1,800", "difference"),
    ),
    "stock": (
        "품목,단위,입고,출고,재고\n생수,병,1000,700,300\n담요,개,500,100,300\n",
        ("담요", "재고", "300", "400", "difference"),
    ),
    "a last total": (
        "부서,예산현액\n총무과,100\n재무과,200\n합  계,310\n",
        ("합  계", "예산현액", "310", "300", "sum"),
    ),
    "stock carried over": (
        "품목,전년이월,입고,출고,재고\n생수,100,50,30,130\n담요,20,10,5,25\n",
        ("생수", "재고", "130", "120", "difference"),
    ),
    "the latest of three years": (
        (
            "구분,'23년 결산,'24년 결산,'25년 예산,전년대비 증감,증감률\n"
            "지방세,100,110,121,11,10.0\n"
            "보조,50,60,45,△15,△20.0\n"
        ),
        ("보조", "증감률", "△20.0", "△25.0", "rate"),
    ),
    "the forecast's rate": (
        "사업명,예산현액,원인행위,'25년말 예상액,'25년말 집행률\n장터,583200,67546,577368,98.0\n",
        ("장터", "'25년말 집행률", "98.0", "99.0", "rate"),
    ),
    "swapped bases": (
        "사업명,예산현액,원인행위,지출액,집행률(원인행위)\n장터,1000,500,250,25.0\n",
        ("장터", "집행률(원인행위)", "25.0", "50.0", "rate"),
    ),
}


@pytest.mark.parametrize(("text", "expected"), PLANTED.values(), ids=PLANTED.keys())
def test_an_error_in_another_kind_of_table_is_found(text: str, expected: Found) -> None:
    assert findings(text) == [expected]


@pytest.mark.parametrize(
    ("text", "label", "formula"),
    [
        ("(A)", "A", None),
        ("(C=B-A)", "C", "B − A"),
        ("D/B×100", None, "D ÷ B × 100"),
        ("((B-A)/A)", None, "(B − A) ÷ A"),
        ("③=①-②", "③", "① − ②"),
    ],
)
def test_a_formula_in_a_header_is_read(text: str, label: str | None, formula: str | None) -> None:
    found_label, expression = parse_formula(text)
    assert found_label == label
    assert (expression and spell(expression, str)) == formula


@pytest.mark.parametrize("text", ["원인행위", "(", "A+", "100", "", "A=B=C"])
def test_words_are_no_formula(text: str) -> None:
    with pytest.raises(NotAFormulaError):
        parse_formula(text)


def test_a_header_keeps_its_basis_and_gives_up_its_formula_and_unit() -> None:
    header = parse_header("집행률 (원인행위, %)(D/B)")
    assert (header.name, header.unit, header.words) == ("집행률 (원인행위)", "%", ("원인행위",))
    assert parse_header("’24년 예산현액(A)").year == 2024


# --- rows and their parents


def test_a_missing_parent_is_named_and_the_sum_it_explains_is_not() -> None:
    table = "구분,예산현액,집행액,parent\n계,300,150,\n가,100,50,계\n나,200,100,총괄\n"
    assert findings(table) == [("나", "parent", "총괄", None, "missing_parent")]


def test_a_part_without_a_parent_is_not_added_to_its_own_line() -> None:
    table = "구분,예산현액,parent\n총계,300,\n가,100,총계\n나,200,합산\n나1,200,나\n"
    assert findings(table) == [("나", "parent", "합산", None, "missing_parent")]


def test_a_circle_of_parents_is_named() -> None:
    found = findings("구분,예산현액,parent\n가,100,나\n나,200,가\n")
    assert {(row, kind) for row, _, _, _, kind in found} == {("가", "circular_parent"), ("나", "circular_parent")}


def test_rows_of_one_name_under_different_parents_are_kept_apart() -> None:
    table = (
        "구분,예산현액,상위\n"
        "계,600,\n"
        "가과,300,계\n"
        "인건비,100,가과\n"
        "운영비,200,가과\n"
        "나과,300,계\n"
        "인건비,250,나과\n"
        "운영비,50,나과\n"
    )
    assert findings(table) == []
    assert findings(table.replace("인건비,250", "인건비,260")) == [("나과", "예산현액", "300", "310", "sum")]


def test_a_total_over_unlike_units_is_found_without_a_parent_column() -> None:
    table = "품목,수량\n천막,10동\n담요,500개\n총계,510\n"
    (finding,) = audit_table("t", table).findings
    assert (finding.kind, dict(finding.sums or {})) == (FindingClass.MIXED_UNITS, {"동": "10", "개": "500"})


def test_amounts_in_unlike_units_of_money_are_not_added() -> None:
    assert findings("항목,금액,단위\n성금,131371,천원\n기탁,40,억원\n계,131411,\n") == [
        ("계", "금액", "131411", None, "mixed_units")
    ]


def test_an_amount_its_neighbours_do_not_vouch_for_is_told_from_the_total() -> None:
    table = (
        "구분,예산현액,집행액,집행률,parent\n"
        "계,1000,300,30.0,\n"
        "가,600,200,33.3,계\n"
        "나,500,100,20.0,계\n"
        "나1,400,90,22.5,나\n"
        "나2,100,10,10.0,나\n"
    )
    assert findings(table) == [("계", "예산현액", "1000", "1,100", "sum")]


# --- limits


def test_spending_above_its_limits_is_a_warning() -> None:
    report = audit_table("t", "사업명,예산현액,원인행위,지출액,'25년말 예상액\n가,100,120,130,110\n")
    assert [(finding.column, finding.kind) for finding in report.findings] == [
        ("원인행위", FindingClass.OVER_APPROPRIATION),
        ("지출액", FindingClass.OVER_APPROPRIATION),
        ("지출액", FindingClass.PAID_OVER_COMMITTED),
        ("'25년말 예상액", FindingClass.FORECAST_BELOW_COMMITTED),
    ]
    assert {finding.severity for finding in report.findings} == {Severity.WARNING}


def test_revenue_above_its_budget_is_good_news() -> None:
    assert findings("세목,예산현액,징수액,징수율\n불용품매각대금,5500,31126,565.9\n") == []


# --- files


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_every_usual_encoding_and_line_end_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "집행.csv"
    path.write_bytes("사업명,예산현액,집행액,집행률\r\n\r\n구호,6,5,84.3\r\n".encode(encoding))
    (finding,) = audit_file(path)["findings"]
    assert (finding["table"], finding["row"], finding["line"], finding["recomputed"]) == ("집행", "구호", 3, "83.3")


def test_a_row_that_ends_early_is_named() -> None:
    assert findings("사업명,예산현액,집행액,집행률,비고\n가,100,50,50.0\n나,100\n다,10,5,50.0,\n") == [
        ("나", "집행액", "", None, "missing_cell")
    ]


def test_digits_that_form_no_number_are_named() -> None:
    assert findings('사업명,예산현액,집행액\n가,"1,23",50\n나,100,50\n') == [
        ("가", "예산현액", "1,23", None, "unreadable_figure")
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("\ufeff\n\n,,\n", "is empty"),
        ("제목\n", "no header"),
        ("사업명,예산현액\n", "no rows"),
        ("구분,내용\n가,나\n", "no column of figures"),
        ("사업명,예산현액,집행액\n가,1,000,500\n", "line 2: 4 cells.*must be quoted"),
        ('사업명,예산현액\n"가,100\n', "not a well-formed CSV"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(AuditInputError, match=sentence):
        audit_table("표", text)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\x00\x00", b"a,b\n\xff\xff,1\n", b"\xff\xfea"])
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "image.csv"
    path.write_bytes(content)
    with pytest.raises(AuditInputError, match="not a text table"):
        audit_file(path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(AuditInputError, match="cannot be read"):
            audit_file(path)
