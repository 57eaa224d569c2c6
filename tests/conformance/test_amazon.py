"""Amazon does what every channel must do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.channels.amazon.kind import KIND
from adapters.conformance.channel import NOW, ChannelConformance
from adapters.conformance.partner import PartnerConformance
from adapters.conformance.samples import Sample
from adapters.conformance.telling import Told
from adapters.kit.fetching import FETCHED
from adapters.kit.http_client import Answer, Request
from adapters.kit.recording import answer_of
from tests.amazon_payloads import REF, a_notification, an_order, signed

ITEM = an_order()["orderItems"][0]["orderItemId"]

UNITS = {
    "68828573160001": 2,
    "68828573160002": 1,
    "amazon-gift-wrap": 1,
    "amazon-delivery-tip": 1,
}
"""What `an_order` orders, with what is paid beside goods: it is a line of one piece here."""


def notified(number: str) -> Sample:
    notice = a_notification()
    notice["NotificationMetadata"]["NotificationId"] = number
    raw = json.dumps(notice).encode()
    topic = "ORDER_CHANGE OrderStatusChange"
    return Sample(raw=raw, topic=topic, kind="refetch", ref=REF)


def fetched(status: str = "UNSHIPPED", **changes: object) -> Sample:
    raw = json.dumps({"order": an_order(status, **changes)}).encode()
    return Sample(raw=raw, topic=FETCHED, kind="update", ref=REF, units=UNITS)


class TestAmazon(ChannelConformance):
    kind = KIND

    def samples(self) -> Sequence[Sample]:
        """Return notifications, which name an order."""
        return (notified("n-1"), notified("n-2"))

    def fetched(self) -> Sequence[Sample]:
        """Return an order as it is fetched."""
        return (fetched(),)

    def headers_of(self, sample: Sample, secret: str, delivery: str) -> Mapping[str, str]:
        """Sign as the seller's forwarder does."""
        return signed(sample.raw, secret=secret, at=NOW, message_id=f"msg-{delivery}")

    def statuses(self) -> Mapping[str, Sample]:
        """Return an order in each of Amazon's statuses."""
        assert KIND.channel is not None
        return {status: fetched(status) for status in KIND.channel.statuses}

    def echoes(self) -> Sequence[Sample]:
        """Return the order after our confirmation."""
        package = {
            "packageReferenceId": "1",
            "trackingNumber": "1Z0000",
            "packageItems": [{"orderItemId": ITEM, "quantity": 2}],
        }
        return (fetched("PARTIALLY_SHIPPED", packages=[package]),)


class TestAmazonStorefront(PartnerConformance):
    kind = KIND
    reference_is_sent = False
    natural_key = "packageReferenceId, which follows from the parcel"
    tells_no_money = "A package has no amounts; Amazon refunds a cancelled order by its own rules."

    def told(self, sent: object) -> Sequence[Told]:
        """Return what a body says of a package: it has one number."""
        package: Any = sent.get("packageDetail") if isinstance(sent, dict) else None
        if not package:
            return ()
        units = {one["orderItemId"]: one["quantity"] for one in package["orderItems"]}
        return (Told((package["trackingNumber"],), units),)

    def taken(self, request: Request) -> Answer:
        """Return what Amazon answers when it takes a package, or a feed that cancels."""
        if request.url.path.endswith("/shipmentConfirmation"):
            return Answer(204, {}, b"")
        return answer_of(202, {"feedId": "1"})
