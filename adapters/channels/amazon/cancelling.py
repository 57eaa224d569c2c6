"""Amazon: cancel an order of which nothing has shipped, by an acknowledgement that it fails.

There is no call for it: a feed says for each item that it will not be shipped and why, and Amazon
works on it for minutes. Amazon refunds what it had charged, by its own rules.
https://developer-docs.amazon.com/sp-api/docs/feeds-api-v2021-06-30-use-case-guide
"""

from __future__ import annotations

import re
import zlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from xml.sax.saxutils import escape

import msgspec

from actors.runtime.errors import PartnerError, Rejected, Retryable
from actors.runtime.partner import Call
from adapters.channels.amazon.api import (
    CREATE_DOCUMENT,
    CREATE_FEED,
    GET_DOCUMENT,
    GET_FEED,
    PARTNER,
    AmazonApi,
)
from adapters.channels.amazon.order import current_quantity, shipped_quantity
from adapters.channels.amazon.shapes import AmazonOrder
from adapters.kit.fitting import phrases
from adapters.kit.http_client import decoded, lost
from schemas.messages.effects import CancelAtChannel, ChannelCancelled, Result

FEED_TYPE = "POST_ORDER_ACKNOWLEDGEMENT_DATA"
FEEDS = "/feeds/2021-06-30/feeds"
DOCUMENTS = "/feeds/2021-06-30/documents"
CONTENT_TYPE = "text/xml; charset=UTF-8"
WAIT_SECONDS = 60.0
"""How long Amazon is given before it is asked again what became of a feed."""
MAX_REMEMBERED = 10_000
"""Feeds under way: at Amazon's rate of 0.0083 a second, two weeks of them. A forgotten one is sent
again, which Amazon then refuses or finds done."""
MAX_REPORT_BYTES = 1_000_000
"""A report on one order of a few lines has a few kilobytes; an unpacked bomb ends here."""

REASONS: Mapping[str, str] = {
    "customer": "BuyerCanceled",
    "inventory": "NoInventory",
    "address": "ShippingAddressUndeliverable",
    "pricing": "PricingError",
}
"""Our reasons, and Amazon's; any other is a general adjustment."""

_SAID = re.compile(r"<ResultDescription>(.*?)</ResultDescription>", re.DOTALL)


Fetch = Callable[[], Awaitable[AmazonOrder]]


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    feed_document_id: str
    url: str
    compression_algorithm: str = ""


class _Feed(msgspec.Struct, frozen=True, rename="camel"):
    processing_status: str
    result_feed_document_id: str = ""


class _Made(msgspec.Struct, frozen=True, rename="camel"):
    feed_id: str


_document = msgspec.json.Decoder(_Document)
_feed = msgspec.json.Decoder(_Feed)
_made = msgspec.json.Decoder(_Made)


