"""What the portal prints, in both languages, and the geometry of its chart."""

import re
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from services.disbursement import domain as disbursement
from services.disbursement import events as disbursement_events
from services.dispatch import domain as dispatch
from services.dispatch import events as dispatch_events
from services.inventory import domain as inventory
from services.inventory import events as inventory_events
from services.ledger.domain import Kind
from services.portal import calls, chart, demo, explaining, formats, messages, navigation, tracing
from services.portal.pages import accounts, audit, money, volunteers
from services.portal.pages.goods import open_items
from services.portal.visitor import Account
from services.situation import events as situation_events
from services.situation.domain import accounts as situation_accounts
from services.situation.domain import disasters, places
from shared.auth import Grant, Role
from shared.inbox import BreakKind

PORTAL = Path(messages.__file__).parent
TEMPLATES = sorted((PORTAL / "templates").glob("*.html"))


def keys_used() -> set[str]:
    """Every key that a template or a module of the portal names literally."""
    in_templates = {
        key for file in TEMPLATES for key in re.findall(r"\bt\('([\w.-]+)'", file.read_text(encoding="utf-8"))
    }
    entries = {entry.key for entry in navigation.MENU}
    return in_templates | entries


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_the_catalogue_says_everything_in_every_language(language: str) -> None:
    for key, texts in messages.catalogue().items():
        assert texts.keys() == set(messages.LANGUAGES), key
        assert texts[language].strip(), key


def test_both_languages_name_the_same_facts() -> None:
    for key, texts in messages.catalogue().items():
        facts = {language: set(re.findall(r"{(\w+)}", text)) for language, text in texts.items()}
        assert facts["ko"] == facts["en"], key


def test_every_key_of_the_templates_is_in_the_catalogue() -> None:
    assert len(TEMPLATES) > 20
    assert keys_used() <= messages.catalogue().keys()


def test_every_flashed_message_is_in_the_catalogue() -> None:
    modules = (PORTAL / "pages").glob("*.py")
    literal = {key for file in modules for key in re.findall(r'\), "([\w.]+)"\)', file.read_text(encoding="utf-8"))}
    composed = {f"document.{action.name}.done" for action in money.ACTIONS}
    composed |= {f"task.{action}.done" for action in volunteers.TASK_ACTIONS}
    composed |= {f"signup.{action}.done" for action in volunteers.SIGN_UP_ACTIONS}
    composed |= {f"account.{action}.done" for action in (*accounts.ACTIONS, "end")}
    composed |= {f"reconciliation.{action}.done" for action in audit.NOTES}

    assert {"shipment.sent", "document.proposed"} <= literal
    assert literal | composed <= messages.catalogue().keys()


def test_nothing_of_the_catalogue_is_left_over() -> None:
    sources = "".join(file.read_text(encoding="utf-8") for file in [*TEMPLATES, *PORTAL.rglob("*.py")])
    kinds = set(re.findall(r"(?:word|badge)\(['\"](\w+)['\"]", sources))
    kinds |= {*explaining.WORDS.values(), *tracing.WORDS.values(), *tracing.KINDS.values()}
    named = kinds | {f"{kind}_state" for kind in kinds} | {"problem", "error"}
    unused = {
        key
        for key in messages.catalogue()
        if key not in sources and key.partition(".")[0] not in named and not key.endswith(".done")
    }

    assert unused == set()


def test_an_unknown_code_is_shown_as_it_is() -> None:
    assert messages.word("shipment_state", "teleported", "ko") == "teleported"
    assert messages.word("shipment_state", "received", "ko") == "수령 완료"
    assert messages.word("shipment_state", None, "ko") == "-"


EVENTS = [
    event
    for module in (situation_events, inventory_events, disbursement_events, dispatch_events)
    for event in module.PUBLISHED
]
VOCABULARIES: dict[str, type[StrEnum]] = {
    "account_state": situation_accounts.AccountState,
    "account_step": situation_accounts.AccountStep,
    "appropriation_kind": disbursement.AppropriationKind,
    "basis_kind": disasters.BasisKind,
    "body_kind": disasters.BodyKind,
    "break": BreakKind,
    "document_state": disbursement.State,
    "duty": disasters.Duty,
    "fund_type": disbursement.FundType,
    "kind": Kind,
    "region_kind": places.RegionKind,
    "request_state": inventory.RequestState,
    "role": Role,
    "selection": dispatch.Selection,
    "shipment_state": inventory.ShipmentState,
    "signup_state": dispatch.SignUpState,
    "site_kind": places.SiteKind,
    "stage": disasters.Stage,
    "step": disbursement.Step,
    "task_kind": dispatch.TaskKind,
    "task_state": dispatch.TaskState,
}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TYPE)
def test_every_event_and_everything_it_says_has_a_word(event: type[Any]) -> None:
    fields = {f"field.{name}" for name in event.__struct_fields__}

    assert {f"event.{event.TYPE}", *fields} <= messages.catalogue().keys()


@pytest.mark.parametrize("kind", VOCABULARIES)
def test_every_code_of_the_services_has_a_word(kind: str) -> None:
    assert {f"{kind}.{code.value}" for code in VOCABULARIES[kind]} <= messages.catalogue().keys()


