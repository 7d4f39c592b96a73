"""Whole journeys through the portal in a real browser."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e import site
from tests.e2e.conftest import DESK_WIDTH, PHONE_WIDTH, SCREENSHOTS

OpenPage = Callable[..., Page]
PAGES = {
    None: ["/", "/sign-in", "/volunteer", f"/volunteer/{site.SHIFT}", "/nowhere"],
    "coordinator": ["/shipments", "/shipments/new", "/stock", "/requests"],
    "drafter": ["/documents/new"],
    "commitment-officer": ["/documents", f"/documents/{site.SHORT_DOCUMENT}"],
    "volunteer-manager": ["/tasks", f"/tasks/{site.TASK}"],
    "auditor": [
        "/execution",
        f"/execution/{site.LINE}/expended",
        f"/execution/{site.LINE}/expenditure_rate",
        "/execution-total/committed",
        f"/trace/{site.PAID_DOCUMENT}",
        "/reconciliation",
        "/goods",
        "/people",
    ],
}


@pytest.mark.parametrize("width", [PHONE_WIDTH, DESK_WIDTH])
@pytest.mark.parametrize("account", PAGES, ids=str)
def test_pages_fit_the_screen_and_name_their_fields(open_page: OpenPage, account: str | None, width: int) -> None:
    page = open_page(account, width=width)
    for path in PAGES[account]:
        page.goto(path)
        page.evaluate("document.fonts.ready")
        name = path.strip("/").replace("/", "-") or "home"
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate("document.fonts.check('16px \"Pretendard GOV\"')"), path
        assert page.evaluate(UNNAMED_FIELDS) == [], path
        assert page.locator("h1").count() == 1, path


# The fields of the page that neither a label nor an attribute names.
UNNAMED_FIELDS = """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea")]
    .filter((field) => !field.labels.length && !field.ariaLabel).map((field) => field.name)"""


def test_the_keyboard_reaches_the_content_first(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.locator("#krds-skip-link a")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()


def fill_shipment(page: Page, quantity: int) -> None:
    page.goto("/shipments/new")
    page.select_option("[name=depot_id]", "depot")
    page.select_option("[name=region]", "andong")
    page.select_option("[name=item_id]", "water")
    page.fill("[name=quantity]", str(quantity))


def shipments(page: Page) -> int:
    page.goto("/shipments")
    return page.locator("a.card").count()


def test_a_coordinator_ships_and_receives_on_a_phone(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    fill_shipment(page, 10)
    page.click("text=지금 출고")
    expect(page.get_by_text("출고를 기록했습니다")).to_be_visible()

    page.fill("[name='quantity.water']", "7")
    page.click("form button:has-text('수령 기록')")
    expect(page.get_by_text("7 / 10개 수령")).to_be_visible()
    page.click("form button:has-text('수령 기록')")
    expect(page.get_by_text("10 / 10개 수령")).to_be_visible()
    expect(page.locator(".krds-badge", has_text="수령 완료")).to_be_visible()


def test_it_works_without_scripts(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    page.route("**/offline.js", lambda route: route.abort())
    fill_shipment(page, 1)
    page.click("text=지금 출고")

    expect(page.get_by_text("출고를 기록했습니다")).to_be_visible()


def test_a_double_tap_counts_once(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    before = shipments(page)
    fill_shipment(page, 1)
    page.evaluate(
        """() => {
            const form = document.querySelector("form[data-offline]");
            form.requestSubmit();
            form.requestSubmit();
        }"""
    )
    page.wait_for_url(re.compile(r"/shipments/(?!new)"))

    assert shipments(page) == before + 1


def test_what_was_filled_in_offline_is_sent_once_when_the_connection_is_back(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    before = shipments(page)
    fill_shipment(page, 2)
    page.context.set_offline(True)
    page.click("text=지금 출고")
    expect(page.get_by_text("이 기기에 저장했습니다")).to_be_visible()
    assert page.evaluate("JSON.parse(localStorage.getItem('dure.unsent')).length") == 1
    page.context.set_offline(False)
    page.wait_for_url(re.compile(r"/shipments/(?!new)"))

    assert page.evaluate("JSON.parse(localStorage.getItem('dure.unsent')).length") == 0
    assert shipments(page) == before + 1


def test_an_answer_lost_on_the_way_back_does_not_make_a_second_record(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    before = shipments(page)
    fill_shipment(page, 3)
    lost: list[int] = []

    def lose_the_first_answer(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().status)  # the server has taken it; the phone never hears of it
            route.abort()
        else:
            route.continue_()

    page.route("**/shipments/new", lose_the_first_answer)
    page.click("text=지금 출고")
    expect(page.get_by_text("이 기기에 저장했습니다")).to_be_visible()
    page.click("#offline-send")
    page.wait_for_url(re.compile(r"/shipments/(?!new)"))

    assert lost == [200]
    assert shipments(page) == before + 1


def test_what_waits_on_a_phone_is_sent_by_its_own_account_only(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    entry = {"account": "somebody-else", "action": "/shipments/new", "label": "x", "key": "k", "fields": []}
    page.evaluate("(entry) => localStorage.setItem('dure.unsent', JSON.stringify([entry]))", entry)
    page.goto("/shipments")

    expect(page.locator("#offline-queue")).to_be_hidden()
    assert page.evaluate("JSON.parse(localStorage.getItem('dure.unsent')).length") == 1


def test_too_large_a_shipment_shows_what_is_there(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    fill_shipment(page, 5000)
    page.click("text=지금 출고")

    refusal = page.get_by_role("alert")
    expect(refusal).to_contain_text("처리하지 않았습니다")
    expect(refusal).to_contain_text("5,000 개")
    expect(page.locator("[name=quantity]")).to_have_value("5000")


def test_money_goes_from_proposal_to_payment_and_a_shortfall_is_named(open_page: OpenPage) -> None:
    drafter = open_page("drafter", width=DESK_WIDTH)
    drafter.click("text=기안하기")
    drafter.select_option("[name=budget_line_id]", site.LINE)
    drafter.fill("[name=purpose]", "임시주택 자재")
    drafter.fill("[name=payee]", "대한적십자사")
    drafter.fill("[name=amount_won]", "200,000,000")
    drafter.select_option("[name=disaster_id]", "wildfires")
    drafter.click("text=품의 올리기")
    expect(drafter.get_by_text("품의를 올렸습니다")).to_be_visible()

    for account, button in (
        ("reviewer", "검토"),
        ("approver", "결재"),
        ("commitment-officer", "원인행위"),
        ("payment-officer", "지출"),
    ):
        officer = open_page(account, width=DESK_WIDTH)
        officer.locator("section[aria-labelledby=waiting] a.card", has_text="임시주택 자재").click()
        officer.get_by_role("button", name=button, exact=True).click()
        expect(officer.locator(".notice.success")).to_be_visible()
    expect(officer.locator(".krds-badge", has_text="지출 완료")).to_be_visible()

    officer = open_page("commitment-officer", width=DESK_WIDTH)
    officer.goto(f"/documents/{site.SHORT_DOCUMENT}")
    officer.get_by_role("button", name="원인행위", exact=True).click()
    refusal = officer.get_by_role("alert")
    expect(refusal).to_contain_text("600,000,000원")
    expect(refusal).to_contain_text("300,000,000원")
    expect(refusal).to_contain_text("지방의회가 의결합니다")
    officer.screenshot(path=SCREENSHOTS / "refusal.png", full_page=True)


def test_a_volunteer_signs_up_on_a_phone_and_the_manager_sees_it(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/")
    page.click("text=가입 없이 1분 안에 신청합니다")
    page.locator("section.task", has_text="텐트 철거와 청소").get_by_role("link", name="신청하기").click()
    page.get_by_label("이름").fill("시연 참여자")
    page.get_by_label("전화번호").fill("010-0000-0099")
    page.get_by_text("개인정보 수집·이용에 동의합니다").click()
    page.get_by_role("button", name="신청하기").click()
    expect(page.get_by_text("자리가 확정되었습니다")).to_be_visible()
    expect(page.locator(".cancel-code")).not_to_be_empty()

    manager = open_page("volunteer-manager")
    manager.goto(f"/tasks/{site.TASK}")
    expect(manager.locator(".roster .krds-badge", has_text="확정")).to_be_visible()
    expect(manager.locator(".roster")).not_to_contain_text("시연 참여자")


def test_an_auditor_follows_a_figure_down_to_its_events(open_page: OpenPage) -> None:
    page = open_page("auditor", width=DESK_WIDTH)
    page.get_by_role("row", name="재해·재난 구호지원").get_by_role("link").nth(3).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("지출액")
    page.get_by_role("row", name="500,000,000").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("사건 기록")
    page.locator(".events details summary").last.click()

    expect(page.locator(".events")).to_contain_text("disbursement.payment_made.v1")
    expect(page.locator(".events")).to_contain_text("relief.disbursement.v1")


def test_the_language_switches_and_stays(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/volunteer")
    page.click("text=English")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("heading", level=1)).to_have_text("Volunteer")
    assert page.url.endswith("/volunteer")
    page.click("text=Situation")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.click("text=한국어")

    expect(page.locator("html")).to_have_attribute("lang", "ko")
