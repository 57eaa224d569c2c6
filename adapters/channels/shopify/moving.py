"""Shopify: assign what leaves from one of our places to its location there, before it is shown as
shipped.

A move changes ids and may split or merge fulfilment orders, so the goods are read again afterwards.
https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/fulfillmentOrderMove
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from actors.runtime.errors import Rejected
from actors.runtime.partner import Call
from adapters.channels.shopify.goods import Goods, Share, ShopifyGoods
from adapters.channels.shopify.graphql import PARTNER, ShopifyGraphql
from adapters.kit.fitting import phrases
from adapters.kit.http_client import lost

MOVE_MUTATION = """
mutation MoveToPlace($id: ID!, $to: ID!, $lines: [FulfillmentOrderLineItemInput!]) {
  fulfillmentOrderMove(id: $id, newLocationId: $to, fulfillmentOrderLineItems: $lines) {
    movedFulfillmentOrder { id }
    userErrors { message }
  }
}
"""


class _UserError(msgspec.Struct, frozen=True):
    message: str = ""


class _Move(msgspec.Struct, frozen=True, rename="camel"):
    user_errors: list[_UserError] = []


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    fulfillment_order_move: _Move | None = None


_decoder = msgspec.json.Decoder(_Data)


class Moving:
    """Moves goods of one shop's orders. `locations` are the numbers of Shopify's locations, by our
    places' names."""

    def __init__(
        self, graphql: ShopifyGraphql, goods: ShopifyGoods, locations: Mapping[str, str]
    ) -> None:
        self._graphql = graphql
        self._goods = goods
        self._locations = locations

    def location_of(self, place: str) -> str:
        """Return the location's id of one of our places, "" for one that has none."""
        number = self._locations.get(place, "")
        return f"gid://shopify/Location/{number}" if number else ""

    async def to(self, call: Call, goods: Goods, wanted: Mapping[str, int], location: str) -> Goods:
        """Have these units, by line number, open at a location as far as they may be moved, and
        return the goods as they are then. Raises Rejected in the shop's words."""
        shares = goods.elsewhere(wanted, location)
        for share in shares:
            await self._move(call, share, location)
        return await self._goods.now(call) if shares else goods

    async def _move(self, call: Call, share: Share, location: str) -> None:
        lines = [{"id": line, "quantity": quantity} for line, quantity in share.lines.items()]
        asked = {"id": share.fulfilment_order, "to": location, "lines": lines}
        data = await self._graphql.ask(call, MOVE_MUTATION, asked, _decoder, writes=True)
        if data.fulfillment_order_move is None:
            raise lost(PARTNER, "answered without what was asked for", writes=True)
        if errors := data.fulfillment_order_move.user_errors:
            said = phrases([error.message for error in errors])
            raise Rejected(
                f"{PARTNER} does not move the goods to the location {location.rpartition('/')[2]}, "
                f"from which they left: {said}. Move them there by hand in {PARTNER}, or stock the "
                "articles at that location, and retry."
            )
