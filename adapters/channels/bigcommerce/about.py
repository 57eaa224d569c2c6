"""What BigCommerce says of an order beyond our fields, as attributes.

Our own names begin with `bigcommerce.`, a line's with its id; nothing a buyer or seller wrote is
dropped.
"""

from __future__ import annotations

import msgspec

from adapters.channels.bigcommerce.money import currency_of, grams_in
from adapters.channels.bigcommerce.shapes import (
    BigCommerceOrder,
    Bundle,
    FormField,
    PostalAddress,
    Product,
)
from adapters.kit.attributes import bounded


def attributes_of(source: Bundle) -> dict[str, str]:
    """Return what has no field of its own."""
    order = source.order
    found = {f"bigcommerce.{name}": text for name, text in _of_order(order).items() if text}
    if order.billing_address is not None:
        _answers(found, "billing", order.billing_address)
    used = {one.order_address_id for one in source.products}
    for address in source.shipping_addresses:
        if address.id in used:
            _answers(found, "shipping", address)
            if address.shipping_zone_name:
                found["bigcommerce.shipping_zone"] = address.shipping_zone_name
    if grams_in(source.store.weight_units) is None:
        found["bigcommerce.weight_units"] = source.store.weight_units or "not told"
    for product in source.products:
        _of_line(found, product)
    return bounded(found, "bigcommerce")


def _of_order(order: BigCommerceOrder) -> dict[str, str]:
    currency = currency_of(order)
    shown, shop = order.currency_code or "", order.store_default_currency_code or ""
    found = {
        "staff_notes": order.staff_notes or "",
        "payment_method": order.payment_method or "",
        "payment_id": _told(order.payment_provider_id),
        "channel_id": _told(order.channel_id),
        "external_source": order.external_source or "",
        "external_id": order.external_id or "",
        "external_order_id": order.external_order_id or "",
    }
    if shown and shown != currency:
        found["display_currency"] = shown
        found["display_rate"] = _told(order.currency_exchange_rate)
    if shop and shop != currency:
        found["store_currency"] = shop
        found["store_rate"] = _told(order.store_default_to_transactional_exchange_rate)
    return found


def _of_line(found: dict[str, str], product: Product) -> None:
    line = f"line {product.id}"
    for option in product.product_options:
        found[f"{line}: {option.display_name}"] = option.display_value or ""
    for field in product.configurable_fields:
        found[f"{line}: {field.name}"] = _answer(field)
    if product.wrapping_name:
        found[f"{line}: gift wrapping"] = product.wrapping_name
    if product.event_date:
        found[f"{line}: {product.event_name or 'date'}"] = product.event_date
    if product.bin_picking_number:
        found[f"{line}: bigcommerce.bin"] = product.bin_picking_number
    if product.parent_order_product_id:
        found[f"{line}: chosen with line"] = str(product.parent_order_product_id)


def _answers(found: dict[str, str], where: str, address: PostalAddress) -> None:
    for field in address.form_fields or ():
        found[f"{where}: {field.name}"] = _answer(field)


def _answer(field: FormField) -> str:
    if isinstance(field.value, list):
        return ", ".join(map(_told, field.value))
    return _told(field.value)


def _told(value: object) -> str:
    if isinstance(value, bool | dict | list):
        return msgspec.json.encode(value).decode()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
