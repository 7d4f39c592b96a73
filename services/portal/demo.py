"""The accounts of the demo profile, one per role; the scenario creates them, the sign-in page offers them."""

from dataclasses import dataclass
from typing import Final

from shared.auth import Role

PASSWORD: Final = "dure-demo-2025"  # noqa: S105  # public: the demo profile prints it


@dataclass(frozen=True)
class DemoAccount:
    """One role, held for one body of the scenario."""

    id: str
    role: Role
    display_name: str
    body_id: str = "city"


ACCOUNTS: Final = (
    DemoAccount("coordinator", Role.COORDINATOR, "현장 담당 (시연)"),
    DemoAccount("drafter", Role.DRAFTER, "기안자 (시연)"),
    DemoAccount("reviewer", Role.REVIEWER, "검토자 (시연)"),
    DemoAccount("approver", Role.APPROVER, "결재권자 (시연)"),
    DemoAccount("commitment-officer", Role.COMMITMENT_OFFICER, "재무관 (시연)"),
    DemoAccount("payment-officer", Role.PAYMENT_OFFICER, "지출원 (시연)"),
    DemoAccount("budget-officer", Role.BUDGET_OFFICER, "예산 담당 (시연)"),
    DemoAccount("volunteer-manager", Role.VOLUNTEER_MANAGER, "자원봉사 담당 (시연)", "volunteer-centre"),
    DemoAccount("volunteer-manager-2", Role.VOLUNTEER_MANAGER, "자원봉사 승인 담당 (시연)", "volunteer-centre"),
    DemoAccount("auditor", Role.AUDITOR, "감사 (시연)"),
    DemoAccount("administrator", Role.ADMINISTRATOR, "관리자 (시연)"),
)
