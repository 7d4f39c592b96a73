"""Signing in, staying signed in, and for whom somebody acts."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from services import standalone
from services.portal.app import create_app
from shared.auth import Role
from shared.config import Settings, load_settings
from tests.e2e import site
from tests.integration.portal import HIDDEN, SHIPMENT, Visitor
from tests.support import Caller, FixedClock


def test_a_wrong_password_signs_nobody_in(visitor: Visitor) -> None:
    visitor.open("/sign-in")
    response = visitor.send("/sign-in", account="coordinator", password="not the password")

    assert response.status_code == 401
    assert "처리하지 않았습니다" in response.text
    assert visitor.open("/shipments").status_code == 303


def test_demo_accounts_exist_in_the_demo_profile_only(system: standalone.Standalone, tmp_path: Path) -> None:
    keys = ("DURE_SECRET", "DURE_SIGNING_KEY", "DURE_ANCHOR_KEY", "DURE_PERSONAL_DATA_KEY")
    secrets = {key: f"{key} of a production system" for key in keys}
    production = load_settings({"DURE_HOME": str(tmp_path), "DURE_PROFILE": "production", **secrets})
    visitor = Visitor(create_app(production, system.gateway))

    page = visitor.open("/sign-in").text
    assert "demo_account" not in page
    assert "시연" not in page
    # Outside the demo the cookie needs TLS, which the test client speaks when told to.
    visitor.client.get("/sign-in", base_url="https://localhost")
    token = HIDDEN.findall(visitor.client.get("/sign-in", base_url="https://localhost").text)[0][1]
    form = {"form_token": token, "demo_account": "administrator"}
    assert visitor.client.post("/sign-in", data=form, base_url="https://localhost").status_code == 422


def test_a_page_asks_to_sign_in_and_returns_there(visitor: Visitor) -> None:
    response = visitor.open("/documents")
    assert response.location == "/sign-in?next=/documents"

    visitor.open(response.location)
    assert visitor.send("/sign-in", demo_account="drafter", next="/documents").location == "/documents"


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"])
def test_signing_in_never_leads_to_another_site(visitor: Visitor, target: str) -> None:
    visitor.open("/sign-in")

    assert visitor.send("/sign-in", demo_account="auditor", next=target).location == "/execution"
    assert visitor.client.get("/language/en", query_string={"next": target}).location == "/"


def test_a_form_from_elsewhere_is_refused(visitor: Visitor) -> None:
    visitor.sign_in("coordinator").open("/shipments/new")
    visitor.hidden["form_token"] = "forged"

    assert visitor.send("/shipments/new", depot_id="depot", item_id="tent", quantity="1").status_code == 403


def test_another_role_sees_that_the_page_is_not_for_it(visitor: Visitor) -> None:
    response = visitor.sign_in("coordinator").open("/documents")

    assert response.status_code == 403
    assert "권한이 없습니다" in response.text


def test_an_expired_sign_in_leads_back_to_signing_in(visitor: Visitor, clock: FixedClock) -> None:
    visitor.sign_in("coordinator")
    clock.set(clock.now() + timedelta(hours=13))

    assert visitor.open("/shipments").location == "/sign-in?next=/shipments"
    assert "보던 화면으로 돌아갑니다" in visitor.open("/sign-in").text


def test_a_token_that_was_made_void_leads_to_signing_in_and_back_to_where_one_was(
    system: standalone.Standalone, site_office: site.Office, visitor: Visitor, clock: FixedClock
) -> None:
    visitor.sign_in("coordinator").open("/shipments/new")
    clock.set(clock.now() + timedelta(minutes=1))
    site_office.post(
        "situation", "/accounts/coordinator/sign-out", {"reason": "휴대전화를 잃어버림"}, Role.ADMINISTRATOR
    )
    system.drain()

    assert visitor.send("/shipments/new", **SHIPMENT).location == "/sign-in?next=/shipments/new"
    page = visitor.open("/sign-in?next=/shipments/new").text
    assert "로그인이 끝났습니다" in page
    answer = visitor.send("/sign-in", demo_account="coordinator", next="/shipments/new")
    assert answer.location == "/shipments/new"
    assert visitor.open("/shipments/new").status_code == 200


def test_a_step_that_finds_no_session_leads_back_to_its_document(visitor: Visitor, clock: FixedClock) -> None:
    document = f"/documents/{site.SHORT_DOCUMENT}"
    visitor.sign_in("commitment-officer").open(document)
    clock.set(clock.now() + timedelta(hours=13))

    assert visitor.send(f"{document}/commit").location == f"/sign-in?next={document}"


def test_an_account_of_one_body_is_not_asked_for_whom_it_acts(visitor: Visitor) -> None:
    page = visitor.sign_in("coordinator").open("/shipments/new").text

    assert "acting-body" not in page
    assert 'name="acting_body"' not in page


def test_an_account_of_several_bodies_says_for_whom_it_acts(
    system: standalone.Standalone, visitor: Visitor, portal_settings: Settings, clock: FixedClock
) -> None:
    page = visitor.sign_in(site.FOR_TWO).open("/shipments").text
    assert re.findall(r'<option value="([\w-]+)"( selected)?>([^<]+)', page) == [
        (site.CITY, " selected", "시"),
        (site.CENTRE, "", "시 자원봉사센터"),
    ]
    assert visitor.send("/acting-body", body_id=site.CENTRE).location == "/shipments"

    visitor.open("/shipments/new")
    refused = visitor.send("/shipments/new", **SHIPMENT)
    assert refused.status_code == 409  # the centre has no tents
    visitor.send("/acting-body", body_id=site.CITY)
    visitor.open("/shipments/new")
    shipment = visitor.send("/shipments/new", **SHIPMENT).location.rpartition("/")[2]
    inventory = Caller(system.apps["inventory"], "inventory", portal_settings, clock)
    assert inventory.get(f"/shipments/{shipment}", Role.COORDINATOR).json["body_id"] == site.CITY


def test_a_form_is_sent_for_the_body_it_was_filled_in_for(visitor: Visitor) -> None:
    visitor.sign_in(site.FOR_TWO).open("/shipments/new")
    filled_in_for_the_city = visitor.hidden
    visitor.open("/shipments")
    visitor.send("/acting-body", body_id=site.CENTRE)
    visitor.hidden = filled_in_for_the_city
    shipment = visitor.send("/shipments/new", **SHIPMENT).location

    page = visitor.open(shipment).text
    assert "시의 출고입니다" in page  # the centre only looks at it
    assert "수령 기록" not in page


def test_nobody_acts_for_a_body_that_is_not_theirs(visitor: Visitor) -> None:
    visitor.sign_in(site.FOR_TWO).open("/shipments/new")

    assert visitor.send("/acting-body", body_id="red-cross").status_code == 403
    visitor.hidden["acting_body"] = "red-cross"
    assert visitor.send("/shipments/new", **SHIPMENT).status_code == 400


def test_what_the_portal_records_is_the_accounts_own(
    system: standalone.Standalone, visitor: Visitor, portal_settings: Settings, clock: FixedClock
) -> None:
    visitor.sign_in("coordinator").open("/shipments/new")
    shipment = visitor.send("/shipments/new", **SHIPMENT).location.rpartition("/")[2]
    inventory = Caller(system.apps["inventory"], "inventory", portal_settings, clock)

    steps = inventory.get(f"/shipments/{shipment}", Role.COORDINATOR).json["steps"]
    assert {step["account"] for step in steps} == {"coordinator"}
