"""Shopify: tell a shop that its order is shipped (Admin GraphQL 2026-10, fulfillmentCreate).

There is no idempotency key for it; a fulfilment is ours when it bears our tracking number. Reading
the order first is at the same time the look-up and the list of what is still open.
https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/fulfillmentCreate
"""

from __future__ import annotations

import msgspec

from actors.runtime.errors import NeedsPerson, Rejected
from actors.runtime.ports import Call
from adapters.channels.shopify.fetched import ShopifyFetched
from adapters.channels.shopify.graphql import PARTNER, ShopifyGraphql, order_gid
from adapters.kit.fitting import phrases
from adapters.kit.http_client import HttpClient, lost
from schemas.messages.effects import FulfilmentPublished, PublishFulfilment, Result

STATE_QUERY = """
query FulfilmentState($id: ID!) {
  order(id: $id) {
    id
    fulfillments(first: 50) { id status trackingInfo(first: 20) { number } }
    fulfillmentOrders(first: 50) {
      nodes {
        id
        status
        supportedActions { action }
        fulfillmentHolds { displayReason }
        assignedLocation { location { id } }
      }
    }
  }
}
"""

CREATE_MUTATION = """
mutation PublishFulfilment($fulfillment: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $fulfillment) {
    fulfillment { id status trackingInfo(first: 20) { number } }
    userErrors { field message }
  }
}
"""

_COMPANIES = {"UPS": "UPS"}
_TRACKING_URLS = {"UPS": "https://www.ups.com/track?tracknum={number}"}
_DEAD = frozenset({"CANCELLED", "ERROR", "FAILURE"})
_OPEN = frozenset({"OPEN", "IN_PROGRESS"})


class ShopifyFulfilmentSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One shop. `base_url` is `https://<shop>.myshopify.com`.

    `companies` gives each of our carriers the name Shopify knows (capital letters matter: then it
    follows the parcel by itself); `tracking_urls` its page, with `{number}` in it.
    """

    base_url: str
    access_token: str
    companies: dict[str, str] = msgspec.field(default_factory=lambda: dict(_COMPANIES))
    tracking_urls: dict[str, str] = msgspec.field(default_factory=lambda: dict(_TRACKING_URLS))
    notify_customer: bool = True
    timeout_seconds: float = 15.0

    def __repr__(self) -> str:
        """Keep the token out of logs and tracebacks."""
        return f"ShopifyFulfilmentSettings(base_url={self.base_url!r})"


class _Tracking(msgspec.Struct, frozen=True):
    number: str | None = None


class _Fulfilment(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    status: str = ""
    tracking_info: list[_Tracking] = []


class _Action(msgspec.Struct, frozen=True):
    action: str = ""


class _Hold(msgspec.Struct, frozen=True, rename="camel"):
    display_reason: str = ""


class _Location(msgspec.Struct, frozen=True):
    id: str = ""


class _Assigned(msgspec.Struct, frozen=True):
    location: _Location | None = None


class _FulfilmentOrder(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    status: str = ""
    supported_actions: list[_Action] = []
    fulfillment_holds: list[_Hold] = []
    assigned_location: _Assigned = _Assigned()

    def open(self) -> bool:
        """Say whether it can be fulfilled now."""
        return self.status in _OPEN and any(
            one.action == "CREATE_FULFILLMENT" for one in self.supported_actions
        )


class _FulfilmentOrders(msgspec.Struct, frozen=True):
    nodes: list[_FulfilmentOrder] = []


class _State(msgspec.Struct, frozen=True, rename="camel"):
    fulfillments: list[_Fulfilment] = []
    fulfillment_orders: _FulfilmentOrders = _FulfilmentOrders()

    def ours(self, tracking_number: str) -> str | None:
        """Return the id of a standing fulfilment with our tracking number, or of one without any
        for an order of which nothing is shipped."""
        for fulfilment in self.fulfillments:
            numbers = {one.number for one in fulfilment.tracking_info if one.number}
            ours = tracking_number in numbers if tracking_number else not numbers
            if ours and fulfilment.status not in _DEAD:
                return fulfilment.id
        return None

    def open_by_location(self) -> list[list[str]]:
        """Return the open fulfilment orders; one fulfilment may hold those of one location."""
        groups: dict[str, list[str]] = {}
        for one in self.fulfillment_orders.nodes:
            if one.open():
                location = one.assigned_location.location
                groups.setdefault(location.id if location else "", []).append(one.id)
        return list(groups.values())

    def published(self, tracking_number: str) -> Result | None:
        """Return our fulfilment when nothing is left to publish."""
        ours = self.ours(tracking_number)
        if ours is None or self.open_by_location():
            return None
        return FulfilmentPublished(fulfilment_id=ours)


class _UserError(msgspec.Struct, frozen=True):
    message: str = ""


class _Created(msgspec.Struct, frozen=True, rename="camel"):
    fulfillment: _Fulfilment | None = None
    user_errors: list[_UserError] = []


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    order: _State | None = None
    fulfillment_create: _Created | None = None


_decoder = msgspec.json.Decoder(_Data)


class ShopifyFulfilment:
    """One shop's storefront behind `actors.runtime.ports.Partner`."""

    name = "storefront"
    can_look_up = True

    def __init__(self, client: HttpClient, settings: ShopifyFulfilmentSettings) -> None:
        self._settings = settings
        self._graphql = ShopifyGraphql(
            client,
            base_url=settings.base_url,
            access_token=settings.access_token,
            timeout_seconds=settings.timeout_seconds,
        )
        self._fetched = ShopifyFetched(self._graphql)

    async def bundle(self, ref: str, call: Call) -> bytes:
        """Return the order as the shop tells it now, in the shape of its webhooks. Raises Rejected
        for one it does not have, and the other errors of `actors.runtime.errors`."""
        return await self._fetched.bundle(ref, call)

    async def perform(self, call: Call) -> Result:
        """Publish the shipment on everything that is open, or adopt what is published already."""
        effect = _publication(call)
        state = await self._state(call)
        if published := state.published(effect.tracking_number):
            return published
        groups = state.open_by_location()
        if not groups:
            raise _nothing_open(state)
        made = [await self._create(call, effect, group) for group in groups]
        return FulfilmentPublished(fulfilment_id=made[0])

    async def look_up(self, call: Call) -> Result | None:
        """Find a fulfilment with our tracking number; None while anything is still open."""
        try:
            state = await self._state(call)
        except Rejected as error:
            # A refused question is not an answer: what was done before stays unknown.
            raise NeedsPerson(str(error), outcome_known=False) from error
        return state.published(_publication(call).tracking_number)

    async def _state(self, call: Call) -> _State:
        variables = {"id": order_gid(call.ref)}
        data = await self._graphql.ask(call, STATE_QUERY, variables, _decoder, writes=False)
        if data.order is None:
            raise Rejected(
                f"{PARTNER} has no order {call.ref}. It was deleted there, or belongs to another "
                "shop than this channel's."
            )
        return data.order

    async def _create(self, call: Call, effect: PublishFulfilment, group: list[str]) -> str:
        """Return the new fulfilment's id, or that of one which a lost call of ours had made."""
        settings = self._settings
        fulfilment: dict[str, object] = {
            "lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": one} for one in group],
            "notifyCustomer": settings.notify_customer,
        }
        if effect.tracking_number:
            tracking = {
                "company": settings.companies.get(effect.carrier, effect.carrier),
                "number": effect.tracking_number,
            }
            if template := settings.tracking_urls.get(effect.carrier):
                tracking["url"] = template.replace("{number}", effect.tracking_number)
            fulfilment["trackingInfo"] = tracking
        variables = {"fulfillment": fulfilment}
        data = await self._graphql.ask(call, CREATE_MUTATION, variables, _decoder, writes=True)
        created = data.fulfillment_create
        if created is not None and created.fulfillment is not None:
            return created.fulfillment.id
        if created is None or not created.user_errors:
            raise lost(PARTNER, "answered without a fulfilment", writes=True)
        state = await self._state(call)
        ours = state.ours(effect.tracking_number)
        still_open = {one for some in state.open_by_location() for one in some}
        if ours is not None and still_open.isdisjoint(group):
            return ours
        said = phrases([error.message for error in created.user_errors])
        raise Rejected(f"{PARTNER} refused to show the order as shipped: {said}.")


def _publication(call: Call) -> PublishFulfilment:
    if not isinstance(call.effect, PublishFulfilment):
        raise TypeError(f"{PARTNER} has nothing to do with {type(call.effect).__name__}.")
    return call.effect


def _nothing_open(state: _State) -> Rejected:
    holds = [
        hold.display_reason
        for one in state.fulfillment_orders.nodes
        for hold in one.fulfillment_holds
    ]
    if holds or any(one.status == "ON_HOLD" for one in state.fulfillment_orders.nodes):
        return Rejected(
            f"{PARTNER} holds this order back: {phrases(holds)}. Release the hold in {PARTNER} and "
            "retry."
        )
    return Rejected(
        f"{PARTNER} has nothing left to fulfil on this order: somebody fulfilled or cancelled it "
        "there, without our tracking number. Add the number there."
    )
