"""Accounts and their duties over HTTP on both databases."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from services.situation import store
from shared.auth import Role
from shared.config import Settings
from tests.integration.situation_office import ADMINISTRATOR, PASSWORD, Office, open_office, problem
from tests.support import FixedClock

COORDINATOR, AUDITOR = Role.COORDINATOR, Role.AUDITOR
COMMITS = Role.COMMITMENT_OFFICER
NEW: dict[str, Any] = {
    "id": "hong",
    "display_name": "홍길동",
    "password": PASSWORD,
    "grants": [{"role": "commitment_officer", "body_id": "city"}],
}

UNFIT_GRANTS: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"role": "mayor", "body_id": "city"}, (422, "unprocessable-entity")),
    ({"role": "drafter"}, (422, "unprocessable-entity")),
    ({"role": "drafter", "body_id": "nobody"}, (404, "not-found")),
    ({"role": "drafter", "body_id": "city", "disaster_id": "flood"}, (404, "not-found")),
    ({"role": "drafter", "body_id": "city", "last_day": "2025-04-10"}, (422, "dates-out-of-order")),
    ({"role": "payment_officer", "body_id": "city"}, (422, "incompatible-duties")),
]


@pytest.fixture
def office(settings: Settings, clock: FixedClock) -> Iterator[Office]:
    with open_office(settings, clock) as opened:
        yield opened.with_bodies().with_disaster()


def grants_of(office: Office, account: str) -> list[dict[str, Any]]:
    grants: list[dict[str, Any]] = office.shown(f"/accounts/{account}", AUDITOR)["grants"]
    return grants


def test_an_account_is_opened_with_its_first_duties(office: Office) -> None:
    days = {"first_day": "2025-04-01", "last_day": "2025-12-31"}
    grants = [
        {"role": "drafter", "body_id": "city"},
        {"role": "coordinator", "body_id": "red-cross", "disaster_id": "yeongnam", **days},
    ]
    opened = office.done("/accounts", {**NEW, "grants": grants}, account="root")
    assert (opened["state"], opened["version"], opened["signed_in_at"], opened["steps"]) == ("active", 1, None, [])
    first, second = opened["grants"]
    assert (first["role"], first["first_day"], first["last_day"]) == ("drafter", "2025-04-11", None)
    assert {name: second[name] for name in grants[1]} == grants[1]
    assert (second["granted_by"], second["ended_at"], second["ended_by"]) == ("root", None, None)
    assert office.shown("/accounts", AUDITOR)["items"][0]["grants"] == opened["grants"]
    assert office.facts("account_opened") == [("2025-04-11", {"account_id": "hong"})]
    told = {"grant_id": second["id"], "account_id": "hong", **grants[1]}
    assert office.facts("grant_given")[1] == ("2025-04-11", told)


def test_an_account_loaded_twice_exists_once(office: Office) -> None:
    first = office.post("/accounts", NEW, ADMINISTRATOR, key="load-hong")
    second = office.post("/accounts", NEW, ADMINISTRATOR, key="load-hong")
    assert (first.status_code, second.status_code, first.data == second.data) == (201, 201, True)
    assert office.refused("/accounts", NEW) == (409, "already-exists")


def test_only_an_administrator_keeps_accounts(office: Office) -> None:
    office.done("/accounts", NEW)
    assert office.post("/accounts", NEW).status_code == 401
    changes: list[tuple[str, Any]] = [
        ("/accounts", NEW),
        ("/accounts/hong/grants", {"role": "drafter", "body_id": "city"}),
        ("/accounts/hong/grants/1/end", {"reason": "전보"}),
        ("/accounts/hong/names", {"display_name": "홍"}),
        ("/accounts/hong/disable", {"reason": "휴직"}),
        ("/accounts/hong/enable", {"reason": "복직"}),
        ("/accounts/hong/password", {"password": PASSWORD}),
        ("/accounts/hong/sign-out", {"reason": "분실"}),
    ]
    for role in set(Role) - {ADMINISTRATOR}:
        for path, body in changes:
            assert office.refused(path, body, role, version=1) == (403, "role-missing")
    for role in set(Role) - {ADMINISTRATOR, AUDITOR}:
        assert office.get("/accounts", role).status_code == 403
        assert office.get("/accounts/hong", role).status_code == 403


def test_a_name_of_the_system_is_no_account(office: Office) -> None:
    for id_ in ("operator", "Portal", "import-drafter", "demo-drafter"):
        assert office.refused("/accounts", {**NEW, "id": id_}) == (422, "reserved-id")


def test_a_weak_password_is_refused_in_a_sentence_that_says_why(office: Office) -> None:
    account = {**NEW, "id": "gil-dong-hong"}
    for password, said in (
        ("짧은암호", "4자입니다. 10자 이상"),
        (" " * 10, "빈칸으로만"),
        ("가" * 12, "한 글자의 되풀이"),
        ("gil-dong-hong", "계정 이름과 같습니다"),
        ("GIL-DONG-HONG ", "계정 이름과 같습니다"),
    ):
        refused = office.post("/accounts", {**account, "password": password}, ADMINISTRATOR)
        assert problem(refused) == (422, "weak-password")
        assert said in refused.json["detail"]
    office.done("/accounts", account)
    reset = "/accounts/gil-dong-hong/password"
    assert office.refused(reset, {"password": " " * 10}, version=1) == (422, "weak-password")


def test_a_password_is_kept_only_as_a_salted_hash_and_told_to_nobody(office: Office) -> None:
    office.done("/accounts", NEW)
    office.done("/accounts", {**NEW, "id": "kim"})
    with office.database.read() as tx:
        first, second = tx.execute(sa.select(store.accounts.c.password_hash)).scalars()
        kept = b"".join(bytes(row.body) for row in tx.execute(sa.select(store.idempotency.c.body)))
    assert first.startswith("scrypt:32768:8:1$")
    assert first != second
    told = b"".join(event.to_bytes() for event in office.published()) + kept
    told += office.get("/accounts", AUDITOR).data + office.get("/accounts/hong", AUDITOR).data
    assert PASSWORD not in told.decode()
    assert "scrypt" not in told.decode()
    assert "홍길동" not in b"".join(event.to_bytes() for event in office.published()).decode()


def test_a_duty_that_cannot_be_is_refused(office: Office) -> None:
    refusals = [refusal for _, refusal in UNFIT_GRANTS]
    opened = [office.refused("/accounts", {**NEW, "grants": [*NEW["grants"], grant]}) for grant, _ in UNFIT_GRANTS]
    assert opened == refusals
    assert office.get("/accounts/hong", ADMINISTRATOR).status_code == 404
    office.done("/accounts", NEW)
    given = [office.refused("/accounts/hong/grants", grant, version=1) for grant, _ in UNFIT_GRANTS]
    assert given == refusals
    assert len(grants_of(office, "hong")) == 1


def test_an_account_has_duties(office: Office) -> None:
    assert office.refused("/accounts", {**NEW, "grants": []}) == (422, "unprocessable-entity")


def test_a_duty_is_given_and_ended_and_its_row_stays(office: Office) -> None:
    office.open_account("hong", Role.DRAFTER)
    given = office.done("/accounts/hong/grants", {"role": "reviewer", "body_id": "districts"}, version=1)
    assert (given["version"], [grant["role"] for grant in given["grants"]]) == (2, ["drafter", "reviewer"])
    mistaken = given["grants"][1]["id"]
    end = f"/accounts/hong/grants/{mistaken}/end"
    assert office.refused(end, {}, version=2) == (422, "unprocessable-entity")
    assert office.refused(end, {"reason": "잘못 맡김"}, version=1) == (412, "stale-version")
    ended = office.done(end, {"reason": "잘못 맡김"}, version=2, account="root")["grants"][1]
    assert (ended["ended_by"], ended["ended_reason"], bool(ended["ended_at"])) == ("root", "잘못 맡김", True)
    assert office.refused(end, {"reason": "또"}, version=3) == (409, "wrong-state")
    assert office.refused("/accounts/hong/grants/none/end", {"reason": "?"}, version=3) == (404, "not-found")
    office.open_account("kim", Role.DRAFTER)
    of_another = f"/accounts/kim/grants/{mistaken}/end"
    assert office.refused(of_another, {"reason": "?"}, version=1) == (404, "not-found")
    assert office.facts("grant_ended") == [("2025-04-11", {"grant_id": mistaken, "account_id": "hong"})]
    assert office.sign_in("hong").json["roles"] == ["drafter"]


def test_the_database_itself_lets_a_grant_only_end(office: Office) -> None:
    office.open_account("hong", Role.DRAFTER, last_day="2025-12-31")
    for statement in (
        "DELETE FROM grants",
        "UPDATE grants SET role = 'administrator'",
        "UPDATE grants SET last_day = NULL, ended_at = recorded_at",
        "UPDATE grants SET ended_reason = 'x'",
        "DELETE FROM account_steps",
    ):
        office.done("/accounts/hong/sign-out", {"reason": "분실"})
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), office.database.write() as tx:
            tx.exec_driver_sql(statement)
    (grant,) = grants_of(office, "hong")
    assert (grant["role"], grant["last_day"], grant["ended_at"]) == ("drafter", "2025-12-31", None)


def test_nobody_commits_and_pays_on_the_same_day_for_whichever_body(office: Office) -> None:
    office.open_account("hong", COMMITS, last_day="2025-06-30")
    pays = {"role": "payment_officer", "body_id": "districts", "disaster_id": "yeongnam"}
    refused = office.post("/accounts/hong/grants", {**pays, "first_day": "2025-06-30"}, ADMINISTRATOR, version=1)
    assert (refused.status_code, refused.json["type"]) == (422, "urn:dure:problem:incompatible-duties")
    assert (refused.json["first"], refused.json["second"]) == ("commitment_officer", "payment_officer")
    assert (refused.json["day"], "지방회계법" in refused.json["legal_basis"]) == ("2025-06-30", True)
    assert "지방회계법" in refused.json["detail"]
    office.done("/accounts/hong/grants", {**pays, "first_day": "2025-07-01"}, version=1)


def test_a_duty_that_ended_is_in_nobodys_way(office: Office) -> None:
    office.open_account("hong", COMMITS)
    pays = {"role": "payment_officer", "body_id": "city"}
    assert office.refused("/accounts/hong/grants", pays, version=1) == (422, "incompatible-duties")
    (grant,) = grants_of(office, "hong")
    office.done(f"/accounts/hong/grants/{grant['id']}/end", {"reason": "잘못 맡김"}, version=1)
    office.done("/accounts/hong/grants", pays, version=2)


def test_an_administrator_gives_nothing_to_the_own_account(office: Office) -> None:
    office.open_account("root", ADMINISTRATOR)
    grant = {"role": "coordinator", "body_id": "city"}
    own = {"account": "root", "version": 1}
    assert office.refused("/accounts/root/grants", grant, **own) == (403, "own-account")
    assert office.refused("/accounts/root/password", {"password": PASSWORD}, **own) == (403, "own-account")
    assert office.refused("/accounts", {**NEW, "id": "myself"}, account="myself") == (403, "own-account")
    office.open_account("second", ADMINISTRATOR)
    office.done("/accounts/root/grants", grant, account="second", version=1)


def test_the_last_administrator_stays(office: Office) -> None:
    office.open_account("root", ADMINISTRATOR)
    office.open_account("gone", ADMINISTRATOR, first_day="2025-01-01", last_day="2025-04-10")
    office.open_account("soon", ADMINISTRATOR, first_day="2025-04-12")
    (grant,) = grants_of(office, "root")
    end = f"/accounts/root/grants/{grant['id']}/end"
    for account in ("root", "operator"):
        whom: dict[str, Any] = {"account": account, "version": 1}
        assert office.refused("/accounts/root/disable", {"reason": "퇴직"}, **whom) == (409, "last-administrator")
        assert office.refused(end, {"reason": "퇴직"}, **whom) == (409, "last-administrator")
    office.open_account("second", ADMINISTRATOR)
    office.done("/accounts/root/disable", {"reason": "퇴직"}, account="root", version=1)
    assert office.refused("/accounts/second/disable", {"reason": "퇴직"}, version=1) == (409, "last-administrator")


def test_of_two_administrators_who_leave_at_once_one_stays(office: Office) -> None:
    office.open_account("root", ADMINISTRATOR)
    office.open_account("second", ADMINISTRATOR)
    statuses = []

    def leave(account: str) -> None:
        answer = office.post(
            f"/accounts/{account}/disable", {"reason": "퇴직"}, ADMINISTRATOR, account=account, version=1
        )
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=leave, args=(account,)) for account in ("root", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201, 409]


def test_where_nobody_was_administrator_yet_others_can_be_disabled(office: Office) -> None:
    office.open_account("hong", COORDINATOR)
    office.done("/accounts/hong/disable", {"reason": "시험"}, account="operator", version=1)


def test_what_happened_to_an_account_is_kept_with_its_reason(office: Office) -> None:
    office.open_account("hong", COORDINATOR)
    office.done("/accounts/hong/names", {"display_name": "홍길순"}, version=1)
    office.done("/accounts/hong/disable", {"reason": "휴직"}, version=2)
    assert office.refused("/accounts/hong/disable", {"reason": "또"}, version=3) == (409, "wrong-state")
    office.done("/accounts/hong/password", {"password": "비 오는 식목일 2025"}, version=3)
    office.done("/accounts/hong/enable", {"reason": "잘못 정지함"}, version=4)
    assert office.refused("/accounts/hong/enable", {"reason": "또"}, version=5) == (409, "wrong-state")
    office.done("/accounts/hong/sign-out", {"reason": "분실"})
    shown = office.shown("/accounts/hong", AUDITOR)
    assert (shown["display_name"], shown["state"], shown["version"]) == ("홍길순", "active", 5)
    assert [(step["step"], step["reason"]) for step in shown["steps"]] == [
        ("renamed", None),
        ("disabled", "휴직"),
        ("password_reset", None),
        ("enabled", "잘못 정지함"),
        ("signed_out", "분실"),
    ]
    told = [event.type.split(".")[1] for event in office.published() if event.subject == "hong"]
    assert told == [
        "account_opened",
        "grant_given",
        "account_renamed",
        "account_disabled",
        "access_ended",
        "password_changed",
        "access_ended",
        "account_enabled",
        "access_ended",
    ]
    assert office.facts("password_changed")[0][1] == {"account_id": "hong", "by_administrator": True}
    assert "휴직" not in b"".join(event.to_bytes() for event in office.published()).decode()


def test_an_account_nobody_opened_cannot_be_changed(office: Office) -> None:
    for path, body in (("disable", {"reason": "?"}), ("enable", {"reason": "?"}), ("names", {"display_name": "?"})):
        assert office.refused(f"/accounts/nobody/{path}", body, version=1) == (404, "not-found")
    assert office.refused("/accounts/nobody/sign-out", {"reason": "?"}) == (404, "not-found")
    assert office.get("/accounts/nobody", ADMINISTRATOR).status_code == 404
