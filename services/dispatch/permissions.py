"""Who may do what in dispatch, and how far back its facts may be dated."""

from pathlib import Path
from typing import Final

from shared.auth import Role
from shared.dating import DatingPolicy
from shared.permissions import PUBLIC, Permission, Permissions, body, system

DATING: Final = DatingPolicy.read(Path(__file__).parent / "dating.json")

MANAGES: Final[Permission] = body(Role.VOLUNTEER_MANAGER, Role.IMPORTER)
# Who a volunteer is, nobody needs who records what happened before the system.
SEES_PERSONS: Final[Permission] = body(Role.VOLUNTEER_MANAGER)
SEES_COUNTS: Final[Permission] = system(Role.VOLUNTEER_MANAGER, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR)
SEES_RECORDS: Final[Permission] = system(Role.AUDITOR, Role.ADMINISTRATOR)

PERMISSIONS: Final[Permissions] = {
    "propose_task": MANAGES,
    "list_tasks": PUBLIC,  # the staff is told more: see SEES_COUNTS
    "show_task": PUBLIC,
    "rename_task": MANAGES,
    "approve_task": body(Role.VOLUNTEER_MANAGER, Role.APPROVER, Role.IMPORTER),
    "close_task": MANAGES,
    "open_shift": MANAGES,
    "summarise_task": SEES_COUNTS,
    "summarise": SEES_COUNTS,
    "sign_up": PUBLIC,
    "list_sign_ups": SEES_PERSONS,
    "show_sign_up": SEES_PERSONS,
    "verify_credential": MANAGES,
    "confirm_sign_up": MANAGES,
    "waitlist_sign_up": MANAGES,
    "decline_sign_up": MANAGES,
    "record_attendance": MANAGES,
    "cancel_sign_up": PUBLIC,  # with the cancel code; without it for those who manage
    "reveal_sign_up": SEES_PERSONS,
    "list_reveals": SEES_RECORDS,
    "purge": system(Role.ADMINISTRATOR),
    "list_purges": SEES_RECORDS,
    "list_balances": SEES_RECORDS,
}