def test_nested_validation_errors_name_their_fields() -> None:
    errors = {"json": {"lines": {"0": {"quantity": ["Must be at least 1."]}}, "region": ["Missing."]}}

    assert messages.field_errors(errors) == [("quantity", "Must be at least 1."), ("region", "Missing.")]


@pytest.mark.parametrize(
    ("value_won", "printed"),
    [(5_000_000_000, "5,000,000"), (-1_578_000, "△1,578"), (499, "0"), (500, "1"), (-500, "△1"), (0, "0"), (None, "-")],
)
def test_won_are_printed_in_thousands_rounded_half_up(value_won: int | None, printed: str) -> None:
    assert formats.thousand_won(value_won) == printed


@pytest.mark.parametrize(("value", "printed"), [("83.3", "83.3"), ("100", "100.0"), ("-4.25", "△4.3"), (None, "-")])
def test_a_rate_has_one_decimal(value: str | None, printed: str) -> None:
    assert formats.rate(value) == printed


def test_dates_are_written_as_reports_write_them() -> None:
    assert formats.as_of("2025-04-11") == "’25. 4. 11. 기준"
    assert formats.as_of(date(2025, 4, 11), "en") == "as of 11 Apr 2025"
    assert formats.day("2025-04-11") == "2025. 4. 11."
    assert formats.moment("2025-04-10T15:30:00Z") == "2025. 4. 11. 00:30"
    assert formats.moment(datetime(2025, 4, 10, 15, 30, tzinfo=UTC), "en") == "11 Apr 2025 00:30"


def test_a_period_within_one_day_names_the_day_once() -> None:
    assert formats.period("2025-04-04T00:00:00Z", "2025-04-04T09:00:00Z") == "2025. 4. 4. 09:00 – 18:00"
    assert formats.period("2025-04-04T00:00:00Z", "2025-04-05T09:00:00Z") == "2025. 4. 4. 09:00 – 2025. 4. 5. 18:00"


def test_bars_share_one_scale() -> None:
    row = {"current_appropriation": 6_000, "committed": 5_000, "expended": -1}
    drawn = chart.execution_chart([row, {**row, "current_appropriation": 3_000}], ["재해·재난 구호지원", "협력"])
    first, second = (group.bars for group in drawn.groups)

    assert first[0].width == 2 * second[0].width
    assert first[1].width == pytest.approx(first[0].width * 5 / 6, abs=0.1)
    assert first[2].width == 0
    tops = [bar.y for group in drawn.groups for bar in group.bars]
    assert tops == sorted(tops)
    assert tops[-1] + chart.BAR_HEIGHT <= drawn.height


def test_an_empty_report_draws_nothing() -> None:
    assert chart.execution_chart([], []).groups == ()


def test_what_is_still_to_arrive_is_summed_over_lots() -> None:
    line = {"item_id": "water", "unit": "개", "quantity": 10, "received_quantity": 4}
    arrived = {"item_id": "tent", "unit": "동", "quantity": 2, "received_quantity": 2}

    assert open_items([line, {**line, "received_quantity": 9}, arrived]) == [{"id": "water", "unit": "개", "open": 7}]


def test_every_role_lands_on_a_page_its_menu_offers() -> None:
    for role in set(Role) - {Role.IMPORTER}:
        roles = frozenset({role.value})
        assert navigation.landing_for(roles) in {entry.endpoint for entry in navigation.menu_for(roles)}


def test_there_is_a_demo_account_for_every_role_that_has_pages() -> None:
    assert {account.role for account in demo.ACCOUNTS} == set(Role) - {Role.IMPORTER}
    assert len({account.id for account in demo.ACCOUNTS}) == len(demo.ACCOUNTS)


def test_an_account_acts_for_one_body_at_a_time() -> None:
    grants = (Grant(Role.COORDINATOR, "city", "wildfires"), Grant(Role.DRAFTER, "red-cross"))
    account = Account("kim", "김두레", grants, "city", "token")

    assert account.bodies == ["city", "red-cross"]
    assert account.roles == {"coordinator"}
    assert account.may(Role.COORDINATOR, "wildfires")
    assert not account.may(Role.COORDINATOR, "storm")
    assert not account.may(Role.COORDINATOR, None)
    assert not account.may(Role.COORDINATOR, "wildfires", "red-cross")
    assert not account.may(Role.DRAFTER, None)


@pytest.mark.parametrize(
    ("days", "state"),
    [
        (("2025-04-11", None, None), "holds"),
        (("2025-03-22", "2025-04-11", None), "holds"),
        (("2025-04-12", None, None), "to_come"),
        (("2025-03-22", "2025-04-10", None), "over"),
        (("2025-03-22", None, "2025-04-10T03:00:00Z"), "ended"),
    ],
)
def test_a_duty_holds_between_its_days_until_somebody_ends_it(
    days: tuple[str, str | None, str | None], state: str
) -> None:
    grant = dict(zip(("first_day", "last_day", "ended_at"), days, strict=True))

    assert accounts.grant_state(grant, date(2025, 4, 11)) == state


def test_an_id_cannot_leave_its_segment_of_the_path() -> None:
    assert calls.segment("../accounts?limit=1") == "..%2Faccounts%3Flimit%3D1"
