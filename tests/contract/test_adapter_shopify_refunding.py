"""Shopify: money is given back once, whatever is repeated, by the shop's own calculation, and never
more than there is."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from graphql import parse, specified_rules, validate
from graphql.validation import NoDeprecatedCustomRule
from msgspec.structs import replace

from actors.runtime.errors import Rejected, Unauthorised, Unknown
from actors.runtime.partner import Call
from adapters.channels.shopify.refund_shapes import (
    LINES_QUERY,
    REFUND_MUTATION,
    REFUNDS_QUERY,
    SUGGEST_QUERY,
    UNITS_QUERY,
)
from adapters.kit.http_client import HttpClient
from adapters.kit.secret import Secret
from ops.simulators.storefront import Moment, build_order
from schemas.messages.effects import PaymentRefunded, RefundLine, RefundPayment
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
    """One paid order in the simulated shop."""

    def __init__(self, simulators: Client, order: Json) -> None:
        self.simulators = simulators
        self.order = order
        self.ref = str(order["id"])
        self.currency = str(order["presentment_currency"])
        self.places = 10 ** len(decimal_text(1, self.currency).partition(".")[2])
        self.total = self.minor(order["current_total_price_set"]["presentment_money"]["amount"])
        self.line = order["line_items"][0]

    def minor(self, amount: object) -> int:
        """Return an amount in minor units."""
        return int(Decimal(str(amount)) * self.places)

    def call(self, amount: int, *, again: int = 1, **more: object) -> Call:
        """Return the call for a refund of so much; `again` counts refunds of the order."""
        effect = RefundPayment(
            amount_minor=amount,
            currency=self.currency,
            **{"most_minor": self.total, "exact": True, **more},  # type: ignore[arg-type]  # its fields
        )
        made = a_call(effect, replace(an_order(), ref=self.ref))
        name = f"{made.reference[:24]}{again}{made.reference[25:]}"
        return replace(made, reference=name, idempotency_key=f"refund-{name}")

    def unit(self, quantity: int = 1, *, left: bool = False) -> tuple[RefundLine, ...]:
        """Return so many units of the first line."""
        return (RefundLine(str(self.line["id"]), quantity, left),)

    async def ask(self, doing: str, **told: object) -> Json:
        """Do something in the shop's admin."""
        path = f"{BOOK}/orders/{self.ref}" + (f"/{doing}" if doing else "")
        answer = await self.simulators.call("POST" if doing else "GET", path, told or None)
        assert answer.status == 200, answer.text
        return answer.json

    async def in_admin(self, amount: int, lines: tuple[RefundLine, ...] = ()) -> None:
        """Somebody gives money back in the admin."""
        query = "query Q($id: ID!) { order(id: $id) { transactions(first: 5) { id } } }"
        asked = await self.simulators.graphql(query, id=f"gid://shopify/Order/{self.ref}")
        gid = asked.json["data"]["order"]["transactions"][0]["id"]
        amounts = decimal_text(amount, self.currency)
        await self.ask(
            "refund",
            transactions=[{"kind": "REFUND", "parentId": gid, "amount": amounts}],
            refundLineItems=[
                {"lineItemId": x.line_id, "quantity": x.quantity, "restockType": "CANCEL"}
                for x in lines
            ],
        )

    async def given(self) -> list[int]:
        """Return the amounts that were given back through the API."""
        found = await self.simulators.ledger("refund")
        return [self.minor(x["detail"]["amount"]) for x in found]


async def paid(simulators: Client, number: int) -> Shop:
    """Have the shop know a paid order."""
    order = build_order(7, number, moment=Moment())
    known = {"id": order["id"], "updated_at": order["updated_at"], "order": order}
    answer = await simulators.call("POST", f"{BOOK}/orders", {"orders": [known]})
    assert answer.status == 200, answer.text
    return Shop(simulators, order)


@pytest.mark.parametrize(
    "document", [REFUNDS_QUERY, LINES_QUERY, SUGGEST_QUERY, UNITS_QUERY, REFUND_MUTATION]
)
def test_queries_are_valid_in_shopify_s_schema(document: str) -> None:
    """They name only fields and arguments that API 2026-10 has, none of them deprecated."""
    assert validate(schema(), parse(document), [*specified_rules, NoDeprecatedCustomRule]) == []


