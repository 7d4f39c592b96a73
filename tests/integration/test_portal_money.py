"""Spending documents on the portal, from the proposal to the payment."""

import re

from flask import Flask

from services.portal import demo
from shared.auth import Role
from tests.e2e import site
from tests.integration.portal import Visitor
from tests.support import FixedClock


def test_a_document_goes_from_proposal_to_payment(portal: Flask) -> None:
    drafter = Visitor(portal).sign_in("drafter")
    drafter.open("/documents/new")
    document = drafter.send(
        "/documents/new", budget_line_id=site.LINE, purpose="임시주택", payee="대한적십자사", amount_won="300,000,000"
    ).location
    assert 'name="comment"' not in drafter.open(document).text

    for account, action in (("reviewer", "review"), ("approver", "approve"), ("commitment-officer", "commit")):
        officer = Visitor(portal).sign_in(account)
        assert document in officer.open("/documents").text.split('id="all-documents"')[0]
        officer.open(document)
        assert officer.send(f"{document}/{action}").status_code == 303
    payer = Visitor(portal).sign_in("payment-officer")
    payer.open(document)
    payer.send(f"{document}/pay", amount_won="300,000,000")
    assert "지출 완료" in payer.open(document).text


def test_a_refused_commitment_says_how_much_is_missing_and_who_decides(visitor: Visitor) -> None:
    document = f"/documents/{site.SHORT_DOCUMENT}"
    visitor.sign_in("commitment-officer").open(document)
    response = visitor.send(f"{document}/commit")

    assert response.status_code == 409
    assert "요청 금액</dt><dd>600,000,000원" in response.text
    assert "남은 금액</dt><dd>500,000,000원" in response.text
    assert "부족한 금액</dt><dd>100,000,000원" in response.text
    assert response.text.count("지방의회가 의결합니다") == 1


def test_a_button_is_only_for_the_role_whose_turn_it_is(portal: Flask) -> None:
    document = f"/documents/{site.SHORT_DOCUMENT}"
    buttons = {
        account: re.findall(rf'action="{document}/(\w+)"', Visitor(portal).sign_in(account).open(document).text)
        for account in ("drafter", "approver", "commitment-officer", "payment-officer", "auditor")
    }

    assert buttons == {
        "drafter": [],
        "approver": [],
        "commitment-officer": ["commit"],
        "payment-officer": [],
        "auditor": [],
    }


def test_a_proposal_chooses_among_lines_of_this_year_regions_and_bodies(visitor: Visitor) -> None:
    page = visitor.sign_in("drafter").open("/documents/new").text

    assert site.LINE in page
    assert "미원인행위 잔액 500,000,000" in page
    assert site.LAST_YEARS_LINE not in page
    assert f'value="{site.GROUP}"' in page
    document = visitor.send(
        "/documents/new",
        budget_line_id=site.LINE,
        purpose="임시주택",
        payee="대한적십자사 경상북도지사",
        party_id="red-cross",
        region_id=site.UISEONG,
        amount_won="300,000,000",
    ).location
    shown = visitor.open(document).text
    assert re.search(r"상대 기관</dt><dd>대한적십자사<", shown)
    assert re.search(r"지역</dt><dd>의성군<", shown)
    assert re.search(r"기관</dt><dd>시<", shown)


def test_a_year_without_a_budget_is_said_before_anything_is_typed(visitor: Visitor, clock: FixedClock) -> None:
    clock.set(clock.now().replace(year=2026))
    page = visitor.sign_in("drafter").open("/documents/new").text

    assert "2026년 예산과목이 없어" in page
    assert 'name="purpose"' not in page


def test_what_belongs_to_another_year_is_refused_by_its_sentence(visitor: Visitor, clock: FixedClock) -> None:
    clock.set(clock.now().replace(year=2026))
    document = f"/documents/{site.SHORT_DOCUMENT}"
    visitor.sign_in("commitment-officer").open(document)
    response = visitor.send(f"{document}/commit")

    assert response.status_code == 409
    assert "회계연도(2025년)에 들지 않습니다" in response.text


def test_a_second_duty_on_a_document_is_refused_in_words(site_office: site.Office, portal: Flask) -> None:
    second = {"role": "reviewer", "body_id": site.CITY}
    site_office.post("situation", "/accounts/drafter/grants", second, Role.ADMINISTRATOR, version=1)
    visitor = Visitor(portal).sign_in("drafter")
    visitor.open("/documents/new")
    content = {"budget_line_id": site.LINE, "purpose": "임시주택", "payee": "대한적십자사", "amount_won": "1"}
    document = visitor.send("/documents/new", **content).location
    visitor.open(document)
    response = visitor.send(f"{document}/review")

    assert response.status_code == 403
    assert "이미 다른 직무(품의)를 맡았습니다" in response.text


def test_an_officer_of_one_disaster_has_no_button_on_the_documents_of_another(
    site_office: site.Office, portal: Flask
) -> None:
    storm = {"id": "storm", "name": "태풍", "kind": "typhoon", "began_on": "2025-04-11"}
    site_office.post("situation", "/disasters", storm, Role.ADMINISTRATOR)
    grant = {"role": "commitment_officer", "body_id": site.CITY, "disaster_id": "storm"}
    account = {"id": "storm-officer", "display_name": "태풍 재무관", "password": demo.PASSWORD, "grants": [grant]}
    site_office.post("situation", "/accounts", account, Role.ADMINISTRATOR)
    officer, document = Visitor(portal).sign_in("storm-officer"), f"/documents/{site.SHORT_DOCUMENT}"
    assert document not in officer.open("/documents").text.split('id="all-documents"')[0]
    assert f'action="{document}/commit"' not in officer.open(document).text

    officer.hidden |= {"version": "3", "key": "pressed-all-the-same"}
    refused = officer.send(f"{document}/commit")
    assert refused.status_code == 403
    assert "재난 영남권 대형 산불의 일을 맡고 있지 않습니다" in refused.text
