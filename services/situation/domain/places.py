"""Regions by their administrative codes, and the sites in them."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Final

from shared.refusals import Refusal


class RegionKind(StrEnum):
    PROVINCE = "province"  # 특별시·광역시·특별자치시·도·특별자치도
    CITY = "city"  # 시
    COUNTY = "county"  # 군
    DISTRICT = "district"  # 구
    GROUP = "group"  # several regions that are spoken of together, by a code of our own


class SiteKind(StrEnum):
    DEPOT = "depot"  # 물류창고
    SHELTER = "shelter"  # 임시대피소
    DISTRIBUTION = "distribution"  # 배부처
    FIELD = "field"  # 현장
    TRANSIT = "transit"  # 경유지


# What the region above may be.
PARENTS: Final[dict[RegionKind, frozenset[RegionKind]]] = {
    RegionKind.PROVINCE: frozenset(),
    RegionKind.CITY: frozenset({RegionKind.PROVINCE}),
    RegionKind.COUNTY: frozenset({RegionKind.PROVINCE}),
    RegionKind.DISTRICT: frozenset({RegionKind.PROVINCE, RegionKind.CITY}),
    RegionKind.GROUP: frozenset(),
}


class RegionKindUnfit(Refusal):
    english = "{id} cannot be a {kind}: a group has an id such as group-yeongnam, any other region a code of 10 digits."
    korean = (
        "{id}은(는) {kind}일 수 없습니다. 묶음은 group-으로 시작하는 코드, 그 밖의 지역은 10자리 행정표준코드를 씁니다."
    )


class RegionHasNoParent(Refusal):
    english = "{id}: there is no region above a {kind}, but {given} was given."
    korean = "{id}: {kind}에는 상위 지역이 없는데 {given}이(가) 주어졌습니다."


class RegionParentUnfit(Refusal):
    english = "{id}: above a {kind} is a registered {needed} with the same first two digits, not {given}."
    korean = "{id}: {kind}의 상위 지역은 앞 두 자리가 같은 등록된 {needed}입니다. {given}은(는) 아닙니다."


class RegionDaysUnfit(Refusal):
    english = "{id} would end on {valid_to}, before it began on {valid_from}."
    korean = "{id}의 폐지일({valid_to})이 시행일({valid_from})보다 이릅니다."


class RegionMembersUnfit(Refusal):
    english = "{id}: a group has at least one member, no other region has any, and {unfit} cannot be one."
    korean = "{id}: 구성 지역은 묶음에만, 하나 이상 있어야 합니다. {unfit}은(는) 구성 지역이 될 수 없습니다."


class RegionDiffers(Refusal):
    english = "{id} is registered already with {field} {registered}, here it is {given}. A new name goes to its /names."
    korean = "{id}은(는) {field} {registered}(으)로 등록되어 있어 {given}일 수 없습니다. 이름은 /names로 바꾸십시오."


class RegionNotInForce(Refusal):
    english = "{id} is no region of {on}: it is valid from {valid_from} to {valid_to}."
    korean = "{id}은(는) {on}에 없는 지역입니다(시행 {valid_from}, 폐지 {valid_to})."


class RegionIsGroup(Refusal):
    english = "{id} is a group of regions; name the one region it is in."
    korean = "{id}은(는) 여러 지역의 묶음입니다. 한 지역을 골라 주십시오."


def check_region(
    id_: str, kind: RegionKind, parent_id: str | None, valid_from: date | None, valid_to: date | None
) -> None:
    """What can be seen from the region alone. Raises RegionKindUnfit, RegionHasNoParent, RegionDaysUnfit."""
    if (kind is RegionKind.GROUP) is not id_.startswith("group-"):
        raise RegionKindUnfit(id=id_, kind=kind.value)
    if parent_id is not None and not PARENTS[kind]:
        raise RegionHasNoParent(id=id_, kind=kind.value, given=parent_id)
    if valid_from and valid_to and valid_to < valid_from:
        raise RegionDaysUnfit(id=id_, valid_from=valid_from, valid_to=valid_to)


def check_parent(id_: str, kind: RegionKind, parent_id: str | None, parent_kind: RegionKind | None) -> None:
    """`parent_kind` is None where nobody knows the parent. Raises RegionParentUnfit."""
    if PARENTS[kind] and (parent_id is None or parent_kind not in PARENTS[kind] or parent_id[:2] != id_[:2]):
        needed = " or ".join(sorted(PARENTS[kind]))
        raise RegionParentUnfit(id=id_, kind=kind.value, needed=needed, given=parent_id or "-")


def check_members(id_: str, kind: RegionKind, members: Mapping[str, RegionKind | None]) -> None:
    """`members` by id, with the kind of those that are known. Raises RegionMembersUnfit."""
    unfit = [member for member, its_kind in members.items() if its_kind in (None, RegionKind.GROUP)]
    if unfit or (kind is RegionKind.GROUP) is not bool(members):
        raise RegionMembersUnfit(id=id_, unfit=", ".join(unfit) or "-")


def check_in_force(id_: str, valid_from: date | None, valid_to: date | None, on: date) -> None:
    """Raises RegionNotInForce."""
    if not (valid_from or date.min) <= on <= (valid_to or date.max):
        raise RegionNotInForce(id=id_, on=on, valid_from=valid_from or "-", valid_to=valid_to or "-")
