"""What Amazon says of an order beyond our fields, as attributes; nothing is dropped."""

from __future__ import annotations

from adapters.channels.amazon.shapes import AmazonOrder, GiftOption, Item, PaymentExecution


def payments_of(source: AmazonOrder) -> list[PaymentExecution]:
    """Return how it was paid."""
    return source.payment.payment_executions if source.payment is not None else []


def gift_of(item: Item) -> GiftOption | None:
    """Return how a line is wrapped; None for one that is not a gift."""
    how = item.fulfillment
    return how.packing.gift_option if how is not None and how.packing is not None else None


def attributes_of(source: AmazonOrder) -> dict[str, str]:
    """Return what has no field of its own; names begin with `amazon.`, a line's with its id."""
    how, buyer, to = source.fulfillment, source.buyer, source.recipient
    at = to.delivery_address if to is not None else None
    by = how.ship_by_window if how is not None else None
    until = how.deliver_by_window if how is not None else None
    replaced = (f"{one.association_type} {one.order_id}" for one in source.associated_orders)
    found = {
        "marketplace_id": source.sales_channel.marketplace_id,
        "marketplace": source.sales_channel.marketplace_name,
        "programs": ", ".join(source.programs),
        "aliases": ", ".join(f"{one.alias_type} {one.alias_id}" for one in source.order_aliases),
        "associated_orders": ", ".join(replaced),
        "ship_by": by.latest_date_time if by is not None else "",
        "deliver_by": until.latest_date_time if until is not None else "",
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
