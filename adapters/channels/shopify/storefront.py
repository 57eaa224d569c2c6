"""Shopify: tell a shop what left and what was cancelled, and fetch its orders (Admin GraphQL).

`fulfillmentCreate` has no idempotency key: a fulfilment is ours when it bears one of our tracking
numbers. So what it holds is compared with what left before anything is made, and that is the
look-up, too. https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/fulfillmentCreate
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import msgspec

from actors.runtime.errors import NeedsPerson, Rejected
from actors.runtime.partner import Call
from adapters.channels.shopify.cancelling import cancel
from adapters.channels.shopify.capturing import capture, captured
from adapters.channels.shopify.fetched import ShopifyFetched
from adapters.channels.shopify.goods import Goods, Share, ShopifyGoods
from adapters.channels.shopify.goods_shapes import Fulfilment
from adapters.channels.shopify.graphql import PARTNER, ShopifyGraphql
from adapters.channels.shopify.moving import Moving
from adapters.channels.shopify.refunding import give_back, given_back
from adapters.channels.shopify.resolving import resolved
from adapters.channels.shopify.settings import ShopifySettings
from adapters.channels.shopify.standing import ShopifyStanding
from adapters.kit.fetching import Resolved
from adapters.kit.fitting import phrases
from adapters.kit.http_client import HttpClient, lost
from adapters.kit.units import channel_units
from schemas.messages.effects import (
    CancelAtChannel,
    CapturePayment,
    ChannelCancelled,
    FulfilmentPublished,
    PublishFulfilment,
    RefundPayment,
    Result,
    SentParcel,
    TellStanding,
    Units,
)

CREATE_MUTATION = """
mutation PublishFulfilment($fulfillment: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $fulfillment) {
    fulfillment { id status trackingInfo(first: 3) { number } }
    userErrors { field message }
  }
}
"""


class _UserError(msgspec.Struct, frozen=True):
    message: str = ""


class _Created(msgspec.Struct, frozen=True, rename="camel"):
    fulfillment: Fulfilment | None = None
    user_errors: list[_UserError] = []


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    fulfillment_create: _Created | None = None


class _Standing(msgspec.Struct):
    """How far the parcels of one carrier are told: the ids of what the shop has of them, and the
    units by line that it lacks."""

    outside_ids: list[str]
    missing: dict[str, int]


_decoder = msgspec.json.Decoder(_Data)


class ShopifyStorefront:
    """One shop, behind `actors.runtime.partner.Partner` and `adapters.kit.fetching.Shows`."""

    can_look_up = True

    def __init__(self, client: HttpClient, settings: ShopifySettings, *, name: str = "") -> None:
        self._graphql = graphql = ShopifyGraphql(client, settings, name=name)
        self.name = graphql.name
        self._settings = settings
        self._goods = ShopifyGoods(graphql)
        self._moving = Moving(graphql, self._goods, settings.place_locations)
        self._standing_of = ShopifyStanding(graphql, self._goods, self._moving)
        services = (one.casefold() for one in settings.translation.fulfillment_services)
        self._fetched = ShopifyFetched(
            graphql, self._goods, frozenset(settings.locations), frozenset(services)
        )

    async def close(self) -> None:
        """Stop a fetch of a token that is under way."""
        await self._graphql.close()

    async def bundle(self, ref: str, call: Call) -> bytes:
        """Return the order as the shop tells it now, in the shape of its webhooks. Raises Rejected
        for one it does not have, and the other errors of `actors.runtime.errors`."""
        return await self._fetched.bundle(ref, call)

    async def resolved(self, topic: str, raw: bytes) -> Resolved | None:
        """Return a webhook of a fulfilment order with its order's id; None where there is none."""
        routed = self._settings.routing == "channel"
        ours = self._settings.locations
        services = self._settings.translation.fulfillment_services
        return await resolved(
            self._graphql, topic, raw, routed=routed, locations=ours, services=services
        )

    async def perform(self, call: Call) -> Result:
        """Publish a shipment, capture money or give it back, cancel the order, or tell how far
        something of it is; what is done already is adopted."""
        if isinstance(call.effect, CapturePayment):
            return await capture(self._graphql, call, call.effect)
        if isinstance(call.effect, RefundPayment):
            return await give_back(self._graphql, call, call.effect)
        if isinstance(call.effect, TellStanding):
            return await self._standing_of.tell(call, call.effect)
        goods = await self._goods.now(call)
        match call.effect:
            case PublishFulfilment():
                return await self._publish(call, call.effect, goods)
            case CancelAtChannel():
                return await cancel(self._graphql, call, call.effect, goods)
        raise TypeError(f"{PARTNER} has nothing to do with {type(call.effect).__name__}.")

    async def look_up(self, call: Call) -> Result | None:
        """Find what an earlier call did; None while any of it is missing."""
        if isinstance(call.effect, CapturePayment):
            return await captured(self._graphql, call, call.effect)
        if isinstance(call.effect, RefundPayment):
            return await given_back(self._graphql, call, call.effect)
        if isinstance(call.effect, TellStanding):
            return await self._standing_of.look_up(call, call.effect)
        try:
            goods = await self._goods.now(call)
        except Rejected as error:
            # A refused question is not an answer: what was done before stays unknown.
            raise NeedsPerson(str(error), outcome_known=False) from error
        if isinstance(call.effect, CancelAtChannel):
            return ChannelCancelled() if goods.cancelled else None
        if not isinstance(call.effect, PublishFulfilment):
            raise TypeError(f"{PARTNER} has nothing to do with {type(call.effect).__name__}.")
        found: list[str] = []
        for at, parcels in enumerate(groups := _by_carrier(call.effect.parcels)):
            earlier = [*call.effect.earlier, *(x for some in groups[:at] for x in some)]
            standing = await self._standing(call, goods, earlier, parcels)
            if standing.missing:
                return None
            found += standing.outside_ids
        return FulfilmentPublished(outside_ids=tuple(dict.fromkeys(found)))

    async def _publish(self, call: Call, effect: PublishFulfilment, goods: Goods) -> Result:
        """Make a fulfilment for each carrier and location of what the shop lacks, at the location
        that our place is, where it is known."""
        found: list[str] = []
        location = self._moving.location_of(effect.place)
        earlier = list(effect.earlier)
        for parcels in _by_carrier(effect.parcels):
            standing = await self._standing(call, goods, earlier, parcels)
            found += standing.outside_ids
            if standing.missing:
                if location and _travels(call, standing.missing):
                    goods = await self._moving.to(call, goods, standing.missing, location)
                for shares in goods.take(standing.missing, location):
                    try:
                        found.append(await self._create(call, effect, parcels, shares))
                    except Rejected:
                        # Perhaps a lost call of ours, or another process, was here before.
                        again = await self._goods.now(call)
                        standing = await self._standing(call, again, earlier, parcels)
                        if standing.missing:
                            raise
                        found += standing.outside_ids
                        break
            earlier += parcels
        return FulfilmentPublished(outside_ids=tuple(dict.fromkeys(found)))

    async def _standing(
        self,
        call: Call,
        goods: Goods,
        earlier: Sequence[SentParcel],
        parcels: Sequence[SentParcel],
    ) -> _Standing:
        """Compare what the shop has under the parcels' numbers with what they hold. Parcels without
        a number are compared with fulfilments without one."""
        numbers = frozenset(one.tracking_number for one in parcels if one.tracking_number)
        before, now, whole = _wanted(call, goods, numbers, earlier, parcels)
        found, has = [], Counter[str]()
        for one in goods.with_numbers(numbers):
            contents = Counter(await self._goods.contents(call, one.id))
            if contents <= before:
                before -= contents  # an earlier publication's
            else:
                has.update(contents)
                found.append(one.id)
        missing = before + now - has
        missing -= goods.too_many(missing, whole)
        return _Standing(found, dict(missing - goods.closed_of(missing, _weightless(call))))

    async def _create(
        self,
        call: Call,
        effect: PublishFulfilment,
        parcels: Sequence[SentParcel],
        shares: Sequence[Share],
    ) -> str:
        """Return the new fulfilment's id. Raises Rejected in the shop's words."""
        fulfilment: dict[str, object] = {
            # Without lines a fulfilment has all that is open, so they are always named.
            "lineItemsByFulfillmentOrder": [
                {
                    "fulfillmentOrderId": share.fulfilment_order,
                    "fulfillmentOrderLineItems": [
                        {"id": line, "quantity": quantity} for line, quantity in share.lines.items()
                    ],
                }
                for share in shares
            ],
            "notifyCustomer": effect.notify_customer,
        }
        if tracking := self._tracking(parcels):
            fulfilment["trackingInfo"] = tracking
        data = await self._graphql.ask(
            call, CREATE_MUTATION, {"fulfillment": fulfilment}, _decoder, writes=True
        )
        created = data.fulfillment_create
        if created is not None and created.fulfillment is not None:
            return created.fulfillment.id
        if created is None or not created.user_errors:
            raise lost(PARTNER, "answered without a fulfilment", writes=True)
        said = phrases([error.message for error in created.user_errors])
        raise Rejected(f"{PARTNER} refused to show the goods as shipped: {said}.")

    def _tracking(self, parcels: Sequence[SentParcel]) -> dict[str, object]:
        numbers = list(dict.fromkeys(x.tracking_number for x in parcels if x.tracking_number))
        if not numbers:
            return {}
        carrier = parcels[0].carrier
        found: dict[str, object] = {
            "company": self._settings.companies.get(carrier, carrier),
            "numbers": numbers,
        }
        if template := self._settings.tracking_urls.get(carrier):
            found["urls"] = [template.replace("{number}", number) for number in numbers]
        return found


