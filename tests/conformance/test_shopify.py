"""Shopify does what every channel must do."""

from __future__ import annotations

import base64
import hmac
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.channels.shopify.kind import KIND
from adapters.conformance.channel import ChannelConformance
from adapters.conformance.partner import PartnerConformance
from adapters.conformance.samples import Sample
from adapters.conformance.telling import Told
from adapters.kit.fetching import FETCHED
from adapters.kit.http_client import Answer, Request
from adapters.kit.recording import answer_of
from tests.shopify_payloads import Json, a_payload

REF = "820982911946154508"
UNITS = {"1": 1, "2": 2}  # what `a_payload` orders
SENT = {
    "id": 41,
    "admin_graphql_api_id": "gid://shopify/Fulfillment/41",
    "status": "success",
    "tracking_number": "1Z0000",
    "tracking_numbers": ["1Z0000"],
    "line_items": [{"id": 1, "admin_graphql_api_id": "gid://shopify/LineItem/1", "quantity": 1}],
}


def a_message(topic: str, kind: str, payload: Json) -> Sample:
    return Sample(raw=json.dumps(payload).encode(), topic=topic, kind=kind, ref=REF, units=UNITS)


class TestShopify(ChannelConformance):
    kind = KIND

    def samples(self) -> Sequence[Sample]:
        """Return one of each kind of input."""
        return (
            a_message("orders/create", "place", a_payload()),
            a_message("orders/paid", "pay", a_payload()),
            a_message("orders/updated", "update", a_payload(note="Other")),
            a_message("orders/cancelled", "cancel", a_payload(cancelled_at="2026-11-27T12:00:00Z")),
        )

    def fetched(self) -> Sequence[Sample]:
        """Return an order as it is fetched, which has the shape of its webhooks."""
        return (a_message(FETCHED, "update", a_payload()),)

    def headers_of(self, sample: Sample, secret: str, delivery: str) -> Mapping[str, str]:
        """Sign the raw body."""
        digest = hmac.digest(secret.encode(), sample.raw, "sha256")
        return {
            "X-Shopify-Topic": sample.topic,
            "X-Shopify-Hmac-SHA256": base64.b64encode(digest).decode(),
            "X-Shopify-Shop-Domain": str(KIND.example["shop_domain"]),
            "X-Shopify-API-Version": "2026-10",
            "X-Shopify-Webhook-Id": f"delivery-{delivery}",
        }

    def statuses(self) -> Mapping[str, Sample]:
        """Return an order in each financial status, and a cancelled one."""
        assert KIND.channel is not None
        found = {
            status: a_message("orders/updated", "update", a_payload(financial_status=status))
            for status in KIND.channel.statuses
        }
        cancelled = a_payload(cancelled_at="2026-11-27T12:00:00Z")
        return {**found, "cancelled": a_message("orders/updated", "update", cancelled)}

    def echoes(self) -> Sequence[Sample]:
        """Return the order after our fulfilment."""
        return (a_message("orders/updated", "update", a_payload(fulfillments=[SENT])),)


class TestShopifyStorefront(PartnerConformance):
    kind = KIND
    reference_is_sent = False
    natural_key = "the parcel's tracking number"
    # GraphQL answers with HTTP 200 and names its errors: tests/contract/test_adapter_shopify.py.
    speaks_http = False
    tells_no_money = "A fulfilment has no amounts, and a cancellation gives no money back."

    def told(self, sent: object) -> Sequence[Told]:
        """Return what a mutation says of a fulfilment: its numbers and its lines stand apart."""
        tree: Any = sent
        fulfilment = tree.get("variables", {}).get("fulfillment")
        if not fulfilment:
            return ()
        units: Counter[str] = Counter()
        for share in fulfilment["lineItemsByFulfillmentOrder"]:
            for line in share["fulfillmentOrderLineItems"]:
                units[line["id"].rpartition("/")[2]] += line["quantity"]
        return (Told(tuple(fulfilment["trackingInfo"]["numbers"]), units),)

    def taken(self, request: Request) -> Answer:
        """Return what Shopify answers to both mutations when it takes them."""
        made = {"id": "gid://shopify/Fulfillment/41", "status": "SUCCESS", "trackingInfo": []}
        return answer_of(
            200,
            {
                "data": {
                    "fulfillmentCreate": {"fulfillment": made, "userErrors": []},
                    "orderCancel": {
                        "jobResult": {"done": True, "status": "COMPLETED"},
                        "orderCancelUserErrors": [],
                    },
                }
            },
        )
