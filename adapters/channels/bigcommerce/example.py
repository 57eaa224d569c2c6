"""An order as BigCommerce tells it with its parts, every field filled, to try out where each goes.

Field names: https://developer.bigcommerce.com/docs/rest-management/orders (V2).
"""

from __future__ import annotations

from adapters.channels.bigcommerce.order import fulfilled_of, unchecked_order
from adapters.channels.bigcommerce.shapes import Bundle
from adapters.kit.inbound import Translator
from adapters.kit.lineage import Example
from schemas.contracts.refusals import Refused
from schemas.contracts.strict_json import parse
from schemas.contracts.validation import read_foreign
from schemas.messages.inputs import UpdateOrder
from schemas.messages.privacy import Read

Fields = dict[str, object]


def _sides(name: str, ex: str, inc: str, tax: str) -> Fields:
    return {f"{name}_ex_tax": ex, f"{name}_inc_tax": inc, f"{name}_tax": tax}


def _address(name: str, phone: str) -> Fields:
    first, last = name.split()
    return {
        "first_name": first,
        "last_name": last,
        "company": "Probe Works",
        "street_1": "12 Sample Street",
        "street_2": "Floor 3",
        "city": "Louisville",
        "state": "Kentucky",
        "zip": "40202",
        "country": "United States",
        "country_iso2": "US",
        "phone": phone,
        "email": f"{first.lower()}@example.com",
        "form_fields": [{"name": "Gate", "value": "code 7"}],
    }


def _link(part: str) -> Fields:
    return {"url": f"https://api.bigcommerce.com/{part}", "resource": f"/orders/5550001/{part}"}


_OPTION: Fields = {
    "id": 16,
    "option_id": 18,
    "order_product_id": 71,
    "product_option_id": 120,
    "display_name": "Size",
    "display_name_customer": "Size",
    "display_name_merchant": "Size",
    "display_value": "S",
    "display_value_customer": "S",
    "display_value_merchant": "S",
    "value": "69",
    "type": "Multiple choice",
    "name": "Sizes",
    "display_style": "Rectangle",
}

_PRODUCT: Fields = {
    "id": 71,
    "order_id": 5550001,
    "product_id": 7001,
    "variant_id": 8001,
    "order_pickup_method_id": 0,
    "order_address_id": 31,
    "name": "Lamp",
    "name_customer": "Lamp",
    "name_merchant": "Lamp, green",
    "sku": "LAMP-1",
    "upc": "1234567891112",
    "type": "physical",
    "base_price": "20.0000",
    **_sides("price", "20.0000", "21.2000", "1.2000"),
    "base_total": "40.0000",
    **_sides("total", "40.0000", "42.4000", "2.4000"),
    "weight": "2.0000",
    "width": "1.0000",
    "height": "1.0000",
    "depth": "1.0000",
    "quantity": 2,
    "base_cost_price": "10.0000",
    **_sides("cost_price", "10.0000", "10.0000", "0.0000"),
    "is_refunded": False,
    "quantity_refunded": 0,
    "refund_amount": "0.0000",
    "return_id": 0,
    "wrapping_id": 3,
    "wrapping_name": "Red paper",
    "wrapping_message": "Many happy returns",
    "base_wrapping_cost": "2.0000",
    **_sides("wrapping_cost", "2.0000", "2.1200", "0.1200"),
    "quantity_shipped": 0,
    "event_name": "Delivery date",
    "event_date": "Fri, 27 Nov 2026 00:00:00 +0000",
    "fixed_shipping_cost": "0.0000",
    "ebay_item_id": "",
    "ebay_transaction_id": "",
    "option_set_id": 5,
    "parent_order_product_id": 70,
    "is_bundled_product": False,
    "bin_picking_number": "BIN-7",
    "external_id": None,
    "brand": "Probe Works",
    "applied_discounts": [
        {"id": "coupon", "name": "Four off", "code": "GREEN", "amount": "3.0000", "target": "order"}
    ],
    "product_options": [_OPTION],
    "configurable_fields": [{"name": "Engraving", "value": "P. P."}],
    "gift_certificate_id": None,
    "discounted_total_inc_tax": "38.1600",
}

