"""Whole journeys through the portal in a real browser."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from playwright.sync_api import Page, Route, expect

from services.portal.formats import day
from shared.clock import SEOUL
from tests.e2e import site
from tests.e2e.conftest import DESK_WIDTH, SCREENSHOTS

OpenPage = Callable[..., Page]
NOTICED_WITHIN_SECONDS = 15  # the other services look every few seconds at whose tokens are void


def fill_shipment(page: Page, quantity: int) -> None:
    page.goto("/shipments/new")
    page.select_option("[name=depot_id]", site.DEPOT)
    page.select_option("[name=region_id]", site.ANDONG)
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


def test_what_was_filled_in_offline_yesterday_took_effect_yesterday(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    yesterday = datetime.now(SEOUL) - timedelta(days=1)
    page.clock.set_fixed_time(yesterday)
    fill_shipment(page, 1)
    page.context.set_offline(True)
    page.click("text=지금 출고")
    expect(page.get_by_text("이 기기에 저장했습니다")).to_be_visible()
    page.clock.set_fixed_time(datetime.now(SEOUL))
    page.context.set_offline(False)
    page.wait_for_url(re.compile(r"/shipments/(?!new)"))

    expect(page.locator(".panel").first).to_contain_text(day(yesterday.date()))
    expect(page.locator(".panel").first).to_contain_text("늦은 기록")


def test_a_shipment_of_yesterday_is_dated_by_hand_without_scripts(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    page.route("**/offline.js", lambda route: route.abort())
    fill_shipment(page, 1)
    page.fill("[name=effective_date]", (datetime.now(SEOUL) - timedelta(days=1)).date().isoformat())
    page.click("text=지금 출고")

    expect(page.locator(".panel").first).to_contain_text("늦은 기록")


def test_a_person_of_two_bodies_chooses_for_whom_to_act(open_page: OpenPage) -> None:
    page = open_page(site.FOR_TWO)
    page.select_option("#acting-body", site.CENTRE)
    page.get_by_role("button", name="바꾸기").click()
    page.goto("/stock")
    expect(page.locator("li.card", has_text="음료")).to_contain_text("시의 재고")
    expect(page.get_by_text("이 물품 출고")).to_have_count(0)

    page.select_option("#acting-body", site.CITY)
    page.get_by_role("button", name="바꾸기").click()
    fill_shipment(page, 1)
    page.click("text=지금 출고")
    expect(page.get_by_text("출고를 기록했습니다")).to_be_visible()


def test_a_difference_is_explained_on_the_page_that_names_it(open_page: OpenPage) -> None:
    page = open_page("budget-officer", width=DESK_WIDTH)
    page.goto("/reconciliation")
    finding = page.locator(".findings li", has_text="어느 재난에도 속하지 않습니다")
    finding.get_by_text("설명 남기기").first.click()
    finding.get_by_label("사유").fill("보고서에 내역이 없는 그 밖의 구호")
    finding.get_by_role("button", name="설명 남기기").click()

    expect(page.get_by_text("설명을 남겼습니다")).to_be_visible()
    expect(finding).to_contain_text("설명됨")
    expect(finding).to_contain_text("보고서에 내역이 없는 그 밖의 구호")
    page.screenshot(path=SCREENSHOTS / f"explained-{DESK_WIDTH}.png", full_page=True)
    finding.get_by_text("설명 거두기").first.click()
    finding.get_by_label("사유").fill("문서를 다시 봅니다")
    finding.get_by_role("button", name="설명 거두기").click()
    expect(finding).not_to_contain_text("설명됨")


def test_an_id_of_two_things_leads_to_the_one_that_is_meant(open_page: OpenPage) -> None:
    page = open_page("auditor")
    page.goto(f"/trace/{site.AMBIGUOUS}")
    page.locator("main").get_by_role("link", name="문서").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("사건 기록")
    expect(page.locator(".events")).to_contain_text("품의")


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
    drafter.select_option("[name=party_id]", label="대한적십자사")
    drafter.fill("[name=payee]", "대한적십자사")
    drafter.select_option("[name=region_id]", site.GROUP)
    drafter.fill("[name=amount_won]", "200,000,000")
    drafter.select_option("[name=disaster_id]", site.DISASTER)
    drafter.click("text=품의 올리기")
    expect(drafter.get_by_text("품의를 올렸습니다")).to_be_visible()
    expect(drafter.get_by_text("영남권 산불 피해지역")).to_be_visible()

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
    expect(refusal).to_contain_text("290,000,000원")
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


def sign_in(page: Page, account: str, password: str) -> None:
    page.goto("/sign-in")
    page.fill("[name=account]", account)
    page.fill("[name=password]", password)
    page.get_by_role("button", name="로그인", exact=True).click()


def is_asked_to_sign_in(page: Page) -> bool:
    page.goto("/shipments")
    return "/sign-in" in page.url


def test_an_account_is_opened_taken_over_by_its_person_and_its_duty_ended(open_page: OpenPage) -> None:
    administrator = open_page("administrator", width=DESK_WIDTH)
    administrator.get_by_role("link", name="계정·직무").click()
    administrator.get_by_role("link", name="새 계정").click()
    administrator.fill("[name=id]", "kim-duri")
    administrator.fill("[name=display_name]", "김두리")
    administrator.fill("[name=password]", "told-by-telephone")
    administrator.select_option("[name=role]", "coordinator")
    administrator.select_option("[name=body_id]", site.CITY)
    administrator.get_by_role("button", name="계정 열기").click()
    expect(administrator.get_by_text("계정을 열었습니다")).to_be_visible()

    person = open_page()
    sign_in(person, "kim-duri", "told-by-telephone")
    person.get_by_role("link", name="김두리").click()
    expect(person.get_by_role("listitem").filter(has_text="시 현장 담당")).to_be_visible()
    person.fill("[name=old_password]", "told-by-telephone")
    person.fill("[name=password]", "known to me alone")
    person.get_by_role("button", name="비밀번호 바꾸기").click()
    expect(person.get_by_text("새 비밀번호로 로그인하십시오")).to_be_visible()
    sign_in(person, "kim-duri", "known to me alone")
    expect(person).to_have_url(re.compile("/shipments$"))

    administrator.reload()  # the person has changed the account since
    administrator.locator("summary", has_text="직무 끝내기").click()
    administrator.locator("details[open] [name=reason]").fill("파견이 끝남")
    administrator.get_by_role("button", name="직무 끝내기").click()
    expect(administrator.get_by_text("직무를 끝냈습니다")).to_be_visible()
    expect(administrator.locator("li.panel")).to_contain_text("파견이 끝남")
    for _ in range(NOTICED_WITHIN_SECONDS):
        if is_asked_to_sign_in(person):
            break
        person.wait_for_timeout(1000)
    expect(person.get_by_text("로그인이 끝났습니다")).to_be_visible()


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
