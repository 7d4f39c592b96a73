"""Configuration: every bad key is reported at once."""

import pytest

from shared.config import SETTINGS, ConfigurationError, load_settings

SECRETS = {"DURE_SECRET": "s" * 32, "DURE_PERSONAL_DATA_KEY": "k" * 32}


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
    with pytest.raises(ConfigurationError, match=r"DURE_SECRET is the public demo value(.|\n)*DURE_PERSONAL_DATA_KEY"):
        load_settings({"DURE_PROFILE": "production"})
    assert not load_settings({"DURE_PROFILE": "production", **SECRETS}).is_demo


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
