"""What becomes of one Amazon order: packages by item and quantity, cancellations, changes.

https://developer-docs.amazon.com/sp-api/docs/orders-api (2026-01-01), confirmShipment (v0)
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from ops.simulators.shapes import JsonObject, JsonValue, number, objects, text

# Any: an order is free-form JSON.
Json = dict[str, Any]
Packages = dict[str, JsonObject]
REASONS: Final = frozenset(
    "NoInventory ShippingAddressUndeliverable CustomerExchange BuyerCanceled GeneralAdjustment"
    " CarrierCreditDecision RiskAssessmentInformationNotValid CarrierCoverageFailure CustomerReturn"
    " MerchandiseNotReceived CannotVerifyInformation PricingError RejectOrder WeatherDelay".split()
)
"""CancelReason in an order acknowledgement feed."""
KNOWN: Final = {"ship_to", "quantities", "buyer_cancel", "cancel", "service_level", "tell"}
NEEDED: Final = ("packageReferenceId", "carrierCode", "trackingNumber", "shipDate", "orderItems")
_FORM: Final = "%Y-%m-%dT%H:%M:%SZ"
_CENT: Final = Decimal("0.01")


class Refused(ValueError):
    """Amazon would not do this; the message says why."""


def packed(packages: Packages, item: str, without: str = "") -> int:
    """How many pieces of an item the packages hold, one of them left out."""
    return sum(
        int(number(one, "quantity"))
        for name, package in packages.items()
        if name != without
        for one in objects(package, "orderItems")
        if text(one, "orderItemId") == item
    )


def is_cancelled(item: JsonObject) -> bool:
    """Whether nothing of an item will be shipped."""
    told = item.get("cancellation")
    return isinstance(told, Mapping) and bool(told.get("cancellationExecution"))


def _ordered(item: JsonObject) -> int:
    return 0 if is_cancelled(item) else int(number(item, "quantityOrdered"))


def status(order: JsonObject) -> str:
    """The order's own status."""
    return text(order, "fulfillment", "fulfillmentStatus")


def check_package(order: JsonObject, packages: Packages, package: JsonObject) -> None:
    """Raises Refused for a package that Amazon would not take; one that is there already is
    edited, so what it held before does not count."""
    for name in NEEDED:
        if not package.get(name):
            raise Refused(f"The package lacks {name}.")
    name = text(package, "packageReferenceId")
    if not name.isdigit() or name.startswith("0"):
        raise Refused("packageReferenceId must be positive.")
    if status(order) in ("CANCELLED", "PENDING", "PENDING_AVAILABILITY"):
        raise Refused(f"The order is {status(order)} and can't be shipped.")
    items = {text(one, "orderItemId"): one for one in objects(order, "orderItems")}
    wanted: dict[str, int] = {}
    for one in objects(package, "orderItems"):
        item, quantity = text(one, "orderItemId"), int(number(one, "quantity"))
        if item not in items or quantity < 1:
            raise Refused(f"The order item {item} is unknown, or its quantity is not positive.")
        wanted[item] = wanted.get(item, 0) + quantity
    for item, quantity in wanted.items():
        if quantity > _ordered(items[item]) - packed(packages, item, name):
            raise Refused(f"The quantity of order item {item} exceeds what is left to ship.")


def shown(order: JsonObject, packages: Packages) -> JsonObject:
    """The order as the API tells it, with its packages and what they leave open."""
    if not packages:
        return order
    items: list[JsonValue] = []
    left = 0
    for item in objects(order, "orderItems"):
        done = packed(packages, text(item, "orderItemId"))
        rest = max(0, _ordered(item) - done)
        left += rest
        told = item.get("fulfillment")
        how: Json = dict(told) if isinstance(told, Mapping) else {}
        how |= {"quantityFulfilled": done, "quantityUnfulfilled": rest}
        items.append({**item, "fulfillment": how})
    told = order.get("fulfillment")
    whole: Json = dict(told) if isinstance(told, Mapping) else {}
    whole["fulfillmentStatus"] = "PARTIALLY_SHIPPED" if left else "SHIPPED"
    parcels: list[JsonValue] = [
        {
            "packageReferenceId": package["packageReferenceId"],
            "carrier": package["carrierCode"],
            "shipTime": package["shipDate"],
            "trackingNumber": package["trackingNumber"],
            "packageStatus": {"status": "SHIPPED"},
            "packageItems": package["orderItems"],
        }
        for package in packages.values()
    ]
    return {**order, "orderItems": items, "fulfillment": whole, "packages": parcels}


