"""What a scenario says, read from its folder, and the regions it stands on."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from services.situation.domain.places import RegionKind
from services.situation.domain.regions_file import read_regions

REGIONS: Final = Path(__file__).parents[1] / "situation" / "regions.csv"
REGIONS_PER_CALL: Final = 200


class ScenarioError(Exception):
    """The scenario cannot be read, or a service refused a part of it."""


@dataclass(frozen=True)
class Scenario:
    """`content` is the folder's scenario.json, `year` the one in which the demo is to be tried out."""

    folder: Path
    content: Mapping[str, Any]
    year: int

    def __getitem__(self, name: str) -> Any:
        return self.content[name]

    @property
    def practice(self) -> Any:
        """What there is to try the screens with, of this year: what is committed today needs a line of this year."""
        text = json.dumps(self.content.get("practice"))
        return json.loads(text.replace("{year}", str(self.year)).replace("{next_year}", str(self.year + 1)))


def read_scenario(folder: Path, year: int) -> Scenario:
    """Raises ScenarioError."""
    path = folder / "scenario.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ScenarioError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("name"), str):
        raise ScenarioError(f"{path} is not an object with a name")
    return Scenario(folder, content, year)


def region_batches(file: Path, known: Mapping[str, str] | None = None) -> Iterator[list[dict[str, Any]]]:
    """The rows of a file of regions as the API takes them, from above: a region comes after the one above it.

    `known` are the kinds of regions that are registered. Raises RegionsFileUnreadable, before the first batch.
    """
    kinds = {id_: RegionKind(kind) for id_, kind in (known or {}).items()}
    rows = read_regions(file.read_text(encoding="utf-8"), kinds)
    rows.sort(key=lambda row: list(RegionKind).index(row["kind"]))
    return (rows[start : start + REGIONS_PER_CALL] for start in range(0, len(rows), REGIONS_PER_CALL))
