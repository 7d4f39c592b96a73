"""Tables and queries of disbursement. Amounts are whole won in BIGINT columns."""

from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.db import RowNumber, UtcDateTime, add_to
from shared.idempotency import idempotency_table
from shared.outbox import outbox_table
from shared.refusals import Unknown

metadata = sa.MetaData()
outbox = outbox_table(metadata)
idempotency = idempotency_table(metadata)
MIGRATIONS = Path(__file__).parent / "migrations"

funds = sa.Table(
    "funds",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("fund_type", sa.String(20), nullable=False),
)

budget_lines = sa.Table(
    "budget_lines",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("fund_id", sa.String(64), sa.ForeignKey("funds.id"), nullable=False),
    sa.Column("fiscal_year", sa.Integer, nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("policy_program", sa.String(200), nullable=False),
    sa.Column("unit_program", sa.String(200)),
    sa.Column("detail_program", sa.String(200)),
    sa.Column("current_appropriation", sa.BigInteger, nullable=False),
    sa.Column("committed", sa.BigInteger, nullable=False),
    sa.Column("paid", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
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
)

spendings = sa.Table(
    "spendings",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("budget_line_id", sa.String(64), sa.ForeignKey("budget_lines.id"), nullable=False, index=True),
    sa.Column("amount_won", sa.BigInteger, nullable=False),
    sa.Column("purpose", sa.String(500), nullable=False),
    sa.Column("payee", sa.String(200), nullable=False),
    sa.Column("disaster_id", sa.String(64)),
    sa.Column("relief_stage", sa.String(20)),
    sa.Column("region", sa.String(100)),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("content_hash", sa.String(64), nullable=False),
    sa.Column("approved_hash", sa.String(64)),
    sa.Column("committed_won", sa.BigInteger, nullable=False),
    sa.Column("paid_won", sa.BigInteger, nullable=False),
    sa.Column("last_effective_date", sa.Date, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
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
)


def take_from_line(tx: Connection, line_id: str, amount_won: int) -> bool:
    """The guard: one conditional write takes the amount of the line's uncommitted balance, or nothing."""
    return _change_line(
        tx,
        line_id,
        (budget_lines.c.committed + amount_won <= budget_lines.c.current_appropriation),
        committed=budget_lines.c.committed + amount_won,
    )


def change_appropriation(tx: Connection, line_id: str, amount_won: int) -> bool:
    """Change the current appropriation by a signed amount, unless it would fall below what is committed."""
    return _change_line(
        tx,
        line_id,
        (budget_lines.c.current_appropriation + amount_won >= budget_lines.c.committed),
        current_appropriation=budget_lines.c.current_appropriation + amount_won,
    )


def add_paid(tx: Connection, line_id: str, paid_won: int, committed_won: int) -> bool:
    """Change what is paid and committed on the line by signed amounts."""
    return _change_line(
        tx,
        line_id,
        sa.true(),
        paid=budget_lines.c.paid + paid_won,
        committed=budget_lines.c.committed + committed_won,
    )


def count_change(tx: Connection, line_id: str) -> None:
    """A new version of the line without another amount, so that no two events of it carry the same version."""
    _change_line(tx, line_id, sa.true())


def _change_line(tx: Connection, line_id: str, condition: sa.ColumnElement[bool], **values: Any) -> bool:
    changed = tx.execute(
        sa.update(budget_lines)
        .where(budget_lines.c.id == line_id, condition)
        .values(version=budget_lines.c.version + 1, **values)
    )
    return changed.rowcount == 1


def lowest_balance_from(tx: Connection, line_id: str, effective_date: date) -> int:
    """The least that is uncommitted on `effective_date` or any later date, in won.

    Exact only while the line's row is locked, which every write to the line does first.
    """
    days = line_days
    balances = (
        sa.select(
            days.c.effective_date,
            sa.func.sum(days.c.appropriated - days.c.committed).over(order_by=days.c.effective_date).label("balance"),
        )
        .where(days.c.budget_line_id == line_id)
        .subquery()
    )
    at_date = (
        sa.select(balances.c.balance)
        .where(balances.c.effective_date <= effective_date)
        .order_by(balances.c.effective_date.desc())
        .limit(1)
    )
    later = sa.select(sa.func.min(balances.c.balance)).where(balances.c.effective_date > effective_date)
    now = int(tx.execute(at_date).scalar() or 0)
    lowest_later = tx.execute(later).scalar()
    return now if lowest_later is None else min(now, int(lowest_later))


def add_to_day(
    tx: Connection, line_id: str, effective_date: date, *, appropriated: int = 0, committed: int = 0
) -> None:
    tx.execute(
        add_to(tx.dialect, line_days, ["appropriated", "committed"]),
        {
            "budget_line_id": line_id,
            "effective_date": effective_date,
            "appropriated": appropriated,
            "committed": committed,
        },
    )


def update_spending(tx: Connection, spending: sa.Row[Any], **values: Any) -> None:
    tx.execute(sa.update(spendings).where(spendings.c.id == spending.id).values(version=spending.version + 1, **values))


def steps_of(tx: Connection, spending_id: str) -> list[sa.Row[Any]]:
    return list(tx.execute(sa.select(steps).where(steps.c.spending_id == spending_id).order_by(steps.c.number)))


def payments_of(tx: Connection, spending_id: str) -> list[sa.Row[Any]]:
    return list(
        tx.execute(sa.select(payments).where(payments.c.spending_id == spending_id).order_by(payments.c.number))
    )


def lines_with_funds() -> sa.Select[Any]:
    return sa.select(budget_lines, funds.c.name.label("fund_name"), funds.c.fund_type).join(
        funds, funds.c.id == budget_lines.c.fund_id
    )


def line_with_fund(tx: Connection, line_id: str) -> sa.Row[Any]:
    """The line together with its fund's name and type. Raises Unknown."""
    row = tx.execute(lines_with_funds().where(budget_lines.c.id == line_id)).first()
    if row is None:
        raise Unknown(kind="budget line", id=line_id)
    return row
