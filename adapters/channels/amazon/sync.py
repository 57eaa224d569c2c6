"""Amazon: which orders changed, and the subscription to ORDER_CHANGE.

`searchOrders` refills one call in three minutes, so it finds what was missed and nothing else.
https://developer-docs.amazon.com/sp-api/docs/notifications-api
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from actors.runtime.errors import Rejected
from actors.runtime.ports import Clock
from adapters.channels.amazon.api import NOTIFICATIONS, PARTNER, SEARCH_ORDERS, AmazonApi
from adapters.channels.amazon.shapes import API_VERSION, ORDER_CHANGE, PAYLOAD_VERSION
from adapters.kit.http_client import Answer, decoded, lost
from adapters.kit.sync import Listed, ListedPage, Subscriptions

PAGE = 100
"""Orders a page: the most that Amazon gives."""
LAG = timedelta(minutes=2)
"""Amazon lists nothing younger; the notification, or the next comparison, tells of it."""
_STATUSES = "PENDING_AVAILABILITY,PENDING,UNSHIPPED,PARTIALLY_SHIPPED,CANCELLED"
_SUBSCRIPTIONS = f"/notifications/v1/subscriptions/{ORDER_CHANGE}"
_DESTINATIONS = "/notifications/v1/destinations"


class _Order(Struct, frozen=True, rename="camel"):
    order_id: str
    last_updated_time: str


class _Pagination(Struct, frozen=True, rename="camel"):
    next_token: str = ""


class _Found(Struct, frozen=True):
    orders: list[_Order]
    pagination: _Pagination = _Pagination()


class _Subscription(Struct, frozen=True, rename="camel"):
    subscription_id: str
    destination_id: str
    payload_version: str
    processing_directive: dict[str, object] | None = None


class _Subscribed(Struct, frozen=True):
    payload: _Subscription


class _Sqs(Struct, frozen=True):
    arn: str = ""


class _Resource(Struct, frozen=True):
    sqs: _Sqs | None = None


class _Destination(Struct, frozen=True, rename="camel"):
    destination_id: str
    resource: _Resource = _Resource()


class _Destinations(Struct, frozen=True):
    payload: list[_Destination] = []


class _Made(Struct, frozen=True):
    payload: _Destination


_found = msgspec.json.Decoder(_Found)
_subscribed = msgspec.json.Decoder(_Subscribed)
_destinations = msgspec.json.Decoder(_Destinations)
_made = msgspec.json.Decoder(_Made)


class AmazonSync:
    """One seller account, behind `adapters.kit.sync.ChannelSync`.

    `api` speaks for the seller and `own` for the application itself. `queue_arn` names the queue
    that the forwarder reads.
    """

    def __init__(
        self,
        api: AmazonApi,
        own: AmazonApi,
        clock: Clock,
        *,
        queue_arn: str,
        marketplace_ids: tuple[str, ...] = (),
    ) -> None:
        self._api = api
        self._own = own
        self._clock = clock
        self._queue = queue_arn
        self._marketplaces = ",".join(marketplace_ids)

    async def changed_orders(self, since: datetime, until: datetime, cursor: str) -> ListedPage:
        """Return a page of the merchant's orders that changed in the window and are not shipped
        whole, sorted within the page. What is younger than two minutes is not listed yet."""
        until = min(until, self._clock.now() - LAG)
        if until <= since:
            return ListedPage(orders=())
        query = {
            "lastUpdatedAfter": _utc(since),
            "lastUpdatedBefore": _utc(until),
            "fulfilledBy": "MERCHANT",
            "fulfillmentStatuses": _STATUSES,
            "maxResultsPerPage": str(PAGE),
        }
        if self._marketplaces:
            query["marketplaceIds"] = self._marketplaces
        if cursor:
            query["paginationToken"] = cursor
        path = f"/orders/{API_VERSION}/orders"
        answer = await self._api.ask("searchOrders", SEARCH_ORDERS, "GET", path, query=query)
        if answer.status == 404:
            raise lost(PARTNER, "knows no list of orders", writes=False)
        found = decoded(_found, answer, partner=PARTNER, writes=False)
        listed = [
            Listed(ref=one.order_id, updated_at=one.last_updated_time) for one in found.orders
        ]
        listed.sort(key=lambda one: one.updated_at)
        return ListedPage(orders=tuple(listed), cursor=found.pagination.next_token)

    async def keep_subscriptions(self, address: str) -> Subscriptions:
        """Subscribe the queue to ORDER_CHANGE where nothing is. Amazon posts to no address: the
        forwarder does, from the queue to `address`."""
        if not self._queue:
            why = f"No queue is named: set queue_arn to the one that is forwarded to {address}."
            return Subscriptions(faults=(why,))
        try:
            return await self._keep()
        except Rejected as error:
            why = f"The subscription to {ORDER_CHANGE} can't be fixed: {error}"
            return Subscriptions(faults=(why,))

    async def _keep(self) -> Subscriptions:
        query = {"payloadVersion": PAYLOAD_VERSION}
        answer = await self._api.ask(
            "getSubscription", NOTIFICATIONS, "GET", _SUBSCRIPTIONS, query=query
        )
        destination = await self._destination()
        if answer.status == 404:
            await self._write(
                self._api,
                "createSubscription",
                _SUBSCRIPTIONS,
                {"payloadVersion": PAYLOAD_VERSION, "destinationId": destination},
            )
            return Subscriptions(fixed=(f"The subscription to {ORDER_CHANGE} is made.",))
        found = decoded(_subscribed, answer, partner=PARTNER, writes=False).payload
        faults = []
        if found.destination_id != destination:
            faults.append(
                f"The subscription to {ORDER_CHANGE} goes to another queue than queue_arn: end "
                f"the subscription {found.subscription_id[:100]}, and it is made again."
            )
        if found.processing_directive:
            faults.append(
                f"The subscription to {ORDER_CHANGE} has a filter, which may keep orders back: end "
                f"the subscription {found.subscription_id[:100]}, and it is made again."
            )
        return Subscriptions(faults=tuple(faults))

    async def _destination(self) -> str:
        answer = await self._own.ask("getDestinations", NOTIFICATIONS, "GET", _DESTINATIONS)
        found = decoded(_destinations, answer, partner=PARTNER, writes=False)
        for one in found.payload:
            if one.resource.sqs is not None and one.resource.sqs.arn == self._queue:
                return one.destination_id
        made = await self._write(
            self._own,
            "createDestination",
            _DESTINATIONS,
            {"name": "orderwright", "resourceSpecification": {"sqs": {"arn": self._queue}}},
        )
        return decoded(_made, made, partner=PARTNER, writes=True).payload.destination_id

    async def _write(self, api: AmazonApi, name: str, path: str, body: object) -> Answer:
        answer = await api.ask(name, NOTIFICATIONS, "POST", path, body=body, writes=True)
        if answer.status == 404:
            raise Rejected(f"{PARTNER} does not know {path}. Ask for the role for notifications.")
        return answer


def _utc(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
