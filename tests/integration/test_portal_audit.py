"""Figures on the portal: each leads to its entries and events, and each difference has its explanation."""

import re
from datetime import timedelta

import pytest

from services import standalone
from shared.auth import Role
from shared.bus import Record
from shared.config import Settings
from tests.e2e import site
from tests.integration.portal import Visitor
from tests.support import Caller, FixedClock


def test_every_figure_of_the_execution_report_leads_to_its_events(visitor: Visitor) -> None:
    page = visitor.sign_in("auditor").open("/execution").text
    assert "(단위 : 천원, %)" in page
    assert "(원인행위 기준)" in page
    assert "(지출 기준)" in page
    figures = re.findall(r'href="(/execution/[^"]+|/execution-total/[^"]+)"', page)
    assert len(figures) == 22  # eleven columns, of one line and of the total

    for figure in figures:
        response = visitor.client.get(figure.replace("&amp;", "&"), follow_redirects=True)
        assert response.status_code == 200, figure
    entries = visitor.open(f"/execution/{site.LINE}/expended").text
    assert "500,000,000" in entries
    event = re.search(r'href="(/trace/[^"]+)"', entries)
    assert event
    trace = visitor.open(event[1]).text
    assert "disbursement.payment_made.v1" in trace
    assert "relief.disbursement.v1" in trace


def test_the_chart_can_be_read_without_seeing_it(visitor: Visitor) -> None:
    page = visitor.sign_in("auditor").open("/execution").text
    description = re.search(r'<ul class="sr-only">(.*?)</ul>', page)

    assert description
    assert "예산현액 1,000,000, 원인행위액 500,000, 지출액 500,000천원" in description[1]


def test_without_a_date_the_report_is_of_the_last_year_that_has_a_budget(visitor: Visitor, clock: FixedClock) -> None:
    clock.set(clock.now().replace(year=2026))
    page = visitor.sign_in("auditor").open("/execution").text

    assert "’25. 12. 31. 기준" in page
    assert "재해·재난 구호지원" in page


@pytest.mark.parametrize("format_", ["json", "csv", "xlsx", "hwpx"])
def test_the_report_is_downloaded_as_the_ledger_made_it(
    system: standalone.Standalone, visitor: Visitor, portal_settings: Settings, clock: FixedClock, format_: str
) -> None:
    path = f"/execution.{format_}?as_of=2025-04-11"
    response = visitor.sign_in("auditor").client.get(path)
    original = Caller(system.apps["ledger"], "ledger", portal_settings, clock).get(path, Role.AUDITOR)

    assert response.status_code == 200
    assert f"execution-2025-04-11.{format_}" in response.headers["Content-Disposition"]
    assert (response.data, response.mimetype) == (original.data, original.mimetype)


def test_a_date_that_is_none_is_a_bad_request(visitor: Visitor) -> None:
    assert visitor.sign_in("auditor").open("/execution?as_of=yesterday").status_code == 400


def test_the_budget_officer_reads_documents_and_figures_and_takes_no_step(visitor: Visitor) -> None:
    visitor.sign_in("budget-officer")
    assert visitor.open("/execution").status_code == 200
    page = visitor.open(f"/documents/{site.SHORT_DOCUMENT}").text

    assert '<form class="step-form"' not in page
    assert visitor.send(f"/documents/{site.SHORT_DOCUMENT}/commit").status_code == 403


@pytest.fixture
def unattributed(system: standalone.Standalone, site_office: site.Office) -> None:
    """A payment that names no disaster: a difference somebody has to explain."""
    site.add_document(site_office, "other-relief", "그 밖의 구호", 70_000_000, until="paid", disaster=None)
    system.drain()


