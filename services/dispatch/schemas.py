"""What the dispatch API takes and gives."""

from typing import Any, Final

from marshmallow import ValidationError, fields, validate

from services.dispatch.domain import Selection, SignUpState, TaskKind, TaskState
from shared.fields import Day, Identifier, Moment, PageQuery, RegionId, Schema, Text, WholeNumber
from shared.personal_data import NotAPhoneNumber, normalise_phone

WHEN: Final = "the day it took effect in Korea; today unless the import role gives an earlier one"
WHEN_ATTENDED: Final = "the day it took effect in Korea; rosters may be typed in a few days late"
OWN_CODE: Final = "a code of your own; chosen by the system if left out"
MOST_SEATS: Final = 100_000
# What the public may read about its own form is said in both languages.
NOT_A_PHONE: Final = (
    "전화번호를 010-1234-5678 형식으로 적어 주십시오. Write a Korean phone number such as 010-1234-5678."
)
NO_CONSENT: Final = (
    "개인정보 수집·이용에 동의해야 신청할 수 있습니다. Signing up needs consent to the use of personal data."
)


def day() -> Day:
    return Day(metadata={"description": WHEN})


def own_id() -> Identifier:
    return Identifier(metadata={"description": OWN_CODE})


class Phone(Text):
    """A Korean phone number, with or without hyphens; normalised to its digits."""

    def __init__(self, **options: Any) -> None:
        super().__init__(30, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        try:
            return normalise_phone(super()._deserialize(value, attr, data, **options))
        except NotAPhoneNumber as error:
            raise ValidationError(NOT_A_PHONE) from error


class Consent(fields.Boolean):
    """True and nothing else: silence, 1 or "yes" is no consent."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if value is not True:
            raise ValidationError(NO_CONSENT)
        return super()._deserialize(value, attr, data, **options)


def state_of(states: type[TaskState] | type[SignUpState]) -> fields.String:
    return fields.String(validate=[validate.OneOf([state.value for state in states])])


class NewTask(Schema):
    id = own_id()
    disaster_id = Identifier(required=True)
    title = Text(200, required=True)
    english_title = Text(200, allow_none=True)
    description = Text(2000, multiline=True, allow_none=True)
    place = Text(200, required=True, metadata={"description": "where to come, in words"})
    site_id = Identifier(allow_none=True, metadata={"description": "the site this is, if it is one"})
    region_id = RegionId(allow_none=True)
    kind = fields.String(required=True, validate=[validate.OneOf([kind.value for kind in TaskKind])])
    selection = fields.String(required=True, validate=[validate.OneOf([way.value for way in Selection])])
    required_credential = Identifier(allow_none=True, metadata={"description": "a code such as medical_licence"})
    host_organisation = Text(200, required=True)
    effective_date = day()


class NewTitle(Schema):
    title = Text(200, required=True)
    english_title = Text(200, allow_none=True)
    effective_date = day()


class TaskDecision(Schema):
    effective_date = day()


class NewShift(Schema):
    id = own_id()
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    seats = WholeNumber(low=1, high=MOST_SEATS, required=True)
    effective_date = day()


class Shift(Schema):
    id = Identifier()
    task_id = Identifier()
    starts_at = Moment()
    ends_at = Moment()
    seats = fields.Integer()
    taken = fields.Integer()
    free = fields.Integer()
    version = fields.Integer()


class Task(Schema):
    number = fields.Integer()
    id = Identifier()
    body_id = Identifier(metadata={"description": "whose task it is"})
    disaster_id = Identifier()
    title = fields.String()
    english_title = fields.String(allow_none=True)
    description = fields.String(allow_none=True)
    place = fields.String()
    site_id = Identifier(allow_none=True)
    region_id = RegionId(allow_none=True)
    kind = fields.String()
    selection = fields.String()
    required_credential = fields.String(allow_none=True)
    host_organisation = fields.String()
    state = state_of(TaskState)
    proposed_by = fields.String(metadata={"description": "an account; told to the staff only"})
    approved_by = fields.String(allow_none=True, metadata={"description": "an account; told to the staff only"})
    last_effective_date = Day()
    version = fields.Integer()
    shifts = fields.List(fields.Nested(Shift))


class TaskQuery(PageQuery):
    state = state_of(TaskState)
    body_id = Identifier()
    disaster_id = Identifier()


class Credential(Schema):
    kind = Identifier(required=True, metadata={"description": "what the task requires"})
    number = Text(100, required=True, metadata={"description": "of the licence; never one that identifies a person"})


class NewSignUp(Schema):
    id = own_id()
    name = Text(100, required=True)
    phone = Phone(required=True, metadata={"description": "a Korean number, with or without hyphens"})
    consent = Consent(
        required=True, metadata={"description": "to the use of personal data for this shift", "enum": [True]}
    )
    nationality = fields.String(
        allow_none=True,
        validate=[validate.Regexp(r"^[A-Z]{2}\Z", error="Must be two capital letters, as in ISO 3166-1.")],
        metadata={"description": "ISO 3166-1 alpha-2, also a user-assigned code from XA to XZ"},
    )
    credential = fields.Nested(Credential, allow_none=True)
    effective_date = day()


class Outcome(Schema):
    """Where a sign-up stands, without anything personal."""

    id = Identifier()
    shift_id = Identifier()
    task_id = Identifier()
    task_title = fields.String()
    task_english_title = fields.String(allow_none=True)
    state = state_of(SignUpState)
    starts_at = Moment()
    ends_at = Moment()
    place = fields.String()
    credential_verified = fields.Boolean()
    purge_after = Day(metadata={"description": "the last day the personal data is kept"})
    last_effective_date = Day()
    version = fields.Integer()


class SignedUp(Outcome):
    cancel_code = fields.String(metadata={"description": "given this once; who cancels without an account needs it"})


class Decision(Schema):
    reason = Text(500)
    effective_date = day()


class Attendance(Schema):
    effective_date = Day(metadata={"description": WHEN_ATTENDED})


class Verification(Schema):
    verified_reference = Text(200, required=True, metadata={"description": "where the check is written down"})
    effective_date = day()


class Cancellation(Schema):
    cancel_code = Text(40, metadata={"description": "not needed by a volunteer manager of the task's body"})
    effective_date = day()


class SignUpSummary(Schema):
    """A sign-up as managers see it: name and phone masked, or empty once purged."""

    number = fields.Integer()
    id = Identifier()
    shift_id = Identifier()
    state = state_of(SignUpState)
    name = fields.String(allow_none=True, metadata={"description": "masked: 홍*동"})
    phone = fields.String(allow_none=True, metadata={"description": "masked: 010-****-5678"})
    nationality = fields.String(allow_none=True)
    credential_kind = fields.String(allow_none=True)
    credential_verified = fields.Boolean()
    consented_at = Moment()
    purge_after = Day()
    purged_at = Moment(allow_none=True)
    last_effective_date = Day()
    late = fields.Boolean(metadata={"description": "whether a step was recorded on a later day than it took effect"})
    version = fields.Integer()


class StepTaken(Schema):
    step = fields.String()
    account = fields.String()
    reason = fields.String(allow_none=True)
    effective_date = Day()
    recorded_at = Moment()
    late = fields.Boolean(metadata={"description": "recorded on a later day than it took effect"})


class SignUp(SignUpSummary):
    steps = fields.List(fields.Nested(StepTaken))


class SignUpQuery(PageQuery):
    state = state_of(SignUpState)


class RevealReason(Schema):
    reason = Text(500, required=True, metadata={"description": "kept with the account and the time; name nobody in it"})


class Revealed(Schema):
    id = Identifier()
    name = fields.String()
    phone = fields.String()
    nationality = fields.String(allow_none=True)
    credential_kind = fields.String(allow_none=True)
    credential_number = fields.String(allow_none=True)
    verified_reference = fields.String(allow_none=True)


class Reveal(Schema):
    number = fields.Integer()
    sign_up_id = Identifier()
    account = fields.String()
    reason = fields.String()
    recorded_at = Moment()


class Summary(Schema):
    task_id = Identifier()
    title = fields.String()
    english_title = fields.String(allow_none=True)
    kind = fields.String()
    applied = fields.Integer(metadata={"description": "every sign-up ever made"})
    confirmed = fields.Integer(metadata={"description": "those who hold a seat; those who attended included"})
    waitlisted = fields.Integer()
    declined = fields.Integer()
    cancelled = fields.Integer()
    attended = fields.Integer()
    nationalities = fields.Integer(metadata={"description": "how many nationalities there are among the confirmed"})


class SummaryQuery(Schema):
    disaster_id = Identifier()


class Summaries(Schema):
    items = fields.List(fields.Nested(Summary))
    confirmed = fields.Integer()


class Purge(Schema):
    number = fields.Integer()
    sign_ups = fields.Integer(metadata={"description": "sign-ups whose personal data was purged"})
    volunteers = fields.Integer(metadata={"description": "persons of whom nothing is left"})
    due_before = Day()
    recorded_at = Moment()
    recorded_by = fields.String()


class Balance(Schema):
    """What the ledger's count of seats is compared with."""

    shift_id = Identifier()
    task_id = Identifier()
    seats = fields.Integer()
    taken = fields.Integer()
