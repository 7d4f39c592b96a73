"""Accounts through the portal: what the administrator does, what the auditor sees, and one's own account."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from services import standalone
from services.ledger import consumers
from services.ledger.consumers import Reading
from services.ledger.domain import Kind
from services.portal import demo
from shared.bus import Record
from tests.e2e import site
from tests.integration.portal import Visitor
from tests.support import FixedClock, fact

PERSON = {
    "id": "kim-duri",
    "display_name": "김두리",
    "password": "andong-2025-04",
    "role": "coordinator",
    "body_id": site.CITY,
    "disaster_id": site.DISASTER,
}
PAGE = "/accounts/kim-duri"


@pytest.fixture
def administrator(visitor: Visitor) -> Visitor:
    return visitor.sign_in("administrator")


@pytest.fixture
def opened(administrator: Visitor) -> Visitor:
    administrator.open("/new-account")
    assert administrator.send("/new-account", **PERSON).location == PAGE
    return administrator


def sign_in(portal: Flask, password: str = PERSON["password"]) -> tuple[Visitor, TestResponse]:
    """The person on a device of their own, with what signing in was answered."""
    person = Visitor(portal)
    person.open("/sign-in")
    return person, person.send("/sign-in", account=PERSON["id"], password=password)


def do(administrator: Visitor, action: str, **fields: str) -> str:
    """Send a form of the account's page, and read the page that follows."""
    administrator.open(PAGE)
    answer = administrator.send(f"{PAGE}/{action}", **fields)
    assert answer.location == PAGE, answer.text
    return administrator.open(PAGE).text


def refused(answer: TestResponse, status: int) -> str:
    assert answer.status_code == status, answer.text
    found = re.search(r'<section class="notice danger" role="alert".*?</section>', answer.text, re.DOTALL)
    assert found
    return found[0]


def duties(page: str) -> list[tuple[str, str]]:
    """Each duty of an account's page: how it stands, and what it is."""
    return re.findall(r'<span class="krds-badge[^>]*>([^<]+)</span>\s*</p>\s*<h3>\s*(.*?)\s*</h3>', page)


def end_of(page: str) -> str:
    """Where the form is sent that ends the first duty of the page that has one."""
    found = re.search(rf'action="{PAGE}/(grants/[\w-]+/end)"', page)
    assert found
    return found[1]


def test_an_account_is_opened_with_a_duty_and_its_person_signs_in(portal: Flask, opened: Visitor) -> None:
    page = opened.open(PAGE).text
    assert "계정을 열었습니다" in page
    assert duties(page) == [("맡고 있음", "시 현장 담당 (영남권 대형 산불)")]
    assert "관리자 (시연)" in page
    card = opened.open("/accounts").text.partition(f'href="{PAGE}">')[2].partition("</a>")[0]
    words = " ".join(re.sub("<[^>]+>", " ", card).split())
    assert words == "사용 중 kim-duri 김두리 시 현장 담당 (영남권 대형 산불)"

    person, answer = sign_in(portal)
    assert answer.location == "/shipments"
    assert "김두리" in person.open("/shipments").text


@pytest.mark.parametrize(
    ("entered", "status", "sentence"),
    [
        ({"password": "short"}, 422, "비밀번호가 5자입니다. 10자 이상이어야 합니다."),
        ({"id": "operator"}, 422, "operator은(는) 시스템이 쓰는 이름이거나"),
        ({"id": "coordinator"}, 409, "이미 있는 계정입니다: coordinator"),
        ({"id": "administrator"}, 403, "자기 계정(administrator)에는 할 수 없습니다"),
        ({"id": "김두리"}, 422, "<strong>계정</strong>"),
        ({"role": ""}, 422, "<strong>직무</strong>"),
        ({"first_day": "2025-04-11", "last_day": "2025-04-10"}, 422, "2025-04-10"),
    ],
)
def test_an_account_that_cannot_be_opened_says_why_and_keeps_what_was_entered(
    administrator: Visitor, entered: dict[str, str], status: int, sentence: str
) -> None:
    administrator.open("/new-account")
    sent = PERSON | entered
    answer = administrator.send("/new-account", **sent)

    assert sentence in refused(answer, status)
    assert 'value="김두리"' in answer.text
    assert f'<option value="{site.DISASTER}" selected>' in answer.text
    assert sent["password"] not in answer.text


def test_a_form_sent_twice_opens_one_account(administrator: Visitor) -> None:
    administrator.open("/new-account")

    assert administrator.send("/new-account", **PERSON).location == PAGE
    assert administrator.send("/new-account", **PERSON).location == PAGE


