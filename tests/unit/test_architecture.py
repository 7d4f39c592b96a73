"""The walls of the house stand, and its rooms stay small."""

from pathlib import Path

import pytest
from importlinter.cli import lint_imports

PROJECT = Path(__file__).parents[2]
LONGEST_MODULE_LINES = 400


def test_every_import_respects_the_walls(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint_imports(no_cache=True) == 0, capsys.readouterr().out


def test_no_room_needs_splitting() -> None:
    modules = [path for folder in ("services", "shared", "deploy") for path in (PROJECT / folder).rglob("*.py")]
    long = {
        str(path.relative_to(PROJECT)): lines
        for path in modules
        if (lines := path.read_text(encoding="utf-8").count("\n")) > LONGEST_MODULE_LINES
    }
    assert long == {}


def test_nothing_is_left_open_in_the_code() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error")
    for path in (*PROJECT.glob("services/**/*.py"), *PROJECT.glob("shared/**/*.py"), *PROJECT.glob("deploy/**/*.py")):
        text = path.read_text(encoding="utf-8")
        assert [word for word in words if word in text] == [], path
