"""Configuration: every bad key is reported at once."""

from importlib import import_module
from pathlib import Path

import pytest

from shared.auth import verifying_key_of
from shared.config import DEMO_ANCHOR_KEY, DEMO_PERSONAL_DATA_KEY, SETTINGS, ConfigurationError, load_settings

NEEDED_BY_ALL = {"DURE_SECRET": "s" * 32, "DURE_SEAL_KEY": "e" * 32}
SECRETS = {**NEEDED_BY_ALL, "DURE_SIGNING_KEY": "k" * 32}


def test_an_empty_environment_is_a_complete_demo() -> None:
    settings = load_settings({})
    assert settings.is_demo
    assert settings.bus_url.startswith("sqlite:///")


def test_every_bad_key_is_named_in_one_error() -> None:
    bad = {
        "PORT": "eighty",
        "DURE_PROFILE": "test",
        "DURE_TYPO": "1",
        "DURE_SERVICE_URL": "http://x",
        "DURE_SECRET": "short",
    }
    with pytest.raises(ConfigurationError) as error:
        load_settings(bad)
    for key in bad:
        assert key in str(error.value)


def test_demo_secrets_are_refused_in_production() -> None:
    with pytest.raises(ConfigurationError, match=r"DURE_SIGNING_KEY is the public demo value(.|\n)*DURE_SECRET"):
        load_settings({"DURE_PROFILE": "production"})
    assert not load_settings({"DURE_PROFILE": "production", **SECRETS}).is_demo
    for key, text in (("DURE_ANCHOR_KEY", DEMO_ANCHOR_KEY), ("DURE_PERSONAL_DATA_KEY", DEMO_PERSONAL_DATA_KEY)):
        with pytest.raises(ConfigurationError, match=f"{key} is the public demo value"):
            load_settings({"DURE_PROFILE": "production", **SECRETS, key: text})


def test_what_only_checks_tokens_is_given_no_key_that_signs() -> None:
    verifying_key = verifying_key_of(SECRETS["DURE_SIGNING_KEY"])
    given = {**NEEDED_BY_ALL, "DURE_VERIFYING_KEY": verifying_key}
    settings = load_settings({"DURE_PROFILE": "production", **given})
    assert (settings.signing_key, settings.anchor_key, settings.personal_data_key) == ("", "", "")
    assert settings.verifying_key == verifying_key == load_settings(SECRETS).verifying_key
    with pytest.raises(ConfigurationError, match=r"DURE_SIGNING_KEY is needed here.*\nDURE_ANCHOR_KEY is needed here"):
        settings.check_given("secret", "signing_key", "anchor_key")


@pytest.mark.parametrize("name", ["situation", "dispatch", "ledger"])
def test_who_needs_a_key_does_not_start_without_it(name: str, tmp_path: Path) -> None:
    given = {**NEEDED_BY_ALL, "DURE_VERIFYING_KEY": verifying_key_of(SECRETS["DURE_SIGNING_KEY"])}
    settings = load_settings({"DURE_PROFILE": "production", "DURE_HOME": str(tmp_path), **given})
    with pytest.raises(ConfigurationError, match="is needed here and was not given"):
        import_module(f"services.{name}.app").create_app(settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("verifying_key", "complaint"),
    [("not a key", "is not what `dure verifying-key` prints"), (verifying_key_of("o" * 32), "does not belong to")],
)
def test_a_verifying_key_that_does_not_fit_is_named(verifying_key: str, complaint: str) -> None:
    alone = {"DURE_VERIFYING_KEY": verifying_key}
    with pytest.raises(ConfigurationError, match=f"DURE_VERIFYING_KEY {complaint}"):
        load_settings(alone if "not what" in complaint else SECRETS | alone)


@pytest.mark.parametrize(
    ("base", "own"),
    [
        ("sqlite:////data/dure.db", "sqlite:////data/dure_ledger.db"),
        ("postgresql+psycopg://u:p@h:5432/dure", "postgresql+psycopg://u:p@h:5432/dure_ledger"),
        ("postgresql+psycopg://h/dure?sslmode=require", "postgresql+psycopg://h/dure_ledger?sslmode=require"),
    ],
)
def test_each_service_gets_its_own_database(base: str, own: str) -> None:
    assert load_settings({"DURE_DATABASE_URL": base}).database_url_of("ledger") == own


def test_no_setting_is_listed_twice() -> None:
    keys = [setting.key for setting in SETTINGS]
    assert len(keys) == len(set(keys))