async def test_an_amount_is_given_back_once(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """A repeat and a look-up find it by its note, and the shop shows the order as refunded in
    part."""
    shop = await paid(simulators, 1)
    partner, call = shopify(client, running.http), shop.call(500)
    assert await partner.look_up(call) is None
    made = await partner.perform(call)
    assert isinstance(made, PaymentRefunded)
    assert (made.amount_minor, made.by_others) == (500, False)
    assert made.outside_id.startswith("gid://shopify/Refund/")
    assert await partner.perform(call) == await partner.look_up(call) == made
    assert await shop.given() == [500]
    shown = (await shop.ask(""))["order"]
    assert shown["financial_status"] == "partially_refunded"
    assert shown["refunds"][0]["note"] == call.reference


async def test_two_refunds_and_the_last_is_capped(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """The second has its own reference; of what is left no more than that is given."""
    shop = await paid(simulators, 2)
    partner = shopify(client, running.http)
    await partner.perform(shop.call(500))
    made = await partner.perform(shop.call(shop.total, again=2))
    assert isinstance(made, PaymentRefunded)
    assert (made.amount_minor, made.by_others) == (shop.total - 500, True)
    assert await shop.given() == [500, shop.total - 500]
    nothing = await partner.perform(shop.call(1, again=3))
    assert nothing == PaymentRefunded(amount_minor=0, by_others=True)


async def test_the_shop_calculates_what_units_come_to(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """A unit with its tax is worth what the shop says, not our amount, and is taken off what
    ships."""
    shop = await paid(simulators, 3)
    before = (await shop.ask(""))["order"]["line_items"][0]["current_quantity"]
    call = shop.call(1, exact=False, lines=shop.unit())
    made = await shopify(client, running.http).perform(call)
    assert isinstance(made, PaymentRefunded)
    assert made.amount_minor > 1
    assert await shop.given() == [made.amount_minor]
    line = (await shop.ask(""))["order"]["line_items"][0]
    assert line["current_quantity"] == before - 1
    assert line["fulfillable_quantity"] == before - 1


async def test_units_one_by_one_come_to_the_line(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """Every unit of every line and the shipping, each refunded by itself, come to the total: no
    cent is kept, and none is given twice."""
    shop = await paid(simulators, 4)
    partner, times = shopify(client, running.http), 0
    for line in shop.order["line_items"]:
        for _ in range(line["quantity"]):
            times += 1
            unit = (RefundLine(str(line["id"]), 1),)
            await partner.perform(shop.call(1, again=times, exact=False, lines=unit))
    await partner.perform(shop.call(1, again=times + 1, exact=False, shipping=True))
    assert sum(await shop.given()) == shop.total
    assert (await shop.ask(""))["order"]["financial_status"] == "refunded"


async def test_units_that_left_stay_the_customer_s(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """Money for what has left changes nothing of what ships."""
    shop = await paid(simulators, 5)
    await shop.ask("fulfil", numbers=["1Z"])
    call = shop.call(1, exact=False, lines=shop.unit(left=True))
    made = await shopify(client, running.http).perform(call)
    assert isinstance(made, PaymentRefunded)
    assert made.amount_minor > 1


async def test_units_that_others_refunded(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """Somebody gave the money for all of the line back in the admin: nothing is given again."""
    shop = await paid(simulators, 6)
    whole = shop.unit(shop.line["quantity"])
    await shop.in_admin(200, whole)
    made = await shopify(client, running.http).perform(shop.call(1, exact=False, lines=whole))
    assert made == PaymentRefunded(amount_minor=0, by_others=True)
    assert await shop.given() == []


async def test_a_cancelled_order_gives_its_money_back(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """Its lines can't be refunded any more, and all that was paid can."""
    shop = await paid(simulators, 7)
    partner = shopify(client, running.http)
    await partner.perform(shop.call(100))  # the shop's till has counted the payment by now
    await shop.ask("cancel")
    rest = shop.total - 100
    call = shop.call(rest, again=2, exact=False, lines=shop.unit(), shipping=True)
    made = await partner.perform(call)
    assert isinstance(made, PaymentRefunded)
    assert (made.amount_minor, made.by_others) == (rest, False)


async def test_a_gateway_that_declines(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """The refund stands in the shop and its money did not move: a person is told what to do."""
    shop = await paid(simulators, 8)
    await shop.ask("till", declines=True)
    with pytest.raises(Rejected, match="its payment gateway refused to pay"):
        await shopify(client, running.http).perform(shop.call(500))


async def test_money_that_was_paid_by_hand(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """Of a bank transfer Shopify notes a refund as made and moves no money: nothing is noted, and a
    person is told to pay it back."""
    shop = await paid(simulators, 14)
    await shop.ask("till", manual=True)
    with pytest.raises(Rejected, match="was paid by hand"):
        await shopify(client, running.http).perform(shop.call(500))
    assert await shop.given() == []


async def test_a_declined_refund_is_tried_again(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """The shop counts the units of a refund whose gateway refused as refunded; the next refund for
    them gives their money back all the same, and only once."""
    shop = await paid(simulators, 15)
    partner = shopify(client, running.http)
    await shop.ask("till", declines=True)
    with pytest.raises(Rejected, match="its payment gateway refused to pay"):
        await partner.perform(shop.call(500, exact=False, lines=shop.unit()))
    await shop.ask("till", declines=False)
    again = shop.call(500, again=2, exact=False, lines=shop.unit())
    made = await partner.perform(again)
    assert isinstance(made, PaymentRefunded)
    assert (made.amount_minor, made.by_others) == (500, False)
    assert await partner.perform(again) == made
    assert await shop.given() == [0, 500]
    line = (await shop.ask(""))["order"]["line_items"][0]
    assert line["current_quantity"] == line["quantity"] - 1


async def test_one_of_two_payments_declines(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """What one gateway paid is told, and what the other one did not."""
    shop = await paid(simulators, 17)
    await shop.ask("till", split=decimal_text(300, shop.currency), declines_last=True)
    partner, call = shopify(client, running.http), shop.call(shop.total)
    made = await partner.perform(call)
    assert isinstance(made, PaymentRefunded)
    assert (made.amount_minor, made.declined_minor) == (shop.total - 300, 300)
    assert await partner.perform(call) == await partner.look_up(call) == made
    assert await shop.given() == [shop.total - 300]


async def test_others_made_good_for_a_declined_refund(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """Where somebody gave money back in the admin after a refund of ours was declined, no one knows
    whether that was for it: a person decides."""
    shop = await paid(simulators, 16)
    partner = shopify(client, running.http)
    await shop.ask("till", declines=True)
    with pytest.raises(Rejected):
        await partner.perform(shop.call(500, exact=False, lines=shop.unit()))
    await shop.ask("till", declines=False)
    await shop.in_admin(500)
    with pytest.raises(Rejected, match="compare them there"):
        await partner.perform(shop.call(500, again=2, exact=False, lines=shop.unit()))
    assert await shop.given() == [0]


@pytest.mark.parametrize(
    ("fault", "number"), [("act_no_answer_rate", 9), ("error_after_acting_rate", 10)]
)
async def test_given_back_without_saying_so(
    fault: str, number: int, running: Running, simulators: Client, client: HttpClient
) -> None:
    """A lost answer is Unknown; the look-up adopts what was given back, and nothing is doubled."""
    shop = await paid(simulators, number)
    partner = shopify(client, running.http, timeout_seconds=0.3)
    await simulators.fault("storefront", "refund_create", None, **{fault: 1.0})
    call = shop.call(500)
    with pytest.raises(Unknown):
        await partner.perform(call)
    await simulators.fault("storefront", "refund_create", None, **{fault: 0.0})
    found = await partner.look_up(call)
    assert isinstance(found, PaymentRefunded)
    assert await partner.perform(call) == found
    assert await shop.given() == [500]


async def test_a_shop_that_refuses(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """Its own words are told, and nothing is given back."""
    shop = await paid(simulators, 11)
    await simulators.fault("storefront", "refund_create", None, refuse_rate=1.0)
    with pytest.raises(Rejected, match="exceeds the refundable amount"):
        await shopify(client, running.http).perform(shop.call(500))
    await simulators.fault("storefront", "refund_create", None, refuse_rate=0.0)
    assert await shop.given() == []


async def test_a_wrong_credential(running: Running, simulators: Client, client: HttpClient) -> None:
    """Nothing is read and nothing given back without a token that the shop knows."""
    shop = await paid(simulators, 12)
    partner = shopify(client, running.http, access_token=Secret("wrong"))
    with pytest.raises(Unauthorised):
        await partner.perform(shop.call(500))


async def test_over_refunding_is_refused(simulators: Client) -> None:
    """The shop itself refuses what is more than a payment has left."""
    shop = await paid(simulators, 13)
    query = "query Q($id: ID!) { order(id: $id) { transactions(first: 5) { id } } }"
    asked = await simulators.graphql(query, id=f"gid://shopify/Order/{shop.ref}")
    gid = asked.json["data"]["order"]["transactions"][0]["id"]
    amount = decimal_text(shop.total + 1, shop.currency)
    wish = {
        "orderId": f"gid://shopify/Order/{shop.ref}",
        "transactions": [{"kind": "REFUND", "parentId": gid, "amount": amount, "gateway": "x"}],
    }
    told = await simulators.graphql(REFUND_MUTATION, input=wish, key="k1")
    (error,) = told.json["data"]["refundCreate"]["userErrors"]
    assert "exceeds the refundable amount" in error["message"]
    assert await shop.given() == []
