"""Reconciliation: what is known of each figure, and every difference by name. A verdict, never a correction."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.ledger.domain import APPROPRIATION_ACCOUNTS, WON, Account, DayBalance, breaches
from services.ledger.store import balances, inbox, journal_entries, journal_lines, names
from shared.outbox import ControlTotal


def reconcile(tx: Connection, as_of: date) -> dict[str, Any]:
    """Expenditure of each line by disaster, what belongs to none, and all findings up to `as_of` (won)."""
    known = {(row.kind, row.id): row.name for row in tx.execute(sa.select(names))}
    lines = [_line(tx, as_of, line_id, known) for line_id in _line_ids(tx, as_of)]
    findings = [finding for line in lines for finding in _line_findings(tx, as_of, line)]
    findings += [_break_finding(row) for row in tx.execute(sa.select(inbox.breaks).order_by(inbox.breaks.c.id))]
    return {"as_of": as_of.isoformat(), "unit": "won", "lines": lines, "findings": findings}


def compare_totals(source: list[ControlTotal], ledger: list[ControlTotal]) -> list[dict[str, Any]]:
    """One row per topic and event type, with what the source published and what the ledger took in."""
    published = {(total.topic, total.event_type): total for total in source}
    taken = {(total.topic, total.event_type): total for total in ledger}
    rows = []
    for topic, event_type in sorted(published.keys() | taken.keys()):
        nothing = ControlTotal(topic, event_type, 0, 0)
        here, there = published.get((topic, event_type), nothing), taken.get((topic, event_type), nothing)
        rows.append(
            {
                "topic": topic,
                "event_type": event_type,
                "source_count": here.count,
                "ledger_count": there.count,
                "source_amount": here.amount,
                "ledger_amount": there.amount,
                "agrees": here == there,
            }
        )
    return rows


def _line_ids(tx: Connection, as_of: date) -> list[str]:
    return list(
        tx.execute(
            sa.select(balances.c.object_id)
            .where(balances.c.commodity == WON, balances.c.effective_date <= as_of)
            .distinct()
            .order_by(balances.c.object_id)
        ).scalars()
    )


def _line(tx: Connection, as_of: date, line_id: str, known: dict[tuple[str, str], str]) -> dict[str, Any]:
    rows = tx.execute(
        sa.select(balances.c.disaster_id, -sa.func.sum(balances.c.amount))
        .where(
            balances.c.object_id == line_id,
            balances.c.account == Account.EXPENDED.value,
            balances.c.effective_date <= as_of,
        )
        .group_by(balances.c.disaster_id)
        .order_by(balances.c.disaster_id)
    )
    amounts = {disaster_id: int(amount) for disaster_id, amount in rows if amount}
    unattributed = amounts.pop("", 0)
    return {
        "line_id": line_id,
        "line_name": known.get(("budget_line", line_id)),
        "expended": sum(amounts.values()) + unattributed,
        "by_disaster": [
            {"disaster_id": disaster_id, "disaster_name": known.get(("disaster", disaster_id)), "amount": amount}
            for disaster_id, amount in amounts.items()
        ],
        "unattributed": {
            "amount": unattributed,
            "documents": _unattributed_documents(tx, as_of, line_id) if unattributed else [],
        },
    }


def _unattributed_documents(tx: Connection, as_of: date, line_id: str) -> list[dict[str, Any]]:
    amount = -sa.func.sum(journal_lines.c.amount)
    rows = tx.execute(
        sa.select(journal_entries.c.subject, amount.label("amount"), sa.func.max(journal_entries.c.effective_date))
        .join(journal_lines, journal_lines.c.event_id == journal_entries.c.event_id)
        .where(
            journal_lines.c.object_id == line_id,
            journal_lines.c.account == Account.EXPENDED.value,
            journal_lines.c.disaster_id == "",
            journal_entries.c.effective_date <= as_of,
        )
        .group_by(journal_entries.c.subject)
        .having(amount != 0)
        .order_by(journal_entries.c.subject)
    )
    return [
        {"spending_id": subject, "amount": int(total), "effective_date": last.isoformat()}
        for subject, total, last in rows
    ]


def _line_findings(tx: Connection, as_of: date, line: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    name = line["line_name"] or line["line_id"]
    if line["line_name"] is None:
        found.append(
            _finding("unknown_budget_line", f"{name}: 등록되지 않은 예산과목에 금액이 있습니다.", line_id=name)
        )
    if amount := line["unattributed"]["amount"]:
        sentence = f"{name}: 지출 {line['expended']:,}원 중 {amount:,}원은 등록된 어느 재난에도 속하지 않습니다."
        found.append(_finding("unattributed", sentence, line_id=line["line_id"], amount=amount))
    for disaster in line["by_disaster"]:
        if disaster["disaster_name"] is None:
            sentence = f"{name}: {disaster['amount']:,}원이 등록되지 않은 재난 {disaster['disaster_id']}에 속합니다."
            found.append(_finding("unknown_disaster", sentence, line_id=line["line_id"], amount=disaster["amount"]))
    for on, appropriated, committed, expended in breaches(_days(tx, as_of, line["line_id"])):
        limits = f"예산현액 {appropriated:,}원, 원인행위 {committed:,}원, 지출 {expended:,}원"
        sentence = f"{name}: {on} {limits}으로 한도를 넘었습니다."
        facts = {"effective_date": on.isoformat(), "over_by": max(committed - appropriated, expended - committed)}
        found.append(_finding("limit_exceeded", sentence, line_id=line["line_id"], **facts))
    return found


def _finding(kind: str, sentence: str, **facts: Any) -> dict[str, Any]:
    severity = "explain" if kind == "unattributed" else "error"
    return {"kind": kind, "severity": severity, "sentence": sentence, **facts}


def _break_finding(row: sa.Row[Any]) -> dict[str, Any]:
    place = f"{row.topic}/{row.partition}@{row.offset}"
    return _finding(
        "break",
        f"{place}: 처리하지 못해 보관한 사건입니다 ({row.kind}: {row.reason}).",
        event_id=row.event_id,
        break_kind=row.kind,
    )


def _days(tx: Connection, as_of: date, line_id: str) -> list[DayBalance]:
    appropriation = [account.value for account in APPROPRIATION_ACCOUNTS.values()]
    committed = [Account.COMMITTED_UNPAID.value, Account.EXPENDED.value]

    def total(accounts: list[str]) -> sa.ColumnElement[int]:
        return sa.func.sum(sa.case((balances.c.account.in_(accounts), balances.c.amount), else_=0))

    rows = tx.execute(
        sa.select(balances.c.effective_date, total(appropriation), -total(committed), -total([Account.EXPENDED.value]))
        .where(balances.c.object_id == line_id, balances.c.commodity == WON, balances.c.effective_date <= as_of)
        .group_by(balances.c.effective_date)
    )
    return [DayBalance(on, int(added), int(taken), int(paid)) for on, added, taken, paid in rows]
