"""Who may ask the ledger what: see `shared.permissions`. The facts themselves come as events."""

from typing import Final

from shared.auth import Role
from shared.permissions import PUBLIC, Permissions, system

OFFICERS: Final = (
    Role.DRAFTER,
    Role.REVIEWER,
    Role.APPROVER,
    Role.COMMITMENT_OFFICER,
    Role.PAYMENT_OFFICER,
    Role.BUDGET_OFFICER,
)
OVERSIGHT: Final = (Role.AUDITOR, Role.ADMINISTRATOR)

PERMISSIONS: Final[Permissions] = {
    # What a citizen may ask: how much was spent of what, which goods went out, how many people helped.
    "execution": PUBLIC,
    "download_execution": PUBLIC,
    "goods": PUBLIC,
    "people": PUBLIC,
    "entries": system(*OFFICERS, *OVERSIGHT),
    "show_trace": system(*OFFICERS, *OVERSIGHT, Role.COORDINATOR),
    "reconcile": system(*OVERSIGHT, Role.BUDGET_OFFICER),
    "list_counts": system(*OVERSIGHT),
    "breaks": system(*OVERSIGHT),
    "verify": system(*OVERSIGHT),
    "newest_anchor": system(*OVERSIGHT),
    "make_anchor": system(Role.ADMINISTRATOR),
    "check_anchor": system(*OVERSIGHT),
    "retake": system(Role.ADMINISTRATOR),
    "list_notes": system(*OVERSIGHT, Role.BUDGET_OFFICER),
    "add_note": system(Role.ADMINISTRATOR, Role.BUDGET_OFFICER, Role.IMPORTER),
}
