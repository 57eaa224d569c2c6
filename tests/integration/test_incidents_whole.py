"""Incidents as people meet them: by command line and HTTP, at a running service."""

from __future__ import annotations

import json
from typing import Any

from tests.integration.test_cli import stuck_at_the_erp
from tests.integration.whole import CHANNEL, Whole
from tests.waiting import eventually


async def test_incidents(whole: Whole) -> None:
    """What failed is listed, shown with what to do and whom it affects, and can be counted
    again."""
    order = await stuck_at_the_erp(whole)
    forged = await whole.ask("POST", "/hooks/acme-us", body=b"{}")
    assert forged.status == 401

    async def listed() -> dict[str, Any]:
        answer = await whole.api("GET", "/api/v1/incidents?open=true")
        rows: list[Any] = json.loads(answer.body)["incidents"]
        found = {row["category"]: row for row in rows}
        # Another order may have been refused before: this one counts when it is seen to wait.
        waits = found.get("erp_refused", {}).get("waiting", 0)
        forgeries = found.get("signature_invalid", {}).get("channels", ())
        return found if waits and "acme-us" in forgeries else {}

    found = await eventually(listed, 20.0)
    assert 0 < found["erp_refused"]["share"] <= 1
    rows = json.loads(whole.cli("incidents", "list", "--open", "--channel", CHANNEL, "--json"))
    assert "erp_refused" in {row["category"] for row in rows}
    assert "The ERP refused the sales order." in whole.cli("incidents", "list")
    assert whole.cli("incidents").startswith("category")
    shown = whole.cli("incidents", "show", "erp_refused")
    order_id = json.loads((await whole.api("GET", f"/api/v1/orders/{order.number}")).body)["row"][
        "order_id"
    ]
    assert order_id in shown
    assert "orders retry" in shown
    assert "has occurred" in whole.cli("incidents", "show", "no_such", code=11)
    answer = await whole.api("GET", "/api/v1/incidents/erp_refused")
    assert order_id in json.loads(answer.body)["orders"]
    assert json.loads(whole.cli("incidents", "show", "erp_refused", "--json"))["episodes"]
    metrics = (await whole.ask("GET", "/metrics")).body.decode()
    assert 'orderwright_incident_occurrences_total{category="erp_refused"}' in metrics
    await counted_again(whole, found["erp_refused"]["occurrences"])
    whole.cli("orders", "skip", order.number, "--reason", "booked by hand")
    await whole.until(order.number, "closed")


async def counted_again(whole: Whole, occurrences: int) -> None:
    """A rebuild forgets the counts, and the running service comes to the same again, or to more
    where another test's order was refused meanwhile."""
    assert "rebuilds them" in whole.cli("incidents", "rebuild")

    async def again() -> bool:
        answer = await whole.api("GET", "/api/v1/incidents/erp_refused")
        if answer.status != 200:
            return False
        return bool(json.loads(answer.body)["incident"]["occurrences"] >= occurrences)

    await eventually(again, 20.0)


async def test_the_api_keeps_to_the_key(whole: Whole) -> None:
    """No key 401, another's channel 403, a category that never occurred 404, a wrong query 400."""
    assert (await whole.ask("GET", "/api/v1/incidents")).status == 401
    words = ("--scope", "orders:read", "--channel", "acme-ca")
    key = f"Bearer {whole.cli('keys', 'create', 'ca', *words).strip()}"
    paths = {
        "/api/v1/incidents?channel=acme-us": 403,
        "/api/v1/incidents?open=perhaps": 400,
        "/api/v1/incidents/no_such": 404,
        "/api/v1/incidents/parcel_returned": 404,
        "/api/v1/incidents?channel=acme-ca": 200,
    }
    for path, status in paths.items():
        assert (await whole.ask("GET", path, Authorization=key)).status == status, path
