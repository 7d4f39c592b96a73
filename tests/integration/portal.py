"""A visitor of the portal: a browser without scripts, over the real services in one process."""

import re
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.portal import demo
from shared.config import Settings, load_settings
from tests.e2e import site

HIDDEN = re.compile(r'<input type="hidden" name="(form_token|key|version|acting_body)" value="([^"]*)">')
SHIPMENT = {
    "disaster_id": site.DISASTER,
    "depot_id": site.DEPOT,
    "region_id": site.ANDONG,
    "item_id": "tent",
    "quantity": "4",
}
VOLUNTEER = {"name": "자원봉사자", "phone": "010-0000-0001", "consent": "yes"}


class Visitor:
    """Keeps cookies, and sends back the hidden fields of the form it saw."""

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
        response = self.send("/sign-in", account=account, password=demo.PASSWORD)
        assert response.status_code == 303, response.text
        return self

    def in_english(self) -> "Visitor":
        self.open("/language/en")
        return self


def unmarked_korean(page: str) -> list[str]:
    """What is Korean on an English page without being marked so, in what a person reads."""
    text = re.sub(r'<(\w+)[^>]* lang="ko"[^>]*>[^<]*</\1>|<title>.*?</title>|<[^>]+>', "", page)
    return re.findall("[가-힣]+", text)


def settings_in(home: Path) -> Settings:
    return load_settings({"DURE_HOME": str(home), "DURE_LOG_LEVEL": "error"})
