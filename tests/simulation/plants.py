"""Known mistakes, planted into the running product from here: the simulator must find every one of them.

The product has no switch for any of this. A plant replaces a function for the time of a run.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final
from unittest import mock

import flask
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.disbursement import domain as spending_rules
from services.disbursement import store as money
from services.disbursement.operations import spending
from services.dispatch import store as seats
from services.dispatch.operations import sign_ups
from services.inventory import store as stock
from services.inventory.operations import stock as stock_operations
from services.ledger import operations as ledger
from services.ledger import store as journal
from shared import fields, http, idempotency, outbox, rows
from shared.changes import Change
from shared.db import insert_if_absent
from shared.events import Payload
from shared.inbox import Inbox, Received
from shared.outbox import Relay

Plant = Callable[[], contextlib.AbstractContextManager[Any]]


def no_outbox() -> contextlib.AbstractContextManager[Any]:
    """The event is written after its change was committed, in a transaction of its own."""
    append, in_one_transaction = outbox.append, http.in_one_transaction

    def remember(tx: Connection, *event: Any) -> None:
        flask.g.events_to_write = [*flask.g.get("events_to_write", []), event]

    def in_two_transactions(*arguments: Any) -> Any:
        response = in_one_transaction(*arguments)
        if events := flask.g.pop("events_to_write", []):
            with http.current_service().database.write() as tx:
                for event in events:
                    append(tx, *event)
        return response

    return patched((outbox, "append", remember), (http, "in_one_transaction", in_two_transactions))


def offset_before_effect() -> contextlib.AbstractContextManager[Any]:
    """The reader stores how far it is, and only then does what the events ask for."""
    take = Inbox.take

    def store_then_apply(self: Inbox, deliveries: Any, *positions: Any) -> Any:
        offsets = self.tables.offsets
        fresh = [one for one in deliveries if one.offset >= self.next_offsets().get(one.source, 0)]
        for one in fresh:
            here = {"topic": one.source.topic, "partition": one.source.partition}
            with self.database.write() as tx:
                tx.execute(insert_if_absent(tx.dialect.name, offsets), {**here, "next_offset": 0})
                row = sa.and_(*(offsets.c[name] == value for name, value in here.items()))
                tx.execute(sa.update(offsets).where(row).values(next_offset=one.offset + 1))
        with self.database.write() as tx:
            for one in fresh:
                self._apply_or_park(tx, self._without_duplicates(tx, self._readable(tx, [one])))
        return take(self, deliveries)

    return patched((Inbox, "take", store_then_apply))


def id_cursor_relay() -> contextlib.AbstractContextManager[Any]:
    """The relay publishes every row above the last one it published."""

    def above_the_last(self: Relay, limit: int) -> Any:
        events = self.outbox
        last = sa.select(sa.func.coalesce(sa.func.max(events.c.id), 0)).where(events.c.published_at.is_not(None))
        return sa.select(events).where(events.c.id > last.scalar_subquery()).order_by(events.c.id).limit(limit)

    return patched((Relay, "_unpublished", above_the_last))


def unguarded_read_modify_write() -> contextlib.AbstractContextManager[Any]:
    """What is committed of a line is read first, and written later without a look at what became of it."""
    in_one_transaction = http.in_one_transaction

    def read_first(*arguments: Any) -> Any:
        service = http.current_service()
        if service.name == "disbursement":
            with service.database.read() as tx:
                lines = money.budget_lines.c
                flask.g.lines_read = {row.id: row for row in tx.execute(sa.select(lines.id, lines.committed))}
        return in_one_transaction(*arguments)

    def write_later(tx: Connection, line_id: str, amount_won: int) -> bool:
        committed = flask.g.lines_read[line_id].committed + amount_won
        return tx.execute(money._change_line(sa.true(), committed=committed), {"line_id": line_id}).rowcount == 1

    return patched((http, "in_one_transaction", read_first), (money, "take_from_line", write_later))


def missing_dedupe() -> contextlib.AbstractContextManager[Any]:
    """Nobody looks whether an event came before."""

    def all_of_it(self: Inbox, tx: Connection, batch: list[Received]) -> list[Received]:
        return batch

    return patched((Inbox, "_without_duplicates", all_of_it))


def approval_by_proposer() -> contextlib.AbstractContextManager[Any]:
    """Who wrote a document may also review and approve it."""
    return patched((spending_rules, "check_untouched", lambda past, step, account: None))


def float_money() -> contextlib.AbstractContextManager[Any]:
    """A fraction of a won is taken, and cut off."""
    deserialize = fields.WholeNumber._deserialize

    def cut_off(self: Any, value: Any, *rest: Any, **options: Any) -> int:
        return deserialize(self, int(value) if isinstance(value, float) else value, *rest, **options)

    return patched((fields.WholeNumber, "_deserialize", cut_off))


def mutable_journal_entry() -> contextlib.AbstractContextManager[Any]:
    """A reversal corrects the entry of its payment instead of being posted beside it."""
    post = ledger.post

    def correct(tx: Connection, batch: list[Received]) -> None:
        post(tx, batch)
        lines, entries = journal.journal_lines, journal.journal_entries
        for received in batch:
            event = received.event
            if event.type == "disbursement.payment_reversed.v1":
                tx.execute(sa.text("DROP TRIGGER IF EXISTS journal_lines_no_update"))
                paid = sa.select(entries.c.event_id).where(
                    entries.c.subject == event.subject, entries.c.event_type == "disbursement.payment_made.v1"
                )
                cut = {"amount": sa.case((lines.c.amount > 0, lines.c.amount - 1), else_=lines.c.amount + 1)}
                tx.execute(sa.update(lines).where(lines.c.event_id.in_(paid)).values(**cut))

    return patched((ledger, "post", correct))


def lost_reversal_link() -> contextlib.AbstractContextManager[Any]:
    """Money comes back, and nothing says of which payment."""
    add_payment = spending._add_payment

    def without_link(*arguments: Any, reverses_payment_id: Any = None, **options: Any) -> None:
        add_payment(*arguments, **options)

    return patched((spending, "_add_payment", without_link))


def personal_data_in_event() -> contextlib.AbstractContextManager[Any]:
    """The event of a sign-up tells the phone number, so that somebody need not look it up."""
    sign_up, record = sign_ups.sign_up, Change.record

    def remember(change: Change, vault: Any, shift_id: str, **told: Any) -> Any:
        flask.g.phone = told["phone"]
        return sign_up(change, vault, shift_id, **told)

    def tell(self: Change, payload: Payload, **about: Any) -> str:
        if payload.TYPE == "dispatch.volunteer_applied.v1":
            told = {**payload.as_data(), "phone": flask.g.phone}
            payload = mock.Mock(TYPE=payload.TYPE, as_data=lambda: told)
        return record(self, payload, **about)

    return patched((sign_ups, "sign_up", remember), (Change, "record", tell))


def stock_counted_twice_after_resend() -> contextlib.AbstractContextManager[Any]:
    """A receipt that is sent again is added to the lot again."""
    insert_new, claim = rows.insert_new, idempotency.claim

    def forget(tx: Connection, table: sa.Table, **asked: Any) -> Any:
        before = claim(tx, table, **asked)
        return None if flask.request.path.endswith("/v1/receipts") else before

    def add(tx: Connection, table: sa.Table, kind: str, **values: Any) -> Any:
        lots, quantity = stock.lots, values.get("received", 0)
        more = {"received": lots.c.received + quantity, "on_hand": lots.c.on_hand + quantity}
        known = sa.update(lots).where(lots.c.id == values["id"]).values(**more).returning(lots)
        return (tx.execute(known).first() if table is lots else None) or insert_new(tx, table, kind, **values)

    return patched((idempotency, "claim", forget), (stock_operations, "insert_new", add))


def seat_freed_twice() -> contextlib.AbstractContextManager[Any]:
    """Cancelling a second time gives a second seat back."""
    cancel = sign_ups.cancel

    def free_again(change: Change, vault: Any, sign_up_id: str, **options: Any) -> Any:
        row = change.tx.execute(sa.select(seats.sign_ups).where(seats.sign_ups.c.id == sign_up_id)).first()
        told = cancel(change, vault, sign_up_id, **options)
        if row and row.state == "cancelled":
            seats.free_seat(change.tx, row.shift_id)
        return told

    return patched((sign_ups, "cancel", free_again))


PLANTS: Final[dict[str, Plant]] = {
    plant.__name__.replace("_", "-"): plant
    for plant in (
        no_outbox,
        offset_before_effect,
        id_cursor_relay,
        unguarded_read_modify_write,
        missing_dedupe,
        approval_by_proposer,
        float_money,
        mutable_journal_entry,
        lost_reversal_link,
        personal_data_in_event,
        stock_counted_twice_after_resend,
        seat_freed_twice,
    )
}


@contextlib.contextmanager
def patched(*replacements: tuple[Any, str, Any]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for owner, name, replacement in replacements:
            stack.enter_context(mock.patch.object(owner, name, replacement))
        yield


def planted(name: str) -> contextlib.AbstractContextManager[Any]:
    """The product with this mistake in it; none for an empty name."""
    return PLANTS[name]() if name else contextlib.nullcontext()
