"""The listings of a seller (Listings Items 2021-08-01): what each says of its quantity.

Whoever plays Amazon tells it: `POST /_sim/amazon/listings` takes `{"seller", "items": [{"sku",
"product_type", "availability": [{"fulfillment_channel_code", "quantity", …}], "issue"}]}`, and
`GET` shows them. An `issue` makes every patch of the SKU invalid.
https://developer-docs.amazon.com/sp-api/docs/listings-items-api-v2021-08-01-reference
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from ops.simulators.partner import json_reply
from ops.simulators.shapes import (
    JsonObject,
    JsonValue,
    NotUnderstood,
    objects,
    parse_object,
    text,
)
from ops.simulators.wire import Reply, Request

PATHS: Final = re.compile(r"/amazon/listings/2021-08-01/items/([^/]+)/([^/]+)")
OPERATIONS: Final = {"GET": "get_listing", "PATCH": "patch_listing"}
MAX_LISTINGS: Final = 100_000
WHERE: Final = "/attributes/fulfillment_availability"


class Listings:
    """One seller's."""

    def __init__(self) -> None:
        self._seller = ""
        self._items: dict[str, JsonObject] = {}
        self._patches: dict[str, int] = {}

    def control(self, request: Request) -> Reply:
        """What a test sets and sees."""
        if request.method == "POST":
            told = parse_object(request.body)
            self._seller = text(told, "seller") or self._seller
            for one in objects(told, "items"):
                if not text(one, "sku") or len(self._items) >= MAX_LISTINGS:
                    raise NotUnderstood("Each of `items` has a `sku`.")
                self._items[text(one, "sku")] = one
        shown: dict[str, JsonValue] = {
            sku: {**one, "patches": self._patches.get(sku, 0)} for sku, one in self._items.items()
        }
        return json_reply(200, shown)

    def answer(self, request: Request, number: int) -> Reply:
        """Answer a request of somebody who may ask."""
        match = PATHS.fullmatch(request.path)
        assert match is not None, "it was recognised"
        given, seller, sku = request.params(), match[1], unquote(match[2])
        markets = given.get("marketplaceIds", "")
        if not markets or (request.method == "PATCH" and "," in markets):
            return _failed(400, "InvalidInput", "Invalid marketplaceIds.")
        if seller != self._seller:
            return _failed(403, "Unauthorized", "Access to requested resource is denied.")
        item = self._items.get(sku)
        if item is None:
            return _failed(404, "NOT_FOUND", f"SKU '{sku}' not found in marketplace {markets}")
        if request.method == "GET":
            return json_reply(200, _shown(sku, item, markets, given.get("includedData", "")))
        return self._patch(sku, item, request, number)

    def _patch(self, sku: str, item: JsonObject, request: Request, number: int) -> Reply:
        wish = parse_object(request.body)
        patches = objects(wish, "patches")
        if not text(wish, "productType") or not patches:
            return _failed(400, "InvalidInput", "Request has missing or invalid parameters.")
        issue = text(item, "issue")
        wrong = [one for one in patches if text(one, "path") != WHERE]
        if issue or wrong:
            told: JsonObject = {
                "code": "90000900", "severity": "ERROR", "categories": ["INVALID_ATTRIBUTE"],
                "message": issue or "The attributes are invalid.",
            }  # fmt: skip
            return json_reply(200, _submitted(sku, "INVALID", number, [told]))
        before = list(objects(item, "availability"))
        for one in patches:
            values = list(objects(one, "value"))
            before = _merged(before, values) if text(one, "op") == "merge" else values
        self._items[sku] = {**item, "availability": list(before)}
        self._patches[sku] = self._patches.get(sku, 0) + 1
        return json_reply(200, _submitted(sku, "ACCEPTED", number, []))


def _merged(before: list[JsonObject], values: list[JsonObject]) -> list[JsonObject]:
    """Each value is merged into the one of the same channel."""
    found = {text(one, "fulfillment_channel_code"): one for one in before}
    for one in values:
        code = text(one, "fulfillment_channel_code")
        found[code] = {**found.get(code, {}), **one}
    return list(found.values())


def _shown(sku: str, item: JsonObject, markets: str, included: str) -> JsonObject:
    parts = included.split(",")
    found: dict[str, JsonValue] = {"sku": sku}
    if "fulfillmentAvailability" in parts:
        found["fulfillmentAvailability"] = [
            {
                "fulfillmentChannelCode": one["fulfillment_channel_code"],
                **({"quantity": one["quantity"]} if "quantity" in one else {}),
            }
            for one in objects(item, "availability")
        ]
    if "productTypes" in parts:
        market = markets.split(",", maxsplit=1)[0]
        kind = text(item, "product_type") or "LUGGAGE"
        found["productTypes"] = [{"marketplaceId": market, "productType": kind}]
    return found


def _submitted(sku: str, status: str, number: int, issues: list[JsonObject]) -> JsonObject:
    return {
        "sku": sku, "status": status, "submissionId": f"{number:032x}", "issues": list(issues),
    }  # fmt: skip


def _failed(status: int, code: str, message: str) -> Reply:
    told = {"errors": [{"code": code, "message": message, "details": ""}]}
    return json_reply(status, told)
