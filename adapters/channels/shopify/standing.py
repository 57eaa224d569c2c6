"""Shopify: tell a shop that a pickup waits for its customer, and whether goods are stopped that it
asked a fulfilment service of ours not to send, or takes on what it asked it to.

A fulfilment order is marked as prepared as a whole, and Shopify writes to the customer with it.
Nothing in GraphQL says whether it was marked, but one that is marked is refused a second time: so a
repeat writes to no one. A request to cancel is answered once: what is answered already is left.
https://shopify.dev/docs/apps/build/orders-fulfillment
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from actors.runtime.errors import NeedsPerson, Rejected
from actors.runtime.partner import Call
from adapters.channels.shopify.goods import MAX_ROWS, ShopifyGoods, number_of
from adapters.channels.shopify.goods_shapes import OPEN, FulfilmentOrder, PageInfo
from adapters.channels.shopify.graphql import PARTNER, ShopifyGraphql, order_gid
from adapters.channels.shopify.moving import Moving
from adapters.kit.fitting import fit, phrases
from adapters.kit.http_client import lost
from adapters.kit.units import channel_units
from schemas.messages.effects import Result, Standing, StandingTold, TellStanding, Units

METHODS_QUERY = """
query Methods($id: ID!, $after: String) {
  order(id: $id) {
    fulfillmentOrders(first: 50, after: $after) {
      nodes { id deliveryMethod { methodType } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""

PREPARED_MUTATION = """
mutation PreparedForPickup($input: FulfillmentOrderLineItemsPreparedForPickupInput!) {
  fulfillmentOrderLineItemsPreparedForPickup(input: $input) {
    userErrors { code message }
  }
}
"""

_ANSWER = """
mutation {name}($id: ID!, $message: String) {{
  fulfillmentOrder{name}(id: $id, message: $message) {{
    fulfillmentOrder {{ id }}
    userErrors {{ message }}
  }}
}}
"""
ACCEPT_MUTATION = _ANSWER.format(name="AcceptCancellationRequest")
REJECT_MUTATION = _ANSWER.format(name="RejectCancellationRequest")
TAKE_MUTATION = _ANSWER.format(name="AcceptFulfillmentRequest")
REFUSE_MUTATION = _ANSWER.format(name="RejectFulfillmentRequest")

REQUEST_QUERY = """
query Request($id: ID!) {
  fulfillmentOrder(id: $id) { id requestStatus }
}
"""

SUBMITTED, REQUESTED = "SUBMITTED", "CANCELLATION_REQUESTED"


class _How(NamedTuple):
    """An answer: for which status of a request, in which mutation, and the status after it."""

    of: str
    mutation: str
    makes: str


ANSWERS: Mapping[Standing, _How] = {
    "taken": _How(SUBMITTED, TAKE_MUTATION, "ACCEPTED"),
    "not_taken": _How(SUBMITTED, REFUSE_MUTATION, "REJECTED"),
    "stopped": _How(REQUESTED, ACCEPT_MUTATION, "CANCELLATION_ACCEPTED"),
    "not_stopped": _How(REQUESTED, REJECT_MUTATION, "CANCELLATION_REJECTED"),
}
"""Answers to what a shop asks a fulfilment service."""
MAX_MESSAGE_CHARACTERS = 255
"""Ours: a sentence for the seller. Shopify documents no bound of `message`."""

PICKUP = "PICK_UP"
PREPARED_ALREADY = "NO_LINE_ITEMS_TO_PREPARE_FOR_FULFILLMENT_ORDER"
"""The code with which Shopify refuses what is marked as prepared."""


class _Method(msgspec.Struct, frozen=True, rename="camel"):
    method_type: str = ""


class _Order(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    delivery_method: _Method | None = None


class _Orders(msgspec.Struct, frozen=True, rename="camel"):
    nodes: list[_Order] = []
    page_info: PageInfo = PageInfo()


class _Told(msgspec.Struct, frozen=True, rename="camel"):
    fulfillment_orders: _Orders = _Orders()


class _UserError(msgspec.Struct, frozen=True):
    message: str = ""
    code: str | None = None


class _Prepared(msgspec.Struct, frozen=True, rename="camel"):
    user_errors: list[_UserError] = []


class _Answered(msgspec.Struct, frozen=True, rename="camel"):
    user_errors: list[_UserError] = []


class _Request(msgspec.Struct, frozen=True, rename="camel"):
    request_status: str = ""


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    order: _Told | None = None
    prepared: _Prepared | None = msgspec.field(
        default=None, name="fulfillmentOrderLineItemsPreparedForPickup"
    )
    accepted: _Answered | None = msgspec.field(
        default=None, name="fulfillmentOrderAcceptCancellationRequest"
    )
    rejected: _Answered | None = msgspec.field(
        default=None, name="fulfillmentOrderRejectCancellationRequest"
    )
    taken: _Answered | None = msgspec.field(
        default=None, name="fulfillmentOrderAcceptFulfillmentRequest"
    )
    refused: _Answered | None = msgspec.field(
        default=None, name="fulfillmentOrderRejectFulfillmentRequest"
    )
    fulfillment_order: _Request | None = None


_decoder = msgspec.json.Decoder(_Data)


class ShopifyStanding:
    """Tells one shop how far something is that it waits for."""

    def __init__(self, graphql: ShopifyGraphql, goods: ShopifyGoods, moving: Moving) -> None:
        self._graphql = graphql
        self._goods = goods
        self._moving = moving

    async def tell(self, call: Call, effect: TellStanding) -> Result:
        """Mark the pickups as prepared of which all that is left is ready; of one of which only a
        part is, the shop is told with the rest. Raises Rejected in the shop's words, and for one
        that the customer collects where its goods are not."""
        if effect.what != "ready":
            return await self._answer(call, effect)
        told, location = False, self._moving.location_of(effect.place)
        ready = await self._ready(call, effect.units)
        for one in ready:
            if location and one.location != location:
                raise Rejected(
                    f"The customer collects this at the location {number_of(one.location)} of "
                    f"{PARTNER}, and it was packed at {effect.place}. Bring it there, mark it as "
                    f"ready in {PARTNER}, and skip this."
                )
        for one in ready:
            told = await self._prepare(call, one) or told
        return StandingTold(told=told)

    async def look_up(self, call: Call, effect: TellStanding) -> Result | None:
        """Return that there is nothing left to tell; None where telling it again finds out."""
        try:
            if effect.what != "ready":
                status, how = await self._request(call, effect), ANSWERS[effect.what]
                return None if status == how.of else StandingTold(told=status == how.makes)
            waiting = await self._ready(call, effect.units)
        except Rejected as error:
            # A refused question is not an answer: what was done before stays unknown.
            raise NeedsPerson(str(error), outcome_known=False) from error
        return None if waiting else StandingTold(told=False)

    async def _answer(self, call: Call, effect: TellStanding) -> Result:
        """Accept or reject a request; one that was answered or withdrawn is left."""
        how = ANSWERS[effect.what]
        if await self._request(call, effect) != how.of:
            return StandingTold(told=False)
        message = fit(effect.reason[:1].upper() + effect.reason[1:], MAX_MESSAGE_CHARACTERS)
        data = await self._graphql.ask(
            call,
            how.mutation,
            {"id": effect.outside_id, "message": message},
            _decoder,
            writes=True,
        )
        answer = data.accepted or data.rejected or data.taken or data.refused
        if answer is None:
            raise lost(PARTNER, "answered without what was asked for", writes=True)
        if answer.user_errors:
            said = phrases([error.message for error in answer.user_errors])
            asked = "to cancel" if how.of == REQUESTED else "to fulfil"
            raise Rejected(
                f"{PARTNER} refused the answer to its request {asked}: {said}. Answer it there by "
                "hand."
            )
        return StandingTold()

    async def _request(self, call: Call, effect: TellStanding) -> str:
        """Return how the shop's request stands; "" for a fulfilment order that is gone."""
        asked = {"id": effect.outside_id}
        data = await self._graphql.ask(call, REQUEST_QUERY, asked, _decoder, writes=False)
        return data.fulfillment_order.request_status if data.fulfillment_order else ""

    async def _ready(self, call: Call, units: Sequence[Units]) -> list[FulfilmentOrder]:
        """Return the fulfilment orders that are picked up and of which these units are all that is
        left."""
        goods = await self._goods.now(call)
        methods = await methods_of(self._graphql, call)
        ready = Counter(channel_units(call.stated, (), units, goods.quantities()))
        found = []
        for one in goods.orders:
            left = _left_of(one)
            if methods.get(one.id) == PICKUP and one.status in OPEN and left and left <= ready:
                ready -= left
                found.append(one)
        return found

    async def _prepare(self, call: Call, one: FulfilmentOrder) -> bool:
        """Mark one as prepared; False where it was already."""
        wish = {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": one.id}]}
        data = await self._graphql.ask(
            call, PREPARED_MUTATION, {"input": wish}, _decoder, writes=True
        )
        if data.prepared is None:
            raise lost(PARTNER, "answered without what was asked for", writes=True)
        errors = data.prepared.user_errors
        if any(error.code == PREPARED_ALREADY for error in errors):
            return False
        if errors:
            said = phrases([error.message for error in errors])
            raise Rejected(f"{PARTNER} refused to show the pickup as ready: {said}.")
        return True


async def methods_of(graphql: ShopifyGraphql, call: Call) -> dict[str, str]:
    """Return the delivery method types of the order's fulfilment orders by their ids. Raises the
    errors of `actors.runtime.errors`."""
    found: list[_Order] = []
    page = PageInfo(has_next_page=True)
    while page.has_next_page and len(found) < MAX_ROWS:
        asked = {"id": order_gid(call.ref), "after": page.end_cursor}
        data = await graphql.ask(call, METHODS_QUERY, asked, _decoder, writes=False)
        if data.order is None:
            raise lost(PARTNER, "answered without what was asked for", writes=False)
        found += data.order.fulfillment_orders.nodes
        page = page.then(data.order.fulfillment_orders.page_info)
    return {
        one.id: one.delivery_method.method_type for one in found if one.delivery_method is not None
    }


def _left_of(one: FulfilmentOrder) -> Counter[str]:
    """Return what is not fulfilled yet, by the line's number."""
    found: Counter[str] = Counter()
    for line in one.line_items.nodes:
        if line.remaining_quantity > 0:
            found[number_of(line.line_item.id)] += line.remaining_quantity
    return found
