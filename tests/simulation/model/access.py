"""Accounts in the model: their grants, their tokens, and since when tokens are void in which service."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from tests.simulation.model.core import (
    Asked,
    Book,
    Person,
    day_in,
    day_in_korea,
    in_order,
    known,
    need,
    need_new,
)
from tests.simulation.people import OUTSIDERS, Grant

SHORTEST_PASSWORD: Final = 10
TOKEN_HOURS: Final = 12
MONEY_DUTIES: Final = {"drafter", "reviewer", "approver", "commitment_officer", "payment_officer"}
ALONE: Final = {"auditor", "importer"}
SYSTEM_NAMES: Final = ("anonymous", "portal", "operator", "system", "dure", "importer")


@dataclass(frozen=True)
class Token:
    """What somebody shows to be let in. `ours` says whether the system's own key signed it."""

    account: str
    grants: tuple[Grant, ...]
    issued_at: datetime
    hours: int = 24
    ours: bool = True

    def is_over(self, now: datetime) -> bool:
        return int((self.issued_at + timedelta(hours=self.hours)).timestamp()) <= now.timestamp()


@dataclass
class Held:
    """A grant as the account holds it; `id` is chosen by the product and learnt from its answers."""

    grant: Grant
    id: str | None = None
    ended: bool = False


@dataclass
class Account:
    password: str
    held: list[Held] = field(default_factory=list)
    state: str = "active"
    version: int = 1
    signed_in_at: datetime | None = None

    def standing(self) -> tuple[Grant, ...]:
        return tuple(one.grant for one in self.held if not one.ended)

    def told(self) -> dict[str, Any]:
        return {"state": self.state, "version": self.version}


def may_not_be_joined(one: str, other: str) -> bool:
    """Which duties one person may not hold together, whatever the body and the disaster."""
    if one == other:
        return False
    pair = {one, other}
    return bool(
        pair & ALONE
        or pair == {"commitment_officer", "payment_officer"}
        or ("administrator" in pair and pair & (MONEY_DUTIES | {"budget_officer"}))
        or ("budget_officer" in pair and pair & MONEY_DUTIES)
    )


