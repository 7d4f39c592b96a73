"""Personal data stays home: encrypted, masked, revealed for a reason, purged in time, on each database."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from services.dispatch import store
from shared.auth import Role
from tests.integration.dispatch import (
    CLINIC,
    LICENCE,
    MANAGER,
    Dispatch,
    dispatch_service,  # noqa: F401  # a fixture: pytest finds it here
    slug,
)

PERSONAL = ("홍길동", "01012345678", "010-1234-5678", "의사-12345")
RESIDENT, ALIEN, ALIEN_IN_A_ROW = "900101-1234567", "900101-5234567", "9001015234567"
# What no such number fits in anyway, and says so in a sentence of its own.
OF_ONE_FORM = {("kind",), ("selection",), ("nationality",), ("region_id",)}


def test_personal_data_is_nowhere_in_the_clear(dispatch: Dispatch) -> None:
    dispatch.task("clinic", **CLINIC)
    dispatch.shift("clinic", "april-12", seats=3)
    sign_up_id = dispatch.sign_up("april-12", credential=LICENCE).json["id"]
    dispatch.step(sign_up_id, "verify-credential", 1, verified_reference="홍길동 면허 확인")
    dispatch.step(sign_up_id, "decline", 2, reason="홍길동 님 요청")
    dispatch.call.post(f"/sign-ups/{sign_up_id}/reveal", {"reason": "비상 연락"}, MANAGER)
    listed = dispatch.call.get("/shifts/april-12/sign-ups", MANAGER).json["items"]
    assert [(item["name"], item["phone"]) for item in listed] == [("홍*동", "010-****-5678")]
    shown = dispatch.call.get(f"/sign-ups/{sign_up_id}", MANAGER).json
    assert [step["step"] for step in shown["steps"]] == ["apply", "verify_credential", "decline"]
    everything = dispatch.everything_stored()
    assert not [text for text in PERSONAL if text in everything]
    assert not [text for text in PERSONAL if text in json.dumps(dispatch.events(), ensure_ascii=False)]


def test_plain_data_is_shown_for_a_reason_that_is_kept(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=3)
    path = f"/sign-ups/{dispatch.sign_up('april-12', nationality='XA').json['id']}/reveal"
    assert dispatch.call.post(path, {}, MANAGER).status_code == 422
    for _ in range(2):
        shown = dispatch.call.post(path, {"reason": "비상 연락"}, MANAGER, account="manager-1", key="same").json
        assert (shown["name"], shown["phone"], shown["nationality"]) == ("홍길동", "010-1234-5678", "XA")
    log = dispatch.call.get("/reveals", Role.AUDITOR).json["items"]
    assert [(entry["account"], entry["reason"]) for entry in log] == [("manager-1", "비상 연락")] * 2


def test_personal_data_is_purged_when_its_time_is_over_and_the_counts_stay(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=3)
    dispatch.shift("tents", "may-12", 3, "2025-05-12T00:00:00Z", "2025-05-12T09:00:00Z")
    old = dispatch.sign_up("april-12", nationality="XA").json
    dispatch.sign_up("april-12", "010-2222-3333", nationality="XB")
    young = dispatch.sign_up("may-12", nationality="XA").json
    before = dispatch.call.get("/tasks/tents/summary", MANAGER).json
    assert old["purge_after"] == "2025-10-12"

    dispatch.clock.set(datetime(2025, 10, 12, 3, tzinfo=UTC))
    assert dispatch.call.post("/purges", {}, MANAGER).status_code == 403
    assert dispatch.call.post("/purges", {}, Role.ADMINISTRATOR).json["sign_ups"] == 0
    dispatch.clock.set(datetime(2025, 10, 13, 3, tzinfo=UTC))
    entry = dispatch.call.post("/purges", {}, Role.ADMINISTRATOR, body="red-cross").json
    assert (entry["sign_ups"], entry["volunteers"]) == (2, 1), "one of the two has another sign-up"
    assert dispatch.call.post("/purges", {}, Role.ADMINISTRATOR).json["sign_ups"] == 0

    gone = dispatch.call.get(f"/sign-ups/{old['id']}", MANAGER).json
    assert (gone["name"], gone["phone"], gone["nationality"]) == (None, None, None)
    kept = dispatch.call.get(f"/sign-ups/{young['id']}", MANAGER).json
    assert (kept["name"], kept["phone"]) == ("홍*동", "010-****-5678")
    refused = dispatch.call.post(f"/sign-ups/{old['id']}/reveal", {"reason": "문의"}, MANAGER)
    assert (refused.status_code, slug(refused)) == (410, "purged")
    with dispatch.database.read() as tx:
        rows = tx.execute(sa.select(store.sign_ups).where(store.sign_ups.c.purged_at.is_not(None))).mappings().all()
    assert [{row[name] for name in store.PURGED} for row in rows] == [{None}] * 2
    assert dispatch.call.get("/tasks/tents/summary", MANAGER).json == before
    log = dispatch.call.get("/purges", Role.AUDITOR).json["items"]
    assert [item["sign_ups"] for item in log] == [0, 2, 0]


@pytest.mark.parametrize("number", ["의사-12345", "12345", "제2024-01234호", "간호사 면허 제345678호", "12345678901"])
def test_a_licence_number_is_possible(dispatch: Dispatch, number: str) -> None:
    dispatch.task("clinic", **CLINIC)
    dispatch.shift("clinic", "april-12", seats=3)
    answer = dispatch.sign_up("april-12", credential=LICENCE | {"number": number})
    assert answer.status_code == 201
    revealed = dispatch.call.post(f"/sign-ups/{answer.json['id']}/reveal", {"reason": "면허 조회"}, MANAGER).json
    assert revealed["credential_number"] == number


@pytest.mark.parametrize("number", [RESIDENT, ALIEN, ALIEN_IN_A_ROW])
def test_a_number_that_identifies_a_person_is_refused_in_every_field_of_every_form(
    dispatch: Dispatch, number: str
) -> None:
    spec = dispatch.call.client.get("/api/dispatch/openapi.json").json
    assert spec
    fields = list(fields_of_forms(spec))
    assert {("names", "title"), ("sign-ups", "credential", "number"), ("reveal", "reason")} <= {
        (path.rpartition("/")[2], *field) for path, field in fields
    }
    for path, field in fields:
        answer = dispatch.call.post(path, nested(field, number), MANAGER, Role.ADMINISTRATOR, version=1)
        assert answer.status_code == 422, (path, field)
        assert number not in answer.text, "errors end up in logs"
        error: Any = answer.json["errors"]["json"]
        for part in field:
            assert part in error, (path, field)
            error = error[part]
        assert field in OF_ONE_FORM or "등록번호는 받지 않습니다" in error[0], (path, field)
    assert number not in dispatch.everything_stored()


def fields_of_forms(spec: dict[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every text that any form takes: the address of the form, and the way to the field in it."""
    for path, methods in spec["paths"].items():
        for method in methods.values():
            if isinstance(method, dict) and "requestBody" in method:
                address = re.sub(r"{\w+}", "any", path.removeprefix("/api/dispatch/v1"))
                form = method["requestBody"]["content"]["application/json"]["schema"]
                yield from ((address, field) for field in texts_of(spec, form))


def texts_of(spec: dict[str, Any], schema: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for part in (schema, *schema.get("anyOf", ()), *schema.get("allOf", ())):
        if reference := part.get("$ref"):
            yield from texts_of(spec, spec["components"]["schemas"][reference.rpartition("/")[2]])
        for name, content in part.get("properties", {}).items():
            yield from ((name, *way) for way in texts_of(spec, content))
        if "string" in part.get("type", ()) and not str(part.get("format")).startswith("date"):
            yield ()


def nested(field: tuple[str, ...], value: str) -> dict[str, Any]:
    first, *rest = field
    return {first: nested(tuple(rest), value) if rest else value}
