"""What Amazon says of an order beyond our fields, as attributes; nothing is dropped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from adapters.channels.amazon.money import minor
from adapters.channels.amazon.shapes import (
    AmazonOrder,
    Fulfillment,
    GiftOption,
    Item,
    PaymentExecution,
    Window,
)
from adapters.kit.rounding import Rounding
from adapters.kit.told import time_or_none
from schemas.order.canonical import Tender

_TENDERS: Mapping[str, Literal["on_delivery", "card", "terms"]] = {
    "CashOnDelivery": "on_delivery",
    "CreditCard": "card",
    "Invoice": "terms",
}

MAX_VAT_ID = 64
"""Characters that `order.v1` takes."""
BY_AMAZON = frozenset({"PRIME", "AMAZON_EASY_SHIP", "DELIVERY_BY_AMAZON"})
"""Programmes whose parcels travel with labels that are bought from Amazon alone, such as those of a
seller who ships Prime orders himself.
https://developer-docs.amazon.com/sp-api/docs/fulfill-orders"""
SUBSCRIBED = "SUBSCRIBE_AND_SAVE"
"""The program of lines that a subscription of the buyer ordered."""
TRANSPARENCY = "TRANSPARENCY"
"""A line of which Amazon wants the code of each piece when its shipment is confirmed."""
COLLECTED = "IN_STORE_PICK_UP"
"""An order that its buyer collects in the seller's shop."""
PICKUP_POINT = "PICKUP_POINT"


def payments_of(source: AmazonOrder) -> list[PaymentExecution]:
    """Return how it was paid."""
    return source.payment.payment_executions if source.payment is not None else []


def vat_id_of(source: AmazonOrder) -> str:
    """Return the number under which the buyer is registered for value-added tax, "" for none."""
    for one in source.tax.tax_registrations if source.tax is not None else ():
        if one.entity_type == "BUYER" and one.tax_registration_type in ("VAT", "BUSINESS"):
            return one.tax_registration_number[:MAX_VAT_ID]
    return ""


def gift_of(item: Item) -> GiftOption | None:
    """Return how a line is wrapped; None for one that is not a gift."""
    how = item.fulfillment
    return how.packing.gift_option if how is not None and how.packing is not None else None


def gifts_of(source: AmazonOrder) -> tuple[str, dict[str, str]]:
    """Return the gift message of the order, and those of lines by id where they differ."""
    told = {one.order_item_id: gift_of(one) for one in source.order_items}
    texts = {name: gift.gift_message for name, gift in told.items() if gift and gift.gift_message}
    if len(set(texts.values())) > 1:
        return "", {name: text[:5000] for name, text in texts.items()}
    return next(iter(texts.values()), "")[:5000], {}


def further(source: AmazonOrder, currency: str, rounding: Rounding) -> dict[str, Any]:
    """Return the order's further fields: when it has to be handed over at the latest, from when to
    when it arrives, with what it is paid where Amazon says how much of each, and the order that it
    replaces or was exchanged for, and whether its labels must be Amazon's."""
    how = source.fulfillment or Fulfillment(fulfillment_status="")
    ship, deliver = how.ship_by_window or Window(), how.deliver_by_window or Window()
    return {
        "ship_by": time_or_none(ship.latest_date_time),
        "deliver_from": time_or_none(deliver.earliest_date_time),
        "deliver_by": time_or_none(deliver.latest_date_time),
        "tenders": tuple(
            Tender(
                amount_minor=minor(one.payment_amount, currency, rounding),
                method=one.payment_method[:256],
                kind=_TENDERS.get(one.payment_method, ""),
            )
            for one in payments_of(source)[:20]
            if one.payment_amount is not None
        ),
        "parent_ref": next((x.order_id[:256] for x in source.associated_orders if x.order_id), ""),
        "labels_from": "" if BY_AMAZON.isdisjoint(source.programs) else "channel",
    }


def attributes_of(source: AmazonOrder) -> dict[str, str]:
    """Return what has no field of its own; names begin with `amazon.`, a line's with its id."""
    buyer, to = source.buyer, source.recipient
    at = to.delivery_address if to is not None else None
    replaced = (f"{one.association_type} {one.order_id}" for one in source.associated_orders)
    found = {
        "marketplace_id": source.sales_channel.marketplace_id,
        "marketplace": source.sales_channel.marketplace_name,
        "programs": ", ".join(source.programs),
        "aliases": ", ".join(f"{one.alias_type} {one.alias_id}" for one in source.order_aliases),
        "associated_orders": ", ".join(replaced),
        "address_type": at.address_type if at is not None else "",
        "company": buyer.buyer_company_name if buyer is not None else "",
        "buyer_email": buyer.buyer_email if buyer is not None else "",
        "po_number": buyer.buyer_purchase_order_number if buyer is not None else "",
        "payment_methods": ", ".join(one.payment_method for one in payments_of(source)),
    }
    lines = {f"line {one.order_item_id}": _about(one) for one in source.order_items}
    return {f"amazon.{name}": text for name, text in (found | lines).items() if text}


def _about(item: Item) -> str:
    """Return what a line says of itself beyond our fields, such as its IOSS number."""
    product, how = item.product, item.fulfillment
    told = [("asin", product.asin)]
    if product.price is not None:
        told.append(("price", product.price.price_designation))
    told.append(("programs", "+".join(item.programs)))
    if (gift := gift_of(item)) is not None:
        told.append(("gift wrap", gift.gift_wrap_level))
    if product.customization is not None:
        told.append(("customized", product.customization.customized_url))
    if item.promotion is not None:
        names = [one.promotion_id for one in item.promotion.breakdowns]
        told.append(("promotions", "+".join(names)))
    if item.tax is not None and item.tax.tax_collections:
        by = [f"{one.model} by {one.responsible_party}" for one in item.tax.tax_collections]
        told.append(("tax collected", "+".join(by)))
    if how is not None and how.shipping is not None:
        if how.shipping.international_shipping is not None:
            told.append(("IOSS number", how.shipping.international_shipping.ioss_number))
        told.append(("constraints", "+".join(how.shipping.shipping_constraints)))
    if item.cancellation is not None and item.cancellation.cancellation_request is not None:
        asked = item.cancellation.cancellation_request
        told.append(("cancel asked", f"{asked.requester} {asked.cancel_reason}"))
    return "; ".join([f"{name}: {text}" for name, text in told if text])
