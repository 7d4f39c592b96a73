"""The portal over the real services in one process: what people see, and what a form really does."""

import gzip
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from deploy.assets import assets_directory, fetch_missing
from deploy.local.process import free_port
from services import standalone
from services.portal.app import create_app
from shared.auth import Role
from shared.config import ConfigurationError, Settings, load_settings
from shared.gateway import Gateway
from tests.e2e import site
from tests.support import Caller, FixedClock

HIDDEN = re.compile(r'<input type="hidden" name="(form_token|key|version)" value="([^"]*)">')


class Visitor:
    """A browser without scripts: keeps cookies, and sends back the hidden fields of the form it saw."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()
        self.hidden: dict[str, str] = {}

    def open(self, path: str) -> TestResponse:
        response = self.client.get(path)
        self.hidden = dict(HIDDEN.findall(response.text))
        return response

    def send(self, path: str, **fields: str | list[str]) -> TestResponse:
        return self.client.post(path, data={**self.hidden, **fields})

    def sign_in(self, account: str) -> "Visitor":
        self.open("/sign-in")
        response = self.send("/sign-in", demo_account=account)
        assert response.status_code == 303, response.text
        return self


def settings_in(home: Path) -> Settings:
    return load_settings({"DURE_HOME": str(home), "DURE_LOG_LEVEL": "error"})


@pytest.fixture(scope="module")
def seeded_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The databases of the seeded operation; each test works on a copy."""
    home, clock = tmp_path_factory.mktemp("seeded"), FixedClock()
    system = standalone.create_app(settings_in(home), clock)
    site.seed(system.gateway, settings_in(home).secret, clock)
    system.drain()
    system.close()
    return home


@pytest.fixture
def portal_settings(seeded_home: Path, tmp_path: Path) -> Settings:
    return settings_in(shutil.copytree(seeded_home, tmp_path / "home"))


@pytest.fixture
def system(portal_settings: Settings, clock: FixedClock) -> Iterator[standalone.Standalone]:
    system = standalone.create_app(portal_settings, clock)
    yield system
    system.close()


@pytest.fixture
def portal(system: standalone.Standalone, portal_settings: Settings, clock: FixedClock) -> Flask:
    return create_app(portal_settings, system.gateway, clock)


@pytest.fixture
def visitor(portal: Flask) -> Visitor:
    return Visitor(portal)


def test_the_front_page_shows_the_situation_to_everybody(visitor: Visitor) -> None:
    page = visitor.open("/").text

    assert '<html lang="ko">' in page
    assert "영남권 대형 산불" in page
    assert "500,000</b> 천원" in page
    assert "50.0%" in page


def test_every_page_of_every_role_opens(portal: Flask) -> None:
    pages = {
        "coordinator": ["/shipments", "/shipments/new", "/stock", "/requests"],
        "drafter": ["/documents", "/documents/new", f"/documents/{site.PAID_DOCUMENT}"],
        "volunteer-manager": ["/tasks", f"/tasks/{site.TASK}"],
        "auditor": ["/execution", "/reconciliation", "/goods", "/people", f"/trace/{site.PAID_DOCUMENT}", "/documents"],
    }
    for account, paths in pages.items():
        visitor = Visitor(portal).sign_in(account)
        for language in ("ko", "en"):
            visitor.open(f"/language/{language}")
            for path in paths:
                response = visitor.open(path)
                assert response.status_code == 200, (account, path, response.text)
                assert f'<html lang="{language}">' in response.text


def test_a_wrong_password_signs_nobody_in(visitor: Visitor) -> None:
    visitor.open("/sign-in")
    response = visitor.send("/sign-in", account="coordinator", password="not the password")

    assert response.status_code == 401
    assert "처리하지 않았습니다" in response.text
    assert visitor.open("/shipments").status_code == 303


def test_demo_accounts_exist_in_the_demo_profile_only(system: standalone.Standalone, tmp_path: Path) -> None:
    secrets = {"DURE_SECRET": "s" * 40, "DURE_PERSONAL_DATA_KEY": "p" * 40}
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
    assert "다시 로그인" in visitor.open("/sign-in").text


SHIPMENT = {"disaster_id": "wildfires", "depot_id": "depot", "region": "andong", "item_id": "tent", "quantity": "4"}


