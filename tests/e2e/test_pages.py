"""Every page of every role on a phone and on a desk: it fits, names its fields, and leaves a picture behind."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import site
from tests.e2e.conftest import DESK_WIDTH, PHONE_WIDTH, SCREENSHOTS

OpenPage = Callable[..., Page]
PAGES = {
    None: ["/", "/sign-in", "/volunteer", f"/volunteer/{site.SHIFT}", "/nowhere"],
    "coordinator": ["/shipments", "/shipments/new", f"/shipments/{site.LATE_SHIPMENT}", "/stock", "/requests"],
    site.FOR_TWO: ["/stock", "/me"],
    "drafter": ["/documents/new"],
    "commitment-officer": ["/documents", f"/documents/{site.SHORT_DOCUMENT}"],
    "volunteer-manager": ["/tasks", f"/tasks/{site.TASK}"],
    "administrator": [
        "/reconciliation",
        "/accounts",
        "/accounts/coordinator",
        f"/accounts/{site.LEFT}",
        "/new-account",
    ],
    "auditor": [
        "/execution",
        f"/execution/{site.LINE}/expended",
        f"/execution/{site.LINE}/expenditure_rate",
        "/execution-total/committed",
        f"/trace/{site.PAID_DOCUMENT}",
        f"/trace/{site.AMBIGUOUS}",
        "/goods",
        "/people",
    ],
}


@pytest.mark.parametrize("width", [PHONE_WIDTH, DESK_WIDTH])
@pytest.mark.parametrize("account", PAGES, ids=str)
def test_pages_fit_the_screen_and_name_their_fields(open_page: OpenPage, account: str | None, width: int) -> None:
    page = open_page(account, width=width)
    for language, folder in (("ko", SCREENSHOTS), ("en", SCREENSHOTS / "en")):
        page.goto(f"/language/{language}")
        for path in PAGES[account]:
            page.goto(path)
            page.evaluate("document.fonts.ready")
            page.evaluate("document.querySelectorAll('details').forEach((folded) => { folded.open = true; })")
            name = path.strip("/").replace("/", "-") or "home"
            page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)
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
