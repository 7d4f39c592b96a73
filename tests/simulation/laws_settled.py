"""The laws that must hold once everything is published, read and heard, and those of what was said before."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from services.ledger.rebuilding import check, rebuild
from services.ledger.reconciliation import compare_counts, compare_totals
from shared.clock import format_utc
from shared.outbox import ControlTotal, control_totals
from shared.seals import broken
from tests.simulation.faults import BEGINNING
from tests.simulation.laws import Broken, Laws, check_nothing_personal, holds
from tests.simulation.model.core import Refused, day_in_korea
from tests.simulation.model.reports import Horizon, Reporter
from tests.simulation.world import BUS_FILE, LISTENERS, MODULES, PUBLISHERS, UNKNOWN_TYPE, Reply

STOCK_CHANGES: Final = {
    "inventory.stock_received.v1": 1,
    "inventory.shipment_reserved.v1": -1,
    "inventory.shipment_cancelled.v1": 1,
}
# Where the rows of each report stand, and by what they are known.
REPORTS: Final = {"execution": ("rows", "line_id"), "goods": ("items", "item_id"), "people": ("items", "task_id")}
APPEND_ONLY: Final = ("inbox_events", "inbox_breaks", "journal_lines", "postings", "notes", "anchors")
UNKNOWN: Final = ("id_of_unknown", "kind_of_object", "object_id")
FOREVER: Final = "what was known at a moment is the same for ever"
MOST_RECALLED: Final = 8  # of the answers that were given, when everything is looked at


@dataclass(frozen=True)
class Told:
    """A report about what was known at a moment, as it was answered."""

    path: str
    moment: datetime
    content: bytes


@dataclass(frozen=True)
class KeptAnchor:
    """An anchor that was taken out of the house, and how often the ledger had posted and noted by then."""

    number: int
    content: bytes
    postings: int
    notes: int


class SettledLaws:
    def __init__(self, laws: Laws) -> None:
        self.laws = laws
        self.world = laws.world
        self.model = laws.model
        self.told: list[Told] = []
        self.anchors: list[KeptAnchor] = []

    def check(self) -> None:
        """What must hold once everything is published, read and heard."""
        for service in PUBLISHERS:
            self.laws.after_step(service)
        self._check_delivery()
        self._check_breaks()
        self._check_access()
        self.check_reports(Horizon(self._today()), *REPORTS)
        self.check_reports(self._another_horizon(), tuple(REPORTS)[self.world.calls % len(REPORTS)])
        self._check_figures()
        self._check_trace()
        self._check_past_stock()
        self._check_owners()
        self._check_seals()
        self._check_reconciliation()
        self._check_privacy()
        for told in self.told[-MOST_RECALLED:]:
            self.recall(told)
        self.check_proofs()

    def at_the_end(self) -> None:
        """What changes nothing although it touches everything."""
        with self.world.service("ledger").database.write() as tx:
            rebuild(tx)
            holds("a rebuild finds no drift", [], check(tx)["drift"])
        self.world.flush()
        self.check_reports(Horizon(self._today()), *REPORTS)
        for told in self.told:
            self.recall(told)
        for table in APPEND_ONLY:
            try:
                self.laws.rows("ledger", f"UPDATE {table} SET number = number")
            except sqlite3.IntegrityError:
                self.laws.connections["ledger"].rollback()
                continue
            if self.laws.rows("ledger", f"SELECT 1 FROM {table}"):
                raise Broken("the journal is append-only", f"{table} let itself be updated")

    def keep_anchor(self, number: int, content: bytes) -> None:
        ledger = self.model.ledger
        self.anchors.append(KeptAnchor(number, content, ledger.postings, ledger.noted))

    def restored(self) -> None:
        """The ledger knows nothing of what was said after the backup. An anchor that was made since finds that out."""
        ledger = self.model.ledger
        self.told = [told for told in self.told if told.moment <= ledger.sealed_at]
        for anchor in [one for one in self.anchors if one.number > ledger.anchors]:
            self.anchors.remove(anchor)
            still_true = (anchor.postings, anchor.notes) == (ledger.postings, ledger.noted)
            checked = self.world.check_anchor(anchor.content)
            holds("an anchor finds a ledger that went back", still_true, checked["valid"])

    def _today(self) -> date:
        return day_in_korea(self.world.time.now)

    def _check_delivery(self) -> None:
        law = "every event reaches the ledger, and its effect happens once"
        sent: list[str] = []
        for service in PUBLISHERS:
            late = self.laws.rows(service, "SELECT count(*) FROM outbox WHERE published_at IS NULL")[0][0]
            holds(law, {"unpublished": 0}, {"unpublished": late})
            sent += [row[0] for row in self.laws.rows(service, "SELECT event_id FROM outbox")]
        received = {row[0] for row in self.laws.rows("ledger", "SELECT event_id FROM inbox_events")}
        unknown = received - set(sent) - set(self.laws.unknown)
        counts = {"missing": len(set(sent) - received), "unknown": len(unknown)}
        holds(law, {"missing": 0, "unknown": 0, "twice": 0}, {**counts, "twice": len(sent) - len(set(sent))})
        totals = {name: self._totals(name) for name in MODULES}
        published = [total for name in PUBLISHERS for total in totals[name]]
        taken = [total for total in totals["ledger"] if total.event_type != UNKNOWN_TYPE]
        differing = [row for row in compare_totals(published, taken) if not row["agrees"]]
        holds("control totals agree", [], differing)

    def _totals(self, name: str) -> list[ControlTotal]:
        service = self.world.service(name)
        facts = service.inbox.events if service.inbox else service.outbox
        assert facts is not None
        with service.database.read() as tx:
            return control_totals(tx, facts)

    def _check_breaks(self) -> None:
        """What cannot be taken in is parked, named, and stays named; whoever looks after it stands beside it."""
        law = "only what is broken is parked, and named for ever"
        found = self.world.look("ledger", "/breaks")["items"]
        kinds = Counter(one["break_kind"] for one in found)
        received = {entry.fact.subject for entry in self.model.ledger.entries}
        parked = {one["event_id"] for one in found if one["break_kind"] == "unknown"}
        holds(law, sorted(self.laws.unknown), sorted((parked | received) & set(self.laws.unknown)))
        wanted = self.laws.breaks + Counter(gap=self._holes(), unknown=len(parked))
        holds(law, dict(+wanted), dict(kinds))
        known = {one.id: (one.kind, one.event_id) for one in self.model.ledger.breaks}
        holds(law, known, {one["id"]: (one["break_kind"], one["event_id"]) for one in found})
        for one in found:
            state = self.model.ledger.state_of(one["id"])
            state["owner"] = state["owner"] or one["topic"].split(".")[1]
            resolution = state.pop("resolution") or ("taken in as " if not state["is_open"] else None)
            holds("a difference is looked after as it was said", state, one)
            holds("a difference is explained", bool(resolution), bool(one["resolution"]))

    def _holes(self) -> int:
        """How often records are missing in the bus, each time one or several of them in a row."""
        with closing(sqlite3.connect(self.world.home / BUS_FILE)) as bus:
            rows = bus.execute('SELECT topic, partition, "offset" FROM records ORDER BY 1, 2, 3').fetchall()
        next_ones: dict[tuple[str, int], int] = {}
        holes = 0
        for topic, partition, offset in rows:
            holes += offset > next_ones.get((topic, partition), 0)
            next_ones[topic, partition] = offset + 1
        return holes

    def _check_access(self) -> None:
        """Everybody has heard whose access ended, from the same moment on."""
        owned = dict(self.laws.rows("situation", "SELECT account, void_before FROM access"))
        for service in LISTENERS:
            heard = dict(self.laws.rows(service, "SELECT account, void_before FROM access"))
            holds("access that ended has ended everywhere", owned, heard)

    def _another_horizon(self) -> Horizon:
        today = self._today()
        days = (today - timedelta(days=2), BEGINNING.date(), today + timedelta(days=400), today - timedelta(days=40))
        return Horizon(days[self.world.calls % len(days)])

    def check_reports(self, horizon: Horizon, *reports: str) -> None:
        for report in reports:
            self._check_report(report, horizon, self.world.look("ledger", path_of(report, horizon)))

    def ask(self, report: str, horizon: Horizon) -> str:
        """Ask what was known at a moment, compare it with the model and remember it."""
        assert horizon.known_at
        reply = self.world.get("ledger", path_of(report, horizon))
        try:
            self.model.ledger.seal(horizon.known_at, self.world.now("ledger"))
        except Refused as refusal:
            holds("the future is not known", f"{refusal.status} {refusal.slug}", said(reply))
            return "not known yet"
        holds("what was known can be asked", "200", said(reply))
        self._check_report(report, horizon, reply.body)
        self.told.append(Told(path_of(report, horizon), horizon.known_at, reply.content))
        return "answered"

    def recall(self, told: Told) -> str:
        """Ask the same again, which has the same answer, also where the clock was set back since."""
        reply = self.world.get("ledger", told.path)
        holds(FOREVER, told.content.decode(), reply.content.decode())
        return "the same answer"

    def _check_report(self, report: str, horizon: Horizon, body: Any) -> None:
        law = f"the ledger reports what happened (as of {horizon.as_of}, known at {horizon.known_at})"
        rows, id_ = REPORTS[report]
        reporter = Reporter(self.model.ledger, horizon)
        wanted = {"execution": reporter.execution, "goods": reporter.goods, "people": reporter.people}[report]()
        found = {row[id_]: row for row in body[rows]}
        holds(law, sorted(wanted), sorted(found))
        holds(law, wanted, found)

    def _check_figures(self) -> None:
        """The entries of a figure add up to it."""
        today = self._today()
        rows = Reporter(self.model.ledger, Horizon(today)).execution()
        for id_ in list(rows)[:1]:
            for figure in ("current_appropriation", "committed", "expended"):
                path = f"/entries?budget_line_id={id_}&measure={figure}&as_of={today}"
                found = self.world.look("ledger", path)["sum"]
                holds("the entries of a figure add up to it", rows[id_][figure], found)

    def _check_trace(self) -> None:
        """From a payment one finds what came back of it, by the link between the two, and who did it for which body."""
        reversals = [
            fact for fact in self.model.book.facts["disbursement"] if fact.type == "disbursement.payment_reversed.v1"
        ]
        for id_, count in list(Counter(fact.data["reverses_payment_id"] for fact in reversals).items())[-2:]:
            events = self.world.look("ledger", f"/trace/{id_}?kind=payment")["events"]
            linked = [event for event in events if event["data"].get("reverses_payment_id") == id_]
            holds("a reversal is linked to what it reverses", count, len(linked))
            doers = {(fact.account, fact.body) for fact in reversals if fact.data["reverses_payment_id"] == id_}
            holds("a fact says who did it for whom", doers, {(one["account"], one["body_id"]) for one in linked})

    def _check_past_stock(self) -> None:
        """On no day was more set aside of a lot than had arrived by then and had not left."""
        facts = [fact for fact in self.model.book.facts["inventory"] if fact.type in STOCK_CHANGES]
        left: Counter[str] = Counter()
        for fact in sorted(facts, key=lambda fact: (fact.effective, STOCK_CHANGES[fact.type] < 0)):
            for line in fact.data.get("lines", [fact.data]):
                left[line["lot_id"]] += STOCK_CHANGES[fact.type] * line["quantity"]
                law = "no lot is overdrawn on any day, also not by what is recorded late"
                holds(law, True, left[line["lot_id"]] >= 0)

    def _check_owners(self) -> None:
        """Ledger, owners and model count the same of every line, lot and shift, and of what was dispatched."""
        found = {row["task_id"]: row for row in self.world.look("dispatch", "/summary")["items"]}
        wanted = {id_: self.model.people.summary(id_) for id_ in self.model.people.tasks}
        holds("the summary counts what happened", wanted, found)
        holds("the ledger counts what the owners count", [], self.miscounted())
        today = Horizon(self._today())
        items = self.world.look("inventory", f"/totals?as_of={today.as_of}")["items"]
        dispatched = {row["item_id"]: row["quantity"] for row in items}
        goods = Reporter(self.model.ledger, today).goods()
        sums = {id_: row["dispatched"] for id_, row in goods.items() if row["dispatched"]}
        holds("owner and ledger agree on what was dispatched", sums, dispatched)

    def miscounted(self) -> list[dict[str, Any]]:
        return compare_counts(self._owned(), list(self._pages("ledger", "/counts")))

    def _check_seals(self) -> None:
        for name in PUBLISHERS:
            service = self.world.service(name)
            with service.database.read() as tx:
                holds("no row is changed but by its owner", [], list(broken(tx, service.tables)))

    def _owned(self) -> Iterator[dict[str, Any]]:
        """What the owners count, each in its own words."""
        kinds = (
            ("disbursement", "budget_line", "budget_line_id", ("current_appropriation", "committed", "paid")),
            ("inventory", "receipt", "lot_id", ("on_hand", "reserved", "delivered")),
            ("dispatch", "shift", "shift_id", ("taken",)),
        )
        for service, kind, id_, measures in kinds:
            for row in self._pages(service, "/balances"):
                for measure in measures:
                    yield {"kind": kind, "id": row[id_], "measure": measure, "amount": row[measure]}

    def _pages(self, service: str, path: str) -> Iterator[dict[str, Any]]:
        after: int | None = 0
        while after is not None:
            page = self.world.look(service, f"{path}?limit=1000&after={after}")
            yield from page["items"]
            after = page["next"]

    def _check_reconciliation(self) -> None:
        as_of = self._today() + timedelta(days=2)
        report = self.world.look("ledger", f"/reconciliation?as_of={as_of}")
        kinds = Counter(finding["kind"] for finding in report["findings"])
        law = "the owner refuses what would break a limit, so the ledger finds no breach"
        never = dict.fromkeys(("limit_exceeded", "other_fiscal_year", "unknown_budget_line", "unknown_item"), 0)
        holds(law, never | {"break": len(self.model.ledger.breaks)}, {name: kinds[name] for name in (*never, "break")})
        reporter = Reporter(self.model.ledger, Horizon(as_of))
        found = {}
        for line in report["lines"]:
            amounts = {one["disaster_id"]: one["amount"] for one in line["by_disaster"]}
            unattributed = line["unattributed"]["amount"]
            found[line["line_id"]] = amounts | ({"": unattributed} if unattributed else {})
        wanted = reporter.expended_by_disaster()
        holds("every won spent belongs to its disaster", wanted, {id_: found.get(id_, {}) for id_ in wanted})
        names = {
            (finding["kind"].removeprefix("unknown_"), *(finding[name] for name in UNKNOWN))
            for finding in report["findings"]
            if set(UNKNOWN) <= set(finding)
        }
        holds("what nobody registered is named", sorted(reporter.unregistered()), sorted(names))
        for finding in report["findings"]:
            if finding["kind"] != "break":
                state = self.model.ledger.state_of(finding["id"])
                holds("a difference is looked after as it was said", state, finding)

    def _check_privacy(self) -> None:
        for body in self.laws.rows("ledger", "SELECT body FROM inbox_events"):
            check_nothing_personal("the ledger", body[0])
        for path in sorted(self.world.home.glob("*.db*")):
            check_nothing_personal(path.name, path.read_bytes())
        purged = "SELECT count(*) FROM sign_ups WHERE purged_at IS NOT NULL AND coalesce(name, phone, phone_hash) <> ''"
        holds("what is purged is gone", 0, self.laws.rows("dispatch", purged)[0][0])
        reveals = self.laws.rows("dispatch", "SELECT count(*) FROM reveals")[0][0]
        holds("whoever looks at personal data is logged", self.model.people.reveals, reveals)

    def check_proofs(self) -> None:
        """Chains, postings, notes and projections fit together, also with an anchor that was kept elsewhere."""
        if self.anchors:
            self.check_anchor(self.anchors[self.world.calls % len(self.anchors)])
        else:
            self._check_verified(self.world.look("ledger", "/verification"))

    def check_anchor(self, anchor: KeptAnchor) -> None:
        self._check_verified(self.world.check_anchor(anchor.content))

    def _check_verified(self, verified: Any) -> None:
        holds("everything that was written verifies", {"findings": [], "valid": True}, verified)


def path_of(report: str, horizon: Horizon) -> str:
    path = f"/{report}?as_of={horizon.as_of}"
    return path + (f"&known_at={quote(format_utc(horizon.known_at))}" if horizon.known_at else "")


def said(reply: Reply) -> str:
    return str(reply.status) if reply.slug is None else f"{reply.status} {reply.slug}"
