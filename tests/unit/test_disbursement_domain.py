"""What the rules of spending allow, without any service."""

from datetime import date

import pytest

from services.disbursement import domain
from services.disbursement.domain import AppropriationKind, Content, PastStep, Step
from services.disbursement.permissions import KEEPS_BUDGET, PERMISSIONS
from shared.auth import Role
from shared.permissions import Scope

CONTENT = Content(
    budget_line_id="relief-2025",
    amount_won=3_700_000_000,
    purpose="복구·생계단계 지정기탁",
    payee="대한적십자사",
    disaster_id="2025-yeongnam-wildfires",
    relief_stage="recovery",
    region_id="4700000000",
    party_id="red-cross",
)


def test_any_other_content_is_another_document() -> None:
    others = [
        Content(**{**vars(CONTENT), name: 3_000_000_000 if name == "amount_won" else "other"}) for name in vars(CONTENT)
    ]
    assert len({content.digest() for content in [CONTENT, *others]}) == len(others) + 1


@pytest.mark.parametrize("earlier", Step)
@pytest.mark.parametrize("step", Step)
def test_one_account_holds_one_duty_on_a_document(earlier: Step, step: Step) -> None:
    shared_duty = domain.DUTY[earlier] & domain.DUTY[step]
    domain.check_untouched([PastStep(earlier, "another")], step, "import-1")
    if shared_duty:
        domain.check_untouched([PastStep(earlier, "import-1")], step, "import-1")
    else:
        with pytest.raises(domain.TouchedBefore, match="import-1"):
            domain.check_untouched([PastStep(earlier, "import-1")], step, "import-1")


@pytest.mark.parametrize("day", [date(2025, 1, 1), date(2025, 12, 31)])
def test_every_day_of_a_lines_year_is_in_it(day: date) -> None:
    domain.check_own_year("구호지원", 2025, day)


@pytest.mark.parametrize("day", [date(2024, 12, 31), date(2026, 1, 1)])
def test_a_day_of_another_year_is_refused_with_the_line_the_year_and_the_day(day: date) -> None:
    with pytest.raises(domain.OtherFiscalYear) as refused:
        domain.check_own_year("구호지원", 2025, day)
    for sentence in (refused.value.sentence("en"), refused.value.sentence("ko")):
        assert all(fact in sentence for fact in ("구호지원", "2025", str(day)))


@pytest.mark.parametrize("kind", AppropriationKind)
def test_only_the_original_budget_needs_no_decision_of_its_own(kind: AppropriationKind) -> None:
    voted = date(2025, 4, 3)
    domain.check_authority(kind, "의회 의결", voted, voted)
    if kind is AppropriationKind.ORIGINAL:
        domain.check_authority(kind, None, None, voted)
    else:
        with pytest.raises(domain.AuthorityMissing):
            domain.check_authority(kind, "의회 의결", date(2025, 4, 4), voted)


def test_who_keeps_or_audits_the_budget_takes_no_step_on_a_document() -> None:
    steps = [
        permission
        for permission in PERMISSIONS.values()
        if permission.scope is Scope.BODY and permission is not KEEPS_BUDGET
    ]
    assert len(steps) == len(Step)
    for permission in steps:
        assert permission.roles.isdisjoint({Role.BUDGET_OFFICER, Role.ADMINISTRATOR, Role.AUDITOR})
        assert Role.IMPORTER in permission.roles
