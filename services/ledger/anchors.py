"""Anchors: signed statements of where every chain stood, to be kept elsewhere.

Whoever can write to the ledger's database can rewrite a chain from any link on. An anchor that was taken out of the
house before cannot be rewritten with it: the chain it speaks of must still pass through the hashes it names.
"""

import base64
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from sqlalchemy.engine import Connection

from services.ledger.postings import hold_clock
from services.ledger.store import anchors, inbox, notes, postings
from shared.auth import private_key, public_key, verifying_key_of
from shared.bus import TopicPartition
from shared.chain import FIRST_HASH, number_of
from shared.clock import format_utc, seoul_date
from shared.events import canonical_json
from shared.refusals import Unknown

VERSION: Final = 1
Chains = Sequence[tuple[int, TopicPartition]]


class BadAnchor(Exception):
    """The file is not an anchor, or not one that this ledger's key signed; the message says why."""


class ChainHead(msgspec.Struct, frozen=True):
    chain: int
    topic: str
    partition: int
    sequence: int
    hash: str


class Numbered(msgspec.Struct, frozen=True):
    number: int
    hash: str


class Anchor(msgspec.Struct, frozen=True):
    """Where everything stood: the head of each chain, the newest posting and the newest note."""

    version: int
    number: int
    made_at: str
    chains: list[ChainHead]
    postings: Numbered
    notes: Numbered


class Signed(msgspec.Struct, frozen=True):
    """An anchor as it is handed out. The signature is over the canonical bytes of `anchor`."""

    anchor: Anchor
    key: str
    signature: str


def make(tx: Connection, key: str, now: datetime, chains: Chains) -> Signed:
    """Sign where everything stands, and keep it."""
    hold_clock(tx, now)
    numbers = {source: chain for chain, source in chains}
    heads = [
        ChainHead(numbers[TopicPartition(row.topic, row.partition)], row.topic, row.partition, row.sequence, row.hash)
        for row in tx.execute(sa.select(inbox.positions).order_by(inbox.positions.c.topic, inbox.positions.c.partition))
    ]
    number = (tx.execute(sa.select(sa.func.max(anchors.c.number))).scalar() or 0) + 1
    anchor = Anchor(VERSION, number, format_utc(now), heads, _newest(tx, postings), _newest(tx, notes))
    document = canonical_json(anchor)
    signature = base64.b64encode(private_key(key).sign(document)).decode()
    row = {"number": number, "made_at": now, "document": document, "signature": signature}
    tx.execute(sa.insert(anchors), row)
    return Signed(anchor, verifying_key_of(key), signature)


def make_daily(tx: Connection, key: str, now: datetime, chains: Chains) -> Signed | None:
    """One anchor a day in Korea, however many processes ask; none as long as there is nothing to anchor."""
    if not chains:
        return None
    newest = tx.execute(sa.select(sa.func.max(anchors.c.made_at))).scalar()
    if newest is not None and seoul_date(newest) >= seoul_date(now):
        return None
    return make(tx, key, now, chains)


def newest(tx: Connection, key: str) -> Signed:
    """Raises Unknown where none was made yet."""
    row = tx.execute(sa.select(anchors).order_by(anchors.c.number.desc()).limit(1)).first()
    if row is None:
        raise Unknown(kind="anchor", id="newest")
    return Signed(msgspec.json.decode(row.document, type=Anchor), verifying_key_of(key), row.signature)


def read(raw: bytes, key: str) -> Anchor:
    """The anchor in a file. `key` is the ledger's signing key. Raises BadAnchor."""
    try:
        signed = msgspec.json.decode(raw, type=Signed)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadAnchor(f"this is no anchor: {error}") from error
    if not is_signed(canonical_json(signed.anchor), signed.signature, verifying_key_of(key)):
        raise BadAnchor(f"anchor {signed.anchor.number} was not signed by this ledger, or was changed")
    return signed.anchor


def problems(tx: Connection, anchor: Anchor) -> Iterable[str]:
    """Where the ledger is not what the anchor says it was."""
    for head in anchor.chains:
        where = f"{head.topic}/{head.partition}"
        found = _link(tx, number_of(head.chain, head.sequence)) if head.sequence else FIRST_HASH
        if found is None:
            yield f"{where}: link {head.sequence} is gone; the chain was shortened or removed"
        elif found != head.hash:
            yield f"{where}: link {head.sequence} has another hash; the chain was rewritten"
    for name, table, then in (("posting", postings, anchor.postings), ("note", notes, anchor.notes)):
        now = tx.execute(_last_row(table).where(table.c.number == then.number)).scalar()
        if then.number and now != then.hash:
            yield f"{name} {then.number} {'is gone' if now is None else 'has another hash'}"


def kept_problems(tx: Connection, key: str) -> Iterable[tuple[int, str]]:
    """What is wrong with the anchors that are kept beside the chains they speak of, by number."""
    rows = tx.execute(sa.select(anchors).order_by(anchors.c.number)).all()
    for expected, row in enumerate(rows, start=1):
        document = bytes(row.document)
        if row.number != expected:
            yield row.number, f"anchor {expected} is missing"
            return
        if not is_signed(document, row.signature, verifying_key_of(key)):
            yield row.number, "its signature does not fit what it says"
            continue
        anchor = msgspec.json.decode(document, type=Anchor)
        if (anchor.number, anchor.made_at) != (row.number, format_utc(row.made_at)):
            yield row.number, "its number or its moment is not the one that was signed"
        yield from ((row.number, problem) for problem in problems(tx, anchor))


def is_signed(document: bytes, signature: str, verifying_key: str) -> bool:
    try:
        public_key(verifying_key).verify(base64.b64decode(signature, validate=True), document)
    except (InvalidSignature, ValueError):
        return False
    return True


def _newest(tx: Connection, table: sa.Table) -> Numbered:
    row = tx.execute(_last_row(table)).first()
    return Numbered(row.number, row.hash) if row else Numbered(0, FIRST_HASH)


def _last_row(table: sa.Table) -> sa.Select[Any]:
    newest_first = [column.desc() for column in table.primary_key.columns]  # a posting has a row for each of its chains
    return sa.select(table.c.hash, table.c.number).order_by(*newest_first).limit(1)


def _link(tx: Connection, number: int) -> str | None:
    """The hash of a link, be it an event or a break."""
    for table in (inbox.events, inbox.breaks):
        if found := tx.execute(sa.select(table.c.hash).where(table.c.number == number)).scalar():
            return str(found)
    return None
