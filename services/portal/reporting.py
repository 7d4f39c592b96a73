"""The execution report that is shown when nobody names a date."""

from collections.abc import Callable
from typing import Any

from services.portal.calls import services
from shared.clock import seoul_date


def execution_report(read: Callable[..., Any], as_of: str | None) -> Any:
    """The report as of the date asked for; without one of today, or of the last year that has a budget.

    `read` is `calls.ask` or `calls.peek`; None if it gave none.
    """
    report = read("ledger", "/execution", as_of=as_of)
    if report is None or as_of or report["rows"]:
        return report
    today = seoul_date(services().clock.now())
    lines = read("disbursement", "/budget-lines", limit=1000) or {"items": []}
    past = [line["fiscal_year"] for line in lines["items"] if line["fiscal_year"] < today.year]
    return read("ledger", "/execution", as_of=f"{max(past)}-12-31") if past else report
