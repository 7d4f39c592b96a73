"""HTTP of situation, and how its refusals read on the wire."""

from typing import Final

from services.situation import domain
from services.situation.api import records, tokens
from shared.problems import ProblemKind
from shared.refusals import Refusal

PROBLEMS: Final[dict[type[Refusal], ProblemKind]] = {
    domain.StageCannotGoBack: ProblemKind("stage-cannot-go-back", 409, "Stages only advance"),
    domain.IncompatibleDuties: ProblemKind("incompatible-duties", 422, "Duties one person may not hold together"),
}
BLUEPRINTS: Final = (tokens.blueprint, records.blueprint)
