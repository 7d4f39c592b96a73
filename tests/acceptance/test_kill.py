"""kill -9 while loading, then load again: the figures are those of an undisturbed run."""

import re
import time
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

import pytest

from tests.acceptance.conftest import SCENARIO, Home, embedded_home

AS_OF = "2025-04-11"


def kill_while_loading(home: Home, after_calls: int) -> None:
    """Start loading and kill the process once it has made about `after_calls` calls."""
    loading = home.start("load", str(SCENARIO))
    stderr = cast("BufferedReader", loading.stderr)
    seen = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        seen += stderr.read1(4096)
        made = [int(number) for number in re.findall(rb"(\d+)/\d+ \[", seen)]
        if made and made[-1] >= after_calls:
            break
        assert loading.poll() is None, "it finished before it could be killed"
    loading.kill()
    loading.communicate()
    assert loading.returncode == -9


@pytest.mark.parametrize("kind", ["embedded", "real"])
def test_a_killed_load_is_completed_by_the_next_one(
    kind: str, embedded: Home, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    home: Home
    if kind == "embedded":
        home = embedded_home(tmp_path)
    else:
        new_real_home: Any = request.getfixturevalue("new_real_home")
        home = new_real_home()
    for after_calls in (30, 300):
        kill_while_loading(home, after_calls)
    home.load()
    assert home.report(AS_OF) == embedded.report(AS_OF)
    assert home.json("reconcile")["findings"] == embedded.json("reconcile")["findings"]
    assert all(row["agrees"] for row in home.json("reconcile")["sources"])
    assert home.run("verify").returncode == 0
    assert home.run("rebuild", "--check").returncode == 0
