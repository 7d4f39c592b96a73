"""Known mistakes, planted into the running product from here: the simulator must find every one of them.

The product has no switch for any of this. A plant replaces a function for the time of a run.
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, Final
from unittest import mock

import flask
import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.disbursement import domain as spending_rules
from services.disbursement import store as money
from services.disbursement.operations import spending
from services.dispatch import store as seats
from services.dispatch.events import VolunteerApplied
from services.dispatch.operations import sign_ups
from services.dispatch.operations import tasks as task_operations
from services.inventory import store as stock
from services.inventory.operations import stock as stock_operations
from services.ledger import differences, names, postings
from services.ledger import operations as ledger
from services.ledger import store as journal
from shared import access, fields, http, idempotency, outbox, rows
from shared.changes import Change
from shared.events import Payload
from shared.inbox import BreakKind, Inbox, Taking
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
    take, standing = Inbox.take, Inbox.standing

    def store_then_apply(self: Inbox, deliveries: Any, positions: Any = None) -> Any:
        positions_of = self.tables.positions
        with self.database.write() as tx:
            before = {one.source: standing(self, tx, one.source) for one in deliveries}
            for one in deliveries:
                here = (positions_of.c.topic == one.topic) & (positions_of.c.partition == one.partition)
                moved = sa.update(positions_of).where(here, positions_of.c.next_offset <= one.offset)
                tx.execute(moved.values(next_offset=one.offset + 1))
        with patched((Inbox, "standing", lambda self, tx, source: before[source])):
            return take(self, deliveries, positions)

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
    return patched((Inbox, "_known", lambda self, tx, ids: {}))


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
    """A reversal also corrects the entry of its payment, by a won."""
    store = Inbox.store

    def correct(self: Inbox, tx: Connection, takings: Any, accepted: Any) -> None:
        store(self, tx, takings, accepted)
        lines, events = journal.journal_lines, journal.inbox.events
        for one in [one for taking in takings for one in taking.accepted]:
            if one.event_type == "disbursement.payment_reversed.v1":
                tx.execute(sa.text("DROP TRIGGER IF EXISTS journal_lines_no_update"))
                paid = sa.select(events.c.number).where(
                    events.c.subject == one.subject, events.c.event_type == "disbursement.payment_made.v1"
                )
                cut = {"amount": sa.case((lines.c.amount > 0, lines.c.amount - 1), else_=lines.c.amount + 1)}
                tx.execute(sa.update(lines).where(lines.c.number.in_(paid)).values(**cut))

    return patched((Inbox, "store", correct))


def lost_reversal_link() -> contextlib.AbstractContextManager[Any]:
    """Money comes back, and nothing says of which payment."""
    add_payment = spending._add_payment

    def without_link(*arguments: Any, reverses_payment_id: Any = None, **options: Any) -> None:
        add_payment(*arguments, **options)

    return patched((spending, "_add_payment", without_link))


class TellingVolunteer(VolunteerApplied, frozen=True, kw_only=True):
    phone: str


def personal_data_in_event() -> contextlib.AbstractContextManager[Any]:
    """The event of a sign-up tells the phone number, so that somebody need not look it up."""
    sign_up, record = sign_ups.sign_up, Change.record

    def remember(change: Change, vault: Any, shift_id: str, **told: Any) -> Any:
        flask.g.phone = told["phone"]
        return sign_up(change, vault, shift_id, **told)

    def tell(self: Change, payload: Payload, **about: Any) -> str:
        if isinstance(payload, VolunteerApplied):
            payload = TellingVolunteer(**msgspec.structs.asdict(payload), phone=flask.g.phone)
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


def scope_left_out() -> contextlib.AbstractContextManager[Any]:
    """Whoever manages volunteers of some body may change the tasks of every body."""

    def any_body(change: Change, task_id: str) -> Any:
        task = rows.get(change.tx, seats.tasks, "task", task_id, lock=True)
        change.body_id = task.body_id
        return task

    return patched((task_operations, "_held", any_body))


def posted_by_the_clock_of_the_source() -> contextlib.AbstractContextManager[Any]:
    """An event counts as known since its source recorded it, however late it came."""
    add_postings, hold_clock = postings.add_postings, postings.hold_clock

    def by_the_source(tx: Connection, takings: Any, now: Any) -> int:
        told = [one.recorded_at for taking in takings for one in taking.accepted]
        moment = min([now, *told])

        def set_back(tx: Connection, now: Any) -> Any:
            row = hold_clock(tx, now)
            return mock.Mock(number=row.number, hash=row.hash, sealed_at=moment - postings.TICK)

        with patched((postings, "hold_clock", set_back)):
            return add_postings(tx, takings, moment)

    return patched((ledger, "add_postings", by_the_source))


def vanishing_break() -> contextlib.AbstractContextManager[Any]:
    """A break that somebody explained is not listed any more."""
    breaks = differences.breaks
    return patched((differences, "breaks", lambda tx: [one for one in breaks(tx) if one["is_open"]]))


def unnoticed_conflict() -> contextlib.AbstractContextManager[Any]:
    """A known event that comes with other content is passed over as if it were the same."""
    park = Taking.park

    def pass_over(self: Taking, delivery: Any, kind: BreakKind, *rest: Any) -> None:
        if kind is not BreakKind.CONFLICT:
            park(self, delivery, kind, *rest)

    return patched((Taking, "park", pass_over))


def renamed_history() -> contextlib.AbstractContextManager[Any]:
    """Reports of every day use the newest name."""
    on = names._on
    return patched((names, "_on", lambda rows, _day: on(rows, date.max)))


def endless_access() -> contextlib.AbstractContextManager[Any]:
    """What situation tells of access that ended is heard by nobody."""
    return patched((access, "_access_ended", lambda raw: None))


def unchecked_access() -> contextlib.AbstractContextManager[Any]:
    """Nobody looks whether the access of whoever asks has ended."""
    return patched((access.AccessList, "check", lambda self, actor: None))


def spending_in_another_year() -> contextlib.AbstractContextManager[Any]:
    """Money of last year's line is spent this year."""
    return patched((spending_rules, "MOVES_MONEY", frozenset()))


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
        scope_left_out,
        posted_by_the_clock_of_the_source,
        vanishing_break,
        unnoticed_conflict,
        renamed_history,
        endless_access,
        unchecked_access,
        spending_in_another_year,
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
