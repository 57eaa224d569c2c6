"""BigCommerce does what every channel must do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.channels.bigcommerce.kind import KIND
from adapters.channels.bigcommerce.source import SECRET_HEADER
from adapters.channels.bigcommerce.statuses import STATUSES
from adapters.conformance.channel import ChannelConformance
from adapters.conformance.partner import PartnerConformance
from adapters.conformance.samples import Sample
from adapters.conformance.telling import Told
from adapters.kit.fetching import FETCHED
from adapters.kit.http_client import Answer, Request
from adapters.kit.recording import answer_of
from tests.bigcommerce_payloads import Json, a_bundle, a_hook, an_order

PRODUCER = f"stores/{KIND.example['store_hash']}"
UNITS = {"1": 2, "2": 1}  # what `a_bundle` orders
SENT = {
    "id": 41,
    "order_address_id": 31,
    "tracking_number": "1Z0000",
    "comments": "",
    "items": [{"order_product_id": 1, "quantity": 2}],
}


def hooked(scope: str, digest: str) -> Sample:
    raw = json.dumps(a_hook(scope, producer=PRODUCER, hash=digest)).encode()
    return Sample(raw=raw, topic=scope, kind="refetch", ref="250")


def bundled(bundle: Json) -> Sample:
    return Sample(raw=json.dumps(bundle).encode(), topic=FETCHED, kind="update", units=UNITS)


class TestBigCommerce(ChannelConformance):
    kind = KIND
    signs_body = False

    def samples(self) -> Sequence[Sample]:
        """Return light webhooks, which name an order."""
        return (hooked("store/order/created", "a" * 40), hooked("store/order/updated", "b" * 40))

    def fetched(self) -> Sequence[Sample]:
        """Return an order as it is fetched."""
        return (bundled(a_bundle()),)

    def headers_of(self, sample: Sample, secret: str, delivery: str) -> Mapping[str, str]:
        """Return the headers that the webhook was created with."""
        return {"Content-Type": "application/json", SECRET_HEADER: secret}

    def statuses(self) -> Mapping[str, Sample]:
        """Return an order in each of BigCommerce's statuses."""
        return {
            one.name: bundled(a_bundle(an_order(status_id=number)))
            for number, one in STATUSES.items()
        }

    def echoes(self) -> Sequence[Sample]:
        """Return the order after our shipment."""
        order = an_order(status_id=3, items_shipped=2)
        return (bundled(a_bundle(order, shipments=[SENT])),)


class TestBigCommerceStorefront(PartnerConformance):
    kind = KIND
    reference_is_sent = False
    natural_key = "the shipment's tracking number, with our mark in its comment"
    tells_no_money = "A shipment has no amounts, and a cancellation only sets the status."

    def told(self, sent: object) -> Sequence[Told]:
        """Return what a body says of a shipment: it has one number."""
        tree: Any = sent
        if "tracking_number" not in tree:
            return ()
        units = {str(one["order_product_id"]): one["quantity"] for one in tree["items"]}
        return (Told((tree["tracking_number"],), units),)

    def taken(self, request: Request) -> Answer:
        """Return what BigCommerce answers when it takes a shipment or another status."""
        if request.url.path.endswith("/shipments"):
            return answer_of(201, {"id": 41})
        return answer_of(200, {"status_id": json.loads(request.body or b"")["status_id"]})
