"""Personal data beside the daily work: shown plain for a reason that is kept, and purged when its time is over."""

from collections import Counter
from typing import Any, Final

from services.dispatch import domain, store
from shared.changes import Change
from shared.clock import seoul_date
from shared.personal_data import Vault, format_phone
from shared.rows import add, get

PURGE_BATCH: Final = 1000


def reveal(change: Change, vault: Vault, sign_up_id: str, *, reason: str) -> dict[str, Any]:
    """The plain data of one volunteer; who looked, when and why is kept for good."""
    row = get(change.tx, store.sign_ups, "sign-up", sign_up_id)
    shift = store.shift_with_task(change.tx, row.shift_id)
    change.act_for(shift.body_id, shift.disaster_id)
    if row.purged_at:
        raise domain.Purged(purged_on=seoul_date(row.purged_at))
    add(
        change.tx,
        store.reveals,
        sign_up_id=sign_up_id,
        account=change.actor.id,
        reason=reason,
        recorded_at=change.now,
    )
    number, reference = row.credential_number, row.verified_reference
    return {
        "id": row.id,
        "name": vault.decrypt(row.name),
        "phone": format_phone(vault.decrypt(row.phone)),
        "nationality": row.nationality,
        "credential_kind": row.credential_kind,
        "credential_number": vault.decrypt(number) if number else None,
        "verified_reference": vault.decrypt(reference) if reference else None,
    }


def purge(change: Change) -> dict[str, Any]:
    """Purge the personal data whose last day of keeping is over. The log of it holds counts only."""
    purged, forgotten = 0, 0
    while due := store.hold_due_sign_ups(change.tx, change.today, PURGE_BATCH):
        store.purge_sign_ups(change.tx, due, change.now)
        # In one order, so that two purges cannot wait for each other in a circle.
        for phone_hash, count in sorted(Counter(row.phone_hash for row in due).items()):
            forgotten += store.leave_volunteer(change.tx, phone_hash, count)
        purged += len(due)
    entry = add(
        change.tx,
        store.purges,
        sign_ups=purged,
        volunteers=forgotten,
        due_before=change.today,
        recorded_at=change.now,
        recorded_by=change.actor.id,
    )
    return entry._asdict()
