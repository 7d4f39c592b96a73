"""What is done to the bus and to outboxes behind everybody's back."""

import json
import sqlite3
from contextlib import closing
from typing import Any, Final

from shared.bus import Record
from shared.bus.embedded import EmbeddedProducer
from shared.outbox import topic_of
from tests.simulation.actions import LateCommit, Lose, Poison, Republish
from tests.simulation.laws import Laws
from tests.simulation.model.core import Fact, day_in_korea
from tests.simulation.people import CITY
from tests.simulation.world import BUS_FILE, UNKNOWN_TYPE

UNFIT_TYPE: Final = "disbursement.fund_opened.v1"
OF_BREAK: Final = {"changed": "conflict", "unfit": "failed", "unknown": "unknown"}


class Saboteur:
    def __init__(self, laws: Laws) -> None:
        self.world = laws.world
        self.laws = laws
        self.forged = 0

    def republish(self, action: Republish) -> str:
        records = self._published(action.service)[-action.count :]
        self._append(action.service, records)
        return f"{len(records)} records come again"

    def poison(self, action: Poison) -> str:
        """Write a record nobody should have written."""
        published = self._published(action.service)
        if action.how == "unknown" and not self.laws.model.goods.items:
            return "nothing to write of"
        if action.how in ("unfit", "unknown"):
            key, value = self._forge(action)
            kind = OF_BREAK[action.how]
        else:
            key, body = published[-1 - action.nth % len(published)] if published else ("nobody", b"")
            changed: dict[str, Any] = {**json.loads(body), "correlationid": "somebody-else"} if body else {}
            values = {"half": body[: len(body) // 2], "noise": b"\xff\x00\x01", "empty": b""}
            value = json.dumps(changed).encode() if action.how == "changed" else values[action.how]
            kind = "conflict" if action.how == "changed" and published else "malformed"
        self._append(action.service, [(key, value)])
        if kind != "unknown":
            self.laws.breaks[kind] += 1
        return f"one {kind} record"

    def lose(self, action: Lose) -> str:
        """The bus loses an unread record. What stands behind it must not be about the same thing: it would overtake."""
        topic, stored = topic_of(action.service), self.laws.next_offsets()
        bus = sqlite3.connect(self.world.home / BUS_FILE, isolation_level=None)
        with closing(bus):
            query = 'SELECT partition, "offset", key, value FROM records WHERE topic = ?'
            rows = bus.execute(query, (topic,)).fetchall()
            for partition, offset, key, value in sorted(rows, key=lambda row: row[:2]):
                behind = [row[2] for row in rows if row[0] == partition and row[1] > offset]
                if offset < stored.get((topic, partition), 0) or not behind or key in behind:
                    continue
                here = (topic, partition, offset)
                bus.execute('DELETE FROM records WHERE topic = ? AND partition = ? AND "offset" = ?', here)
                self._append(action.service, [(key, value)])
                return "one is lost"
        return "nothing to lose"

    def commit_late(self, action: LateCommit) -> str:
        """A row that took its number early is not there yet while the relay publishes what comes after it."""
        query = (
            "SELECT * FROM outbox WHERE published_at IS NULL AND id < (SELECT max(id) FROM outbox)"
            " AND key NOT IN (SELECT key FROM outbox later WHERE later.id > outbox.id) ORDER BY id LIMIT 1"
        )
        connection = sqlite3.connect(self.world.home / f"dure_{action.service}.db", isolation_level=None)
        with closing(connection):
            row = connection.execute(query).fetchone()
            if row is None:
                return "nothing to come late"
            connection.execute("DELETE FROM outbox WHERE id = ?", row[:1])
            published = self.world.publish(action.service)
            connection.execute(f"INSERT INTO outbox VALUES ({', '.join('?' * len(row))})", row)
        return f"one comes late, {published} published before it"

    def _forge(self, action: Poison) -> tuple[str, bytes]:
        """An event of a type nobody knows, or of a known one without what it needs."""
        self.forged += 1
        unknown, now = action.how == "unknown", self.world.time.now
        type_, id_ = UNKNOWN_TYPE if unknown else UNFIT_TYPE, f"forged-{self.forged}"
        data, on = self._found(action.nth) if unknown else {}, day_in_korea(now)
        event = {
            "specversion": "1.0",
            "datacontenttype": "application/json",
            "source": "/dure/nobody",
            "id": id_,
            "type": type_,
            "subject": id_,
            "time": now.isoformat(),
            "effectivedate": on.isoformat(),
            "account": "nobody",
            "actingbody": CITY,
            "correlationid": "c",
            "causationid": None,
            "aggregateversion": 1,
            "data": data,
        }
        if unknown:
            self.laws.unknown[id_] = Fact(type_, id_, 1, on, now, "nobody", CITY, data)
        return id_, json.dumps(event).encode()

    def _found(self, nth: int) -> dict[str, Any]:
        """Goods of some item that nobody received."""
        items = list(self.laws.model.goods.items.items())
        item, known = items[nth % len(items)]
        return {"item_id": item, "lot_id": f"lot-of-nobody-{self.forged}", "unit": known.unit, "quantity": 3}

    def _published(self, service: str) -> list[tuple[str, bytes]]:
        query = "SELECT key, body FROM outbox WHERE published_at IS NOT NULL ORDER BY id"
        return [(row[0], row[1]) for row in self.laws.rows(service, query)]

    def _append(self, service: str, records: list[tuple[str, bytes]]) -> None:
        with closing(EmbeddedProducer(self.world.bus)) as producer:
            producer.send([Record(topic_of(service), key, value) for key, value in records])
