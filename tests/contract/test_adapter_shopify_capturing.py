"""Shopify: money that is reserved is captured once, whatever is repeated, and never too much."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from graphql import parse, specified_rules, validate
from graphql.validation import NoDeprecatedCustomRule
from msgspec.structs import replace

from actors.runtime.errors import Rejected, Unauthorised, Unknown
from actors.runtime.partner import Call
from adapters.channels.shopify.capturing import CAPTURE_MUTATION, TRANSACTIONS_QUERY
from adapters.kit.http_client import HttpClient
from adapters.kit.secret import Secret
from ops.simulators.storefront import Moment, build_order
from schemas.messages.effects import CapturePayment, PaymentCaptured
from schemas.order.money import decimal_text
from tests.contract.partner_calls import a_call
from tests.contract.simulated import Client, Json, Running, started
from tests.contract.storefront_calls import shopify
from tests.contract.test_adapter_shopify import schema
from tests.orders import an_order

BOOK = "/_sim/shops/acme-us.myshopify.com"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started("--callbacks", "") as found:
        yield found


class Shop:
    """One order in the simulated shop, whose money is only reserved."""

    def __init__(self, simulators: Client, order: Json) -> None:
        self.simulators = simulators
        self.order = order
        self.ref = str(order["id"])
        self.currency = str(order["presentment_currency"])
        total = order["current_total_price_set"]["presentment_money"]["amount"]
        places = 10 ** len(decimal_text(1, self.currency).partition(".")[2])
        self.total = int(Decimal(total) * places)

    def call(self, amount: int, before: int = 0) -> Call:
        """Return the call for a capture of so much."""
        effect = CapturePayment(amount_minor=amount, currency=self.currency, before_minor=before)
        return a_call(effect, replace(an_order(), ref=self.ref))

    async def till(self, **knobs: bool) -> None:
        """Let the gateway be another one."""
        answer = await self.simulators.call("POST", f"{BOOK}/orders/{self.ref}/till", knobs)
        assert answer.status == 200, answer.text

    async def taken(self) -> list[Decimal]:
        """Return the amounts that were captured."""
        return [Decimal(x["detail"]["amount"]) for x in await self.simulators.ledger("capture")]

    def amounts(self, *minor: int) -> list[Decimal]:
        """Return amounts as the shop writes them."""
        return [Decimal(decimal_text(one, self.currency)) for one in minor]


async def reserved(simulators: Client, number: int) -> Shop:
    """Have the shop know an order whose card is charged later."""
    order = build_order(7, number, moment=Moment(reserved=True))
    known = {"id": order["id"], "updated_at": order["updated_at"], "order": order}
    answer = await simulators.call("POST", f"{BOOK}/orders", {"orders": [known]})
    assert answer.status == 200, answer.text
    return Shop(simulators, order)


@pytest.mark.parametrize("document", [TRANSACTIONS_QUERY, CAPTURE_MUTATION])
def test_queries_are_valid_in_shopify_s_schema(document: str) -> None:
    """They name only fields and arguments that API 2026-10 has, none of them deprecated."""
    assert validate(schema(), parse(document), [*specified_rules, NoDeprecatedCustomRule]) == []


async def test_the_whole_is_captured_once(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """One capture; a repeat and a look-up find it, and the shop shows the order as paid."""
    shop = await reserved(simulators, 1)
    partner, call = shopify(client, running.http), shop.call(shop.total)
    assert await partner.look_up(call) is None
    made = await partner.perform(call)
    assert isinstance(made, PaymentCaptured)
    assert (made.amount_minor, made.left_minor) == (shop.total, 0)
    assert made.outside_id.startswith("gid://shopify/OrderTransaction/")
    assert await partner.perform(call) == await partner.look_up(call) == made
    assert await shop.taken() == shop.amounts(shop.total)
    shown = (await simulators.call("GET", f"{BOOK}/orders/{shop.ref}")).json
    assert shown["order"]["financial_status"] == "paid"


async def test_a_single_capture_leaves_nothing(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """Of an authorisation that can be captured once, a part frees the rest; more is refused."""
    shop = await reserved(simulators, 2)
    partner = shopify(client, running.http)
    made = await partner.perform(shop.call(500))
    assert isinstance(made, PaymentCaptured)
    assert made.left_minor == 0
    with pytest.raises(Rejected, match=r"has 0\.00 [A-Z]+ left to capture"):
        await partner.perform(shop.call(shop.total - 500, before=500))
    assert await shop.taken() == shop.amounts(500)


async def test_parts_of_an_authorisation(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """Where it can be captured again the parts sum to the whole, and what is left is told."""
    shop = await reserved(simulators, 3)
    await shop.till(multi=True)
    partner = shopify(client, running.http)
    first = await partner.perform(shop.call(500))
    assert isinstance(first, PaymentCaptured)
    assert first.left_minor == shop.total - 500
    second = await partner.perform(shop.call(shop.total - 500, before=500))
    assert isinstance(second, PaymentCaptured)
    assert second.left_minor == 0
    assert await shop.taken() == shop.amounts(500, shop.total - 500)


async def test_never_more_than_is_authorised(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """Too much is refused in words, before anything is asked for; the shop refuses it, too."""
    shop = await reserved(simulators, 4)
    with pytest.raises(Rejected, match="left to capture"):
        await shopify(client, running.http).perform(shop.call(shop.total + 1))
    assert await shop.taken() == []
    query = "query Q($id: ID!) { order(id: $id) { transactions(first: 5) { id kind } } }"
    asked = await simulators.graphql(query, id=f"gid://shopify/Order/{shop.ref}")
    (authorisation,) = asked.json["data"]["order"]["transactions"]
    wish = {
        "id": f"gid://shopify/Order/{shop.ref}",
        "parentTransactionId": authorisation["id"],
        "amount": decimal_text(shop.total + 1, shop.currency),
        "currency": shop.currency,
    }
    told = await simulators.graphql(CAPTURE_MUTATION, input=wish)
    (error,) = told.json["data"]["orderCapture"]["userErrors"]
    assert error["field"] == ["amount"]
    assert "greater than the amount of the authorized transaction" in error["message"]
    assert await shop.taken() == []


async def test_a_declined_card(running: Running, simulators: Client, client: HttpClient) -> None:
    """The transaction fails: nothing is taken, and its reason is told."""
    shop = await reserved(simulators, 5)
    await shop.till(declines=True)
    partner = shopify(client, running.http)
    with pytest.raises(Rejected, match="card declined"):
        await partner.perform(shop.call(shop.total))
    assert await partner.look_up(shop.call(shop.total)) is None
    assert await shop.taken() == []
    await shop.till(declines=False)
    await partner.perform(shop.call(shop.total))
    assert await shop.taken() == shop.amounts(shop.total)


async def test_an_expired_authorisation(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """Nothing of it is left, and a person is told what to do."""
    shop = await reserved(simulators, 6)
    await shop.till(expired=True)
    with pytest.raises(Rejected, match="collect the rest from the customer"):
        await shopify(client, running.http).perform(shop.call(shop.total))


@pytest.mark.parametrize(
    ("fault", "number"), [("act_no_answer_rate", 7), ("error_after_acting_rate", 8)]
)
async def test_captured_without_saying_so(
    fault: str, number: int, running: Running, simulators: Client, client: HttpClient
) -> None:
    """A lost answer is Unknown; the look-up adopts what was captured, and nothing is doubled."""
    shop = await reserved(simulators, number)
    await shop.till(multi=True)
    partner = shopify(client, running.http, timeout_seconds=0.3)
    knobs: dict[str, object] = {fault: 1.0}
    await simulators.fault("storefront", "order_capture", None, **knobs)
    call = shop.call(500)
    with pytest.raises(Unknown):
        await partner.perform(call)
    await simulators.fault("storefront", "order_capture", None, **{fault: 0.0})
    found = await partner.look_up(call)
    assert isinstance(found, PaymentCaptured)
    assert await partner.perform(call) == found
    assert await shop.taken() == shop.amounts(500)


async def test_a_capture_in_the_shop_counts(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """What a person captured in the admin is not captured a second time."""
    shop = await reserved(simulators, 9)
    query = "query Q($id: ID!) { order(id: $id) { transactions(first: 5) { id } } }"
    asked = await simulators.graphql(query, id=f"gid://shopify/Order/{shop.ref}")
    gid = asked.json["data"]["order"]["transactions"][0]["id"]
    amount = decimal_text(shop.total, shop.currency)
    wish = {"parentTransactionId": gid, "amount": amount, "currency": shop.currency}
    answer = await simulators.call("POST", f"{BOOK}/orders/{shop.ref}/capture", wish)
    assert answer.status == 200, answer.text
    made = await shopify(client, running.http).perform(shop.call(shop.total))
    assert isinstance(made, PaymentCaptured)
    assert await shop.taken() == []


async def test_a_wrong_credential(running: Running, simulators: Client, client: HttpClient) -> None:
    """Nothing is read and nothing captured without a token that the shop knows."""
    shop = await reserved(simulators, 10)
    partner = shopify(client, running.http, access_token=Secret("wrong"))
    with pytest.raises(Unauthorised):
        await partner.perform(shop.call(shop.total))
    assert await shop.taken() == []
