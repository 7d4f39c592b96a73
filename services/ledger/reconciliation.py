"""Reconciliation: what is known of each figure, and every difference by name. A verdict, never a correction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.ledger import differences
from services.ledger.differences import Finding, Severity
from services.ledger.domain import APPROPRIATION_ACCOUNTS, COUNTED, WON, Account, DayBalance, Kind, breaches
from services.ledger.names import Named, known_ids, names_of
from services.ledger.store import balances, counts, inbox, journal_lines
from shared.clock import format_utc
from shared.outbox import ControlTotal

SPENT: Final = (Account.COMMITTED_UNPAID.value, Account.EXPENDED.value)
# What each dimension of a line is the id of.
REFERENCES: Final = {
    "disaster_id": Kind.DISASTER,
    "fund_id": Kind.FUND,
    "region_id": Kind.REGION,
    "party_id": Kind.BODY,
}


def reconcile(tx: Connection, as_of: date) -> dict[str, Any]:
    """Expenditure of each line by disaster, what belongs to none, and all findings up to `as_of` (won)."""
    names = {line.id: line for line in names_of(tx, Kind.LINE, as_of)}
    disasters = {disaster.id: disaster for disaster in names_of(tx, Kind.DISASTER, as_of)}
    lines = list(_lines(tx, as_of, names, disasters))
    findings = [
        *_unattributed(lines),
        *_unknown(tx, as_of),
        *_overspent(tx, as_of, names),
        *_of_another_year(tx, as_of, names),
    ]
    parked = [{**one, "found_at": format_utc(one["found_at"])} for one in differences.breaks(tx)]
    found = differences.described(tx, findings) + parked
    return {"as_of": as_of.isoformat(), "unit": "won", "lines": lines, "findings": found}


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


def compare_counts(owned: Iterable[Mapping[str, Any]], counted: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every count that the owner of a thing and the ledger do not agree on; what neither names is nought."""
    there = {(row["kind"], row["id"], row["measure"]): row["amount"] for row in owned}
    here = {(row["kind"], row["id"], row["measure"]): row["amount"] for row in counted}
    return [
        {
            "kind": kind,
            "id": id_,
            "measure": measure,
            "owner": there.get((kind, id_, measure), 0),
            "ledger": here.get((kind, id_, measure), 0),
        }
        for kind, id_, measure in sorted(there.keys() | here.keys())
        if there.get((kind, id_, measure), 0) != here.get((kind, id_, measure), 0)
    ]


def counts_page(tx: Connection, *, limit: int, after: int) -> dict[str, Any]:
    """What the ledger counts of each line, lot and shift, by kind, id and measure; `after` rows are passed over."""
    query = sa.select(counts).order_by(counts.c.kind, counts.c.id, counts.c.measure).offset(after).limit(limit + 1)
    rows = [dict(row) for row in tx.execute(query).mappings()]
    return {"items": rows[:limit], "next": after + limit if len(rows) > limit else None}


def _lines(
    tx: Connection, as_of: date, names: Mapping[str, Named], disasters: Mapping[str, Named]
) -> Iterable[dict[str, Any]]:
    """Each line with money, and what was spent of it for which disaster."""
    is_expended = balances.c.account == Account.EXPENDED.value
    expended = sa.func.sum(sa.case((is_expended, -balances.c.amount), else_=0))
    rows = tx.execute(
        sa.select(balances.c.object_id, balances.c.disaster_id, expended)
        .where(balances.c.commodity == WON, balances.c.effective_date <= as_of)
        .group_by(balances.c.object_id, balances.c.disaster_id)
        .order_by(balances.c.object_id, balances.c.disaster_id)
    )
    by_line: dict[str, dict[str, int]] = {}
    for line_id, disaster_id, amount in rows:
        by_line.setdefault(line_id, {})[disaster_id] = int(amount)
    documents = _unattributed_documents(tx, as_of)
    for line_id, amounts in by_line.items():
        unattributed = amounts.pop("", 0)
        yield {
            "line_id": line_id,
            "line_name": names[line_id].name if line_id in names else None,
            "expended": sum(amounts.values()) + unattributed,
            "by_disaster": [
                {
                    "disaster_id": disaster_id,
                    "disaster_name": disasters[disaster_id].name if disaster_id in disasters else None,
                    "amount": amount,
                }
                for disaster_id, amount in amounts.items()
                if amount
            ],
            "unattributed": {"amount": unattributed, "documents": documents.get(line_id, []) if unattributed else []},
        }