_SHIPPING_ADDRESS: Fields = {
    "id": 31,
    "order_id": 5550001,
    **_address("Paula Probe", "+1 502 555 0101"),
    "items_total": 2,
    "items_shipped": 0,
    "shipping_method": "Express",
    "base_cost": "8.0000",
    **_sides("cost", "8.0000", "8.4800", "0.4800"),
    "cost_tax_class_id": 2,
    "base_handling_cost": "1.0000",
    **_sides("handling_cost", "1.0000", "1.0600", "0.0600"),
    "handling_cost_tax_class_id": 2,
    "shipping_zone_id": 1,
    "shipping_zone_name": "United States",
    "shipping_quotes": _link("shippingquotes"),
}


def _tax(kind: str) -> Fields:
    return {
        "id": 1,
        "order_id": 5550001,
        "order_address_id": 31,
        "tax_rate_id": 1,
        "sales_tax_id": "tax-1",
        "tax_class_id": 0,
        "name": "State tax",
        "class": "Default Tax Class",
        "rate": "6.0000",
        "priority": 0,
        "priority_amount": "2.4000",
        "line_amount": "2.4000",
        "order_pickup_method_id": 0,
        "order_product_id": "71" if kind == "item" else None,
        "line_item_type": kind,
    }


_FEE: Fields = {
    "id": 1,
    "type": "custom_fee",
    "display_name_customer": "Insurance",
    "display_name_merchant": "Insurance of the parcel",
    "source": "v2",
    "base_cost": "8.5000",
    **_sides("cost", "8.5000", "8.5000", "0.0000"),
    "tax_class_id": 0,
}

_ORDER: Fields = {
    "id": 5550001,
    "customer_id": 9001,
    "date_created": "Fri, 20 Nov 2026 09:00:00 +0000",
    "date_modified": "Fri, 20 Nov 2026 09:05:00 +0000",
    "date_shipped": "",
    "status_id": 11,
    "status": "Awaiting Fulfillment",
    "custom_status": "Awaiting Fulfillment",
    **_sides("subtotal", "40.0000", "42.4000", "2.4000"),
    "base_shipping_cost": "8.0000",
    **_sides("shipping_cost", "8.0000", "8.4800", "0.4800"),
    "shipping_cost_tax_class_id": 2,
    "base_handling_cost": "1.0000",
    **_sides("handling_cost", "1.0000", "1.0600", "0.0600"),
    "handling_cost_tax_class_id": 2,
    "base_wrapping_cost": "2.0000",
    **_sides("wrapping_cost", "2.0000", "2.1200", "0.1200"),
    "wrapping_cost_tax_class_id": 3,
    "total_ex_tax": "54.5000",
    "total_inc_tax": "57.5000",
    "total_tax": "3.0000",
    "is_tax_inclusive_pricing": False,
    "items_total": 2,
    "items_shipped": 0,
    "payment_method": "Credit Card",
    "payment_provider_id": "pay-1",
    "payment_status": "paid",
    "refunded_amount": "0.0000",
    "order_is_digital": False,
    "store_credit_amount": "5.0000",
    "gift_certificate_amount": "6.0000",
    "ip_address": "192.0.2.7",
    "ip_address_v6": "",
    "geoip_country": "United States",
    "geoip_country_iso2": "US",
    "currency_id": 2,
    "currency_code": "EUR",
    "currency_exchange_rate": "0.9200000000",
    "default_currency_id": 1,
    "default_currency_code": "USD",
    "store_default_currency_code": "CAD",
    "store_default_to_transactional_exchange_rate": "0.7300000000",
    "staff_notes": "Send on Saturday",
    "customer_message": "Leave it at the edge",
    "discount_amount": "1.0000",
    "coupon_discount": "4.0000",
    "shipping_address_count": 1,
    "ebay_order_id": "0",
    "cart_id": "a8458391-ef68-4fe5-9ec1-442e6a767364",
    "billing_address": _address("Bill Probe", "+1 502 555 0104"),
    "is_email_opt_in": False,
    "is_deleted": False,
    "credit_card_type": None,
    "order_source": "www",
    "channel_id": 1,
    "external_source": "POS",
    "external_id": "ext-1",
    "external_merchant_id": None,
    "external_order_id": "ext-2",
    "tax_provider_id": "BasicTaxProvider",
    "customer_locale": "en-US",
    "consignments": _link("consignments"),
    "products": _link("products"),
    "shipping_addresses": _link("shippingaddresses"),
    "coupons": _link("coupons"),
    "fees": [_FEE],
}

