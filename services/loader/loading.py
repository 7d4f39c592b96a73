"""Running the calls of a scenario as import accounts, and filling an empty system with the demo."""

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from tqdm import tqdm

from services.loader.scenario import Scenario, ScenarioError, read_scenario
from services.loader.steps import Step, explanations_of, practice_steps, steps_of
from services.portal import demo
from shared.auth import Actor, Grant, Role, issue_token
from shared.clock import seoul_date
from shared.config import Settings
from shared.gateway import Gateway

EXPLANATION_TIMEOUT_SECONDS: Final = 60
POLL_SECONDS: Final = 0.2

Post = Callable[[], None]
Part = TypeVar("Part")


class Loader:
    """Runs the steps of a scenario against the gateway. Whoever has the signing key may name an import account."""

    def __init__(self, gateway: Gateway, settings: Settings, folder: Path) -> None:
        """Raises ScenarioError."""
        settings.check_given("signing_key")
        self.gateway = gateway
        self.signing_key = settings.signing_key
        self.now = datetime.now(UTC)
        self.scenario = read_scenario(folder, seoul_date(self.now).year)
        self.versions: dict[str, int] = {}

    def listed(self, parts: Callable[[Scenario], Iterable[Part]]) -> list[Part]:
        """Parts of the scenario. Raises ScenarioError where one is missing or of the wrong form."""
        try:
            return list(parts(self.scenario))
        except KeyError as error:
            raise ScenarioError(f"the scenario has no {error.args[0]!r} where one is needed") from error
        except (TypeError, AttributeError, ValueError, OSError) as error:
            raise ScenarioError(f"the scenario cannot be used: {error}") from error

    def run(self, steps: list[Step]) -> None:
        """Run steps with a progress bar on stderr. Raises ScenarioError."""
        for step in tqdm(steps, desc=self.scenario["name"], unit="call", file=sys.stderr, mininterval=0.5):
            self._run(step)

    def _run(self, step: Step) -> None:
        answer = self.ask(
            step.service,
            step.path,
            self.actor(f"import-{step.duty}", Role.IMPORTER, step.body_id),
            method="POST",
            json=step.body,
            key=f"{self.scenario['name']}/{step.key}",
            version=self.versions[step.version_of] if step.version_of else None,
        )
        if name := step.save or step.version_of:
            self.versions[name] = answer["version"]

    def explain(self, finding: Mapping[str, Any], reason: str) -> None:
        """Explain a finding of the reconciliation once it is there. Raises ScenarioError."""
        auditor, deadline = self.actor("import-auditor", Role.AUDITOR), time.monotonic() + EXPLANATION_TIMEOUT_SECONDS
        while not (found := [one for one in self._findings(auditor) if finding.items() <= one.items()]):
            if time.monotonic() > deadline:
                raise ScenarioError(f"the ledger does not find what the scenario explains: {dict(finding)}")
            time.sleep(POLL_SECONDS)
        for one in found:
            if one["is_open"]:
                path, key = f"/differences/{one['id']}/notes", f"{self.scenario['name']}/explanation/{one['id']}"
                told = {"action": "explain", "reason": reason}
                explainer = self.actor("import-explainer", Role.IMPORTER)
                self.ask("ledger", path, explainer, method="POST", json=told, key=key)

    def _findings(self, actor: Actor) -> list[dict[str, Any]]:
        findings: list[dict[str, Any]] = self.ask("ledger", "/reconciliation", actor)["findings"]
        return findings

    def actor(self, account: str, role: Role, body_id: str | None = None) -> Actor:
        return Actor(account, frozenset({Grant(role, body_id or self.scenario["body_id"])}))

    def ask(self, service: str, path: str, actor: Actor, *, method: str = "GET", **options: Any) -> Any:
        """Raises ScenarioError with the service's own sentence."""
        token = issue_token(actor, signing_key=self.signing_key, now=self.now)
        reply = self.gateway.call(service, method, path, token=token, **options)
        if not reply.ok:
            detail = reply.body.get("detail") if isinstance(reply.body, dict) else reply.status
            raise ScenarioError(f"{service} refused {options.get('key', path)}: {detail}")
        return reply.body


def load(gateway: Gateway, settings: Settings, folder: Path, post: Post) -> dict[str, Any]:
    """Record the scenario in `folder`; `post` brings what was recorded to the ledger, unless that happens by itself.

    Raises ScenarioError; what was recorded before it stays and is not recorded again by the next load.
    """
    loader = Loader(gateway, settings, folder)
    steps, explanations = loader.listed(steps_of), loader.listed(explanations_of)
    loader.run(steps)
    post()
    for finding, reason in explanations:
        loader.explain(finding, reason)
    return {"scenario": loader.scenario["name"], "calls": len(steps) + len(explanations)}


def fill_demo(gateway: Gateway, settings: Settings, folder: Path, post: Post) -> None:
    """Record the scenario and one account per role; of a system that has them, only this year's practice.

    Raises ScenarioError.
    """
    loader = Loader(gateway, settings, folder)
    administrator = loader.actor("import-administrator", Role.ADMINISTRATOR)
    known = {account["id"] for account in loader.ask("situation", "/accounts", administrator)["items"]}
    if {account.id for account in demo.ACCOUNTS} <= known:
        loader.run(loader.listed(practice_steps))
        return
    load(gateway, settings, folder, post)
    for account in demo.ACCOUNTS:  # last, so that their presence says that everything before them is there
        body = {
            "id": account.id,
            "display_name": account.display_name,
            "password": demo.PASSWORD,
            "grants": [{"role": account.role.value, "body_id": account.body_id}],
        }
        loader.ask("situation", "/accounts", administrator, method="POST", json=body, key=f"demo-{account.id}")
