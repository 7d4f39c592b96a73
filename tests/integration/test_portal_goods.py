"""Relief goods on the portal: what a coordinator in the field records and sees."""

import re

from shared.auth import Role
from tests.e2e import site
from tests.integration.portal import HIDDEN, SHIPMENT, Visitor


def test_a_shipment_is_logged_and_received_in_parts(visitor: Visitor) -> None:
    visitor.sign_in("coordinator").open("/shipments/new")
    shipment = visitor.send("/shipments/new", **SHIPMENT).location
    assert "안동시" in visitor.open(shipment).text

    assert visitor.send(f"{shipment}/receipts", **{"item_id": "tent", "quantity.tent": "3"}).status_code == 303
    page = visitor.open(shipment).text
    assert "일부 수령" in page
    assert "3 / 4동 수령" in page
    visitor.send(f"{shipment}/receipts", **{"item_id": "tent", "quantity.tent": "1"})
    assert "수령 완료" in visitor.open(shipment).text


def test_a_form_sent_twice_counts_once(visitor: Visitor) -> None:
    visitor.sign_in("coordinator").open("/shipments/new")
    first, second = visitor.send("/shipments/new", **SHIPMENT), visitor.send("/shipments/new", **SHIPMENT)

    assert first.location == second.location
    assert visitor.open("/shipments").text.count('class="card"') == 1


def test_a_form_sent_again_with_other_content_is_explained(visitor: Visitor) -> None:
    visitor.sign_in("coordinator").open("/shipments/new")
    visitor.send("/shipments/new", **SHIPMENT)
    response = visitor.send("/shipments/new", **{**SHIPMENT, "quantity": "5"})

    assert response.status_code == 422
    assert "이미 보낸 양식입니다" in response.text
    assert dict(HIDDEN.findall(response.text))["key"] != visitor.hidden["key"]


def test_too_large_a_shipment_is_refused_with_its_numbers(visitor: Visitor) -> None:
    visitor.sign_in("coordinator").open("/shipments/new")
    response = visitor.send("/shipments/new", **{**SHIPMENT, "quantity": "11"})

    assert response.status_code == 409
    assert re.search(r"요청 수량</dt><dd>11\b", response.text)
    assert re.search(r"가용 수량</dt><dd>10\b", response.text)
    assert dict(HIDDEN.findall(response.text))["key"] == visitor.hidden["key"]  # the refused form left no trace


def test_a_script_gets_the_answer_as_json(visitor: Visitor) -> None:
    visitor.sign_in("coordinator").open("/shipments/new")
    data = {**visitor.hidden, **SHIPMENT}
    accepted = visitor.client.post("/shipments/new", data=data, headers={"Accept": "application/json"})
    refused = visitor.client.post(
        "/shipments/new", data={**data, "key": "another", "quantity": "99"}, headers={"Accept": "application/json"}
    )

    assert accepted.json is not None
    assert accepted.json["location"].startswith("/shipments/")
    assert refused.status_code == 409
    assert refused.json is not None
    assert refused.json["available"] == 6


def test_depots_and_regions_are_chosen_from_what_is_registered(visitor: Visitor) -> None:
    page = visitor.sign_in("coordinator").open("/shipments/new").text
    depots = re.search(r'<select[^>]*name="depot_id".*?</select>', page, re.DOTALL)
    regions = re.search(r'<select[^>]*name="region_id".*?</select>', page, re.DOTALL)

    assert depots
    assert regions
    assert re.findall(r'value="([^"]+)"', depots[0]) == [site.DEPOT]  # a shelter is no depot
    assert re.findall(r'label="([^"]+)"|value="([^"]+)"', regions[0]) == [
        ("여러 지역", ""),
        ("", site.GROUP),
        ("경상북도", ""),
        ("", site.GYEONGBUK),
        ("", site.ANDONG),
        ("", site.UISEONG),
    ]


def test_what_left_yesterday_is_recorded_for_yesterday_and_marked_late(visitor: Visitor) -> None:
    visitor.sign_in("coordinator").open("/shipments/new")
    shipment = visitor.send("/shipments/new", **SHIPMENT, effective_date="2025-04-10").location

    page = visitor.open(shipment).text
    assert "2025. 4. 10." in page
    assert "늦은 기록" in page
    assert "늦은 기록" in visitor.open("/shipments").text
    assert "Recorded later" in visitor.in_english().open("/shipments").text


def test_what_left_too_long_ago_is_refused_with_the_days_that_are_allowed(visitor: Visitor) -> None:
    visitor.sign_in("coordinator").open("/shipments/new")
    response = visitor.send("/shipments/new", **SHIPMENT, effective_date="2025-04-01")

    assert response.status_code == 422
    assert "2025-04-04부터 2025-04-11까지" in response.text
    assert 'value="2025-04-01"' in response.text


def test_a_request_names_its_region_and_leads_to_a_shipment_of_it(visitor: Visitor) -> None:
    page = visitor.sign_in("coordinator").open("/requests").text
    link = re.search(r'href="(/shipments/new\?[^"]+)"', page)

    assert "의성군" in page
    assert "늦은 기록" in page
    assert link
    form = visitor.open(link[1].replace("&amp;", "&")).text
    assert f'value="{site.UISEONG}" selected' in form
    assert 'value="water" selected' in form


def test_a_script_is_told_of_a_refusal_in_names_and_not_in_ids(visitor: Visitor, site_office: site.Office) -> None:
    tents = {"item_id": "tent", "depot_id": site.DEPOT, "quantity": 1, "source": "기부"}
    site_office.post("inventory", "/receipts", tents, Role.COORDINATOR, body_id=site.CENTRE)
    shipment = SHIPMENT | {"id": "of-the-centre", "lines": [{"item_id": "tent", "quantity": 1}]}
    body = {name: value for name, value in shipment.items() if name not in ("item_id", "quantity")}
    site_office.post("inventory", "/shipments", body, Role.COORDINATOR, body_id=site.CENTRE)
    visitor.sign_in("coordinator").open("/shipments/of-the-centre")
    data = {**visitor.hidden, "key": "k", "version": "1"}
    refused = visitor.client.post(
        "/shipments/of-the-centre/dispatch", data=data, headers={"Accept": "application/json"}
    )

    assert refused.status_code == 403
    assert refused.json is not None
    assert refused.json["detail"] == "이 일은 시 자원봉사센터의 일입니다. 이 계정은 시의 일을 합니다."