def test_a_shipment_is_logged_and_received_in_parts(visitor: Visitor) -> None:
    visitor.sign_in("coordinator").open("/shipments/new")
    shipment = visitor.send("/shipments/new", **SHIPMENT).location
    assert "안동시" in visitor.open(shipment).text

    assert visitor.send(f"{shipment}/receipts", **{"item_id": "tent", "quantity.tent": "3"}).status_code == 303
    page = visitor.open(shipment).text
    assert "일부 수령" in page
    assert "3 / 4동 수령" in page
    visitor.send(f"{shipment}/receipts", **{"item_id": "tent", "quantity.tent": "1"})
    assert "수령 완료" in visitor.open(shipment).text


def test_a_form_sent_twice_counts_once(visitor: Visitor) -> None:
    visitor.sign_in("coordinator").open("/shipments/new")
    first, second = visitor.send("/shipments/new", **SHIPMENT), visitor.send("/shipments/new", **SHIPMENT)

    assert first.location == second.location
    assert visitor.open("/shipments").text.count('class="card"') == 1


def test_a_form_sent_again_with_other_content_is_explained(visitor: Visitor) -> None:
    visitor.sign_in("coordinator").open("/shipments/new")
    visitor.send("/shipments/new", **SHIPMENT)
    response = visitor.send("/shipments/new", **{**SHIPMENT, "quantity": "5"})

    assert response.status_code == 422
    assert "이미 보낸 양식입니다" in response.text
    assert dict(HIDDEN.findall(response.text))["key"] != visitor.hidden["key"]


def test_too_large_a_shipment_is_refused_with_its_numbers(visitor: Visitor) -> None:
    visitor.sign_in("coordinator").open("/shipments/new")
    response = visitor.send("/shipments/new", **{**SHIPMENT, "quantity": "11"})

    assert response.status_code == 409
    assert re.search(r"요청 수량</dt><dd>11\b", response.text)
    assert re.search(r"가용 수량</dt><dd>10\b", response.text)
    assert dict(HIDDEN.findall(response.text))["key"] == visitor.hidden["key"]  # the refused form left no trace


def test_a_script_gets_the_answer_as_json(visitor: Visitor) -> None:
    visitor.sign_in("coordinator").open("/shipments/new")
    data = {**visitor.hidden, **SHIPMENT}
    accepted = visitor.client.post("/shipments/new", data=data, headers={"Accept": "application/json"})
    refused = visitor.client.post(
        "/shipments/new", data={**data, "key": "another", "quantity": "99"}, headers={"Accept": "application/json"}
    )

    assert accepted.json is not None
    assert accepted.json["location"].startswith("/shipments/")
    assert refused.status_code == 409
    assert refused.json is not None
    assert refused.json["available"] == 6


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


VOLUNTEER = {"name": "자원봉사자", "phone": "010-0000-0001", "consent": "yes"}


def test_a_volunteer_signs_up_without_an_account_and_cancels_with_the_code(visitor: Visitor) -> None:
    assert "남은 자리 2 / 2" in visitor.open("/volunteer").text
    form = visitor.open(f"/volunteer/{site.SHIFT}")
    assert "국적" not in form.text
    visitor.send(f"/volunteer/{site.SHIFT}", **VOLUNTEER)
    done = visitor.open("/volunteer/done").text
    assert "자리가 확정되었습니다" in done
    assert "010" not in done

    code = re.search(r'class="cancel-code"[^>]*>([^<]+)<', done)
    cancel = re.search(r'href="(/volunteer/cancel/[^"]+)"', done)
    assert code
    assert cancel
    assert "남은 자리 1 / 2" in visitor.open("/volunteer").text
    visitor.open(cancel[1])
    assert visitor.send(cancel[1], cancel_code="wrong-code").status_code == 403
    assert visitor.send(cancel[1], cancel_code=code[1]).status_code == 303
    assert "남은 자리 2 / 2" in visitor.open("/volunteer").text


def test_nationality_is_asked_only_where_the_task_needs_it(visitor: Visitor) -> None:
    assert "국적" in visitor.open(f"/volunteer/{site.SELECTED_SHIFT}").text
    response = visitor.send(f"/volunteer/{site.SELECTED_SHIFT}", **VOLUNTEER, nationality="vn")

    assert response.location == "/volunteer/done"
    assert "담당이 선발한 뒤" in visitor.open("/volunteer/done").text