def detail(order: JsonObject, package: JsonObject) -> JsonObject:
    """What the ledger says of a package."""
    skus = {
        text(one, "orderItemId"): text(one, "product", "sellerSku")
        for one in objects(order, "orderItems")
    }
    lines: list[JsonValue] = [
        {
            "line_item_id": text(one, "orderItemId"),
            "sku": skus.get(text(one, "orderItemId"), ""),
            "quantity": int(number(one, "quantity")),
        }
        for one in objects(package, "orderItems")
    ]
    carrier = text(package, "carrierName") or text(package, "carrierCode")
    return {"lines": lines, "numbers": [text(package, "trackingNumber")], "company": carrier}


def cancelled(
    order: JsonObject, packages: Packages, items: list[str], reason: str, by: str, now: float
) -> JsonObject:
    """The order without these items (none named: without any). Raises Refused for what is in a
    package, is cancelled, or is not there."""
    done: Json = copy.deepcopy(dict(order))
    names = {text(one, "orderItemId") for one in done["orderItems"]}
    if unknown := set(items) - names:
        raise Refused(f"The order has no item {', '.join(sorted(unknown))}.")
    if status(order) == "CANCELLED":
        raise Refused("The order is cancelled already.")
    for item in done["orderItems"]:
        name = text(item, "orderItemId")
        if items and name not in items:
            continue
        if packed(packages, name):
            raise Refused(f"The order item {name} is shipped.")
        _scale(done, item, Decimal(0))
        told = {"cancelledBy": by, "cancelReason": reason}
        item["cancellation"] = {**(item.get("cancellation") or {}), "cancellationExecution": told}
        item["fulfillment"] = {"quantityFulfilled": 0, "quantityUnfulfilled": 0}
    if all(is_cancelled(item) for item in done["orderItems"]):
        done["fulfillment"] = {**(done.get("fulfillment") or {}), "fulfillmentStatus": "CANCELLED"}
    return _later(done, now)


def edited(order: JsonObject, packages: Packages, wanted: Json, now: float) -> JsonObject:
    """The order after a change by Amazon or the buyer. Raises Refused."""
    if unknown := set(wanted) - KNOWN:
        raise Refused(f"A change has no part {', '.join(sorted(unknown))}.")
    done: Json = copy.deepcopy(dict(order))
    for name, quantity in (wanted.get("quantities") or {}).items():
        item = next((x for x in done["orderItems"] if x["orderItemId"] == name), None)
        if item is None or int(quantity) < max(1, packed(packages, name)):
            raise Refused(f"The order has no item {name}, or more of it is shipped.")
        _scale(done, item, Decimal(int(quantity)) / int(item["quantityOrdered"]))
        item["quantityOrdered"] = int(quantity)
        item["fulfillment"] = {"quantityFulfilled": 0, "quantityUnfulfilled": int(quantity)}
    if wanted.get("ship_to"):
        recipient = done.setdefault("recipient", {})
        address = recipient.get("deliveryAddress") or {}
        recipient["deliveryAddress"] = {**address, **wanted["ship_to"]}
    if wanted.get("service_level"):
        done.setdefault("fulfillment", {})["fulfillmentServiceLevel"] = wanted["service_level"]
    if wanted.get("buyer_cancel"):
        asked = {"requester": "BUYER", "cancelReason": str(wanted["buyer_cancel"])}
        for item in done["orderItems"]:
            item["cancellation"] = {
                **(item.get("cancellation") or {}),
                "cancellationRequest": asked,
            }
    if wanted.get("cancel"):
        reason = str(wanted["cancel"])
        return cancelled(done, packages, [], reason, "BUYER", now)
    return _later(done, now)


def _later(order: Json, now: float) -> JsonObject:
    """A change makes the order a second younger at least: its time has no fractions."""
    told = order.get("lastUpdatedTime")
    before = datetime.fromisoformat(told).timestamp() if told else 0.0
    at = datetime.fromtimestamp(max(now, before + 1), UTC)
    return {**order, "lastUpdatedTime": at.strftime(_FORM)}


def _scale(order: Json, item: Json, part: Decimal) -> None:
    """Take a part of what an item brings, and the difference off the order's total."""
    less = Decimal(0)
    for one in (item.get("proceeds") or {}).get("breakdowns") or []:
        for money in (one["subtotal"], *(x["value"] for x in one.get("detailedBreakdowns") or [])):
            before = Decimal(money["amount"])
            after = (before * part).quantize(_CENT)
            money["amount"] = f"{after:f}"
            less += before - after if money is one["subtotal"] else 0
    total = (item.get("proceeds") or {}).get("proceedsTotal")
    grand = (order.get("proceeds") or {}).get("grandTotal")
    for money in (total, grand):
        if money:
            money["amount"] = f"{Decimal(money['amount']) - less:f}"
