"""The portal over the real services: the front page, every page of every role, and what holds for all of them."""

import gzip
import re

import pytest
from flask import Flask

from deploy.assets import assets_directory, fetch_missing
from deploy.local.process import free_port
from services.portal import demo
from services.portal.app import create_app
from shared.config import ConfigurationError, Settings
from shared.gateway import Gateway
from tests.e2e import site
from tests.integration.portal import Visitor, unmarked_korean


def test_the_front_page_shows_the_situation_to_everybody(visitor: Visitor) -> None:
    page = visitor.open("/").text

    assert '<html lang="ko">' in page
    assert "영남권 대형 산불" in page
    assert "500,000</b> 천원" in page
    assert "50.0%" in page


def test_every_page_of_every_role_opens(portal: Flask) -> None:
    documents = ["/documents", f"/documents/{site.PAID_DOCUMENT}"]
    figures = ["/execution", f"/execution/{site.LINE}/committed", f"/trace/{site.PAID_DOCUMENT}"]
    oversight = ["/reconciliation", "/goods", "/people"]
    accounts = ["/accounts", "/accounts/coordinator", f"/accounts/{site.LEFT}", f"/trace/{site.LEFT}?kind=account"]
    pages = {
        "coordinator": ["/shipments", "/shipments/new", "/stock", "/requests"],
        "drafter": [*documents, "/documents/new", *figures],
        "volunteer-manager": ["/tasks", f"/tasks/{site.TASK}"],
        "budget-officer": [*documents, *figures, "/reconciliation"],
        "auditor": [*documents, *figures, *oversight, *accounts],
        "administrator": [*figures, *oversight, *accounts, "/new-account"],
    }
    for account, paths in pages.items():
        visitor = Visitor(portal).sign_in(account)
        for language in ("ko", "en"):
            visitor.open(f"/language/{language}")
            for path in ["/", "/me", *paths]:
                response = visitor.open(path)
                assert response.status_code == 200, (account, path, response.text)
                assert f'<html lang="{language}">' in response.text
                assert language == "ko" or unmarked_korean(response.text) == [], path


def test_every_page_of_a_menu_opens(portal: Flask) -> None:
    for account in demo.ACCOUNTS:
        visitor = Visitor(portal).sign_in(account.id)
        menu = re.search(r'<nav class="site-menu".*?</nav>', visitor.open("/").text, re.DOTALL)
        assert menu
        for path in re.findall(r'href="([^"]+)"', menu[0]):
            assert visitor.open(path).status_code == 200, (account.id, path)


def test_an_english_page_has_english_names_and_marks_what_is_korean(visitor: Visitor) -> None:
    page = visitor.in_english().open("/").text

    assert "Yeongnam wildfires" in page
    assert unmarked_korean(page) == []


def test_the_language_is_changed_on_the_page_a_form_stands_on(visitor: Visitor) -> None:
    document = f"/documents/{site.SHORT_DOCUMENT}"
    visitor.sign_in("commitment-officer").open(document)

    assert f'href="/language/en?next={document}"' in visitor.send(f"{document}/commit").text


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
