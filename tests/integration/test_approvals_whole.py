"""An order on terms that is over its customer's limit, on a running service: held in words, and
approved by two people."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from schemas.order.canonical import Customer
from service.app.person import this_person
from service.demo.world import toml
from tests.integration.test_reviews_whole import decide, placed, waiting
from tests.integration.whole import CHANNEL, Whole
from tests.waiting import eventually

HOLD = "unmapped-payment"
EMAIL = "buyer@b2b.example"


@pytest.fixture
async def limited(whole: Whole) -> AsyncIterator[Whole]:
    """The service with terms, and approvals that two people give; afterwards it has neither."""
    config = whole.world.config
    before = config.read_text()
    table = tomllib.loads(before)
    table["channels"][CHANNEL]["terms_payment_methods"] = ["Net 30"]
    table["approvals"] = {
        "four_eyes_above": {"USD": 0},
        "roles": {
            "sales": {"people": [this_person()], "limits": {"USD": 10_000_000}},
            "finance": {"people": ["API key tests"], "limits": {"USD": 50_000_000}},
        },
    }
    config.write_text(toml(table))
    await asyncio.to_thread(whole.cli, "reload")
    yield whole
    config.write_text(before)
    await asyncio.to_thread(whole.cli, "reload")


async def account(whole: Whole, **told: object) -> None:
    """Have the ERP keep this account of the buyer."""
    url = f"{whole.world.partners.http}/_sim/erp/accounts"
    body = {"customers": [{"number": "70001", "email": EMAIL, **told}]}
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
        assert answer.status == 200


async def test_an_order_over_its_limit_is_approved_by_a_second_person(limited: Whole) -> None:
    """The hold names limit, balance and excess; no one releases it beside the approvals; the second
    person's sends the goods; both are in the timeline."""
    invoices = [{"due_date": "2090-01-01", "remaining": 95}]
    await account(limited, limit=100, invoices=invoices)
    who = Customer(name="Buyer", email=EMAIL)
    order = limited.order(payment="pending", payment_method="Net 30", customer=who)
    order_id = await placed(limited, order)
    review = await waiting(limited, order_id)
    assert review["hold_id"] == HOLD
    assert "on terms with a limit of 100.00 USD, of which 95.00 USD is open" in review["reason"]
    limited.cli("orders", "release", order.number, "--hold", HOLD, "--reason", "in a hurry")

    async def refused() -> bool:
        return "which limits say who may give" in limited.cli("orders", "timeline", order.number)

    await eventually(refused, 30.0)
    said = limited.cli("reviews", "approve", str(review["id"]), "--reason", "they always pay")
    assert "a second person has to approve it" in said
    shown = limited.cli("reviews", "show", str(review["id"]))
    assert f"approved    by {this_person()}; 2 needed" in shown
    limited.cli("reviews", "approve", str(review["id"]), "--reason", "again", code=11)
    assert await decide(limited, review, "approve", "I agree") == 200
    await limited.until(order.number, "closed", seconds=60.0)
    timeline = limited.cli("orders", "timeline", order.number)
    assert f"{this_person()} and API key tests" in timeline
    await absent(limited)


async def absent(limited: Whole) -> None:
    """An approver is away for a day, as commands and API tell, and comes back."""
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    limited.cli("reviews", "away", "--until", tomorrow, "--deputy", "ben", "--reason", "leave")
    answer = await limited.api("GET", "/api/v1/reviews/absences")
    told: Any = answer.json()
    ((person, deputy),) = [(x["person"], x["deputy"]) for x in told["absences"]]
    assert (person, deputy) == (this_person(), "ben")
    assert "leave" in limited.cli("reviews", "absences")
    body = {"deputy": "ben", "until": "2000-01-01T00:00:00Z", "reason": "leave"}
    path = "/api/v1/reviews/away"
    assert (await limited.api("POST", path, body=json.dumps(body).encode())).status == 409
    body["until"] = f"{tomorrow}T00:00:00Z"
    assert (await limited.api("POST", path, body=json.dumps(body).encode())).status == 200
    told = (await limited.api("POST", "/api/v1/reviews/back", body=b'{"reason": "here"}')).json()
    assert [x["person"] for x in told["absences"]] == [this_person()]
    limited.cli("reviews", "back", "--reason", "here again")
