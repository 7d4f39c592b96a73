"""The laws of Dure as checks: those that must hold after every step, and what the ledger was seen to take in."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from typing import Any, Final

from shared.clock import format_utc
from tests.simulation.chooser_bodies import VOLUNTEERS
from tests.simulation.model import Fact, Model
from tests.simulation.model.ledger import Break
from tests.simulation.people import NEW_PASSWORD, PASSWORD
from tests.simulation.world import World

# Nothing of this may be read anywhere outside the requests themselves: volunteers, and passwords.
PHONES: Final = [form for phone in VOLUNTEERS.values() for form in (phone, phone.replace("-", ""))]
PERSONAL: Final = [word.encode() for word in ("면허-", *VOLUNTEERS, *PHONES, PASSWORD, NEW_PASSWORD)]


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
        self.facts: dict[str, Fact] = {}  # by the id of their event
        self.unknown: dict[str, Fact] = {}  # of a type that nobody knew when they were written
        self.breaks: Counter[str] = Counter()  # what was poisoned on purpose
        self.seen: Counter[str] = Counter()  # events of each service that were looked at
        self.newest: Counter[str] = Counter()  # the highest row looked at
        self.read_through = 0

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
        counters: dict[str, Callable[[], None]] = {
            "disbursement": self._check_money,
            "inventory": self._check_stock,
            "dispatch": self._check_seats,
            "situation": self._check_accounts,
        }
        if service in counters:
            self._check_outbox(service)
            counters[service]()

    def _check_outbox(self, service: str) -> None:
        law = "a change and its event commit together"
        query = "SELECT id, event_id, event_type, key, body FROM outbox WHERE id > ? ORDER BY id"
        rows = self.rows(service, query, self.newest[service])
        told = self.model.book.facts[service][self.seen[service] :]
        holds(law, [fact.type for fact in told], [row[2] for row in rows])
        for fact, (_, event_id, _, key, body) in zip(told, rows, strict=True):
            event = json.loads(body)
            holds(law, wanted_event(fact), {**event, "key": key})
            check_nothing_personal(f"event {fact.type}", body)
            self.facts[event_id] = fact
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

    def _check_accounts(self) -> None:
        found = {row[0]: row[1:] for row in self.rows("situation", "SELECT id, state, version FROM accounts")}
        accounts = self.model.access.accounts
        wanted = {id_: (account.state, account.version) for id_, account in accounts.items()}
        holds("an account is what was made of it", wanted, found)

    def next_offsets(self) -> dict[tuple[str, int], int]:
        """How far the ledger has read, by topic and partition."""
        query = "SELECT topic, partition, next_offset FROM inbox_positions"
        return {(topic, partition): offset for topic, partition, offset in self.rows("ledger", query)}

    def watch_ledger(self, now: datetime, *, one_by_one: bool = False) -> None:
        """See what the ledger took in by the step that was just taken; each step of reading is one posting."""
        ledger, newest = self.model.ledger, self.newest
        query = "SELECT rowid, event_id FROM inbox_events WHERE rowid > ? ORDER BY rowid"
        entries = self.rows("ledger", query, newest["inbox_events"])
        query = "SELECT rowid, number, kind, event_id FROM inbox_breaks WHERE rowid > ? ORDER BY rowid"
        breaks = self.rows("ledger", query, newest["inbox_breaks"])
        facts = [self._fact(event_id) for _, event_id in entries]
        read_through = sum(self.next_offsets().values())
        if read_through != self.read_through:
            ledger.post(now, facts)
        elif one_by_one:
            for fact in facts:
                ledger.post(now, [fact])
        ledger.breaks += [Break(str(number), kind, event_id) for _, number, kind, event_id in breaks]
        newest["inbox_events"] = entries[-1][0] if entries else newest["inbox_events"]
        newest["inbox_breaks"] = breaks[-1][0] if breaks else newest["inbox_breaks"]
        self.read_through = read_through

    def _fact(self, event_id: str) -> Fact:
        fact = self.facts.get(event_id) or self.unknown.get(event_id)
        if fact is None:
            raise Broken("every event reaches the ledger, and its effect happens once", f"nobody told {event_id}")
        return fact

    def start_from_here(self) -> None:
        """What stands in the ledger now was seen before: it comes from the world's beginning, or from a backup."""
        for table in ("inbox_events", "inbox_breaks"):
            self.newest[table] = self.rows("ledger", f"SELECT coalesce(max(rowid), 0) FROM {table}")[0][0]
        self.read_through = sum(self.next_offsets().values())


def wanted_event(fact: Fact) -> dict[str, Any]:
    return {
        "key": fact.subject,
        "subject": fact.subject,
        "aggregateversion": fact.version,
        "effectivedate": fact.effective.isoformat(),
        "time": format_utc(fact.recorded),
        "account": fact.account,
        "actingbody": fact.body,
        "data": fact.data,
    }


def check_nothing_personal(where: str, content: bytes) -> None:
    """Raises Broken."""
    for word in PERSONAL:
        if word in content:
            raise Broken("personal data stays home, and is encrypted there", f"{where} holds {word.decode()!r}")
