"""Rules of the situation room, without I/O."""

from datetime import date

import pytest

from services.situation import domain
from services.situation.domain import Stage
from shared.auth import Role
from shared.refusals import DatesOutOfOrder, check_date_order


@pytest.mark.parametrize(
    ("current", "requested"),
    [
        (Stage.SUPPRESSION, Stage.RECOVERY),
        (Stage.SUPPRESSION, Stage.LIVELIHOOD),
        (Stage.RECOVERY, Stage.LIVELIHOOD),
    ],
)
def test_a_disaster_advances_to_any_later_stage(current: Stage, requested: Stage) -> None:
    domain.check_advance(current, requested)


@pytest.mark.parametrize(
    ("current", "requested"),
    [
        (current, requested)
        for current in Stage
        for requested in Stage
        if list(Stage).index(requested) <= list(Stage).index(current)
    ],
)
def test_a_disaster_never_returns_to_a_stage(current: Stage, requested: Stage) -> None:
    with pytest.raises(domain.StageCannotGoBack) as refusal:
        domain.check_advance(current, requested)
    assert refusal.value.facts == {"current": current.value, "requested": requested.value}


def test_one_account_never_commits_and_pays() -> None:
    with pytest.raises(domain.IncompatibleDuties):
        domain.check_duties([Role.PAYMENT_OFFICER, Role.AUDITOR, Role.COMMITMENT_OFFICER])
    domain.check_duties([Role.COMMITMENT_OFFICER, Role.DRAFTER])


def test_what_rests_on_a_fact_may_share_its_day_but_not_come_before_it() -> None:
    check_date_order(date(2025, 3, 22), date(2025, 3, 22))
    with pytest.raises(DatesOutOfOrder):
        check_date_order(date(2025, 3, 21), date(2025, 3, 22))


def test_every_refusal_has_both_sentences() -> None:
    refusal = domain.StageCannotGoBack(current="recovery", requested="suppression")
    assert "stages only advance" in refusal.sentence("en")
    assert "앞으로만" in refusal.sentence("ko")
