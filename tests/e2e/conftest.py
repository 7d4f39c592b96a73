"""A running Dure in this process and a headless browser to visit it with."""

import json
import os
import sys
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from deploy.assets import AssetsUnavailable, assets_directory, fetch_missing
from deploy.local.chromium import Chromium
from deploy.local.process import PROJECT, Child, Unavailable, free_port
from services import standalone
from services.cli import SCENARIO
from services.portal import demo
from shared.bus import Record
from shared.clock import SystemClock
from shared.config import load_settings
from tests.e2e import site
from tests.real_stack import provisioned

PHONE_WIDTH = 390
DESK_WIDTH = 1280
HEIGHT = 844
TIMEOUT_MILLISECONDS = 10_000
START_TIMEOUT_SECONDS = 60
SERVE = """
import sys, pathlib
from services.server import run
from shared.config import load_settings
run(load_settings(), pathlib.Path(sys.argv[1]))
"""
SCREENSHOTS = PROJECT / "var" / "screenshots"  # what each page looked like in the last run


@pytest.fixture(scope="session")
def web_files() -> None:
    """The design system's files, without which no page looks as it should."""
    with provisioned("The portal's web files"):
        try:
            fetch_missing(assets_directory())
        except AssetsUnavailable as reason:
            raise Unavailable(str(reason)) from reason


@pytest.fixture(scope="module")
def address(web_files: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What `dure serve` runs, over the seeded operation and without the demo beside it."""
    home, port = tmp_path_factory.mktemp("site"), free_port()
    own = {"DURE_HOME": str(home), "DURE_LOG_LEVEL": "error", "PORT": str(port)}
    settings, clock = load_settings(own), SystemClock()
    system = standalone.create_app(settings, clock)
    office = site.Office(system.gateway, settings.signing_key, clock)
    site.seed(office)
    site.add_differences(office)
    system.bus.producer().send([Record("relief.inventory.v1", "water", b"no event")])  # cannot be taken in
    system.drain()
    system.close()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DURE_")}
    scenario = json.loads((SCENARIO / "scenario.json").read_text(encoding="utf-8"))
    (home / "scenario.json").write_text(json.dumps({**scenario, "practice": None}), encoding="utf-8")
    server = Child(
        [sys.executable, "-c", SERVE, str(home)],
        log=home / "serve.log",
        directory=PROJECT,
        environment={**inherited, **own, "DURE_ASSETS": str(assets_directory())},
    )
    try:
        url = f"http://127.0.0.1:{port}"
        server.wait_until(lambda: is_ready(url), timeout_seconds=START_TIMEOUT_SECONDS)
        yield url
    finally:
        server.stop()


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def browser(chromium: Chromium) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.executable, args=list(chromium.arguments))
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens a page as a new person on a new device; what the browser complains about fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(account: str | None = None, *, width: int = PHONE_WIDTH) -> Page:
        context = browser.new_context(
            base_url=address, viewport={"width": width, "height": HEIGHT}, locale="ko-KR", timezone_id="Asia/Seoul"
        )
        context.set_default_timeout(TIMEOUT_MILLISECONDS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None
        )
        if account:
            page.goto("/sign-in")
            page.fill("[name=account]", account)
            page.fill("[name=password]", demo.PASSWORD)
            page.click("main button[type=submit] >> nth=0")
            page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