@pytest.mark.usefixtures("unattributed")
def test_a_difference_is_explained_and_the_explanation_withdrawn(visitor: Visitor) -> None:
    page = visitor.sign_in("budget-officer").open("/reconciliation").text
    form = re.search(r'action="(/reconciliation/(\w+)/explain[^"]*)"', page)
    assert "열림" in page
    assert form
    place = visitor.send(form[1], reason="보고서에 내역이 없는 그 밖의 구호").location
    assert place.endswith(f"#f-{form[2]}")

    explained = visitor.open("/reconciliation").text
    assert "설명됨" in explained
    assert "보고서에 내역이 없는 그 밖의 구호" in explained
    assert "예산 담당 (시연)" in explained
    withdraw = re.search(r'action="(/reconciliation/\w+/reopen[^"]*)"', explained)
    assert withdraw
    visitor.send(withdraw[1], reason="문서를 다시 봅니다")
    assert "설명됨" not in visitor.open("/reconciliation").text


@pytest.mark.usefixtures("unattributed")
def test_an_auditor_reads_differences_in_both_languages_and_explains_none(visitor: Visitor) -> None:
    page = visitor.sign_in("auditor").open("/reconciliation").text
    assert "70,000,000원은 등록된 어느 재난에도 속하지 않습니다" in page
    assert "/explain" not in page
    assert "belong to no registered disaster" in visitor.in_english().open("/reconciliation").text

    visitor.open("/sign-in")
    assert visitor.send("/reconciliation/x/explain", reason="?").status_code == 403


def test_a_break_shows_how_old_it_is_and_whose(
    system: standalone.Standalone, visitor: Visitor, clock: FixedClock
) -> None:
    producer = system.bus.producer()
    producer.send([Record("relief.inventory.v1", "water", b"no event")])
    system.drain()
    clock.set(clock.now() + timedelta(days=3))
    page = visitor.sign_in("auditor").open("/reconciliation").text

    assert "읽을 수 없음" in page
    assert "구호물품 서비스" in page
    assert re.search(r"지난 날</dt><dd>3일<", page)


def test_what_nobody_registered_is_named_in_words(
    system: standalone.Standalone, site_office: site.Office, visitor: Visitor
) -> None:
    site.add_document(site_office, "of-no-disaster", "알 수 없는 재난", 1, until="committed", disaster="typo")
    system.drain()

    assert "예산과목 relief-line이(가) 등록되지 않은 재난 typo을(를) 가리킵니다" in (
        visitor.sign_in("auditor").open("/reconciliation").text
    )


def test_an_id_of_several_things_asks_which_is_meant(
    system: standalone.Standalone, site_office: site.Office, visitor: Visitor
) -> None:
    item = {"id": site.PAID_DOCUMENT, "name": "진화복", "unit": "벌"}
    site_office.post("inventory", "/items", item, Role.COORDINATOR)
    system.drain()
    response = visitor.sign_in("auditor").open(f"/trace/{site.PAID_DOCUMENT}")
    assert response.status_code == 409
    links = re.findall(rf'href="(/trace/{site.PAID_DOCUMENT}\?kind=(\w+))"', response.text)

    assert {kind for _, kind in links} == {"document", "item"}
    for link, kind in links:
        page = visitor.open(link)
        assert page.status_code == 200
        assert ("문서" if kind == "document" else "물품") in page.text


def test_events_say_who_acted_for_whom_in_names(visitor: Visitor) -> None:
    page = visitor.sign_in("auditor").open(f"/trace/{site.PAID_DOCUMENT}").text

    assert "office-payment-officer (시)" in page
    assert re.search(r"상대 기관</dt><dd>대한적십자사<", page)
    assert re.search(r"지역</dt><dd>영남권 산불 피해지역<", page)
    assert re.search(r"재난</dt><dd>영남권 대형 산불<", page)
    assert re.search(r"회계연도</dt><dd>2025<", page)
    assert re.search(r"예산과목</dt><dd>재해·재난 구호지원<", page)
    assert re.search(r"기금</dt><dd>지역교류협력기금<", page)


def test_goods_and_people_have_their_english_names(visitor: Visitor) -> None:
    visitor.sign_in("auditor").in_english()

    goods = visitor.open("/goods").text
    assert "Shelter tent" in goods
    assert '<span lang="ko">음료</span>' in goods
    assert "Foreign residents&#39; volunteer corps" in visitor.open("/people").text
    assert "Regional cooperation fund" in visitor.open("/execution").text
