"""The tokens people carry: kept as long as they hold, and sometimes longer."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from tests.simulation.catalogue import OPS, Request
from tests.simulation.model import Model
from tests.simulation.model.access import Token

MOST_KEPT: Final = 3
TWO_DAYS: Final = timedelta(hours=48)


@dataclass
class Purse:
    model: Model
    kept: dict[str, list[Token]] = field(default_factory=dict)

    def token_for(self, request: Request, here: datetime, at_situation: datetime) -> Token | None:
        """What goes with this request; `here` and `at_situation` are what the clocks of the two services say."""
        if request.token == "none" or not OPS[request.op].takes_key:
            return None
        new = self.model.access.new_token(request.account, at_situation)
        bent = {"forged": replace(new, ours=False), "expired": replace(new, issued_at=here - TWO_DAYS)}
        return bent.get(request.token) or self._of(request, new, here)

    def _of(self, request: Request, new: Token, here: datetime) -> Token | None:
        """The token somebody has, or a new one where that is no good and signing in is possible."""
        kept = self.kept.get(request.account, [])
        if kept and (request.token == "old" or self._still_good(kept[-1], here)):
            return kept[0] if request.token == "old" else kept[-1]
        if self.model.access.can_sign_in(request.account):
            return self.keep(new)
        return kept[-1] if kept else None

    def keep(self, token: Token) -> Token:
        self.kept[token.account] = [*self.kept.get(token.account, []), token][-MOST_KEPT:]
        return token

    def forget(self) -> None:
        """When the clock of whoever issues them is set, everybody signs in anew."""
        self.kept.clear()

    def _still_good(self, token: Token, now: datetime) -> bool:
        void_before = self.model.access.void_before(token.account)
        return not token.is_over(now) and (void_before is None or token.issued_at >= void_before)