def test_a_duty_is_given_ended_and_given_again(
    system: standalone.Standalone, portal: Flask, opened: Visitor, clock: FixedClock
) -> None:
    duty = {"role": "drafter", "body_id": site.CITY}
    page = do(opened, "grants", **duty, first_day="2025-04-12", last_day="2025-12-31")
    assert "직무를 맡겼습니다" in page
    assert duties(page)[1] == ("아직 아님", "시 기안자")
    assert "2025. 4. 12. – 2025. 12. 31." in page

    person, _ = sign_in(portal)
    clock.set(clock.now() + timedelta(minutes=1))
    page = do(opened, end_of(page), reason="산청군 파견")
    system.drain()
    assert "직무를 끝냈습니다" in page
    assert duties(page) == [("아직 아님", "시 기안자"), ("끝냄", "시 현장 담당 (영남권 대형 산불)")]
    assert "산청군 파견" in page
    assert person.open("/shipments").location == "/sign-in?next=/shipments"

    page = do(opened, "grants", role="coordinator", body_id=site.CITY)
    assert ("맡고 있음", "시 현장 담당") in duties(page)
    person, answer = sign_in(portal)
    assert answer.location == "/shipments"
    assert person.open("/shipments").status_code == 200


def test_duties_that_may_not_be_held_together_are_refused_with_the_law(opened: Visitor) -> None:
    do(opened, "grants", role="commitment_officer", body_id=site.CITY)
    opened.open(PAGE)
    pays = {"role": "payment_officer", "body_id": "red-cross"}
    answer = opened.send(f"{PAGE}/grants", **pays)

    sentence = refused(answer, 422)
    assert "2025. 4. 11.부터" in sentence
    assert "재무관와(과) 지출원" in sentence
    assert "지방회계법(지출기관과 출납기관의 분리)" in sentence
    assert "<details open><summary>직무 맡기기" in answer.text
    assert '<option value="payment_officer" selected>' in answer.text
    opened.in_english().open(PAGE)
    assert "Commitment officer and Payment officer" in refused(opened.send(f"{PAGE}/grants", **pays), 422)


def test_a_disabled_account_is_out_at_once_and_enabled_is_let_in_again(
    system: standalone.Standalone, portal: Flask, opened: Visitor, clock: FixedClock
) -> None:
    person, _ = sign_in(portal)
    clock.set(clock.now() + timedelta(minutes=1))
    page = do(opened, "disable", reason="휴직")
    system.drain()
    assert re.search(r"중지</th><td>관리자 \(시연\) · [^<]+</td><td>휴직</td>", page)
    assert "계정 재개" in page

    assert person.open("/shipments").location == "/sign-in?next=/shipments"
    person.open("/sign-in")
    assert sign_in(portal)[1].status_code == 401

    page = do(opened, "enable", reason="복직")
    assert re.search(r"재개</th><td>관리자 \(시연\) · [^<]+</td><td>복직</td>", page)
    assert sign_in(portal)[1].status_code == 303


def test_a_forgotten_password_is_set_anew(portal: Flask, opened: Visitor) -> None:
    opened.open(PAGE)
    weak = opened.send(f"{PAGE}/password", password="aaaaaaaaaaaa")
    assert "한 글자의 되풀이" in refused(weak, 422)
    assert "aaaaaaaaaaaa" not in weak.text

    assert "비밀번호를 다시 정했습니다" in do(opened, "password", password=" with blanks around ")
    assert sign_in(portal)[1].status_code == 401
    assert sign_in(portal, " with blanks around ")[1].status_code == 303


def test_an_account_is_renamed_and_signed_out_everywhere(
    system: standalone.Standalone, portal: Flask, opened: Visitor, clock: FixedClock
) -> None:
    assert "<h1>김두레</h1>" in do(opened, "names", display_name="김두레")
    person, _ = sign_in(portal)
    clock.set(clock.now() + timedelta(minutes=1))

    assert "휴대전화를 잃어버림" in do(opened, "sign-out", reason="휴대전화를 잃어버림")
    system.drain()
    assert person.open("/shipments").status_code == 303


def test_the_last_administrator_stays(administrator: Visitor) -> None:
    administrator.open("/accounts/administrator")
    answer = administrator.send("/accounts/administrator/disable", reason="퇴직")

    assert "administrator은(는) 마지막 관리자입니다" in refused(answer, 409)
    assert "<details open><summary>계정 중지" in answer.text
    assert ">퇴직</textarea>" in answer.text


def test_what_somebody_else_changed_meanwhile_is_not_overwritten_unseen(portal: Flask, opened: Visitor) -> None:
    opened.open(PAGE)
    before = opened.hidden
    do(opened, "names", display_name="김두레")
    opened.hidden = before

    assert "그 사이 다른 사람이 고쳤습니다" in refused(opened.send(f"{PAGE}/names", display_name="김둘"), 412)


def test_the_auditor_reads_accounts_and_changes_none(portal: Flask, visitor: Visitor) -> None:
    page = visitor.sign_in("auditor").open(f"/accounts/{site.LEFT}").text
    assert duties(page) == [("끝냄", "시 현장 담당 (영남권 대형 산불)")]
    assert "다른 부서로 옮김" in page
    assert "파견이 끝남" in page
    assert f'action="/accounts/{site.LEFT}' not in page
    assert "새 계정" not in visitor.open("/accounts").text

    assert visitor.open("/new-account").status_code == 403
    visitor.open("/me")
    assert visitor.send(f"/accounts/{site.LEFT}/enable", reason="?").status_code == 403


