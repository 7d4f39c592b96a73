"""Every service keeps what its OpenAPI document promises, whatever it is sent."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services import standalone
from shared.auth import Role, issue_token
from shared.config import load_settings
from tests.support import actor

PROMISES = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 12
SLOWNESS = list(HealthCheck)  # it judges how fast examples are made, which is not our subject


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("openapi")
    opened = standalone.create_app(load_settings({"DURE_HOME": str(folder), "DURE_LOG_LEVEL": "error"}))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def headers() -> dict[str, str]:
    everything = actor(*(set(Role) - {Role.PAYMENT_OFFICER}), account="schemathesis")
    token = issue_token(everything, signing_key=load_settings({}).signing_key, now=datetime.now(UTC))
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("name", standalone.NAMES)
def test_no_answer_is_an_error_of_ours_or_undocumented(system: Any, headers: dict[str, str], name: str) -> None:
    schema = schemathesis.openapi.from_wsgi(f"/api/{name}/openapi.json", system.apps[name])
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]  # an operation that cannot be read raises here

        @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=SLOWNESS)
        @given(case=operation.as_strategy())
        def keeps_its_promise(case: Any) -> None:
            case.call_and_validate(headers=headers, checks=PROMISES)

        keeps_its_promise()


@pytest.mark.parametrize("name", standalone.NAMES)
def test_the_api_can_be_browsed(system: Any, name: str) -> None:
    client = system.apps[name].test_client()
    page = client.get(f"/api/{name}/docs")
    assert page.status_code == 200
    assert f"/api/{name}/swagger-ui/" in page.text
    with client.get(f"/api/{name}/swagger-ui/swagger-ui.css") as sheet:  # the file is open until the answer is
        assert sheet.status_code == 200


@pytest.mark.parametrize("name", standalone.NAMES)
def test_health_readiness_and_metrics_answer(system: Any, name: str) -> None:
    client = system.apps[name].test_client()
    for prefix in ("", f"/api/{name}"):
        assert client.get(f"{prefix}/healthz").json["status"] == "alive"
        assert client.get(f"{prefix}/readyz").json["checks"]["database"]
        assert "dure_http_requests_total" in client.get(f"{prefix}/metrics").text


def test_the_project_ships_what_the_pages_need() -> None:
    assert (Path(load_settings({}).assets) / "swagger-ui-dist" / "swagger-ui.css").exists()
