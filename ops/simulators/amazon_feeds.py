"""Amazon's feeds, as far as orders need them: acknowledgements, which also cancel.

A document is made, uploaded to the address that came with it, and named in a feed; the feed is done
at once and its result is another document. XML (`POST_ORDER_ACKNOWLEDGEMENT_DATA`) and tabs
(`POST_FLAT_FILE_ORDER_ACKNOWLEDGEMENT_DATA`) are understood.
https://developer-docs.amazon.com/sp-api/docs/feeds-api-v2021-06-30-reference
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ops.simulators.amazon_orders import REASONS, Refused
from ops.simulators.partner import json_reply
from ops.simulators.shapes import JsonObject, JsonValue, parse_object, text
from ops.simulators.wire import Reply, Request

MAX_DOCUMENTS: Final = 10_000
XML_FEED: Final = "POST_ORDER_ACKNOWLEDGEMENT_DATA"
FLAT_FEED: Final = "POST_FLAT_FILE_ORDER_ACKNOWLEDGEMENT_DATA"
PATHS: Final = re.compile(r"/amazon/feeds/2021-06-30/(documents|feeds)(?:/([^/]+))?")
UPLOADS: Final = re.compile(r"/amazon/uploads/([^/]+)")
_MESSAGE: Final = re.compile(r"<OrderAcknowledgement>(.*?)</OrderAcknowledgement>", re.DOTALL)
_ITEM: Final = re.compile(r"<Item>(.*?)</Item>", re.DOTALL)
_FORM: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(slots=True, frozen=True)
class Acknowledgement:
    """What a feed says of one order: it is taken, or it fails for a reason; no items mean all."""

    order: str
    is_failure: bool
    items: tuple[str, ...]
    reason: str


def _inner(text_of_it: str, name: str) -> str:
    match = re.search(rf"<{name}>\s*(.*?)\s*</{name}>", text_of_it, re.DOTALL)
    return match[1] if match else ""


def read_xml(document: str) -> list[Acknowledgement]:
    """The messages of an XML feed."""
    found = []
    for message in _MESSAGE.findall(document):
        items = _ITEM.findall(message)
        names = tuple(filter(None, (_inner(one, "AmazonOrderItemCode") for one in items)))
        reasons = [reason for one in items if (reason := _inner(one, "CancelReason"))]
        failed = _inner(message, "StatusCode") == "Failure"
        order = _inner(message, "AmazonOrderID")
        found.append(Acknowledgement(order, failed, names, reasons[0] if reasons else ""))
    return found


def read_flat(document: str) -> list[Acknowledgement]:
    """The rows of a feed with tabs; the row of names has `order-id`."""
    rows = [line.rstrip("\r").split("\t") for line in document.split("\n") if line.strip()]
    names: list[str] = []
    found = []
    for row in rows:
        if "order-id" in row:
            names = row
        elif names:
            told = dict(zip(names, row, strict=False))
            item = told.get("amazon-order-item-code", "")
            reason = told.get("cancellation-reason-code", "")
            found.append(
                Acknowledgement(
                    told.get("order-id", ""), bool(reason), (item,) if item else (), reason
                )
            )
    return found


class Feeds:
    """One seller's. `acknowledge` does what an acknowledgement says, or raises Refused."""

    def __init__(
        self,
        clock: Callable[[], float],
        next_number: Callable[[], int],
        acknowledge: Callable[[Acknowledgement], None],
    ) -> None:
        self._clock = clock
        self._next_number = next_number
        self._acknowledge = acknowledge
        self._documents: dict[str, bytes] = {}
        self._feeds: dict[str, JsonObject] = {}

    def _keep(self, body: bytes) -> str:
        while len(self._documents) >= MAX_DOCUMENTS:
            del self._documents[next(iter(self._documents))]
        name = f"amzn1.tortuga.4.na.{self._next_number()}"
        self._documents[name] = body
        return name

    def answer(self, request: Request, what: str, name: str) -> Reply:
        """Answer createFeedDocument, getFeedDocument, createFeed, getFeed and getFeeds."""
        if what == "documents" and request.method == "POST":
            if not text(parse_object(request.body), "contentType"):
                return _error(400, "InvalidInput", "contentType is missing.")
            made = self._keep(b"")
            return json_reply(201, {"feedDocumentId": made, "url": _url(request, made)})
        if what == "documents" and request.method == "GET" and name in self._documents:
            return json_reply(200, {"feedDocumentId": name, "url": _url(request, name)})
        if what == "feeds" and request.method == "POST":
            return self._create(parse_object(request.body))
        if what == "feeds" and request.method == "GET" and not name:
            shown: list[JsonValue] = list(self._feeds.values())
            return json_reply(200, {"feeds": shown})
        if what == "feeds" and request.method == "GET" and name in self._feeds:
            return json_reply(200, self._feeds[name])
        return _error(404, "NotFound", "There is no such feed or document.")

    def upload(self, request: Request, name: str) -> Reply:
        """Take or give a document's bytes; the address is all the right one needs."""
        if name not in self._documents:
            return _error(404, "NotFound", "The address has expired.")
        if request.method == "PUT":
            self._documents[name] = request.body
            return Reply(200)
        return Reply(200, self._documents[name], "text/xml; charset=utf-8")

    def _create(self, wanted: JsonObject) -> Reply:
        kind, document = text(wanted, "feedType"), text(wanted, "inputFeedDocumentId")
        if kind not in (XML_FEED, FLAT_FEED) or document not in self._documents:
            return _error(400, "InvalidInput", "The feed type or the document is unknown.")
        if not wanted.get("marketplaceIds"):
            return _error(400, "InvalidInput", "marketplaceIds is missing.")
        raw = self._documents[document].decode("utf-8", "replace")
        found = read_xml(raw) if kind == XML_FEED else read_flat(raw)
        report = self._keep(self._report(found))
        at = datetime.fromtimestamp(self._clock(), UTC).strftime(_FORM)
        name = str(self._next_number())
        while len(self._feeds) >= MAX_DOCUMENTS:
            del self._feeds[next(iter(self._feeds))]
        self._feeds[name] = {
            "feedId": name,
            "feedType": kind,
            "marketplaceIds": wanted["marketplaceIds"],
            "createdTime": at,
            "processingStartTime": at,
            "processingEndTime": at,
            "processingStatus": "DONE" if found else "FATAL",
            "resultFeedDocumentId": report,
        }
        return json_reply(202, {"feedId": name})

    def _report(self, found: list[Acknowledgement]) -> bytes:
        results = []
        for place, one in enumerate(found, 1):
            try:
                if one.is_failure and one.reason not in REASONS:
                    raise Refused(f"The CancelReason {one.reason!r} is unknown.")
                self._acknowledge(one)
            except Refused as error:
                results.append(
                    f"<Result><MessageID>{place}</MessageID><ResultCode>Error</ResultCode>"
                    f"<ResultMessageCode>18028</ResultMessageCode>"
                    f"<ResultDescription>{error}</ResultDescription></Result>"
                )
        good = len(found) - len(results)
        return (
            '<?xml version="1.0" encoding="UTF-8"?><AmazonEnvelope><MessageType>ProcessingReport'
            "</MessageType><Message><MessageID>1</MessageID><ProcessingReport><StatusCode>Complete"
            f"</StatusCode><ProcessingSummary><MessagesProcessed>{len(found)}</MessagesProcessed>"
            f"<MessagesSuccessful>{good}</MessagesSuccessful><MessagesWithError>{len(results)}"
            f"</MessagesWithError></ProcessingSummary>{''.join(results)}</ProcessingReport>"
            "</Message></AmazonEnvelope>"
        ).encode()


def _url(request: Request, name: str) -> str:
    return f"http://{request.headers.get('host', '127.0.0.1')}/amazon/uploads/{name}"


def _error(status: int, code: str, message: str) -> Reply:
    return json_reply(status, {"errors": [{"code": code, "message": message, "details": ""}]})