def test_accounts_are_no_business_of_other_roles(visitor: Visitor) -> None:
    visitor.sign_in("coordinator")

    for path in ("/accounts", "/accounts/coordinator", "/new-account"):
        assert visitor.open(path).status_code == 403
    visitor.open("/me")
    assert visitor.send("/accounts/coordinator/grants", role="approver", body_id=site.CITY).status_code == 403


def test_an_unknown_account_or_action_has_no_page(administrator: Visitor) -> None:
    assert administrator.open("/accounts/nobody").status_code == 404
    administrator.open("/accounts/coordinator")
    assert administrator.send("/accounts/coordinator/promote").status_code == 404


def test_everybody_sees_what_they_may_do(visitor: Visitor) -> None:
    page = visitor.sign_in(site.FOR_TWO).open("/shipments").text
    assert '<a class="who" href="/me">' in page
    own = visitor.open("/me").text

    assert "<li>시 현장 담당" in own.replace("\n", "")
    assert "시 자원봉사센터 현장 담당" in own
    assert Visitor(visitor.client.application).open("/me").location == "/sign-in?next=/me"


def test_the_own_password_is_changed_and_signs_in(portal: Flask, visitor: Visitor) -> None:
    visitor.sign_in("coordinator").open("/me")
    wrong = visitor.send("/me/password", old_password="not the password", password="uiseong-2025")
    assert "현재 비밀번호가 맞지 않습니다" in refused(wrong, 403)
    weak = visitor.send("/me/password", old_password=demo.PASSWORD, password="coordinator")
    assert "계정 이름과 같습니다" in refused(weak, 422)

    visitor.open("/me")
    changed = visitor.send("/me/password", old_password=demo.PASSWORD, password="uiseong-2025")
    assert changed.location == "/sign-in"
    assert "새 비밀번호로 로그인하십시오" in visitor.open("/sign-in").text
    assert visitor.send("/sign-in", account="coordinator", password=demo.PASSWORD).status_code == 401
    assert visitor.send("/sign-in", account="coordinator", password="uiseong-2025").status_code == 303


def test_signing_out_everywhere_ends_the_other_device_too(
    system: standalone.Standalone, portal: Flask, visitor: Visitor, clock: FixedClock
) -> None:
    other = Visitor(portal).sign_in("coordinator")
    visitor.sign_in("coordinator").open("/me")
    clock.set(clock.now() + timedelta(minutes=1))
    assert visitor.send("/me/sign-out").location == "/sign-in"
    system.drain()

    assert "모든 기기에서 로그아웃했습니다" in visitor.open("/sign-in").text
    assert other.open("/shipments").location == "/sign-in?next=/shipments"
    other.sign_in("coordinator")
    assert other.open("/shipments").status_code == 200


def test_the_administrator_names_who_looks_after_a_difference(
    system: standalone.Standalone, site_office: site.Office, administrator: Visitor, portal: Flask
) -> None:
    site.add_document(site_office, site.OTHER_DOCUMENT, "그 밖의 구호", 70_000_000, until="paid", disaster=None)
    system.drain()
    page = administrator.open("/reconciliation").text
    form = re.search(r'action="(/reconciliation/(\w+)/assign[^"]*)"', page)
    assert form
    assert '<option value="budget-officer">' in page
    assert f'<option value="{site.LEFT}">' not in page  # disabled
    missing = administrator.send(form[1], owner="budget-officer")
    assert "<strong>사유</strong>" in refused(missing, 422)
    assert '<option value="budget-officer" selected>' in missing.text

    administrator.open("/reconciliation")
    place = administrator.send(form[1], owner="budget-officer", reason="예산 담당이 봅니다").location
    assert place.endswith(f"#f-{form[2]}")
    assert re.search(r"담당</dt>\s*<dd>예산 담당 \(시연\)", administrator.open("/reconciliation").text)
    other = Visitor(portal).sign_in("budget-officer")
    assert "/assign" not in other.open("/reconciliation").text


def test_what_was_set_aside_is_tried_again(
    system: standalone.Standalone, administrator: Visitor, portal: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "다시 처리" not in administrator.open("/reconciliation").text
    unknown = fact("disbursement.grant_awarded.v1", {"amount_won": 5}, id="new-kind")
    system.bus.producer().send([Record("relief.disbursement.v1", "relief", unknown.to_bytes())])
    system.drain()
    auditor = Visitor(portal).sign_in("auditor")
    assert "다시 처리" not in auditor.open("/reconciliation").text
    assert auditor.send("/reconciliation/retakes").status_code == 403

    assert "다시 처리" in administrator.open("/reconciliation").text
    administrator.send("/reconciliation/retakes")
    assert "아직 올릴 수 없습니다" in administrator.open("/reconciliation").text
    monkeypatch.setitem(consumers.READINGS, unknown.type, Reading(Kind.DOCUMENT))
    administrator.send("/reconciliation/retakes")
    page = administrator.open("/reconciliation").text
    assert "보관했던 기록을 장부에 올렸습니다" in page
    assert "다시 처리" not in page
