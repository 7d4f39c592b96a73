"""The laws of Dure as checks: cheap ones after every step, all of them once everything is published and read."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import quote

from services.ledger.reconciliation import compare_totals
from services.ledger.verification import check_rebuild, rebuild
from shared.clock import format_utc
from shared.outbox import ControlTotal, control_totals
from tests.simulation.chooser_bodies import PEOPLE
from tests.simulation.model import Fact, Model
from tests.simulation.model import reports as expected
from tests.simulation.model.core import day_in_korea
from tests.simulation.model.reports import Horizon
from tests.simulation.world import MODULES, PUBLISHERS, World

# Nothing of this may be read anywhere outside the requests themselves.
PERSONAL: Final = (*PEOPLE, *PEOPLE.values(), *(phone.replace("-", "") for phone in PEOPLE.values()), "면허-")

STOCK_CHANGES: Final = {
    "inventory.stock_received.v1": 1,
    "inventory.shipment_reserved.v1": -1,
    "inventory.shipment_cancelled.v1": 1,
}


class Broken(Exception):
    """A law does not hold: which one, and what was found."""

    def __init__(self, law: str, found: str) -> None:
        super().__init__(f"{law}: {found}")
        self.law = law
        self.found = found


def holds(law: str, wanted: Any, actual: Any) -> None:
    """Every part of `wanted` must stand in `actual`. Raises Broken."""
    if (difference := next(differences(wanted, actual), None)) is not None:
        raise Broken(law, difference)


def differences(wanted: Any, actual: Any, where: str = "") -> Iterator[str]:
    """Where `actual` is not what is wanted; members of objects that are not asked for do not count."""
    if isinstance(wanted, dict) and isinstance(actual, dict):
        for name, value in wanted.items():
            yield from differences(value, actual.get(name, "missing"), f"{where}.{name}".lstrip("."))
    elif isinstance(wanted, list) and isinstance(actual, list) and len(wanted) == len(actual):
        for number, (value, found) in enumerate(zip(wanted, actual, strict=True)):
            yield from differences(value, found, f"{where}[{number}]")
    elif wanted != actual or type(wanted) is not type(actual):
        yield f"{where or 'value'} should be {wanted!r} and is {actual!r}"


class Laws:
    def __init__(self, world: World, model: Model) -> None:
        self.world = world
        self.model = model
        self.connections: dict[str, sqlite3.Connection] = {}
        self.seen: Counter[str] = Counter()  # events of each service that were looked at
        self.newest: Counter[str] = Counter()  # the highest row number looked at
        self.breaks: Counter[str] = Counter()  # what was poisoned on purpose

    def close(self) -> None:
        for part in list(self.connections):
            self.let_go(part)

    def let_go(self, part: str) -> None:
        """Do not hold the files of a part open."""
        if part in self.connections:
            self.connections.pop(part).close()

    def rows(self, service: str, query: str, *values: Any) -> list[Any]:
        if service not in self.connections:
            self.connections[service] = sqlite3.connect(self.world.home / f"dure_{service}.db")
        with closing(self.connections[service].cursor()) as cursor:
            return cursor.execute(query, values).fetchall()

    def after_step(self, service: str) -> None:
        """What must hold at once, in the service that was just spoken to."""
        self._check_outbox(service)
        counters: dict[str, Callable[[], None]] = {
            "disbursement": self._check_money,
            "inventory": self._check_stock,
            "dispatch": self._check_seats,
        }
        if service in counters:
            counters[service]()

    def _check_outbox(self, service: str) -> None:
        law = "a change and its event commit together"
        query = "SELECT id, event_type, key, body FROM outbox WHERE id > ? ORDER BY id"
        rows = self.rows(service, query, self.newest[service])
        told = self.model.book.facts[service][self.seen[service] :]
        holds(law, [fact.type for fact in told], [row[1] for row in rows])
        for fact, (_, _, key, body) in zip(told, rows, strict=True):
            event = json.loads(body)
            holds(law, wanted_event(fact), {**event, "key": key})
            check_nothing_personal(f"event {fact.type}", body.decode())
        self.seen[service] += len(rows)
        self.newest[service] = rows[-1][0] if rows else self.newest[service]

    def _check_money(self) -> None:
        query = "SELECT id, current_appropriation, committed, paid, version FROM budget_lines"
        found = {row[0]: row[1:] for row in self.rows("disbursement", query)}
        wanted = {id_: line.counters() for id_, line in self.model.money.lines.items()}
        holds("every won of a line is taken once", wanted, found)

    def _check_stock(self) -> None:
        found = {row[0]: row[1:] for row in self.rows("inventory", "SELECT id, on_hand, reserved, version FROM lots")}
        lots = self.model.goods.lots
        wanted = {id_: (lot.on_hand, lot.reserved, lot.version) for id_, lot in lots.items()}
        holds("every unit of a lot is taken once", wanted, found)
        asked = {row[0]: row[1:] for row in self.rows("inventory", "SELECT id, shipped_quantity, state FROM requests")}
        requests = {id_: (one.shipped, one.state) for id_, one in self.model.goods.requests.items()}
        holds("a request counts what was shipped for it", requests, asked)

    def _check_seats(self) -> None:
        found = {row[0]: row[1:] for row in self.rows("dispatch", "SELECT id, taken, version FROM shifts")}
        shifts = self.model.people.shifts
        wanted = {id_: (shift.taken, shift.version) for id_, shift in shifts.items()}
        holds("every seat is taken and given back once", wanted, found)

    def after_settling(self) -> None:
        """What must hold once everything is published and read."""
        for service in PUBLISHERS:
            self.after_step(service)
        self._check_delivery()
        for horizon in self._horizons():
            self.check_reports(horizon)
        self._check_figures()
        self._check_trace()
        self._check_past_stock()
        self._check_summaries()
        verified = self.world.look("ledger", "/verification")
        holds("the hash chain verifies", {"valid": True, "first_broken": None}, verified)
        with self.world.service("ledger").database.read() as tx:
            holds("a rebuild finds no drift", [], check_rebuild(tx)["drift"])
        self._check_reconciliation()
        self._check_privacy()

    def at_the_end(self) -> None:
        """What changes nothing although it touches everything."""
        today = Horizon(day_in_korea(self.world.time.now))
        with self.world.service("ledger").database.write() as tx:
            rebuild(tx)
        self.world.flush()
        self.check_reports(today)
        for table in ("journal_entries", "journal_lines", "inbox_events"):
            try:
                self.rows("ledger", f"UPDATE {table} SET event_id = event_id")
            except sqlite3.IntegrityError:
                self.connections["ledger"].rollback()
                continue
            if self.rows("ledger", f"SELECT 1 FROM {table}"):
                raise Broken("the journal is append-only", f"{table} let itself be updated")

    def _check_delivery(self) -> None:
        law = "every event reaches the ledger, and its effect happens once"
        sent: list[str] = []
        for service in PUBLISHERS:
            late = self.rows(service, "SELECT count(*) FROM outbox WHERE published_at IS NULL")[0][0]
            holds(law, {"unpublished": 0}, {"unpublished": late})
            sent += [row[0] for row in self.rows(service, "SELECT event_id FROM outbox")]
        received = Counter(row[0] for row in self.rows("ledger", "SELECT event_id FROM inbox_events"))
        counts = {"missing": len(set(sent) - set(received)), "unknown": len(set(received) - set(sent))}
        holds(law, {"missing": 0, "unknown": 0, "twice": 0}, {**counts, "twice": len(sent) - len(set(sent))})
        breaks = Counter(row[0] for row in self.rows("ledger", "SELECT kind FROM inbox_breaks"))
        holds("only what is broken is parked, and named", dict(+self.breaks), dict(breaks))
        totals = {name: self._totals(name) for name in MODULES}
        published = [total for name in PUBLISHERS for total in totals[name]]
        differing = [row for row in compare_totals(published, totals["ledger"]) if not row["agrees"]]
        holds("control totals agree", [], differing)

    def _totals(self, name: str) -> list[ControlTotal]:
        service = self.world.service(name)
        facts = service.inbox.events if service.inbox else service.outbox
        assert facts is not None
        with service.database.read() as tx:
            return control_totals(tx, facts)

    def _horizons(self) -> list[Horizon]:
        today = day_in_korea(self.world.time.now)
        other = (today - timedelta(days=2), date(2025, 3, 22), today + timedelta(days=400))[self.world.calls % 3]
        facts = sorted((fact.recorded for told in self.model.book.facts.values() for fact in told), key=format_utc)
        moments = [facts[len(facts) // 2]] if facts else []
        return [Horizon(today), Horizon(other), *(Horizon(today, moment) for moment in moments)]

    def check_reports(self, horizon: Horizon) -> None:
        law = f"the ledger reports what happened (as of {horizon.as_of})"
        query = f"?as_of={horizon.as_of}"
        if horizon.known_at:
            query += f"&known_at={quote(format_utc(horizon.known_at))}"
        reports: dict[str, tuple[dict[str, Any], str, str]] = {
            "/execution": (expected.execution(self.model, horizon), "rows", "line_id"),
            "/goods": (expected.goods(self.model, horizon), "items", "item_id"),
            "/people": (expected.people(self.model, horizon), "items", "task_id"),
        }
        for path, (wanted, rows, id_) in reports.items():
            found = {row[id_]: row for row in self.world.look("ledger", path + query)[rows]}
            holds(law, sorted(wanted), sorted(found))
            holds(law, wanted, found)

    def _check_figures(self) -> None:
        """The entries of a figure add up to it."""
        today = day_in_korea(self.world.time.now)
        rows = expected.execution(self.model, Horizon(today))
        for id_ in list(rows)[:2]:
            for figure in ("current_appropriation", "committed", "expended"):
                path = f"/entries?budget_line_id={id_}&measure={figure}&as_of={today}"
                found = self.world.look("ledger", path)["sum"]
                holds("the entries of a figure add up to it", rows[id_][figure], found)

    def _check_trace(self) -> None:
        """From a payment one finds what came back of it, by the link between the two."""
        reversals = Counter(
            fact.data["reverses_payment_id"]
            for fact in self.model.book.facts["disbursement"]
            if fact.type == "disbursement.payment_reversed.v1"
        )
        for id_, count in list(reversals.items())[-2:]:
            events = self.world.look("ledger", f"/trace/{id_}")["events"]
            linked = [event for event in events if event["data"].get("reverses_payment_id") == id_]
            holds("a reversal is linked to what it reverses", count, len(linked))

    def _check_past_stock(self) -> None:
        """On no day was more set aside of a lot than had arrived by then and had not left."""
        facts = [fact for fact in self.model.book.facts["inventory"] if fact.type in STOCK_CHANGES]
        left: Counter[str] = Counter()
        for fact in sorted(facts, key=lambda fact: (fact.effective, STOCK_CHANGES[fact.type] < 0)):
            for line in fact.data.get("lines", [fact.data]):
                left[line["lot_id"]] += STOCK_CHANGES[fact.type] * line["quantity"]
                law = "no lot is overdrawn on any day, also not by what is recorded late"
                holds(law, True, left[line["lot_id"]] >= 0)

    def _check_summaries(self) -> None:
        found = {row["task_id"]: row for row in self.world.look("dispatch", "/summary")["items"]}
        wanted = {id_: self.model.people.summary(id_) for id_ in self.model.people.tasks}
        holds("the summary counts what happened", wanted, found)
        today = Horizon(day_in_korea(self.world.time.now))
        items = self.world.look("inventory", f"/totals?as_of={today.as_of}")["items"]
        dispatched = {row["item_id"]: row["quantity"] for row in items}
        sums = {id_: row["dispatched"] for id_, row in expected.goods(self.model, today).items() if row["dispatched"]}
        holds("owner and ledger agree on what was dispatched", sums, dispatched)

    def _check_reconciliation(self) -> None:
        today = day_in_korea(self.world.time.now) + timedelta(days=2)
        report = self.world.look("ledger", f"/reconciliation?as_of={today}")
        kinds = Counter(finding["kind"] for finding in report["findings"])
        law = "the owner refuses what would break a limit, so the ledger finds no breach"
        parked = {"limit_exceeded": 0, "unknown_budget_line": 0, "break": self.breaks.total()}
        holds(law, parked, {name: kinds[name] for name in parked})
        found = {}
        for line in report["lines"]:
            amounts = {one["disaster_id"]: one["amount"] for one in line["by_disaster"]}
            found[line["line_id"]] = amounts | {"": line["unattributed"]["amount"]}
        wanted = expected.expended_by_disaster(self.model, today)
        holds("every won spent belongs to its disaster", wanted, found)

    def _check_privacy(self) -> None:
        for body in self.rows("ledger", "SELECT body FROM inbox_events"):
            check_nothing_personal("the ledger", body[0].decode())
        for path in sorted(self.world.home.glob("*.db*")):
            check_nothing_personal(path.name, path.read_bytes().decode("utf-8", errors="replace"))
        purged = "SELECT count(*) FROM sign_ups WHERE purged_at IS NOT NULL AND coalesce(name, phone, phone_hash) <> ''"
        holds("what is purged is gone", 0, self.rows("dispatch", purged)[0][0])
        reveals = self.rows("dispatch", "SELECT count(*) FROM reveals")[0][0]
        holds("whoever looks at personal data is logged", self.model.people.reveals, reveals)


def wanted_event(fact: Fact) -> dict[str, Any]:
    return {
        "key": fact.subject,
        "subject": fact.subject,
        "aggregateversion": fact.version,
        "effectivedate": fact.effective.isoformat(),
        "time": format_utc(fact.recorded),
        "data": fact.data,
    }


def check_nothing_personal(where: str, text: str) -> None:
    """Raises Broken."""
    for word in PERSONAL:
        if word in text:
            raise Broken("personal data stays home, and is encrypted there", f"{where} holds {word!r}")