_COUPONS: list[Fields] = [
    {"id": 3, "coupon_id": 1, "order_id": 5550001, "code": "GREEN", "amount": 4, "type": 2,
     "discount": 4},
    {"id": 4, "coupon_id": 2, "order_id": 5550001, "code": "FREESHIP", "amount": 0, "type": 4,
     "discount": "2.0000"},
]  # fmt: skip

# Its comment is as ours is; see `shipments.mark_of`.
_SHIPMENT: Fields = {
    "id": 41,
    "order_id": 5550001,
    "customer_id": 9001,
    "order_address_id": 31,
    "date_created": "Fri, 20 Nov 2026 12:00:00 +0000",
    "tracking_number": "1Z0000",
    "merchant_shipping_cost": "0.0000",
    "shipping_method": "",
    "comments": "Orderwright 1ABCDEFGHIJKLMNOPQRSF0001ABCDEFGHIJ K1",
    "shipping_provider": "ups",
    "shipping_provider_display_name": "UPS",
    "tracking_carrier": "",
    "tracking_link": "",
    "generated_tracking_link": "https://www.ups.com/track?tracknum=1Z0000",
    "billing_address": {"zip": "40202"},
    "shipping_address": {"zip": "40202"},
    "items": [{"order_product_id": 71, "product_id": 0, "quantity": 2}],
}


def _bundle(order: Fields, product: Fields, shipments: list[Fields]) -> Fields:
    return {
        "order": order,
        "products": [product],
        "shipping_addresses": [_SHIPPING_ADDRESS],
        "coupons": _COUPONS,
        "taxes": [_tax("item"), _tax("shipping")],
        "shipments": shipments,
        "store": {"weight_units": "LBS"},
    }


def examples() -> tuple[Example, ...]:
    """Return the usual order, and those in which other fields count."""
    with_tax = {**_ORDER, "is_tax_inclusive_pricing": True, "total_inc_tax": "57.5600"}
    sent = {**_ORDER, "status_id": 2, "items_shipped": 2}
    silent = {**_ORDER, "payment_status": "", "default_currency_code": None}
    no_sku = {**_PRODUCT, "sku": ""}
    no_variant = {**no_sku, "variant_id": 0}
    return (
        Example(when="", tree=_bundle(_ORDER, _PRODUCT, [])),
        Example(
            when="if prices include tax",
            tree=_bundle(with_tax, _PRODUCT, []),
        ),
        Example(
            when="if we shipped the order",
            tree=_bundle(sent, {**_PRODUCT, "quantity_shipped": 2}, [_SHIPMENT]),
        ),
        Example(
            when="if the field that goes before it is missing",
            tree=_bundle(silent, no_sku, []),
        ),
        Example(
            when="if the fields that go before it are missing",
            tree=_bundle(silent, no_variant, []),
        ),
    )


def read(reader: Translator, raw: bytes) -> Read:
    """Translate an example, going on where only a check refuses it."""
    try:
        return reader.translate("update", "", raw)
    except Refused:
        source = read_foreign(parse(raw), Bundle)
        return UpdateOrder(order=unchecked_order(source), fulfilled=fulfilled_of(source))