def _unattributed_documents(tx: Connection, as_of: date) -> dict[str, list[dict[str, Any]]]:
    """Documents whose payments name no disaster, by line."""
    events, amount = inbox.events, -sa.func.sum(journal_lines.c.amount)
    rows = tx.execute(
        sa.select(journal_lines.c.object_id, events.c.subject, amount, sa.func.max(events.c.effective_date))
        .join(events, events.c.number == journal_lines.c.number)
        .where(
            journal_lines.c.account == Account.EXPENDED.value,
            journal_lines.c.disaster_id == "",
            events.c.effective_date <= as_of,
        )
        .group_by(journal_lines.c.object_id, events.c.subject)
        .having(amount != 0)
        .order_by(journal_lines.c.object_id, events.c.subject)
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for line_id, subject, total, last in rows:
        document = {"spending_id": subject, "amount": int(total), "effective_date": last.isoformat()}
        found.setdefault(line_id, []).append(document)
    return found


def _unattributed(lines: Sequence[dict[str, Any]]) -> Iterable[Finding]:
    for line in lines:
        if amount := line["unattributed"]["amount"]:
            name, expended = line["line_name"] or line["line_id"], line["expended"]
            yield Finding(
                "unattributed",
                f"{name}: 지출 {expended:,}원 중 {amount:,}원은 등록된 어느 재난에도 속하지 않습니다.",
                f"{name}: {amount:,} of {expended:,} won spent belong to no registered disaster.",
                {"line_id": line["line_id"], "amount": amount},
                Severity.EXPLAIN,
            )


def _unknown(tx: Connection, as_of: date) -> Iterable[Finding]:
    """Amounts, goods and people that name something nobody registered."""
    known = known_ids(tx)
    columns = (balances.c.account, balances.c.object_id, *(balances.c[name] for name in REFERENCES))
    rows = tx.execute(sa.select(*columns).where(balances.c.effective_date <= as_of).distinct())
    unknown = set()
    for account, object_id, *references in rows:
        counted = COUNTED[account[0]]
        named = [(counted, object_id), *zip(REFERENCES.values(), references, strict=True)]
        unknown |= {(kind, id_, counted, object_id) for kind, id_ in named if id_ and id_ not in known[kind]}
    for kind, id_, counted, object_id in sorted(unknown):
        yield Finding(
            f"unknown_{kind.value}",
            f"{counted.value} {object_id}: 등록되지 않은 {kind.value} {id_}을(를) 가리킵니다.",
            f"{counted.value} {object_id} names the {kind.value} {id_}, which nobody registered.",
            {"kind_of_object": counted.value, "object_id": object_id, "id_of_unknown": id_},
        )
    bodies = tx.execute(sa.select(inbox.events.c.body_id).distinct()).scalars()
    for body_id in sorted(set(bodies) - known[Kind.BODY]):
        yield Finding(
            "unknown_body",
            f"등록되지 않은 기관 {body_id}이(가) 기록한 사건이 있습니다.",
            f"There are facts of the body {body_id}, which nobody registered.",
            {"id_of_unknown": body_id},
        )


def _overspent(tx: Connection, as_of: date, names: Mapping[str, Named]) -> Iterable[Finding]:
    for line_id, days in _days(tx, as_of).items():
        name = names[line_id].name if line_id in names else line_id
        for on, appropriated, committed, expended in breaches(days):
            over_by = max(committed - appropriated, expended - committed)
            yield Finding(
                "limit_exceeded",
                f"{name}: {on} 예산현액 {appropriated:,}원, 원인행위 {committed:,}원, 지출 {expended:,}원으로 "
                f"한도를 {over_by:,}원 넘었습니다.",
                f"{name}: on {on} the appropriation was {appropriated:,}, commitments {committed:,} and payments "
                f"{expended:,} won: {over_by:,} won above the limit.",
                {"line_id": line_id, "effective_date": on.isoformat(), "over_by": over_by},
            )


def _of_another_year(tx: Connection, as_of: date, names: Mapping[str, Named]) -> Iterable[Finding]:
    """Commitments and payments outside their line's year: no report of either year shows them rightly."""
    rows = tx.execute(
        sa.select(balances.c.object_id, balances.c.effective_date, -sa.func.sum(balances.c.amount))
        .where(balances.c.account.in_(SPENT), balances.c.effective_date <= as_of)
        .group_by(balances.c.object_id, balances.c.effective_date)
        .order_by(balances.c.object_id, balances.c.effective_date)
    )
    for line_id, on, amount in rows:
        line = names.get(line_id)
        if amount and line is not None and line.attributes["fiscal_year"] != on.year:
            year = line.attributes["fiscal_year"]
            yield Finding(
                "other_fiscal_year",
                f"{line.name}: {year}년 예산과목에 {on}자 {amount:,}원이 있습니다. 어느 해의 보고서에도 맞지 않습니다.",
                f"{line.name}: {amount:,} won of {on} stand on a line of {year}; no year's report shows them rightly.",
                {"line_id": line_id, "effective_date": on.isoformat(), "amount": int(amount)},
            )


def _days(tx: Connection, as_of: date) -> dict[str, list[DayBalance]]:
    """What changed of each line on each day."""
    appropriation = [account.value for account in APPROPRIATION_ACCOUNTS.values()]

    def total(accounts: Sequence[str]) -> sa.ColumnElement[int]:
        return sa.func.sum(sa.case((balances.c.account.in_(accounts), balances.c.amount), else_=0))

    spent = [-total(SPENT), -total([Account.EXPENDED.value])]
    rows = tx.execute(
        sa.select(balances.c.object_id, balances.c.effective_date, total(appropriation), *spent)
        .where(balances.c.commodity == WON, balances.c.effective_date <= as_of)
        .group_by(balances.c.object_id, balances.c.effective_date)
        .order_by(balances.c.object_id)
    )
    found: dict[str, list[DayBalance]] = {}
    for line_id, on, added, taken, paid in rows:
        found.setdefault(line_id, []).append(DayBalance(on, int(added), int(taken), int(paid)))
    return found