def test_a_bad_phone_number_is_explained_beside_what_was_typed(visitor: Visitor) -> None:
    visitor.open(f"/volunteer/{site.SHIFT}")
    response = visitor.send(f"/volunteer/{site.SHIFT}", **{**VOLUNTEER, "phone": "12345"})

    assert response.status_code == 422
    assert "010-1234-5678" in response.text
    assert 'value="자원봉사자"' in response.text


def test_the_roster_is_masked_and_a_manager_confirms(portal: Flask, visitor: Visitor) -> None:
    visitor.open(f"/volunteer/{site.SELECTED_SHIFT}")
    visitor.send(f"/volunteer/{site.SELECTED_SHIFT}", **VOLUNTEER, nationality="VN")
    manager = Visitor(portal).sign_in("volunteer-manager")
    roster = manager.open(f"/tasks/{site.SELECTED_TASK}").text
    assert "자원봉사자" not in roster
    assert "0000-0001" not in roster

    confirm = re.search(r'action="([^"]+/confirm)"', roster)
    version = re.search(r'/confirm">\s*.*?name="version" value="(\d+)"', roster, re.DOTALL)
    assert confirm
    assert version
    manager.hidden["version"] = version[1]
    assert manager.send(confirm[1]).status_code == 303
    assert re.search(r"bg-light-success\">확정<", manager.open(f"/tasks/{site.SELECTED_TASK}").text)


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
    description = re.search(r"<desc[^>]*>(.*?)</desc>", page, re.DOTALL)

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


def test_an_unknown_address_has_a_page_of_its_own(visitor: Visitor) -> None:
    response = visitor.open("/nowhere")

    assert response.status_code == 404
    assert "찾을 수 없습니다" in response.text


def test_pages_forbid_foreign_scripts_and_frames(visitor: Visitor) -> None:
    response = visitor.open("/")
    policy = response.headers["Content-Security-Policy"]

    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<script(?![^>]* src=)|\sstyle=|\son\w+=", response.text)
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_a_service_that_is_away_takes_only_its_own_pages_with_it(portal_settings: Settings) -> None:
    visitor = Visitor(create_app(portal_settings, Gateway.remote(f"http://127.0.0.1:{free_port()}")))

    assert "지금은 불러올 수 없습니다" in visitor.open("/").text
    response = visitor.open("/volunteer")
    assert response.status_code == 503
    assert "서비스에 연결할 수 없습니다" in response.text
    assert "Traceback" not in response.text
    assert visitor.client.get("/healthz").status_code == 200
    assert visitor.client.get("/readyz").status_code == 503


def test_style_sheets_are_sent_compressed_to_who_takes_them(visitor: Visitor) -> None:
    fetch_missing(assets_directory())
    path = "/assets/krds/resources/css/component/output.css"
    packed = visitor.client.get(path, headers={"Accept-Encoding": "gzip"})
    with visitor.client.get(path) as plain:  # it streams a file, which is closed with it
        assert gzip.decompress(packed.data) == plain.data
        assert len(packed.data) * 5 < len(plain.data)
        assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"


def test_no_asset_lies_outside_its_folder(visitor: Visitor) -> None:
    assert visitor.client.get("/assets/krds/../swagger-ui-dist/swagger-ui.css").status_code == 404
    assert visitor.client.get("/assets/krds/.integrity/../../../pyproject.toml").status_code == 404


def test_a_living_portal_is_ready_and_counted(visitor: Visitor) -> None:
    assert visitor.client.get("/readyz").status_code == 200
    assert "dure_http_requests_total" in visitor.client.get("/metrics").text


def test_a_portal_that_knows_no_services_does_not_start(portal_settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="DURE_SERVICE_URL"):
        create_app(portal_settings)


def test_what_the_portal_records_is_the_accounts_own(
    system: standalone.Standalone, visitor: Visitor, portal_settings: Settings, clock: FixedClock
) -> None:
    visitor.sign_in("coordinator").open("/shipments/new")
    shipment = visitor.send("/shipments/new", **SHIPMENT).location.rpartition("/")[2]
    inventory = Caller(system.apps["inventory"], "inventory", portal_settings, clock)

    steps = inventory.get(f"/shipments/{shipment}", Role.COORDINATOR).get_json()["steps"]
    assert {step["account"] for step in steps} == {"coordinator"}