def _wanted(
    call: Call,
    goods: Goods,
    numbers: Collection[str],
    earlier: Sequence[SentParcel],
    parcels: Sequence[SentParcel],
) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Return by the shop's lines what earlier parcels with the same numbers hold, what these do,
    and what all parcels do. Fees and tips are lines here and none there."""
    kits, order = goods.quantities(), call.stated
    before, now, whole = Counter[str](), Counter[str](), Counter[str]()
    told: list[Units] = []
    for at, one in enumerate([*earlier, *parcels]):
        same = one.tracking_number in numbers if numbers else not one.tracking_number
        is_now = at >= len(earlier)
        units = channel_units(order, told, one.units, kits)
        some = {line: quantity for line, quantity in units.items() if line.isdigit()}
        whole.update(some)
        if same or is_now:
            (now if is_now else before).update(some)
        told += one.units
    return before, now, whole


def _weightless(call: Call) -> frozenset[str]:
    """Return the lines of which nothing travels."""
    return frozenset(line.line_id for line in call.stated.lines if not line.requires_shipping)


def _travels(call: Call, lines: Collection[str]) -> bool:
    """Say whether a carrier takes these lines. What is collected or brought by the shop belongs to
    the location that the customer was told of."""
    return any(
        line.delivery in ("", "parcel") and (line.bundle_line_id or line.line_id) in lines
        for line in call.stated.lines
    )


def _by_carrier(parcels: Sequence[SentParcel]) -> list[list[SentParcel]]:
    """Group parcels: a fulfilment has one carrier, and either numbers or none."""
    groups: dict[tuple[str, bool], list[SentParcel]] = {}
    for one in parcels:
        groups.setdefault((one.carrier, bool(one.tracking_number)), []).append(one)
    return list(groups.values())
