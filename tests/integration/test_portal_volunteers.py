"""Volunteers on the portal: signing up without an account, and the roster of whoever looks after them."""

import re
from datetime import timedelta

from flask import Flask

from shared.auth import Role
from tests.e2e import site
from tests.integration.portal import VOLUNTEER, Visitor
from tests.support import FixedClock


def test_a_volunteer_signs_up_without_an_account_and_cancels_with_the_code(visitor: Visitor) -> None:
    assert "남은 자리 2 / 2" in visitor.open("/volunteer").text
    form = visitor.open(f"/volunteer/{site.SHIFT}")
    assert "국적" not in form.text
    visitor.send(f"/volunteer/{site.SHIFT}", **VOLUNTEER)
    done = visitor.open("/volunteer/done").text
    assert "자리가 확정되었습니다" in done
    assert "010" not in done

    code = re.search(r'class="cancel-code"[^>]*>([^<]+)<', done)
    cancel = re.search(r'href="(/volunteer/cancel/[^"]+)"', done)
    assert code
    assert cancel
    assert "남은 자리 1 / 2" in visitor.open("/volunteer").text
    visitor.open(cancel[1])
    assert visitor.send(cancel[1], cancel_code="wrong-code").status_code == 403
    assert visitor.send(cancel[1], cancel_code=code[1]).status_code == 303
    assert "남은 자리 2 / 2" in visitor.open("/volunteer").text


def test_nationality_is_asked_only_where_the_task_needs_it(visitor: Visitor) -> None:
    assert "국적" in visitor.open(f"/volunteer/{site.SELECTED_SHIFT}").text
    response = visitor.send(f"/volunteer/{site.SELECTED_SHIFT}", **VOLUNTEER, nationality="vn")

    assert response.location == "/volunteer/done"
    assert "담당이 선발한 뒤" in visitor.open("/volunteer/done").text


def test_a_bad_phone_number_is_explained_beside_what_was_typed(visitor: Visitor) -> None:
    visitor.open(f"/volunteer/{site.SHIFT}")
    response = visitor.send(f"/volunteer/{site.SHIFT}", **{**VOLUNTEER, "phone": "12345"})

    assert response.status_code == 422
    assert "010-1234-5678" in response.text
    assert 'value="자원봉사자"' in response.text


def test_the_roster_is_masked_and_a_manager_confirms(portal: Flask, visitor: Visitor) -> None:
    visitor.open(f"/volunteer/{site.SELECTED_SHIFT}")
    visitor.send(f"/volunteer/{site.SELECTED_SHIFT}", **VOLUNTEER, nationality="VN")
    manager = Visitor(portal).sign_in("volunteer-manager")
    roster = manager.open(f"/tasks/{site.SELECTED_TASK}").text
    assert "자원봉사자" not in roster
    assert "0000-0001" not in roster

    confirm = re.search(r'action="([^"]+/confirm)"', roster)
    version = re.search(r'/confirm">\s*.*?name="version" value="(\d+)"', roster, re.DOTALL)
    assert confirm
    assert version
    manager.hidden["version"] = version[1]
    assert manager.send(confirm[1]).status_code == 303
    assert re.search(r"bg-light-success\">확정<", manager.open(f"/tasks/{site.SELECTED_TASK}").text)


def test_a_task_names_its_site_and_region(visitor: Visitor) -> None:
    assert "체육관 정문 · 안동시 임시대피소 · 안동시" in visitor.open("/volunteer").text
    page = visitor.sign_in("volunteer-manager").open(f"/tasks/{site.TASK}").text
    assert "체육관 정문 · 안동시 임시대피소 · 안동시" in page
    assert "시 자원봉사센터" in page


def test_a_task_has_its_english_title_where_there_is_one(visitor: Visitor) -> None:
    page = visitor.in_english().open("/volunteer").text

    assert "Foreign residents&#39; volunteer corps" in page
    assert '<span lang="ko">텐트 철거와 청소</span>' in page


def test_a_roster_that_is_typed_in_later_is_marked_so(portal: Flask, visitor: Visitor, clock: FixedClock) -> None:
    visitor.open(f"/volunteer/{site.SHIFT}")
    visitor.send(f"/volunteer/{site.SHIFT}", **VOLUNTEER)
    clock.set(clock.now() + timedelta(days=3))
    manager = Visitor(portal).sign_in("volunteer-manager")
    page = manager.open(f"/tasks/{site.TASK}").text
    attend = re.search(r'action="([^"]+/attend)".*?name="effective_date" value="([^"]+)"', page, re.DOTALL)
    assert attend
    assert attend[2] == "2025-04-12"  # the day of the shift

    manager.send(attend[1], effective_date=attend[2])
    page = manager.open(f"/tasks/{site.TASK}").text
    assert re.search(r"참여</span>\s*<time>2025. 4. 12.</time>\s*<span[^>]*>늦은 기록<", page)


def test_the_tasks_of_another_body_are_not_in_the_list(portal: Flask, site_office: site.Office) -> None:
    task = {
        "id": "of-the-city",
        "disaster_id": site.DISASTER,
        "title": "잔불 정리",
        "place": "청사",
        "kind": "general",
        "selection": "first_come",
        "host_organisation": "시",
    }
    site_office.post("dispatch", "/tasks", task, Role.VOLUNTEER_MANAGER)
    manager = Visitor(portal).sign_in("volunteer-manager")

    assert "잔불 정리" not in manager.open("/tasks").text
