"""Who may do what in situation, and how its facts may be dated."""

from pathlib import Path
from typing import Final

from shared.auth import Role
from shared.dating import DatingPolicy
from shared.permissions import PUBLIC, Permission, Permissions, body, system

DATING: Final = DatingPolicy.read(Path(__file__).parent / "dating.json")

KEEPS_ACCOUNTS: Final[Permission] = system(Role.ADMINISTRATOR)
SEES_ACCOUNTS: Final[Permission] = system(Role.ADMINISTRATOR, Role.AUDITOR)
WHOEVER_IS_SIGNED_IN: Final[Permission] = system(*Role)
KEEPS_MASTER_DATA: Final[Permission] = system(Role.ADMINISTRATOR, Role.IMPORTER)
CORRECTS_MASTER_DATA: Final[Permission] = system(Role.ADMINISTRATOR)
# A shelter is opened from the field.
KEEPS_SITES: Final[Permission] = system(Role.ADMINISTRATOR, Role.COORDINATOR, Role.IMPORTER)
CORRECTS_SITES: Final[Permission] = system(Role.ADMINISTRATOR, Role.COORDINATOR)
# Office numbers are for those who organise relief in the field, and for whoever keeps or audits them.
SEES_CONTACTS: Final[Permission] = system(
    Role.COORDINATOR, Role.VOLUNTEER_MANAGER, Role.ADMINISTRATOR, Role.AUDITOR, Role.IMPORTER
)
# The log belongs to the situation room: to those who organise relief there. Who audits only reads it.
SITUATION_ROOM: Final = (Role.COORDINATOR, Role.VOLUNTEER_MANAGER, Role.ADMINISTRATOR)
WRITES_LOG: Final[Permission] = body(*SITUATION_ROOM, Role.IMPORTER)
READS_LOG: Final[Permission] = system(*SITUATION_ROOM, Role.AUDITOR)

PERMISSIONS: Final[Permissions] = {
    "create_token": PUBLIC,
    "change_own_password": WHOEVER_IS_SIGNED_IN,
    "sign_out_everywhere": WHOEVER_IS_SIGNED_IN,
    "open_account": KEEPS_ACCOUNTS,
    "rename_account": KEEPS_ACCOUNTS,
    "give_grant": KEEPS_ACCOUNTS,
    "end_grant": KEEPS_ACCOUNTS,
    "disable_account": KEEPS_ACCOUNTS,
    "enable_account": KEEPS_ACCOUNTS,
    "reset_password": KEEPS_ACCOUNTS,
    "sign_out_account": KEEPS_ACCOUNTS,
    "list_accounts": SEES_ACCOUNTS,
    "show_account": SEES_ACCOUNTS,
    "open_disaster": KEEPS_MASTER_DATA,
    "rename_disaster": KEEPS_MASTER_DATA,
    "correct_disaster": CORRECTS_MASTER_DATA,
    "change_stage": KEEPS_MASTER_DATA,
    "correct_stage": CORRECTS_MASTER_DATA,
    "state_basis": KEEPS_MASTER_DATA,
    "change_affected_regions": KEEPS_MASTER_DATA,
    "join_task_force": KEEPS_MASTER_DATA,
    "leave_task_force": KEEPS_MASTER_DATA,
    "list_disasters": PUBLIC,
    "show_disaster": PUBLIC,
    "register_body": KEEPS_MASTER_DATA,
    "rename_body": KEEPS_MASTER_DATA,
    "correct_body": CORRECTS_MASTER_DATA,
    "list_bodies": PUBLIC,  # a disaster shows its task force to everybody
    "register_region": KEEPS_MASTER_DATA,
    "import_regions": KEEPS_MASTER_DATA,
    "rename_region": KEEPS_MASTER_DATA,
    "end_region": KEEPS_MASTER_DATA,
    "correct_region": CORRECTS_MASTER_DATA,
    "list_regions": PUBLIC,
    "show_region": PUBLIC,
    "register_site": KEEPS_SITES,
    "rename_site": KEEPS_SITES,
    "correct_site": CORRECTS_SITES,
    "list_sites": PUBLIC,
    "register_contact": KEEPS_MASTER_DATA,
    "end_contact": KEEPS_MASTER_DATA,
    "list_contacts": SEES_CONTACTS,
    "write_log_entry": WRITES_LOG,
    "list_log_entries": READS_LOG,
}
