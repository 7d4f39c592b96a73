"""What the others refer to, in the model: disasters and their task forces, bodies, regions, sites, the log."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from tests.simulation.model.core import Asked, Book, day_in, in_order, known, need, need_new

STAGES: Final = ("suppression", "recovery", "livelihood")
PARENTS: Final = {
    "province": set[str](),
    "city": {"province"},
    "county": {"province"},
    "district": {"province", "city"},
    "group": set[str](),
}
BASIS: Final = ("basis_kind", "basis_reference", "basis_date")


@dataclass
class Thing:
    """Whatever has a name since a day."""

    named_on: date
    version: int = 1


@dataclass
class Region(Thing):
    kind: str = ""
    parent: str | None = None
    valid_to: date | None = None


@dataclass
class Disaster(Thing):
    stage: str = STAGES[0]
    stage_on: date = date.min
    regions_on: date = date.min
    reached: list[tuple[str, date]] = field(default_factory=list)  # stages, corrections left out
    force: list[tuple[str, date, date | None]] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        bodies = [
            {"body_id": body, "first_day": first.isoformat(), "last_day": last.isoformat() if last else None}
            for body, first, last in self.force
        ]
        return {
            "stage": self.stage,
            "stage_effective_date": self.stage_on.isoformat(),
            "version": self.version,
            "bodies": bodies,
        }


class Situation:
    def __init__(self, book: Book) -> None:
        self.book = book
        self.disasters: dict[str, Disaster] = {}
        self.bodies: dict[str, Thing] = {}
        self.regions: dict[str, Region] = {}
        self.sites: dict[str, Thing] = {}
        self.log_entries: dict[str, str] = {}

    def open_disaster(self, asked: Asked) -> dict[str, Any]:
        body, on, id_ = asked.body, asked.day(), asked.body["id"]
        in_order(on, date.fromisoformat(body["began_on"]))
        self._check_basis(body)
        self._check_regions(sorted(set(body.get("region_ids", []))), on, groups=True)
        need_new(self.disasters, id_)
        asked.settle()
        self.disasters[id_] = Disaster(on, stage_on=on, regions_on=on, reached=[(STAGES[0], on)])
        self._tell("disaster_opened", asked, id_, 1, on, disaster_id=id_, **named(body))
        return {**self.disasters[id_].told(), **named(body)}

    def change_stage(self, asked: Asked) -> dict[str, Any]:
        on, disaster, stage = asked.day(), self._disaster(asked), asked.body["stage"]
        forward = STAGES.index(stage) > STAGES.index(disaster.stage)
        need(forward, 409, "stage-cannot-go-back", current=disaster.stage)
        in_order(on, disaster.stage_on)
        asked.settle()
        disaster.stage, disaster.stage_on = stage, on
        disaster.reached.append((stage, on))
        return self._disaster_told(asked, disaster, "stage_changed", on, stage=stage)

    def correct_stage(self, asked: Asked) -> dict[str, Any]:
        disaster, stage = self._disaster(asked), asked.body["stage"]
        need(stage != disaster.stage, 409, "nothing-to-correct", current=disaster.stage)
        asked.settle()
        on = disaster.stage_on
        disaster.stage, disaster.stage_on = stage, dict(disaster.reached).get(stage, on)
        return self._disaster_told(asked, disaster, "stage_corrected", on, stage=stage)

    def state_basis(self, asked: Asked) -> dict[str, Any]:
        on, disaster = asked.day(), self._disaster(asked)
        self._check_basis(asked.body)
        asked.settle()
        told = {name: asked.body.get(name) for name in BASIS}
        return self._disaster_told(asked, disaster, "basis_stated", on, **told)

    def affect(self, asked: Asked) -> dict[str, Any]:
        on, disaster = asked.day(), self._disaster(asked)
        in_order(on, disaster.regions_on)
        regions = sorted(set(asked.body["region_ids"]))
        self._check_regions(regions, on, groups=True)
        asked.settle()
        disaster.regions_on = on
        return self._disaster_told(asked, disaster, "regions_changed", on, region_ids=regions)

    def join(self, asked: Asked) -> dict[str, Any]:
        on, disaster, body = asked.day("first_day"), self._disaster(asked), asked.body["body_id"]
        known(self.bodies, body)
        last = day_in(asked.body, "last_day")
        in_order(last or on, on)
        self._check_not_twice([one for one in disaster.force if one[0] == body], on, last)
        asked.settle()
        disaster.force.append((body, on, last))
        return self._force_told(asked, disaster, "joined", disaster.force[-1], on)

    def leave(self, asked: Asked) -> dict[str, Any]:
        on, disaster, body = asked.day("last_day"), self._disaster(asked), asked.target.split("/")[2]
        times = [one for one in disaster.force if one[0] == body]
        need(bool(times), 404, "not-found", id=body)
        latest = times.pop()
        in_order(on, latest[1])
        self._check_not_twice(times, latest[1], on)
        asked.settle()
        left = (body, latest[1], on)
        disaster.force[disaster.force.index(latest)] = left
        return self._force_told(asked, disaster, "left", left, on)

    def register_body(self, asked: Asked) -> dict[str, Any]:
        body, on, id_ = asked.body, asked.day(), asked.body["id"]
        self._check_regions([body["region_id"]] if body.get("region_id") else [], on, groups=False)
        need_new(self.bodies, id_)
        asked.settle()
        self.bodies[id_] = Thing(on)
        self._tell("body_registered", asked, id_, 1, on, body_id=id_, kind=body["kind"], **named(body))
        return {"version": 1, "late": on < asked.today}

    def register_region(self, asked: Asked) -> dict[str, Any]:
        body, on, id_, kind = asked.body, asked.day(), asked.body["id"], asked.body["kind"]
        parent, members = body.get("parent_id"), sorted(set(body.get("member_ids", [])))
        unfit = (422, "region-unfit")
        need((kind == "group") == id_.startswith("group-"), *unfit)
        need((parent is not None) == bool(PARENTS[kind]), *unfit)
        if parent is not None:
            above = self.regions.get(parent)
            need(above is not None and above.kind in PARENTS[kind] and parent[:2] == id_[:2], *unfit)
        fitting = all(one in self.regions and self.regions[one].kind != "group" for one in members)
        need(fitting and (kind == "group") == bool(members), *unfit)
        need_new(self.regions, id_)
        asked.settle()
        self.regions[id_] = Region(on, kind=kind, parent=parent)
        self._tell("region_registered", asked, id_, 1, on, region_id=id_, member_ids=members, **named(body))
        return {"member_ids": members, "version": 1}

    def end_region(self, asked: Asked) -> dict[str, Any]:
        region = known(self.regions, asked.target)
        asked.check_version(region)
        asked.settle()
        region.valid_to = date.fromisoformat(asked.body["valid_to"])
        region.version += 1
        told = {"region_id": asked.target, "valid_to": asked.body["valid_to"]}
        self._tell("region_ended", asked, asked.target, region.version, asked.today, **told)
        return {"valid_to": asked.body["valid_to"], "version": region.version}

    def register_site(self, asked: Asked) -> dict[str, Any]:
        body, on, id_ = asked.body, asked.day(), asked.body["id"]
        self._check_regions([body["region_id"]], on, groups=False)
        if body.get("body_id") is not None:
            known(self.bodies, body["body_id"])
        need_new(self.sites, id_)
        asked.settle()
        self.sites[id_] = Thing(on)
        told = {"site_id": id_, "region_id": body["region_id"], "kind": body["kind"]}
        self._tell("site_registered", asked, id_, 1, on, **told, **named(body))
        return {"version": 1, "late": on < asked.today}

    def rename(self, asked: Asked, kind: str) -> dict[str, Any]:
        homes: dict[str, dict[str, Any]] = {
            "disaster": self.disasters,
            "body": self.bodies,
            "region": self.regions,
            "site": self.sites,
        }
        thing = known(homes[kind], asked.target)
        asked.check_version(thing)
        on = asked.day() if "effective_date" in asked.body else max(asked.today, thing.named_on)
        in_order(on, thing.named_on)
        asked.settle()
        thing.named_on = on
        thing.version += 1
        told = {f"{kind}_id": asked.target, **named(asked.body)}
        self._tell(f"{kind}_renamed", asked, asked.target, thing.version, on, **told)
        return {**named(asked.body), "named_on": on.isoformat(), "version": thing.version}

    def write_log(self, asked: Asked) -> dict[str, Any]:
        body, id_, disaster = asked.body, asked.body["id"], asked.body["disaster_id"]
        asked.act_for(disaster=disaster)
        on = asked.day()
        known(self.disasters, disaster)
        if "corrects_id" in body:
            corrected = known(self.log_entries, body["corrects_id"])
            need(corrected == disaster, 404, "not-found", id=body["corrects_id"])
        need_new(self.log_entries, id_)
        self.log_entries[id_] = disaster
        told = {"log_entry_id": id_, "disaster_id": disaster, "corrects_id": body.get("corrects_id")}
        self._tell("log_entry_written", asked, id_, 1, on, **told)
        return {"text": body["text"], "body_id": asked.done_for, "late": on < asked.today}

    def _disaster(self, asked: Asked) -> Disaster:
        disaster = known(self.disasters, asked.target.split("/")[0])
        asked.check_version(disaster)
        return disaster

    def _disaster_told(self, asked: Asked, disaster: Disaster, what: str, on: date, **told: Any) -> dict[str, Any]:
        disaster.version += 1
        id_ = asked.target.split("/")[0]
        self._tell(f"disaster_{what}", asked, id_, disaster.version, on, disaster_id=id_, **told)
        return disaster.told()

    def _force_told(
        self, asked: Asked, disaster: Disaster, what: str, time: tuple[str, date, date | None], on: date
    ) -> dict[str, Any]:
        disaster.version += 1
        body, first, last = time
        id_ = asked.target.split("/")[0]
        days = {"first_day": first.isoformat(), "last_day": last.isoformat() if last else None}
        self._tell(f"task_force_{what}", asked, id_, disaster.version, on, disaster_id=id_, body_id=body, **days)
        return disaster.told()

    def _check_basis(self, body: dict[str, Any]) -> None:
        given = [body.get(name) is not None for name in BASIS]
        need(all(given) or not any(given), 422, "basis-incomplete")

    def _check_regions(self, ids: list[str], on: date, *, groups: bool) -> None:
        for id_ in ids:
            region = known(self.regions, id_)
            need(groups or region.kind != "group", 422, "region-is-group", id=id_)
            need(region.valid_to is None or on <= region.valid_to, 422, "region-not-in-force", id=id_)

    def _check_not_twice(self, times: list[tuple[str, date, date | None]], first: date, last: date | None) -> None:
        for _, begun, ended in times:
            meet = first <= (ended or date.max) and begun <= (last or date.max)
            need(not meet, 409, "already-in-task-force")

    def _tell(self, event: str, asked: Asked, id_: str, version: int, on: date, **data: Any) -> None:
        self.book.tell(f"situation.{event}", id_, version, asked, on, **data)


def named(body: dict[str, Any]) -> dict[str, Any]:
    return {"name": body["name"], "english_name": body.get("english_name")}
