"""How the refusals of situation read on the wire."""

from typing import Final

from services.situation.domain import accounts, disasters, places
from shared.problems import ProblemKind
from shared.refusals import Refusal

REGION_UNFIT: Final = ProblemKind("region-unfit", 422, "Not a region as it is described")
WEAK_PASSWORD: Final = ProblemKind("weak-password", 422, "Password too easy to guess")

PROBLEMS: Final[dict[type[Refusal], ProblemKind]] = {
    disasters.StageCannotGoBack: ProblemKind("stage-cannot-go-back", 409, "Stages only advance"),
    disasters.NothingToCorrect: ProblemKind("nothing-to-correct", 409, "Nothing to correct"),
    disasters.BasisIncomplete: ProblemKind("basis-incomplete", 422, "Basis incomplete"),
    disasters.AlreadyInTaskForce: ProblemKind("already-in-task-force", 409, "Already in the task force"),
    places.RegionKindUnfit: REGION_UNFIT,
    places.RegionHasNoParent: REGION_UNFIT,
    places.RegionParentUnfit: REGION_UNFIT,
    places.RegionDaysUnfit: REGION_UNFIT,
    places.RegionMembersUnfit: REGION_UNFIT,
    places.RegionDiffers: ProblemKind("region-differs", 409, "Registered otherwise"),
    places.RegionNotInForce: ProblemKind("region-not-in-force", 422, "No region on this day"),
    places.RegionIsGroup: ProblemKind("region-is-group", 422, "A group of regions"),
    accounts.ReservedId: ProblemKind("reserved-id", 422, "Reserved for the system"),
    accounts.PasswordTooShort: WEAK_PASSWORD,
    accounts.PasswordBlank: WEAK_PASSWORD,
    accounts.PasswordOfOneCharacter: WEAK_PASSWORD,
    accounts.PasswordIsAccount: WEAK_PASSWORD,
    accounts.IncompatibleDuties: ProblemKind("incompatible-duties", 422, "Duties one person may not hold together"),
    accounts.OwnAccount: ProblemKind("own-account", 403, "Not for the own account"),
    accounts.LastAdministrator: ProblemKind("last-administrator", 409, "The last administrator"),
    accounts.WrongPassword: ProblemKind("wrong-password", 403, "Wrong password"),
    accounts.SignInRefused: ProblemKind("sign-in-refused", 401, "Not signed in"),
    accounts.TooManyAttempts: ProblemKind("too-many-attempts", 429, "Too many attempts"),
}