class Access:
    def __init__(
        self, book: Book, services: tuple[str, ...], bodies: dict[str, Any], disasters: dict[str, Any]
    ) -> None:
        self.book = book
        self.bodies = bodies
        self.disasters = disasters
        self.accounts: dict[str, Account] = {}
        # Since when the tokens of an account are void, as far as each service knows.
        self.void: dict[str, dict[str, datetime]] = {service: {} for service in services}

    def void_before(self, account: str) -> datetime | None:
        """As the owner knows it, at once."""
        return self.void["situation"].get(account)

    def learn(self, service: str, account: str, moment: datetime) -> None:
        """A service hears that access ended; what it knew already is not taken back."""
        heard = self.void[service].get(account)
        self.void[service][account] = max(heard, moment) if heard else moment

    def grants_of(self, account: str) -> tuple[Grant, ...]:
        if account in OUTSIDERS:
            return OUTSIDERS[account]
        return self.accounts[account].standing() if account in self.accounts else ()

    def can_sign_in(self, account: str) -> bool:
        return account in OUTSIDERS or (account in self.accounts and self.accounts[account].state == "active")

    def new_token(self, account: str, now: datetime) -> Token:
        """What signing in gives, with everything that was granted, be it over or still to come."""
        signed_in_at = self.accounts[account].signed_in_at if account in self.accounts else None
        issued_at = max(filter(None, (now, signed_in_at, self.void_before(account))))
        return Token(account, self.grants_of(account), issued_at)

    def admit(self, token: Token | None, service: str, now: datetime) -> Person:
        """Whom the service takes the bearer for. Raises Refused."""
        need(token is not None, 401, "not-signed-in")
        assert token
        void_before = self.void[service].get(token.account)
        is_void = void_before is not None and token.issued_at < void_before
        need(token.ours and not token.is_over(now) and not is_void, 401, "not-signed-in")
        today = day_in_korea(now)
        return Person(token.account, tuple(grant for grant in token.grants if grant.holds_on(today)))

    def sign_in(self, asked: Asked) -> dict[str, Any]:
        id_ = asked.body["account"]
        account = self.accounts.get(id_)
        fits = account is not None and account.password == asked.body["password"] and account.state == "active"
        need(fits, 401, "sign-in-refused")
        assert account
        token = self.new_token(id_, asked.now)
        account.signed_in_at = token.issued_at
        asked.person = replace(asked.person, account=id_)
        asked.act_for(account.held[0].grant.body)
        self._tell("signed_in", asked, id_)
        roles = {grant.role for grant in token.grants if grant.holds_on(asked.today)}
        ends = token.issued_at + timedelta(hours=TOKEN_HOURS)
        return {"account": id_, "roles": sorted(roles), "expires_at": ends.isoformat()}

    def sign_out_everywhere(self, asked: Asked) -> dict[str, Any]:
        account = known(self.accounts, asked.account)
        asked.done_for = account.held[0].grant.body
        self._end_access(asked, asked.account)
        return {"account": asked.account}

    def change_password(self, asked: Asked) -> dict[str, Any]:
        account = known(self.accounts, asked.account)
        asked.done_for = account.held[0].grant.body
        need(account.password == asked.body["old_password"], 403, "wrong-password")
        self._check_password(asked.body["password"])
        self._set_password(asked, asked.account, by_administrator=False)
        return {"account": asked.account}

    def open_account(self, asked: Asked) -> dict[str, Any]:
        body, id_ = asked.body, asked.body["id"]
        need(id_ not in SYSTEM_NAMES, 422, "reserved-id", id=id_)
        self._check_other(asked, id_)
        self._check_password(body["password"])
        need_new(self.accounts, id_)
        asked.settle()
        account = Account(body["password"])
        for grant in body["grants"]:
            account.held.append(Held(self._checked(asked, account, grant)))
        self.accounts[id_] = account
        self._tell("account_opened", asked, id_)
        for held in account.held:
            self._tell_grant(asked, id_, held.grant)
        return account.told()

    def give_grant(self, asked: Asked) -> dict[str, Any]:
        self._check_other(asked, asked.target)
        account = self._load(asked, asked.target)
        grant = self._checked(asked, account, asked.body)
        asked.settle()
        account.held.append(Held(grant))
        account.version += 1
        self._tell_grant(asked, asked.target, grant)
        return account.told()

    def end_grant(self, asked: Asked) -> dict[str, Any]:
        id_, _, which = asked.target.split("/")
        account = self._load(asked, id_)
        held = next((one for one in account.held if one.id == which), None)
        need(held is not None, 404, "not-found", id=which)
        assert held
        need(not held.ended, 409, "wrong-state", state="ended")
        self._check_somebody_keeps(asked, id_, self._keepers(asked.today, but=held.grant))
        asked.settle()
        held.ended = True
        account.version += 1
        self._tell("grant_ended", asked, id_)
        self._end_access(asked, id_)
        return account.told()

    def reset_password(self, asked: Asked) -> dict[str, Any]:
        self._check_other(asked, asked.target)
        self._check_password(asked.body["password"])
        account = self._load(asked, asked.target)
        self._set_password(asked, asked.target, by_administrator=True)
        return account.told()

    def disable(self, asked: Asked) -> dict[str, Any]:
        id_ = asked.target
        account = self._load(asked, id_)
        need(account.state == "active", 409, "wrong-state", state=account.state)
        self._check_somebody_keeps(asked, id_, self._keepers(asked.today) - {id_})
        asked.settle()
        account.state = "disabled"
        account.version += 1
        self._tell("account_disabled", asked, id_)
        self._end_access(asked, id_)
        return account.told()

    def enable(self, asked: Asked) -> dict[str, Any]:
        self._check_other(asked, asked.target)
        account = self._load(asked, asked.target)
        need(account.state == "disabled", 409, "wrong-state", state=account.state)
        asked.settle()
        account.state = "active"
        account.version += 1
        self._tell("account_enabled", asked, asked.target)
        return account.told()

    def sign_out(self, asked: Asked) -> dict[str, Any]:
        account = known(self.accounts, asked.target)
        self._end_access(asked, asked.target)
        return account.told()

    def learn_grants(self, account: str, grants: list[dict[str, Any]]) -> None:
        for held, told in zip(self.accounts[account].held, grants, strict=True):
            held.id = told["id"]

    def _load(self, asked: Asked, id_: str) -> Account:
        account = known(self.accounts, id_)
        asked.check_version(account)
        return account

    def _checked(self, asked: Asked, account: Account, told: dict[str, Any]) -> Grant:
        """The grant that is asked for. Raises Refused."""
        first, last = day_in(told, "first_day") or asked.today, day_in(told, "last_day")
        grant = Grant(told["role"], told["body_id"], told.get("disaster_id"), first, last)
        known(self.bodies, grant.body)
        if grant.disaster is not None:
            known(self.disasters, grant.disaster)
        in_order(last or date.max, first)
        for held in account.standing():
            meet = max(first, held.first_day or date.min) <= min(last or date.max, held.last_day or date.max)
            need(not (meet and may_not_be_joined(grant.role, held.role)), 422, "incompatible-duties")
        return grant

    def _check_other(self, asked: Asked, id_: str) -> None:
        need(id_ != asked.account, 403, "own-account", id=id_)

    def _check_password(self, password: str) -> None:
        need(len(password) >= SHORTEST_PASSWORD, 422, "weak-password")

    def _set_password(self, asked: Asked, id_: str, *, by_administrator: bool) -> None:
        asked.settle()
        self.accounts[id_].password = asked.body["password"]
        self.accounts[id_].version += 1
        self._tell("password_changed", asked, id_, by_administrator=by_administrator)
        self._end_access(asked, id_)

    def _keepers(self, day: date, *, but: Grant | None = None) -> set[str]:
        """The active accounts that are administrator on this day."""
        return {
            id_
            for id_, account in self.accounts.items()
            for grant in account.standing()
            if account.state == "active" and grant.role == "administrator" and grant.holds_on(day) and grant is not but
        }

    def _check_somebody_keeps(self, asked: Asked, id_: str, left: set[str]) -> None:
        """Raises Refused."""
        need(bool(left) or not self._keepers(asked.today), 409, "last-administrator", id=id_)

    def _end_access(self, asked: Asked, id_: str) -> None:
        asked.settle()
        last = self.accounts[id_].signed_in_at
        moment = max(asked.now, last + timedelta(microseconds=1)) if last else asked.now
        self.learn("situation", id_, moment)
        void = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self._tell("access_ended", asked, id_, void_before=void)

    def _tell(self, event: str, asked: Asked, id_: str, **data: Any) -> None:
        version = self.accounts[id_].version
        self.book.tell(f"situation.{event}", id_, version, asked, account_id=id_, **data)

    def _tell_grant(self, asked: Asked, id_: str, grant: Grant) -> None:
        told = {"role": grant.role, "body_id": grant.body, "disaster_id": grant.disaster}
        self._tell("grant_given", asked, id_, **told)
