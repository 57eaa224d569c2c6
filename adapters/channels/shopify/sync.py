"""Shopify: which orders changed, and the shop's webhook subscriptions (Admin GraphQL 2026-10).

A subscription is Shopify's to delete after a day of failures, and a webhook is sent at most for
hours: both are made up for here. https://shopify.dev/docs/api/admin-graphql/2026-10
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from actors.runtime.errors import PartnerError, Rejected
from adapters.channels.shopify.graphql import ShopifyGraphql
from adapters.channels.shopify.topics import TOPICS
from adapters.kit.fitting import phrases
from adapters.kit.http_client import lost
from adapters.kit.inbound import UNKNOWN
from adapters.kit.sync import MAX_LISTED, MAX_SENTENCES, Listed, ListedPage, Subscriptions
from schemas.contracts import refusals

ORDERS_QUERY = """
query ChangedOrders($query: String!, $first: Int!, $after: String) {
  orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {
    nodes { legacyResourceId updatedAt }
    pageInfo { hasNextPage endCursor }
  }
}
"""

COUNT_QUERY = """
query CountChangedOrders($query: String!) {
  ordersCount(query: $query) { count precision }
}
"""

SUBSCRIPTIONS_QUERY = """
query Subscriptions($first: Int!, $after: String) {
  webhookSubscriptions(first: $first, after: $after) {
    nodes { id topic uri format filter includeFields apiVersion { handle } }
    pageInfo { hasNextPage endCursor }
  }
}
"""

SUBSCRIBE_MUTATION = """
mutation Subscribe($topic: WebhookSubscriptionTopic!, $wanted: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $wanted) {
    webhookSubscription { id }
    userErrors { message }
  }
}
"""

UPDATE_MUTATION = """
mutation MendSubscription($id: ID!, $wanted: WebhookSubscriptionInput!) {
  webhookSubscriptionUpdate(id: $id, webhookSubscription: $wanted) {
    webhookSubscription { id }
    userErrors { message }
  }
}
"""

MAX_PAGES = 20
"""Pages of subscriptions that are read: an app may have a few hundred."""


def topic_name(topic: str) -> str:
    """Return what GraphQL calls a topic: `orders/create` is `ORDERS_CREATE`."""
    return topic.replace("/", "_").upper()


_SET_IN_THE_APP = frozenset({"customers/redact", "customers/data_request", "shop/redact"})

WANTED = tuple(
    topic
    for topic, meaning in TOPICS.items()
    if topic not in _SET_IN_THE_APP
    and not (meaning.kind == UNKNOWN and meaning.reason == refusals.TOPIC_NOT_OURS)
)
"""The topics with a meaning here. Those about privacy are set in the app itself, not subscribed."""


class _Order(msgspec.Struct, frozen=True, rename="camel"):
    legacy_resource_id: str
    updated_at: str


class _PageInfo(msgspec.Struct, frozen=True, rename="camel"):
    has_next_page: bool = False
    end_cursor: str | None = None


class _Orders(msgspec.Struct, frozen=True, rename="camel"):
    nodes: list[_Order]
    page_info: _PageInfo


class _Count(msgspec.Struct, frozen=True):
    count: int
    precision: str


class _Version(msgspec.Struct, frozen=True):
    handle: str = ""


class _Subscription(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    topic: str = ""
    uri: str = ""
    format: str = "JSON"
    filter: str | None = None
    include_fields: list[str] = []
    api_version: _Version = _Version()

    def is_right(self) -> bool:
        """Say whether it brings whole payloads as JSON."""
        return self.format == "JSON" and not self.filter and not self.include_fields


class _Subscriptions(msgspec.Struct, frozen=True, rename="camel"):
    nodes: list[_Subscription]
    page_info: _PageInfo


class _UserError(msgspec.Struct, frozen=True):
    message: str = ""


class _Made(msgspec.Struct, frozen=True, rename="camel"):
    user_errors: list[_UserError] = []


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    orders: _Orders | None = None
    orders_count: _Count | None = None
    webhook_subscriptions: _Subscriptions | None = None
    webhook_subscription_create: _Made | None = None
    webhook_subscription_update: _Made | None = None


_decoder = msgspec.json.Decoder(_Data)
_T = TypeVar("_T")


class ShopifySync:
    """One shop, behind `adapters.kit.sync.ChannelSync`."""

    def __init__(self, graphql: ShopifyGraphql) -> None:
        self._graphql = graphql

    @property
    def drift(self) -> str:
        """What is to be said of the API version that Shopify answers in; "" when it is ours."""
        answered, expected = self._graphql.answered_in, self._graphql.version
        if not answered:
            return ""
        return (
            f"Shopify answers in API version {answered}, and {expected} was asked for: it has "
            "ended there, or it is not there yet. Update Orderwright, or correct `api_version`."
        )

    async def changed_orders(self, since: datetime, until: datetime, cursor: str) -> ListedPage:
        """Return a page of the orders whose `updated_at` lies in the window, oldest first."""
        variables = {"query": _window(since, until), "first": MAX_LISTED, "after": cursor or None}
        found = _there((await self._ask(ORDERS_QUERY, variables)).orders)
        return ListedPage(
            orders=tuple(
                Listed(ref=one.legacy_resource_id, updated_at=one.updated_at) for one in found.nodes
            ),
            cursor=_next(found.page_info),
        )

    async def count_orders(self, since: datetime, until: datetime) -> int | None:
        """Return how many orders changed in the window; None when Shopify does not count so far."""
        data = await self._ask(COUNT_QUERY, {"query": _window(since, until)})
        found = _there(data.orders_count)
        return found.count if found.precision == "EXACT" else None

    async def keep_subscriptions(self, address: str) -> Subscriptions:
        """Subscribe to every topic with a meaning here, and fix what was cut down."""
        known = await self._subscriptions()
        ours = {one.topic: one for one in known if one.uri == address}
        faults, fixed = [], []
        for topic in WANTED:
            there = ours.get(topic_name(topic))
            if there is not None and there.is_right():
                version = there.api_version.handle
                expected = self._graphql.version
                if version and version != expected:
                    faults.append(
                        f"Webhooks of {topic} come in API version {version}, and {expected} is "
                        "expected: set the app's webhook version in Shopify."
                    )
                continue
            try:
                await self._fix(topic, there, address)
            except Rejected as error:
                faults.append(f"The subscription to {topic} is missing: {error}")
            else:
                what = "is made" if there is None else "brings whole payloads again"
                fixed.append(f"The subscription to {topic} {what}.")
        return Subscriptions(
            faults=tuple(faults[:MAX_SENTENCES]), fixed=tuple(fixed[:MAX_SENTENCES])
        )

    async def _subscriptions(self) -> list[_Subscription]:
        found: list[_Subscription] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            variables = {"first": MAX_LISTED, "after": cursor}
            page = _there((await self._ask(SUBSCRIPTIONS_QUERY, variables)).webhook_subscriptions)
            found += page.nodes
            cursor = _next(page.page_info)
            if not cursor:
                return found
        raise Rejected("The shop has more subscriptions than we read. End those of no use there.")

    async def _fix(self, topic: str, there: _Subscription | None, address: str) -> None:
        wanted: dict[str, object] = {"uri": address, "format": "JSON"}
        if there is None:
            variables = {"topic": topic_name(topic), "wanted": wanted}
            data = await self._ask(SUBSCRIBE_MUTATION, variables, writes=True)
            made = _there(data.webhook_subscription_create)
        else:
            wanted |= {"filter": "", "includeFields": []}
            data = await self._ask(UPDATE_MUTATION, {"id": there.id, "wanted": wanted}, writes=True)
            made = _there(data.webhook_subscription_update)
        if made.user_errors:
            said = phrases([error.message for error in made.user_errors])
            raise Rejected(f"Shopify says {said}. Give the app the permission it needs there.")

    async def _ask(self, query: str, variables: object, *, writes: bool = False) -> _Data:
        return await self._graphql.ask(None, query, variables, _decoder, writes=writes)


def _window(since: datetime, until: datetime) -> str:
    first, last = (when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for when in (since, until))
    return f"updated_at:>='{first}' AND updated_at:<'{last}'"


def _next(info: _PageInfo) -> str:
    if not info.has_next_page:
        return ""
    if not info.end_cursor:
        raise _torn()
    return info.end_cursor


def _there(part: _T | None) -> _T:
    if part is None:
        raise _torn()
    return part


def _torn() -> PartnerError:
    return lost("Shopify", "answered without what was asked for", writes=False)
