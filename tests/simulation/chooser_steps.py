"""What comes next by itself: the natural step of something there is, and who takes it."""

from datetime import date
from random import Random
from typing import TYPE_CHECKING, Any, Final

from tests.simulation.catalogue import OPS, Request
from tests.simulation.model import Model
from tests.simulation.model.money import GROUPS
from tests.simulation.people import ACCOUNTS, BODIES, EVERYBODY, Grant

if TYPE_CHECKING:
    from tests.simulation.chooser import Chooser

IMPORTERS: Final = tuple(account for account in ACCOUNTS if account.startswith("importer"))


class Steps:
    def __init__(self, random: Random, model: Model, chooser: "Chooser") -> None:
        self.random = random
        self.model = model
        self.chooser = chooser

    def natural_step(self) -> tuple[str, str]:
        steps = (
            *(self._money_step, self._money_step, self._money_step, self._goods_step, self._people_step),
            *(self._people_step, self._beginning, self._beginning, self._office_step),
        )
        return self.random.choice(steps)()

    def rivals(self) -> tuple[tuple[str, str], tuple[str, str]] | None:
        """Two approved documents that want money of one line at once, if there are."""
        approved = [id_ for id_, one in self.model.money.documents.items() if one.state == "approved"]
        return (("commit", approved[-2]), ("commit", approved[-1])) if len(approved) > 1 else None

    def any_target(self, op: str, *, newest: int = 6) -> str:
        if "{}" not in OPS[op].path:
            return ""
        if op == "add_note":
            return self.random.choice(("break:", "break:", "finding:")) + str(self.random.randrange(6))
        target = self.chooser.pick(self.model.home_of(OPS[op]), newest=30 if "/accounts" in OPS[op].path else newest)
        endings = {
            "end_grant": f"/grants/#{self.random.randrange(3)}",
            "leave": f"/bodies/{self._member(target)}",
        }
        return target + endings.get(op, "")

    def _member(self, disaster: str) -> str:
        """A body of its task force, if it has one."""
        known = self.model.situation.disasters.get(disaster)
        return self.random.choice([body for body, _, _ in known.force] if known and known.force else list(BODIES))

    def _beginning(self) -> tuple[str, str]:
        ops = (
            *("appropriate", "appropriate", "forecast", "request_goods", "request_goods", "open_fund"),
            *("receive_stock",) * 4,
            *("open_shift", "open_shift", "propose_task", "open_line", "register_item", "write_log", "purge"),
            *("rename_fund", "rename_line", "rename_line", "rename_item", "rename_item", "rename_task"),
            *("approve_task", "close_request", "register_site", "register_body"),
        )
        op = self.random.choice(ops)
        return op, self.any_target(op)

    def _office_step(self) -> tuple[str, str]:
        """What administrators and those who look after the ledger do."""
        ops = (
            *("open_disaster", "rename_disaster", "change_stage", "correct_stage", "state_basis", "affect", "join"),
            *("leave", "rename_body", "register_region", "rename_region", "end_region", "rename_site"),
            *("open_account", "give_grant", "give_grant", "end_grant", "disable", "enable", "enable", "sign_out"),
            *("sign_out", "sign_out_everywhere", "change_password", "reset_password", "sign_in", "sign_in", "sign_in"),
            *("add_note", "add_note", "add_note", "add_note", "retake", "retake", "make_anchor"),
        )
        op = self.random.choice(ops)
        if op == "enable":
            disabled = [id_ for id_, one in self.model.access.accounts.items() if one.state == "disabled"]
            return op, self.random.choice(disabled) if disabled else self.any_target(op)
        return op, self.any_target(op)

    def _money_step(self) -> tuple[str, str]:
        """Two or three documents are under way at once, most of them a step further than before."""
        money = self.model.money
        lines = self.chooser.bodies.lines_of_this_year()
        if not lines and self.chooser.chance(0.5):
            return "open_line", ""
        empty = [id_ for id_, line in lines.items() if not line.appropriated]
        if empty and self.chooser.chance(0.3):
            return "appropriate", self.random.choice(empty)
        live = {
            id_: one
            for id_, one in money.documents.items()
            if one.state not in ("paid", "rejected") and one.line in lines
        }
        if len(live) < 2 or self.chooser.chance(0.08):
            return "propose", ""
        if money.payments and self.chooser.chance(0.15):
            return "reverse", self.chooser.pick(money.payments)
        id_ = self.chooser.pick(live, newest=3) if self.chooser.chance(0.8) else self.chooser.pick(money.documents)
        document = money.documents[id_]
        if document.payments and self.chooser.chance(0.3):
            return "reverse", self.random.choice([key for key, one in money.payments.items() if one.document == id_])
        steps = {
            "proposed": (*("review",) * 8, "revise", "reject"),
            "reviewed": (*("approve",) * 8, "revise", "reject"),
            "approved": (*("commit",) * 8, "revise"),
            "committed": ("pay", "pay", "pay", "release"),
            "paid": ("pay", "release", "revise"),
            "rejected": ("revise", "revise", "review"),
        }
        return self.random.choice(steps[document.state]), id_

    def _goods_step(self) -> tuple[str, str]:
        shipments = self.model.goods.shipments
        if not shipments or self.chooser.chance(0.4):
            return "ship", ""
        id_ = self.chooser.pick(shipments, newest=4)
        steps = {
            "reserved": ("dispatch", "dispatch", "cancel_shipment"),
            "dispatched": ("receive_shipment",),
            "partly_received": ("receive_shipment",),
            "received": ("receive_shipment", "cancel_shipment"),
            "cancelled": ("cancel_shipment", "dispatch"),
        }
        return self.random.choice(steps[shipments[id_].state]), id_

    def _people_step(self) -> tuple[str, str]:
        sign_ups = self.model.people.sign_ups
        if not sign_ups or self.chooser.chance(0.4):
            now = self.chooser.world.time.now
            coming = {id_: shift for id_, shift in self.model.people.shifts.items() if shift.ends > now}
            if not coming and self.chooser.chance(0.6):
                return "open_shift", self.chooser.pick(self.model.people.tasks, newest=3)
            return "sign_up", self.chooser.pick(coming or self.model.people.shifts, newest=3)
        id_ = self.chooser.pick(sign_ups, newest=4)
        cancelled = {name: one for name, one in sign_ups.items() if one.state == "cancelled"}
        if cancelled and self.chooser.chance(0.25):
            return "cancel_sign_up", self.chooser.pick(cancelled)
        steps = {
            "applied": ("confirm", "confirm", "waitlist", "decline", "verify", "verify", "cancel_sign_up"),
            "waitlisted": ("confirm", "decline", "verify", "cancel_sign_up"),
            "confirmed": ("attend", "cancel_sign_up", "cancel_sign_up", "reveal"),
            "declined": ("confirm", "cancel_sign_up"),
            "cancelled": ("cancel_sign_up", "cancel_sign_up", "confirm"),
            "attended": ("cancel_sign_up", "reveal"),
        }
        return self.random.choice(steps[sign_ups[id_].state]), id_

    def whose(self, op: str, target: str, body: dict[str, Any]) -> tuple[str | None, str | None]:
        """The body and the disaster that the request is about; None where the account's own body or none is."""
        money, goods, people = self.model.money, self.model.goods, self.model.people
        thing = self.model.home_of(OPS[op]).get(target)
        if target in money.payments and op == "reverse":
            thing = money.documents[money.payments[target].document]
        if target in people.sign_ups and "/sign-ups/" in OPS[op].path:
            thing = people.tasks[people.shifts[people.sign_ups[target].shift].task]
        if thing is not None:
            return getattr(thing, "body", None), getattr(thing, "disaster", None)
        beginnings: dict[str, dict[str, Any]] = {
            "propose": money.lines,
            "open_line": money.funds,
        }
        if op in beginnings:
            begun = beginnings[op].get(body.get("budget_line_id", body.get("fund_id", "")))
            return (begun.body if begun else None), body.get("disaster_id")
        if op == "ship":
            here = (body["depot_id"], body["lines"][0]["item_id"])
            bodies = [lot.body for lot in goods.lots.values() if (lot.depot, lot.item) == here]
            return (bodies[-1] if bodies else None), body["disaster_id"]
        return None, body.get("disaster_id")

    def who(self, op: str, target: str, body: dict[str, Any], *, importing: bool) -> tuple[str, str]:
        """An account that may do it, and the body it says it acts for."""
        whose, disaster = self.whose(op, target, body)
        fitting = {
            account: bodies
            for account, grants in ACCOUNTS.items()
            if (account in IMPORTERS) == importing
            and (bodies := self._bodies(op, grants, whose, disaster))
            and not self._touched(op, target, account)
        }
        if not fitting:
            fitting = {account: self._bodies(op, ACCOUNTS[account]) for account in self.with_a_role(op)}
        account = self.random.choice(list(fitting))
        held = {grant.body for grant in ACCOUNTS[account] if grant.role in OPS[op].roles}
        is_new = OPS[op].scope == "system" or whose is None or op == "ship"
        says = len(held) > 1 and (is_new or self.chooser.chance(0.3))
        acting = self.random.choice(sorted(fitting[account] or held)) if says and self.chooser.chance(0.93) else ""
        return account, acting

    def with_a_role(self, op: str) -> list[str]:
        """Who could do it, of whatever body and in whatever disaster."""
        roles = OPS[op].roles
        found = [account for account, grants in ACCOUNTS.items() if any(grant.role in roles for grant in grants)]
        return found or ["manager-1", "auditor-1"]

    def stranger(self, request: Request) -> str:
        """Who holds the right duty, but for another body or in another disaster, or did something else here before."""
        op, able = request.op, self.with_a_role(request.op)
        if op in GROUPS and self.chooser.chance(0.5):
            return self.who_touched(request)
        about = self.whose(op, request.target, dict(request.body))
        return self.random.choice([one for one in able if not self._bodies(op, ACCOUNTS[one], *about)] or able)

    def signed_out(self) -> list[str]:
        """Whose access ended at some time."""
        return sorted(self.model.access.void["situation"])

    def who_touched(self, request: Request) -> str:
        """Who took a step on the document before and has the duty for this one, or else who has every duty."""
        touched = [one for one in self.with_a_role(request.op) if self._touched(request.op, request.target, one)]
        return self.random.choice([*touched, EVERYBODY])

    def _bodies(
        self, op: str, grants: tuple[Grant, ...], whose: str | None = None, disaster: str | None = None
    ) -> set[str]:
        today: date = self.chooser.today
        of_system = OPS[op].scope == "system"
        return {
            grant.body
            for grant in grants
            if grant.role in OPS[op].roles
            and grant.holds_on(today)
            and (of_system or (whose in (None, grant.body) and grant.disaster in (None, disaster)))
        }

    def _touched(self, op: str, target: str, account: str) -> bool:
        """Whether this person took a step of another duty on the document."""
        document = self.model.money.documents.get(target)
        payment = self.model.money.payments.get(target)
        if payment:
            document = self.model.money.documents[payment.document]
        if document is None or op not in GROUPS:
            return False
        return any(who == account and not GROUPS[step] & GROUPS[op] for step, who in document.steps)
