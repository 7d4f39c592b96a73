"""Sign-ups, decisions and purges at the same moment take what is there once, on each database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from services.dispatch import store
from shared.auth import Role
from tests.integration.dispatch import (
    HONG,
    MANAGER,
    Dispatch,
    dispatch_service,  # noqa: F401  # a fixture: pytest finds it here
    slug,
)


def at_once(work: list[Callable[[], Any]]) -> list[Any]:
    """Start every piece of work in a thread of its own at the same moment and collect the answers."""
    barrier = Barrier(len(work))

    def run(piece: Callable[[], Any]) -> Any:
        barrier.wait(timeout=30)
        return piece()

    with ThreadPoolExecutor(len(work)) as pool:
        return [future.result() for future in [pool.submit(run, piece) for piece in work]]


def test_200_sign_ups_for_the_last_seat_confirm_exactly_one(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=3)
    for phone in ("010-1111-1111", "010-2222-2222"):
        dispatch.sign_up("april-12", phone)
    people = [HONG | {"phone": f"010-9000-{number:04}"} for number in range(200)]
    answers = at_once(
        [partial(dispatch.caller().post, "/shifts/april-12/sign-ups", person, MANAGER) for person in people]
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 199
    assert {slug(answer) for answer in answers if answer.status_code == 409} == {"shift-full"}
    assert dispatch.seats("april-12") == (3, 3)
    confirmed = [event for event in dispatch.events() if event["type"] == "dispatch.sign_up_confirmed.v1"]
    assert len(confirmed) == 3


def test_parallel_sign_ups_of_one_person_confirm_one_of_the_overlapping_shifts(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    names = [f"shift-{number}" for number in range(20)]
    for name in names:
        dispatch.shift("tents", name, seats=5)
    answers = at_once([partial(dispatch.caller().post, f"/shifts/{name}/sign-ups", HONG, MANAGER) for name in names])
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    assert sum(dispatch.seats(name)[1] for name in names) == 1


def test_parallel_confirmations_of_one_person_take_one_seat(dispatch: Dispatch) -> None:
    dispatch.task("interpreting", selection="selected")
    names = [f"shift-{number}" for number in range(10)]
    for name in names:
        dispatch.shift("interpreting", name, seats=5)
    ids = [dispatch.sign_up(name).json["id"] for name in names]
    answers = at_once(
        [partial(dispatch.caller().post, f"/sign-ups/{id_}/confirm", {}, MANAGER, version=1) for id_ in ids]
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    assert sum(dispatch.seats(name)[1] for name in names) == 1


def test_parallel_cancellations_free_one_seat(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=5)
    first = dispatch.sign_up("april-12").json
    dispatch.sign_up("april-12", "010-2222-3333")
    path, body = f"/sign-ups/{first['id']}/cancel", {"cancel_code": first["cancel_code"]}
    answers = at_once([partial(dispatch.caller().post, path, body) for _ in range(20)])
    assert {answer.status_code for answer in answers} == {200}
    assert dispatch.seats("april-12") == (5, 1)


def test_purges_beside_new_sign_ups_of_the_same_person_lose_neither(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=5)
    dispatch.sign_up("april-12")
    dispatch.clock.set(datetime(2025, 10, 13, 3, tzinfo=UTC))
    names = [f"2025-10-{day}" for day in range(20, 28)]
    for name in names:
        dispatch.shift("tents", name, 5, f"{name}T00:00:00Z", f"{name}T09:00:00Z")
    sign_ups = [partial(dispatch.caller().post, f"/shifts/{name}/sign-ups", HONG, MANAGER) for name in names]
    purges = [partial(dispatch.caller().post, "/purges", {}, Role.ADMINISTRATOR) for _ in names]
    answers = at_once([*sign_ups, *purges])
    assert {answer.status_code for answer in answers} == {201}
    assert sum(answer.json.get("sign_ups", 0) for answer in answers) == 1
    with dispatch.database.read() as tx:
        counted = [row.sign_ups for row in tx.execute(sa.select(store.volunteers))]
    assert counted == [len(names)]


def test_the_database_itself_refuses_an_overbooked_shift(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=1)
    with pytest.raises(sa.exc.IntegrityError), dispatch.database.write() as tx:
        tx.execute(sa.update(store.shifts).values(taken=2))
