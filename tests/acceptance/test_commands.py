"""What the command says and refuses, where no scenario is needed."""

import contextlib
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from services.loader import REGIONS
from shared.auth import Role, read_token, verifying_key_of
from tests.acceptance.conftest import Home, embedded_home

SIGNING_KEY = "k" * 32


def test_a_token_is_signed_for_one_body_and_checked_with_the_verifying_key(tmp_path: Path) -> None:
    home = Home({"DURE_HOME": str(tmp_path), "DURE_SIGNING_KEY": SIGNING_KEY})
    verifying_key = home.run("verifying-key").stdout.decode().strip()
    assert verifying_key == verifying_key_of(SIGNING_KEY)
    signed = home.run("token", "first-admin", "--role", "administrator", "--body", "city", "--disaster", "d")
    actor = read_token(signed.stdout.decode().strip(), verifying_key=verifying_key, now=datetime.now(UTC))
    (grant,) = actor.grants
    assert (actor.id, grant.role, grant.body_id, grant.disaster_id) == ("first-admin", Role.ADMINISTRATOR, "city", "d")
    assert home.run("token", "first-admin", "--role", "administrator").returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_signs_names_the_key_it_was_not_given(tmp_path: Path) -> None:
    given = {"DURE_PROFILE": "production", "DURE_SECRET": "s" * 32, "DURE_SEAL_KEY": "l" * 32}
    given["DURE_VERIFYING_KEY"] = verifying_key_of(SIGNING_KEY)
    home = Home({**given, "DURE_HOME": str(tmp_path), "DURE_SERVICE_URL": "http://{service}.invalid"})
    for arguments in (("token", "a", "--role", "auditor", "--body", "city"), ("reconcile",), ("purge",)):
        refused = home.run(*arguments)
        assert (refused.returncode, b"DURE_SIGNING_KEY is needed here" in refused.stderr) == (2, True), arguments
    assert home.run("verifying-key").stdout.decode().strip() == given["DURE_VERIFYING_KEY"]


def test_regions_are_registered_once_from_the_shipped_file_or_from_another(tmp_path: Path) -> None:
    home = embedded_home(tmp_path)
    shipped = len(REGIONS.read_text(encoding="utf-8").splitlines()) - 1
    first = json.loads(home.run("regions", "--body", "city").stdout)
    assert (len(first["registered"]), first["unchanged"]) == (shipped, 0)
    more = tmp_path / "more.csv"
    header = REGIONS.read_text(encoding="utf-8").splitlines()[0]
    more.write_text(
        f"{header}\n4700000000,경상북도,Gyeongsangbuk-do,province,,,\n4719000000,구미시,,city,4700000000,,\n"
    )
    assert json.loads(home.run("regions", str(more), "--body", "city").stdout) == {
        "registered": ["4719000000"],
        "unchanged": 1,
    }
    more.write_text(f"{header}\n4719000000,구미시,,city,4600000000,,\n")
    refused = home.run("regions", str(more), "--body", "city")
    assert refused.returncode == 2
    assert "Line 2" in refused.stderr.decode()
    reconciled = home.run("reconcile")
    assert reconciled.returncode == 1, "nobody has registered the body that keeps these regions yet"
    assert [finding["id"] for finding in json.loads(reconciled.stdout)["findings"]]


def test_nothing_waits_to_be_taken_in_again_in_an_empty_home(tmp_path: Path) -> None:
    retaken = embedded_home(tmp_path).run("retake")
    assert (retaken.returncode, json.loads(retaken.stdout)) == (0, {"items": []})


def test_a_row_that_somebody_else_changed_is_named(tmp_path: Path) -> None:
    home = embedded_home(tmp_path)
    home.run("regions", "--body", "city")
    assert home.run("verify").returncode == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "dure_situation.db", isolation_level=None)) as database:
        database.execute("UPDATE regions SET english_name = 'Elsewhere' WHERE id = '4717000000'")
    verified = home.run("verify")
    assert verified.returncode == 1
    broken = [{"service": "situation", "table": "regions", "row": "4717000000"}]
    assert json.loads(verified.stdout)["broken_seals"] == broken
