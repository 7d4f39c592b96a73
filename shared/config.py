"""Configuration from the environment: every bad key is reported at once, and nothing starts half-configured."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final

from shared.auth import public_key, verifying_key_of

DEMO_SECRET: Final = "demo-secret-for-your-own-machine-only"  # noqa: S105 - public, and refused outside the demo
DEMO_SIGNING_KEY: Final = "demo-signing-key-for-your-own-machine-only"
DEMO_ANCHOR_KEY: Final = "demo-anchor-key-for-your-own-machine-only"
DEMO_SEAL_KEY: Final = "demo-seal-key-for-your-own-machine-only"
DEMO_PERSONAL_DATA_KEY: Final = "demo-personal-data-key-for-your-own-machine-only"
MINIMUM_SECRET_LENGTH: Final = 32
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
PROFILES: Final = ("demo", "production")


@dataclass(frozen=True)
class Setting:
    """One key of the environment, its default and what it means (the README's table is tested against this)."""

    key: str
    default: str
    meaning: str


SETTINGS: Final = (
    Setting("DURE_PROFILE", "demo", "`demo` allows the demo secrets and accounts, `production` refuses them"),
    Setting("DURE_HOME", "var", "folder of the embedded databases and the embedded bus"),
    Setting("DURE_DATABASE_URL", "", "`postgresql+psycopg://…/name` or `sqlite:///path`; `_<service>` is appended"),
    Setting("DURE_BUS_URL", "", "`kafka://host:port,…` or `sqlite:///path/bus.db`"),
    Setting("DURE_BUS_PARTITIONS", "4", "partitions of a topic that does not exist yet"),
    Setting("DURE_REDIS_URL", "", "`redis://…` for rate limits and caches; `memory://` keeps them in the process"),
    Setting("DURE_SERVICE_URL", "", "where services are reached, with `{service}`; empty: in the same process"),
    Setting("DURE_SECRET", DEMO_SECRET, "signs the portal's sessions; at least 32 characters"),
    Setting("DURE_SIGNING_KEY", DEMO_SIGNING_KEY, "signs tokens, for situation and operators; at least 32 characters"),
    Setting("DURE_VERIFYING_KEY", "", "checks tokens: what `dure verifying-key` prints; empty: of `DURE_SIGNING_KEY`"),
    Setting("DURE_SEAL_KEY", DEMO_SEAL_KEY, "seals the rows of every service; at least 32 characters"),
    Setting("DURE_ANCHOR_KEY", DEMO_ANCHOR_KEY, "signs anchors, for the ledger; at least 32 characters"),
    Setting(
        "DURE_PERSONAL_DATA_KEY", DEMO_PERSONAL_DATA_KEY, "encrypts personal data, for dispatch; at least 32 characters"
    ),
    Setting("DURE_MAX_BODY_BYTES", "1000000", "largest request body"),
    Setting("DURE_TRUSTED_PROXIES", "127.0.0.0/8,::1/128", "networks whose word on a client's address is believed"),
    Setting("DURE_LOG_LEVEL", "warning", "`debug`, `info`, `warning` or `error`"),
    Setting("DURE_ASSETS", "", "folder of the fetched third-party web files; empty: `.cache/assets` of the project"),
    Setting("PORT", "8000", "port of `dure serve`"),
)
# Read by the tools around the product, not by the product: known, so that they are not reported as misspelt.
FOREIGN_KEYS: Final = {"DURE_CACHE", "DURE_REQUIRE_REAL"}


class ConfigurationError(Exception):
    """Says everything that is wrong with the environment, one line each."""


@dataclass(frozen=True)
class Settings:
    """A key that only some processes need is empty in the others: see `check_given`."""

    profile: str
    home: Path
    database_url: str
    bus_url: str
    bus_partitions: int
    redis_url: str
    service_url: str
    secret: str
    signing_key: str
    verifying_key: str
    seal_key: str
    anchor_key: str
    personal_data_key: str
    max_body_bytes: int
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    log_level: str
    assets: Path
    port: int

    @property
    def is_demo(self) -> bool:
        return self.profile == "demo"

    def check_given(self, *names: str) -> None:
        """Raises ConfigurationError for keys that are needed here and were not given to this process."""
        missing = [f"DURE_{name.upper()}" for name in names if not getattr(self, name)]
        if missing:
            raise ConfigurationError("\n".join(f"{key} is needed here and was not given" for key in missing))

    def database_url_of(self, service: str) -> str:
        """The URL of one service's own database: `…/dure` becomes `…/dure_inventory`."""
        base, dot, suffix = self.database_url.rpartition(".db")
        if dot and not suffix:
            return f"{base}_{service}.db"
        address, question, query = self.database_url.partition("?")
        return f"{address}_{service}{question}{query}"


class _Environment:
    """Reads values and gathers complaints instead of stopping at the first."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.given = {key for key, text in environment.items() if text}
        self.values = {setting.key: environment.get(setting.key) or setting.default for setting in SETTINGS}
        self.complaints = [
            f"{key} is not a setting of Dure"
            for key in sorted(environment)
            if key.startswith("DURE_") and key not in self.values and key not in FOREIGN_KEYS
        ]

    def whole_number(self, key: str, low: int, high: int) -> int:
        text = self.values[key]
        if text.isascii() and text.isdigit() and low <= int(text) <= high:
            return int(text)
        self.complaints.append(f"{key}={text!r} is not a whole number from {low} to {high}")
        return low

    def one_of(self, key: str, allowed: tuple[str, ...]) -> str:
        if self.values[key] not in allowed:
            self.complaints.append(f"{key}={self.values[key]!r} is not one of {', '.join(allowed)}")
        return self.values[key]

    def url(self, key: str, schemes: tuple[str, ...], default: str) -> str:
        text = self.values[key] or default
        if not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            self.complaints.append(f"{key}={text!r} does not start with {' or '.join(f'{s}://' for s in schemes)}")
        return text

    def networks(self, key: str) -> tuple[IPv4Network | IPv6Network, ...]:
        try:
            return tuple(ip_network(part.strip()) for part in self.values[key].split(","))
        except ValueError as error:
            self.complaints.append(f"{key}={self.values[key]!r} is not a list of networks: {error}")
            return ()

    def service_pattern(self, key: str) -> str:
        pattern = self.values[key]
        if pattern and ("{service}" not in pattern or not pattern.startswith(("http://", "https://"))):
            self.complaints.append(f"{key}={pattern!r} is not a web address that contains {{service}}")
        return pattern

    def secret(self, key: str, demo_value: str) -> str:
        text = self.values[key]
        if text == demo_value and self.values["DURE_PROFILE"] != "demo":
            self.complaints.append(f"{key} is the public demo value: give your own outside the demo profile")
        elif len(text) < MINIMUM_SECRET_LENGTH:
            self.complaints.append(f"{key} has {len(text)} characters, at least {MINIMUM_SECRET_LENGTH} are needed")
        return text

    def secret_of_some(self, key: str, demo_value: str) -> str:
        """A secret that not every process needs: outside the demo it is empty where it was not given."""
        if key not in self.given and self.values["DURE_PROFILE"] != "demo":
            return ""
        return self.secret(key, demo_value)

    def token_keys(self) -> tuple[str, str]:
        """The signing key, empty in a process that only checks tokens, and the verifying key."""
        verifying = self.values["DURE_VERIFYING_KEY"]
        if verifying and "DURE_SIGNING_KEY" not in self.given:
            return "", self._checked_verifying_key(verifying)
        signing = self.secret("DURE_SIGNING_KEY", DEMO_SIGNING_KEY)
        derived = verifying_key_of(signing)
        if verifying and verifying != derived:
            self.complaints.append("DURE_VERIFYING_KEY does not belong to DURE_SIGNING_KEY")
        return signing, derived

    def _checked_verifying_key(self, text: str) -> str:
        try:
            public_key(text)
        except ValueError:
            self.complaints.append("DURE_VERIFYING_KEY is not what `dure verifying-key` prints")
        return text


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the environment. Raises ConfigurationError naming every bad key."""
    given = _Environment(environment)
    home = Path(given.values["DURE_HOME"]).resolve()
    signing_key, verifying_key = given.token_keys()
    settings = Settings(
        profile=given.one_of("DURE_PROFILE", PROFILES),
        home=home,
        database_url=given.url("DURE_DATABASE_URL", ("postgresql+psycopg", "sqlite"), f"sqlite:///{home}/dure.db"),
        bus_url=given.url("DURE_BUS_URL", ("kafka", "sqlite"), f"sqlite:///{home}/bus.db"),
        bus_partitions=given.whole_number("DURE_BUS_PARTITIONS", 1, 1000),
        redis_url=given.url("DURE_REDIS_URL", ("redis", "rediss", "unix", "memory"), "memory://"),
        service_url=given.service_pattern("DURE_SERVICE_URL"),
        secret=given.secret("DURE_SECRET", DEMO_SECRET),
        signing_key=signing_key,
        verifying_key=verifying_key,
        seal_key=given.secret_of_some("DURE_SEAL_KEY", DEMO_SEAL_KEY),
        anchor_key=given.secret_of_some("DURE_ANCHOR_KEY", DEMO_ANCHOR_KEY),
        personal_data_key=given.secret_of_some("DURE_PERSONAL_DATA_KEY", DEMO_PERSONAL_DATA_KEY),
        max_body_bytes=given.whole_number("DURE_MAX_BODY_BYTES", 1_000, 100_000_000),
        trusted_proxies=given.networks("DURE_TRUSTED_PROXIES"),
        log_level=given.one_of("DURE_LOG_LEVEL", LOG_LEVELS),
        assets=Path(given.values["DURE_ASSETS"] or Path(__file__).parents[1] / ".cache" / "assets"),
        port=given.whole_number("PORT", 1, 65535),
    )
    if given.complaints:
        raise ConfigurationError("\n".join(given.complaints))
    return settings
