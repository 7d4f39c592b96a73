"""Idempotency-Key: a request that arrives twice counts once and gets the same answer.

Key, hash of the request and answer are kept in the service's database, in the transaction of the change
itself. A refused request leaves no trace, so it may be repeated once its cause is gone.
"""

import functools
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.db import UtcDateTime, insert_new
from shared.problems import RequestProblem

KEY_FORM: Final = re.compile(r"[\x21-\x7e]{1,128}")


def idempotency_table(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "idempotency",
        metadata,
        sa.Column("account", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("etag", sa.String(64)),
        sa.Column("body", sa.LargeBinary),
        sa.Column("recorded_at", UtcDateTime, nullable=False),
    )


@dataclass(frozen=True)
class Answer:
    status: int
    etag: str | None
    body: bytes


def check_key(key: str | None) -> str:
    if key is None:
        raise RequestProblem(
            "idempotency-key-missing",
            400,
            "Idempotency-Key is missing",
            "Send an Idempotency-Key of 1 to 128 visible characters, such as a UUID, so that a repeat counts once.",
        )
    if not KEY_FORM.fullmatch(key):
        raise RequestProblem(
            "idempotency-key-malformed",
            400,
            "Idempotency-Key is malformed",
            f"The Idempotency-Key has {len(key)} characters; 1 to 128 visible ASCII characters are allowed.",
        )
    return key


def claim(
    tx: Connection, table: sa.Table, *, account: str, key: str, request_hash: str, now: datetime
) -> Answer | None:
    """Take the key for this request; or, if it was used, the answer given then (None if it was not kept).

    A second request with the same key waits in the database until the first has committed or failed.
    Raises RequestProblem if the key was used for another request.
    """
    claimed = {"account": account, "key": key, "request_hash": request_hash, "recorded_at": now}
    if tx.execute(insert_new(tx.dialect.name, table), claimed).first():
        return None
    row = tx.execute(sa.select(table).where(_is_claimed_by(table)), {"of_account": account, "of_key": key}).one()
    if row.request_hash != request_hash:
        raise RequestProblem(
            "idempotency-key-reused",
            422,
            "Idempotency-Key was used for another request",
            f"The Idempotency-Key {key!r} belongs to a request with other content. Use a new key for a new request.",
        )
    return None if row.body is None else Answer(row.status, row.etag, bytes(row.body))


def keep(tx: Connection, table: sa.Table, *, account: str, key: str, answer: Answer) -> None:
    claimed_by = {"of_account": account, "of_key": key}
    tx.execute(_keep(table), {**claimed_by, "status": answer.status, "etag": answer.etag, "body": answer.body})


@functools.cache
def _keep(table: sa.Table) -> sa.Update:
    return sa.update(table).where(_is_claimed_by(table))


def _is_claimed_by(table: sa.Table) -> sa.ColumnElement[bool]:
    return (table.c.account == sa.bindparam("of_account")) & (table.c.key == sa.bindparam("of_key"))
