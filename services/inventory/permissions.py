"""Who may do what in inventory, and how far back its facts may be dated."""

from pathlib import Path
from typing import Final

from shared.auth import Role
from shared.dating import DatingPolicy
from shared.permissions import PUBLIC, Permission, Permissions, body, system

DATING: Final = DatingPolicy.read(Path(__file__).parent / "dating.json")

KEEPS_ITEMS: Final[Permission] = system(Role.COORDINATOR, Role.ADMINISTRATOR, Role.IMPORTER)
MOVES_GOODS: Final[Permission] = body(Role.COORDINATOR, Role.IMPORTER)
# Who changes goods has to read what there is; the auditor and the administrator count it again.
SEES_GOODS: Final[Permission] = system(Role.COORDINATOR, Role.AUDITOR, Role.ADMINISTRATOR, Role.IMPORTER)

PERMISSIONS: Final[Permissions] = {
    "register_item": KEEPS_ITEMS,
    "rename_item": KEEPS_ITEMS,
    "list_items": SEES_GOODS,
    "receive_stock": MOVES_GOODS,
    "list_stock": SEES_GOODS,
    "list_balances": system(Role.AUDITOR, Role.ADMINISTRATOR),
    "request_goods": MOVES_GOODS,
    "list_requests": SEES_GOODS,
    "show_request": SEES_GOODS,
    "close_request": MOVES_GOODS,
    "ship": MOVES_GOODS,
    "list_shipments": SEES_GOODS,
    "show_shipment": SEES_GOODS,
    "dispatch": MOVES_GOODS,
    "cancel": MOVES_GOODS,
    "receive_shipment": MOVES_GOODS,
    "show_totals": PUBLIC,
}