class Cancelling:
    """Cancels orders of one seller. Which feed speaks of which order is remembered here alone: a
    process that starts sends another, which Amazon then refuses or finds done."""

    def __init__(self, api: AmazonApi, *, seller_id: str) -> None:
        self._api = api
        self._seller = seller_id
        self._feeds: OrderedDict[str, str] = OrderedDict()

    async def cancel(
        self, call: Call, effect: CancelAtChannel, fetch: Fetch, marketplace_id: str
    ) -> Result:
        """Have Amazon cancel the order, which `fetch` returns as it is now. Raises Retryable while
        Amazon works on it, Rejected when it refuses or something of the order has shipped."""
        order = await fetch()
        feed = self._feeds.get(call.reference, "")
        if is_cancelled(order):
            self._feeds.pop(call.reference, None)
            return ChannelCancelled(told=bool(feed) or call.attempt > 1)
        if any(map(shipped_quantity, order.order_items)):
            raise Rejected(
                f"{PARTNER} shows a part of the order as shipped, so it was not cancelled there. "
                "Cancel or refund what is left in Seller Central by hand."
            )
        if not feed:
            where = order.sales_channel.marketplace_id or marketplace_id
            feed = await self._send(call, effect, order, where)
            self._feeds[call.reference] = feed
            while len(self._feeds) > MAX_REMEMBERED:
                self._feeds.popitem(last=False)
        if await self._is_done(call, feed) and is_cancelled(await fetch()):
            self._feeds.pop(call.reference, None)
            return ChannelCancelled()
        raise Retryable(
            f"{PARTNER} works on the cancellation.", retry_after_seconds=WAIT_SECONDS, sick=False
        )

    async def _send(
        self, call: Call, effect: CancelAtChannel, order: AmazonOrder, marketplace_id: str
    ) -> str:
        """Upload the acknowledgement and name it in a feed; return the feed's id."""
        answer = await self._api.ask(
            "createFeedDocument",
            CREATE_DOCUMENT,
            "POST",
            DOCUMENTS,
            call=call,
            body={"contentType": CONTENT_TYPE},
        )
        document = decoded(_document, answer, partner=PARTNER, writes=False)
        told = acknowledgement(order, effect.reason, self._seller)
        await self._api.upload(document.url, told, CONTENT_TYPE)
        answer = await self._api.ask(
            "createFeed",
            CREATE_FEED,
            "POST",
            FEEDS,
            call=call,
            body={
                "feedType": FEED_TYPE,
                "marketplaceIds": [marketplace_id],
                "inputFeedDocumentId": document.feed_document_id,
            },
            writes=True,
        )
        return decoded(_made, answer, partner=PARTNER, writes=True).feed_id

    async def _is_done(self, call: Call, name: str) -> bool:
        """Say whether Amazon has worked through the feed. Raises Rejected where it failed."""
        answer = await self._api.ask("getFeed", GET_FEED, "GET", f"{FEEDS}/{name}", call=call)
        if answer.status == 404:
            self._feeds.pop(call.reference, None)
            raise lost(PARTNER, "does not know the feed any more", writes=False)
        feed = decoded(_feed, answer, partner=PARTNER, writes=False)
        if feed.processing_status in ("IN_QUEUE", "IN_PROGRESS"):
            return False
        said = await self._report(call, feed.result_feed_document_id)
        if said or feed.processing_status != "DONE":
            self._feeds.pop(call.reference, None)
            words = phrases(said) if said else f"the feed ended as {feed.processing_status}"
            raise Rejected(f"{PARTNER} refused to cancel the order: {words}.")
        return True

    async def _report(self, call: Call, document_id: str) -> list[str]:
        """Return what a feed's report complains of; nothing where it does not."""
        if not document_id:
            return []
        path = f"{DOCUMENTS}/{document_id}"
        answer = await self._api.ask("getFeedDocument", GET_DOCUMENT, "GET", path, call=call)
        document = decoded(_document, answer, partner=PARTNER, writes=False)
        raw = await self._api.download(document.url)
        if document.compression_algorithm == "GZIP":
            raw = _unpacked(raw)
        return _SAID.findall(raw[:MAX_REPORT_BYTES].decode("utf-8", "replace"))


def is_cancelled(order: AmazonOrder) -> bool:
    """Say whether nothing of an order is to be shipped any more."""
    how = order.fulfillment
    if how is not None and how.fulfillment_status == "CANCELLED":
        return True
    return bool(order.order_items) and not any(map(current_quantity, order.order_items))


def acknowledgement(order: AmazonOrder, reason: str, seller_id: str) -> bytes:
    """Return the feed that says that each open item of the order will not be shipped, and why."""
    why = REASONS.get(reason.strip().lower(), "GeneralAdjustment")
    items = "".join(
        f"<Item><AmazonOrderItemCode>{escape(one.order_item_id)}</AmazonOrderItemCode>"
        f"<CancelReason>{why}</CancelReason></Item>"
        for one in order.order_items
        if current_quantity(one) > 0
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<AmazonEnvelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:noNamespaceSchemaLocation="amzn-envelope.xsd">'
        "<Header><DocumentVersion>1.01</DocumentVersion>"
        f"<MerchantIdentifier>{escape(seller_id)}</MerchantIdentifier></Header>"
        "<MessageType>OrderAcknowledgement</MessageType>"
        "<Message><MessageID>1</MessageID><OrderAcknowledgement>"
        f"<AmazonOrderID>{escape(order.order_id)}</AmazonOrderID>"
        f"<StatusCode>Failure</StatusCode>{items}"
        "</OrderAcknowledgement></Message></AmazonEnvelope>"
    ).encode()


def _unpacked(raw: bytes) -> bytes:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(raw, MAX_REPORT_BYTES)
    except zlib.error as error:
        raise _torn() from error


def _torn() -> PartnerError:
    return lost(PARTNER, "sent a report that can't be unpacked", writes=False)
