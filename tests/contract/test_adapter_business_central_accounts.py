"""Business Central: how a customer's account stands, in the documented words of its API."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from actors.runtime.errors import NeedsPerson
from adapters.kit.http_client import HttpClient
from schemas.order.canonical import Customer, Order
from schemas.order.world import Account
from tests.contract.partner_calls import business_central, stubbed
from tests.contract.simulated import Client, Running, spec, started
from tests.orders import an_order

WHO = Customer(name="Ada", email="ada@example.com", vat_id="DE123456789")


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


@functools.cache
def properties(resource: str) -> frozenset[str]:
    """Names in the property table of a v2.0 resource."""
    path = spec("dynamics365-bc", "v2.0", "resources", f"dynamics_{resource}.md")
    return frozenset(re.findall(r"(?m)^\|(\w+)\|[\w.]+ *\|", path.read_text(encoding="utf-8")))


def ordered(customer: Customer = WHO) -> Order:
    """Return an order of a customer."""
    return an_order(customer=customer)


async def told(
    running: Running, simulators: Client, client: HttpClient, *customers: dict[str, Any]
) -> Account:
    """Return what is said of the order's customer when these are there."""
    await simulators.call("POST", "/_sim/erp/accounts", {"customers": list(customers)})
    return await business_central(client, running.http).account(ordered())


async def test_limit_balance_and_overdue_days(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """The oldest invoice says how long, all of them how much; the VAT number counts before the
    address."""
    invoices = [
        {"due_date": "2026-10-24", "remaining": 120.5},
        {"due_date": "2026-12-24", "remaining": 79.5},
        {"due_date": "0001-01-01", "remaining": -10},
    ]
    ada = {"number": "10000", "tax_number": WHO.vat_id, "limit": 5_000, "invoices": invoices}
    found = await told(
        running, simulators, client, ada, {"number": "2", "email": WHO.email, "blocked": "All"}
    )
    assert found == Account(
        "found", currency="USD", limit_minor=500_000, balance_minor=19_000, overdue_days=34
    )


CASES: list[tuple[list[dict[str, Any]], Account]] = [
    ([], Account("missing")),
    ([{"number": "1", "email": WHO.email}, {"number": "2", "email": WHO.email}],
     Account("several")),
    ([{"number": "1", "email": WHO.email, "blocked": "Ship"}],
     Account("found", currency="USD", balance_minor=0, overdue_days=0, blocked=True)),
    ([{"number": "1", "email": WHO.email, "invoices": [{"remaining": 1, "currency": "EUR"}]}],
     Account("currency")),
]  # fmt: skip


@pytest.mark.parametrize(("customers", "wanted"), CASES)
async def test_what_can_not_be_said_is_said_so(
    running: Running,
    simulators: Client,
    client: HttpClient,
    customers: list[dict[str, Any]],
    wanted: Account,
) -> None:
    """No customer, several, another currency: never a limit that is made up; 0 counts as none."""
    assert await told(running, simulators, client, *customers) == wanted


async def test_one_who_is_not_named_is_not_asked_for(client: HttpClient) -> None:
    """No number and no address: no one there can be meant, and no call is made."""
    async with stubbed(web.json_response({"value": []})) as stub:
        found = await business_central(client, stub.url).account(ordered(Customer(name="Ada")))
        assert found == Account("missing")
        assert not [x for x in stub.requests if "/customers" in x[1]]


async def test_a_refused_question_is_for_a_person(client: HttpClient) -> None:
    """Without an answer nothing is known, in words."""
    async with stubbed(web.json_response({"error": {"message": "no table"}}, status=400)) as s:
        with pytest.raises(NeedsPerson, match="would not say whether it has the customer"):
            await business_central(client, s.url).account(ordered())


async def test_only_documented_fields_are_asked_for(client: HttpClient) -> None:
    """What is filtered by and selected is in the v2.0 property tables."""
    made = {"number": "1", "currencyCode": "USD", "creditLimit": 0, "blocked": " "}
    answers = web.json_response({"value": [made]}), web.json_response({"value": []})
    async with stubbed(*answers) as stub:
        await business_central(client, stub.url).account(ordered())
        asked = [x for x in stub.requests if "/customers" in x[1] or "/salesInvoices" in x[1]]
    assert len(asked) == 2
    for one, resource in zip(asked, ("customer", "salesinvoice"), strict=True):
        query = parse_qs(urlsplit(one[1]).query)
        fields = set(query["$select"][0].split(","))
        fields |= set(re.findall(r"(\w+) eq ", query["$filter"][0]))
        assert fields <= properties(resource), fields
