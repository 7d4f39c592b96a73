"""The execution report that is shown when nobody names a date."""

from collections.abc import Callable
from typing import Any, Final

from services.portal.calls import services
from shared.clock import seoul_date

YEARS_BACK: Final = 3  # how long after its last budget a fund is still looked for


def execution_report(read: Callable[..., Any], as_of: str | None) -> Any:
    """The report as of the date asked for; without one of today, or of the last year that has a budget.

    `read` is `calls.ask` or `calls.peek`; None if it gave none.
    """
    report = read("ledger", "/execution", as_of=as_of)
    if report is None or as_of or report["rows"]:
        return report
    this_year = seoul_date(services().clock.now()).year
    for year in range(this_year - 1, this_year - 1 - YEARS_BACK, -1):
        past = read("ledger", "/execution", as_of=f"{year}-12-31")
        if past and past["rows"]:
            return past
    return report
