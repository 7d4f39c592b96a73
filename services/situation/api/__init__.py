"""HTTP of situation, and how its refusals read on the wire."""

from typing import Final

from services.situation.api import access, accounts, bodies, disasters, places
from services.situation.api.problems import PROBLEMS

__all__ = ["BLUEPRINTS", "PROBLEMS"]

BLUEPRINTS: Final = (
    access.blueprint,
    accounts.blueprint,
    disasters.blueprint,
    bodies.blueprint,
    places.blueprint,
)
