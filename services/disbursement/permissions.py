"""Who may do what in disbursement, and how its facts may be dated."""

from pathlib import Path
from typing import Final

from services.disbursement.domain import DUTY, Step
from shared.auth import Role
from shared.dating import DatingPolicy
from shared.permissions import Permission, Permissions, body, system

DATING: Final = DatingPolicy.read(Path(__file__).parent / "dating.json")

KEEPS_BUDGET: Final[Permission] = body(Role.BUDGET_OFFICER, Role.IMPORTER)
# Everybody who has a duty on a document, who keeps the budget it draws on, and who audits both.
SEES_MONEY: Final[Permission] = system(*frozenset().union(*DUTY.values()), Role.BUDGET_OFFICER, Role.AUDITOR)


def takes(step: Step) -> Permission:
    """What happened before the system is recorded too, each step by an import account of its own."""
    return body(*DUTY[step], Role.IMPORTER)


PERMISSIONS: Final[Permissions] = {
    "open_fund": KEEPS_BUDGET,
    "rename_fund": KEEPS_BUDGET,
    "list_funds": SEES_MONEY,
    "show_fund": SEES_MONEY,
    "open_budget_line": KEEPS_BUDGET,
    "rename_budget_line": KEEPS_BUDGET,
    "list_budget_lines": SEES_MONEY,
    "show_budget_line": SEES_MONEY,
    "change_appropriation": KEEPS_BUDGET,
    "list_appropriations": SEES_MONEY,
    "record_forecast": KEEPS_BUDGET,
    "list_balances": system(Role.AUDITOR, Role.ADMINISTRATOR),
    "propose_spending": takes(Step.PROPOSE),
    "list_spending_proposals": SEES_MONEY,
    "show_spending_proposal": SEES_MONEY,
    "revise_spending_proposal": takes(Step.REVISE),
    "review_spending_proposal": takes(Step.REVIEW),
    "approve_spending_proposal": takes(Step.APPROVE),
    "reject_spending_proposal": takes(Step.REJECT),
    "commit_spending": takes(Step.COMMIT),
    "release_commitment": takes(Step.RELEASE),
    "pay_spending": takes(Step.PAY),
    "reverse_payment": takes(Step.REVERSE),
}
