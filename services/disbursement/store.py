"""Tables and queries of disbursement. Amounts are whole won in BIGINT columns."""

from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.access import access_table
from shared.db import RowNumber, UtcDateTime, add_to
from shared.idempotency import idempotency_table
from shared.outbox import outbox_table
from shared.rows import one
from shared.seals import seal_column, unsealed

metadata = sa.MetaData()
outbox = outbox_table(metadata)
idempotency = idempotency_table(metadata)
access = access_table(metadata)
MIGRATIONS = Path(__file__).parent / "migrations"

COUNTED = unsealed("changed by one conditional write; reconciliation compares it with the ledger's count")

funds = sa.Table(
    "funds",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("body_id", sa.String(64), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("english_name", sa.String(200)),
    sa.Column("named_on", sa.Date, nullable=False),
    sa.Column("fund_type", sa.String(20), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    seal_column(),
)

budget_lines = sa.Table(
    "budget_lines",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("fund_id", sa.String(64), sa.ForeignKey("funds.id"), nullable=False),
    sa.Column("fiscal_year", sa.Integer, nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("english_name", sa.String(200)),
    sa.Column("named_on", sa.Date, nullable=False),
    sa.Column("policy_program", sa.String(200), nullable=False),
    sa.Column("unit_program", sa.String(200)),
    sa.Column("detail_program", sa.String(200)),
    sa.Column("current_appropriation", sa.BigInteger, nullable=False, info=COUNTED),
    sa.Column("committed", sa.BigInteger, nullable=False, info=COUNTED),
    sa.Column("paid", sa.BigInteger, nullable=False, info=COUNTED),
    sa.Column("version", sa.Integer, nullable=False),
    seal_column(),
    sa.CheckConstraint(
        "0 <= paid AND paid <= committed AND committed <= current_appropriation", name="line_is_not_overspent"
    ),
)

# What changed on each effective date: the guard asks what was left on a date, not only what is left now.
line_days = sa.Table(
    "line_days",
    metadata,
    sa.Column("budget_line_id", sa.String(64), sa.ForeignKey("budget_lines.id"), primary_key=True),
    sa.Column("effective_date", sa.Date, primary_key=True),
    sa.Column("appropriated", sa.BigInteger, nullable=False),
    sa.Column("committed", sa.BigInteger, nullable=False),
)

IS_ORIGINAL = sa.text("kind = 'original_appropriation'")
appropriations = sa.Table(
    "appropriations",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("budget_line_id", sa.String(64), sa.ForeignKey("budget_lines.id"), nullable=False, index=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("amount_won", sa.BigInteger, nullable=False),
    sa.Column("authority_reference", sa.String(200)),
    sa.Column("decided_on", sa.Date),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("recorded_by", sa.String(64), nullable=False),
    seal_column(),
    sa.Index(
        "one_original_appropriation",
        "budget_line_id",
        unique=True,
        postgresql_where=IS_ORIGINAL,
        sqlite_where=IS_ORIGINAL,
    ),
)

forecasts = sa.Table(
    "forecasts",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("budget_line_id", sa.String(64), sa.ForeignKey("budget_lines.id"), nullable=False, index=True),
    sa.Column("year_end_forecast_won", sa.BigInteger, nullable=False),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("recorded_by", sa.String(64), nullable=False),
    seal_column(),
)

# Body, fund and year are those of the line, which never change: a step need not read the line to know them.
spendings = sa.Table(
    "spendings",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("body_id", sa.String(64), nullable=False),
    sa.Column("budget_line_id", sa.String(64), sa.ForeignKey("budget_lines.id"), nullable=False, index=True),
    sa.Column("fund_id", sa.String(64), sa.ForeignKey("funds.id"), nullable=False),
    sa.Column("fiscal_year", sa.Integer, nullable=False),
    sa.Column("amount_won", sa.BigInteger, nullable=False),
    sa.Column("purpose", sa.String(500), nullable=False),
    sa.Column("payee", sa.String(200), nullable=False),
    sa.Column("disaster_id", sa.String(64)),
    sa.Column("relief_stage", sa.String(20)),
    sa.Column("region_id", sa.String(64)),
    sa.Column("party_id", sa.String(64)),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("content_hash", sa.String(64), nullable=False),
    sa.Column("approved_hash", sa.String(64)),
    sa.Column("committed_won", sa.BigInteger, nullable=False),
    sa.Column("paid_won", sa.BigInteger, nullable=False),
    sa.Column("last_effective_date", sa.Date, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    seal_column(),
    sa.CheckConstraint("0 <= paid_won AND paid_won <= committed_won", name="payments_within_commitment"),
)

steps = sa.Table(
    "steps",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("spending_id", sa.String(64), sa.ForeignKey("spendings.id"), nullable=False, index=True),
    sa.Column("step", sa.String(20), nullable=False),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("content_hash", sa.String(64), nullable=False),
    sa.Column("comment", sa.String(1000)),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    seal_column(),
)

payments = sa.Table(
    "payments",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("spending_id", sa.String(64), sa.ForeignKey("spendings.id"), nullable=False, index=True),
    sa.Column("amount_won", sa.BigInteger, nullable=False),  # negative: a reversal
    sa.Column("reverses_payment_id", sa.String(64), sa.ForeignKey("payments.id")),
    sa.Column("reversed_won", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.String(1000)),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("recorded_by", sa.String(64), nullable=False),
    seal_column(),
)


def take_from_line(tx: Connection, line_id: str, amount_won: int) -> bool:
    """The guard: one conditional write takes the amount of the line's uncommitted balance, or nothing."""
    return tx.execute(TAKE_FROM_LINE, {"line_id": line_id, "amount_won": amount_won}).rowcount == 1


def change_appropriation(tx: Connection, line_id: str, amount_won: int) -> bool:
    """Change the current appropriation by a signed amount, unless it would fall below what is committed."""
    return tx.execute(CHANGE_APPROPRIATION, {"line_id": line_id, "amount_won": amount_won}).rowcount == 1


def add_paid(tx: Connection, line_id: str, paid_won: int, committed_won: int) -> None:
    """Change what is paid and committed on the line by signed amounts."""
    tx.execute(ADD_PAID, {"line_id": line_id, "paid_won": paid_won, "committed_won": committed_won})


def count_change(tx: Connection, line_id: str) -> None:
    """A new version of the line without another amount, so that no two events of it carry the same version."""
    tx.execute(COUNT_CHANGE, {"line_id": line_id})


def _change_line(condition: sa.ColumnElement[bool], **values: Any) -> sa.Update:
    changed = {"version": budget_lines.c.version + 1, **values}
    return sa.update(budget_lines).where(budget_lines.c.id == sa.bindparam("line_id"), condition).values(changed)


AMOUNT = sa.bindparam("amount_won", type_=sa.BigInteger)
TAKE_FROM_LINE = _change_line(
    budget_lines.c.committed + AMOUNT <= budget_lines.c.current_appropriation,
    committed=budget_lines.c.committed + AMOUNT,
)
CHANGE_APPROPRIATION = _change_line(
    budget_lines.c.current_appropriation + AMOUNT >= budget_lines.c.committed,
    current_appropriation=budget_lines.c.current_appropriation + AMOUNT,
)
ADD_PAID = _change_line(
    sa.true(),
    paid=budget_lines.c.paid + sa.bindparam("paid_won", type_=sa.BigInteger),
    committed=budget_lines.c.committed + sa.bindparam("committed_won", type_=sa.BigInteger),
)
COUNT_CHANGE = _change_line(sa.true())


def lowest_balance_from(tx: Connection, line_id: str, effective_date: date) -> int:
    """The least that is uncommitted on `effective_date` or any later date, in won.

    Exact only while the line's row is locked, which every write to the line does first.
    """
    return int(tx.execute(LOWEST_BALANCE, {"line_id": line_id, "on": effective_date}).scalar_one())


def _lowest_balance() -> sa.Select[Any]:
    on, change = sa.bindparam("on", type_=sa.Date), line_days.c.appropriated - line_days.c.committed
    days = sa.select(line_days.c.effective_date, change.label("change")).where(
        line_days.c.budget_line_id == sa.bindparam("line_id")
    )
    # The day itself counts also where nothing changed on it.
    changes = days.union_all(sa.select(on, sa.literal(0))).subquery()
    balance = sa.func.sum(changes.c.change).over(order_by=changes.c.effective_date)
    balances = sa.select(changes.c.effective_date, balance.label("balance")).subquery()
    return sa.select(sa.func.min(balances.c.balance)).where(balances.c.effective_date >= on)


LOWEST_BALANCE = _lowest_balance()


def add_to_day(
    tx: Connection, line_id: str, effective_date: date, *, appropriated: int = 0, committed: int = 0
) -> None:
    changed = {"appropriated": appropriated, "committed": committed}
    tx.execute(
        add_to(tx.dialect.name, line_days, *changed),
        {"budget_line_id": line_id, "effective_date": effective_date, **changed},
    )


def steps_of(tx: Connection, spending_id: str) -> list[sa.Row[Any]]:
    return list(tx.execute(STEPS, {"spending_id": spending_id}))


def payments_of(tx: Connection, spending_id: str) -> list[sa.Row[Any]]:
    return list(tx.execute(PAYMENTS, {"spending_id": spending_id}))


def _of_spending(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table).where(table.c.spending_id == sa.bindparam("spending_id")).order_by(table.c.number)


STEPS, PAYMENTS = _of_spending(steps), _of_spending(payments)


def original_of(tx: Connection, line_id: str) -> sa.Row[Any] | None:
    """The line's original appropriation, if it has one; certain while the line's row is locked."""
    return tx.execute(ORIGINAL, {"line_id": line_id}).first()


ORIGINAL = sa.select(appropriations).where(appropriations.c.budget_line_id == sa.bindparam("line_id"), IS_ORIGINAL)


def lines_with_funds() -> sa.Select[Any]:
    return sa.select(budget_lines, funds.c.name.label("fund_name"), funds.c.fund_type, funds.c.body_id).join(
        funds, funds.c.id == budget_lines.c.fund_id
    )


def line_with_fund(tx: Connection, line_id: str, *, lock: bool = False) -> sa.Row[Any]:
    """The line together with its fund's name, type and body; locked if asked. Raises Unknown."""
    return one(tx, LOCKED_LINE_WITH_FUND if lock else LINE_WITH_FUND, "budget line", line_id)


LINE_WITH_FUND = lines_with_funds().where(budget_lines.c.id == sa.bindparam("id"))
LOCKED_LINE_WITH_FUND = LINE_WITH_FUND.with_for_update(of=budget_lines)


def balances() -> sa.Select[Any]:
    """What every line stands at, for the ledger to compare with."""
    names = ("number", "current_appropriation", "committed", "paid")
    return sa.select(budget_lines.c.id.label("budget_line_id"), *(budget_lines.c[name] for name in names))
