"""Proof that nothing was changed: every chain, every posting, note and anchor, the guards, and all made of them."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.ledger import anchors, guards, rebuilding, store
from services.ledger.anchors import Anchor
from services.ledger.differences import note_hash
from services.ledger.domain import Line, imbalance
from services.ledger.postings import CLOCK_ROW, posting_hash
from services.ledger.store import inbox
from shared.bus import TopicPartition
from shared.chain import FIRST_HASH, LONGEST_CHAIN, Head, link_hash, number_of, place_of
from shared.events import content_hash
from shared.inbox import accepted_content, break_content

BATCH: Final = 1000
MOST_FINDINGS: Final = 100


class Finding(NamedTuple):
    """What does not fit, and in which row of which table it was seen."""

    table: str
    row: str
    reason: str


def verify(
    tx: Connection, anchor_key: str, chains: Sequence[tuple[int, TopicPartition]], anchor: Anchor | None = None
) -> dict[str, Any]:
    """Recompute everything that can be recomputed. `findings` names each row that does not fit, the first hundred.

    `chains` are all chains there may be; `anchor` is one that was kept elsewhere.
    """
    counted: list[dict[str, Any]] = []
    found: list[Finding] = []
    for chain, source in chains:
        head, problems = check_chain(tx, chain, source)
        found += problems
        if head.sequence:
            counted.append({"chain": f"{source.topic}/{source.partition}", "links": head.sequence, "head": head.hash})
    found += outside_chains(tx, [chain for chain, _ in chains])
    found += check_postings(tx, dict(chains))
    found += check_notes(tx)
    found += [Finding("anchors", str(number), reason) for number, reason in anchors.kept_problems(tx, anchor_key)]
    if anchor is not None:
        found += [Finding("anchor", str(anchor.number), reason) for reason in anchors.problems(tx, anchor)]
    found += [Finding("guards", name, "the guard is missing or not what it was") for name in guards.missing(tx)]
    found += [Finding(*drift) for drift in rebuilding.drifts(tx)]
    links = sum(chain["links"] for chain in counted)
    findings = [one._asdict() for one in found[:MOST_FINDINGS]]
    return {"links": links, "chains": counted, "valid": not found, "findings": findings, "found": len(found)}


def check_chain(tx: Connection, chain: int, source: TopicPartition) -> tuple[Head, list[Finding]]:
    """Walk a chain from its first link; return where it ends and what does not fit."""
    head, found = Head(), []
    for link in links_of(tx, chain):
        problem = link.problem(head, source)
        if problem:
            found.append(Finding(link.table, str(link.row.number), problem))
        head = Head(place_of(link.row.number)[1], link.row.hash)
    positions = inbox.positions
    here = (positions.c.topic == source.topic) & (positions.c.partition == source.partition)
    stored = tx.execute(sa.select(positions.c.sequence, positions.c.hash).where(here)).first() or Head()
    if tuple(stored) != tuple(head):
        reason = f"link {stored[0]} is recorded as the newest, the chain ends at link {head.sequence}"
        found.append(Finding("inbox_positions", f"{source.topic}/{source.partition}", reason))
    return head, found


class Link(NamedTuple):
    """A row that is a link of a chain: an accepted event with its lines, or a break."""

    table: str
    row: sa.Row[Any]
    content: tuple[Any, ...]
    lines: Sequence[Line] = ()

    def problem(self, before: Head, source: TopicPartition) -> str | None:
        row, sequence = self.row, place_of(self.row.number)[1]
        if sequence != before.sequence + 1:
            return f"link {before.sequence + 1} is missing"
        if (row.topic, row.partition) != (source.topic, source.partition):
            return "it names another partition than its number"
        try:
            digest = link_hash(row.hash_version, sequence, before.hash, self.content)
        except ValueError as error:
            return str(error)
        if digest != row.hash:
            return "its content and the link before do not give its hash"
        return self._problem_of_event() if self.table == inbox.events.name else None

    def _problem_of_event(self) -> str | None:
        if content_hash(bytes(self.row.body)) != self.row.content_hash:
            return "the event's bytes were changed"
        return "its lines do not balance" if imbalance(self.lines) else None


def links_of(tx: Connection, chain: int) -> Iterator[Link]:
    """Events and breaks of a chain in one order."""
    return heapq.merge(_events_of(tx, chain), _breaks_of(tx, chain), key=attrgetter("row.number"))


def _events_of(tx: Connection, chain: int) -> Iterator[Link]:
    for rows in rebuilding.batches(tx, inbox.events, chain):
        lines = store.lines_of(tx, [row.number for row in rows])
        for row in rows:
            of_row = lines[row.number]
            yield Link(inbox.events.name, row, accepted_content(row, of_row), of_row)


def _breaks_of(tx: Connection, chain: int) -> Iterator[Link]:
    for rows in rebuilding.batches(tx, inbox.breaks, chain):
        for row in rows:
            yield Link(inbox.breaks.name, row, break_content(row))


def outside_chains(tx: Connection, chains: Sequence[int]) -> Iterator[Finding]:
    """Rows that belong to no chain there may be, and lines that belong to no entry."""
    for table in (inbox.events, inbox.breaks):
        inside = [table.c.number.between(number_of(chain, 1), number_of(chain, LONGEST_CHAIN)) for chain in chains]
        for number in tx.execute(
            sa.select(table.c.number).where(~sa.or_(sa.false(), *inside)).limit(MOST_FINDINGS)
        ).scalars():
            yield Finding(table.name, str(number), "it stands outside every chain")
    lines, events = store.journal_lines, inbox.events
    orphans = sa.select(lines.c.number).outerjoin(events, events.c.number == lines.c.number)
    for number in tx.execute(orphans.where(events.c.number.is_(None)).distinct().limit(MOST_FINDINGS)).scalars():
        yield Finding(lines.name, str(number), "a line without its entry")
    misplaced = sa.select(lines.c.number).join(events, events.c.number == lines.c.number)
    beyond = (lines.c.position < 0) | (lines.c.position >= events.c.line_count)
    for number in tx.execute(misplaced.where(beyond).distinct().limit(MOST_FINDINGS)).scalars():
        yield Finding(lines.name, str(number), "a line that is not in its place")


def check_postings(tx: Connection, chains: dict[int, TopicPartition]) -> Iterator[Finding]:
    """The chain of postings, and positions and clock against its newest."""
    number, previous, moment = 0, FIRST_HASH, None
    stands: dict[int, Any] = {}
    for row in tx.execute(
        sa.select(store.postings).order_by(store.postings.c.number, store.postings.c.chain)
    ).mappings():
        before, where = stands.get(row["chain"]), f"{row['number']}/{row['chain']}"
        if row["number"] not in (number, number + 1):
            yield Finding("postings", str(number + 1), "it is missing")
        elif _hash(posting_hash, row, previous) != row["hash"]:
            yield Finding("postings", where, "its content and the row before do not give its hash")
        elif (moment and row["posted_at"] < moment) or (before and row["next_offset"] < before["next_offset"]):
            yield Finding("postings", where, "it goes back in time or in its partition")
        number, previous, moment = row["number"], row["hash"], row["posted_at"]
        stands[row["chain"]] = row
    clock = tx.execute(sa.select(store.posting_clock)).all()
    stand = [(row.id, row.number, row.hash, moment is None or row.sealed_at >= moment) for row in clock]
    if stand != [(CLOCK_ROW, number, previous, True)] and (stand or number):
        yield Finding("posting_clock", str(CLOCK_ROW), "it does not stand at the newest posting")
    positions = {(at.topic, at.partition): at for at in tx.execute(sa.select(inbox.positions))}
    for chain, source in chains.items():
        at = positions.pop((source.topic, source.partition), None)
        stored = (at.next_offset, at.sequence, at.hash) if at else (0, 0, FIRST_HASH)
        last = stands.get(chain)
        posted = (last["next_offset"], last["through_sequence"], last["chain_hash"]) if last else (0, 0, FIRST_HASH)
        if stored != posted:
            yield Finding("inbox_positions", f"{source.topic}/{source.partition}", "it is not where the postings end")
    for topic, partition in positions:
        yield Finding("inbox_positions", f"{topic}/{partition}", "nobody knows this partition")


def check_notes(tx: Connection) -> Iterator[Finding]:
    number, previous = 0, FIRST_HASH
    for row in tx.execute(sa.select(store.notes).order_by(store.notes.c.number)).mappings():
        if row["number"] != number + 1:
            yield Finding("notes", str(number + 1), "it is missing")
        elif _hash(note_hash, row, previous) != row["hash"]:
            yield Finding("notes", str(row["number"]), "its content and the note before do not give its hash")
        number, previous = row["number"], row["hash"]


def _hash(of_row: Callable[[Any, str], str], row: Any, previous: str) -> str | None:
    """The hash a row should have; None for a version that this code does not know."""
    try:
        return of_row(row, previous)
    except ValueError:
        return None
