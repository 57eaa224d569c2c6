"""An order as Shopify's webhooks write it, every field filled, to try out where each goes.

Field names: https://shopify.dev/docs/api/webhooks/latest?reference=toml (orders/create, 2026-10).
"""

from __future__ import annotations

from adapters.channels.shopify.fulfilled import fulfilled_of
from adapters.channels.shopify.order import unchecked_order
from adapters.channels.shopify.shapes import ShopifyOrder
from adapters.kit.inbound import Translator
from adapters.kit.lineage import Example, Path, named
from schemas.contracts.refusals import Refused
from schemas.contracts.strict_json import parse
from schemas.contracts.validation import read_foreign
from schemas.messages.inputs import PlaceOrder
from schemas.messages.privacy import Read

Fields = dict[str, object]


def _money(amount: str, shown: str = "") -> Fields:
    return {
        "shop_money": {"amount": amount, "currency_code": "USD"},
        "presentment_money": {"amount": shown or amount, "currency_code": "EUR"},
    }


def _both(name: str, amount: str) -> Fields:
    return {name: amount, f"{name}_set": _money(amount)}


def _tax(amount: str) -> Fields:
    return {"title": "State tax", "rate": 0.06, "channel_liable": False, **_both("price", amount)}


def _address(name: str, phone: str) -> Fields:
    first, last = name.split()
    return {
        "name": name,
        "first_name": first,
        "last_name": last,
        "company": "Probe Works",
        "address1": "12 Sample Street",
        "address2": "Floor 3",
        "city": "Louisville",
        "zip": "40202",
        "province": "Kentucky",
        "province_code": "KY",
        "country": "United States",
        "country_code": "US",
        "latitude": 38.25,
        "longitude": -85.75,
        "phone": phone,
    }


_ITEM: Fields = {
    "id": 71,
    "admin_graphql_api_id": "gid://shopify/LineItem/71",
    "attributed_staffs": [{"id": "gid://shopify/StaffMember/1", "quantity": 1}],
    "quantity": 3,
    "current_quantity": 2,
    "fulfillable_quantity": 2,
    "fulfillment_service": "manual",
    "fulfillment_status": "partial",
    "name": "Lamp - green",
    "title": "Lamp",
    "variant_title": "green",
    "sku": "LAMP-1",
    "variant_id": 8001,
    "variant_inventory_management": "shopify",
    "product_id": 7001,
    "product_exists": True,
    "gift_card": False,
    "vendor": "Probe Works",
    "grams": 900,
    "requires_shipping": True,
    "taxable": True,
    "sales_line_item_group_id": 5,
    "pre_tax_price": "57.00",
    "pre_tax_price_set": _money("57.00"),
    **_both("price", "20.00"),
    **_both("total_discount", "0.00"),
    "discount_allocations": [{"discount_application_index": 0, **_both("amount", "3.00")}],
    "duties": [{"id": "3", "harmonized_system_code": "940520", "country_code_of_origin": "DE"}],
    "properties": [{"name": "Engraving", "value": "P. P."}],
    "tax_lines": [_tax("2.40")],
}

_TIP: Fields = {
    "admin_graphql_api_id": "gid://shopify/LineItem/72",
    "quantity": 1,
    "current_quantity": 1,
    "title": "Tip",
    "sku": None,
    "requires_shipping": False,
    **_both("price", "1.00"),
    "tip": {"payment_gateway": "shopify_payments", "payment_method": "visa"},
    "tip_payment_gateway": "shopify_payments",
    "tip_payment_method": "visa",
}

_SHIPPING: Fields = {
    "id": 61,
    "title": "Express",
    "code": "EXP",
    "source": "shopify",
    "carrier_identifier": "carrier",
    "requested_fulfillment_service_id": "service",
    "phone": "+1 502 555 0103",
    "is_removed": False,
    **_both("price", "8.00"),
    **_both("discounted_price", "7.00"),
    "current_discounted_price_set": _money("7.00"),
    "discount_allocations": [{"discount_application_index": 1, **_both("amount", "1.00")}],
    "tax_lines": [_tax("0.40")],
}

_CUSTOMER: Fields = {
    "id": 9001,
    "admin_graphql_api_id": "gid://shopify/Customer/9001",
    "first_name": "Paula",
    "last_name": "Probe",
    "email": "paula@example.com",
    "phone": "+1 502 555 0102",
    "accepts_marketing": True,
    "accepts_marketing_updated_at": "2026-10-01T08:00:00-04:00",
    "marketing_opt_in_level": "single_opt_in",
    "created_at": "2026-10-01T08:00:00-04:00",
    "updated_at": "2026-11-20T04:00:00-05:00",
    "currency": "USD",
    "state": "enabled",
    "note": "Likes lamps",
    "tags": "regular",
    "multipass_identifier": "paula",
    "tax_exempt": False,
    "tax_exemptions": ["US_KY_RESELLER_EXEMPTION"],
    "verified_email": True,
    "email_marketing_consent": {"state": "subscribed", "opt_in_level": "single_opt_in"},
    "sms_marketing_consent": {"state": "subscribed", "consent_collected_from": "OTHER"},
    "default_address": {"id": 91, "customer_id": 9001, "country_name": "United States"},
}

_ORDER: Fields = {
    "id": 5550001,
    "admin_graphql_api_id": "gid://shopify/Order/5550001",
    "app_id": 580111,
    "name": "#2001",
    "number": 1001,
    "order_number": 2001,
    "confirmation_number": "PRB2001",
    "confirmed": True,
    "token": "a1b2",
    "cart_token": "c3d4",
    "checkout_token": "e5f6",
    "reference": "campaign",
    "source_name": "web",
    "source_identifier": "web-1",
    "source_url": "https://shop.example.com/source",
    "landing_site": "/lamps",
    "landing_site_ref": "lamps",
    "referring_site": "https://search.example.com",
    "order_status_url": "https://shop.example.com/orders/a1b2",
    "browser_ip": "192.0.2.7",
    "client_details": {"accept_language": "en", "browser_ip": "192.0.2.7", "user_agent": "Web"},
    "buyer_accepts_marketing": True,
    "user_id": 11,
    "device_id": 12,
    "location_id": 13,
    "merchant_business_entity_id": "entity",
    "merchant_of_record_app_id": 14,
    "tags": "lamps, green",
    "created_at": "2026-11-20T04:00:00-05:00",
    "processed_at": "2026-11-20T04:00:00-05:00",
    "updated_at": "2026-11-20T04:05:00-05:00",
    "closed_at": "2026-11-21T04:00:00-05:00",
    "cancelled_at": None,
    "cancel_reason": None,
    "currency": "USD",
    "presentment_currency": "EUR",
    "financial_status": "paid",
    "fulfillment_status": "partial",
    "payment_gateway_names": ["shopify_payments"],
    "payment_terms": {
        "payment_terms_name": "Net 30",
        "payment_terms_type": "net",
        "due_in_days": 30,
    },
    "po_number": "PO-77",
    "company": {"id": 21, "location_id": 22},
    "contact_email": "paula@example.com",
    "email": "paula@example.com",
    "phone": "+1 502 555 0102",
    "customer": _CUSTOMER,
    "customer_locale": "en-US",
    "shipping_address": _address("Paula Probe", "+1 502 555 0101"),
    "billing_address": _address("Bill Probe", "+1 502 555 0104"),
    "line_items": [_ITEM],
    "line_item_groups": [{"id": 5, "title": "Lamp set", "quantity": 1}],
    "shipping_lines": [_SHIPPING],
    "discount_applications": [
        {"type": "discount_code", "code": "GREEN", "value": "3.00", "value_type": "fixed_amount"},
        {
            "type": "automatic",
            "title": "Cheaper express",
            "description": "For this week",
            "target_type": "shipping_line",
        },
    ],
    "discount_codes": [{"code": "GREEN", "amount": "3.00", "type": "fixed_amount"}],
    "fulfillments": [
        {
            "id": 41,
            "admin_graphql_api_id": "gid://shopify/Fulfillment/41",
            "status": "success",
            "tracking_company": "UPS",
            "tracking_number": "1Z0000",
            "tracking_numbers": ["1Z0000", "1Z0001"],
            "line_items": [
                {"id": 71, "admin_graphql_api_id": "gid://shopify/LineItem/71", "quantity": 1}
            ],
        }
    ],
    "refunds": [],
    "returns": [{"id": 52, "status": "open"}],
    "note": "Leave it at the edge",
    "note_attributes": [
        {"name": "Delivery day", "value": "Friday"},
        {"name": "Gift message", "value": "Many happy returns"},
    ],
    "tax_lines": [_tax("2.00")],
    "taxes_included": False,
    "duties_included": False,
    "estimated_taxes": False,
    "tax_exempt": False,
    "test": False,
    "total_weight": 2700,
    **_both("current_subtotal_price", "38.00"),
    **_both("current_total_discounts", "2.00"),
    **_both("current_total_price", "48.50"),
    **_both("current_total_tax", "2.00"),
    "current_shipping_price_set": _money("7.00"),
    "current_total_duties_set": _money("1.00"),
    "current_total_additional_fees_set": _money("0.50"),
    "original_total_duties_set": _money("1.00"),
    "original_total_additional_fees_set": _money("0.50"),
    **_both("subtotal_price", "57.00"),
    **_both("total_discounts", "3.00"),
    **_both("total_line_items_price", "60.00"),
    **_both("total_price", "68.50"),
    "total_shipping_price_set": _money("7.00"),
    **_both("total_tax", "2.80"),
    "total_tip_received": "0.00",
    "total_outstanding": "0.00",
    "total_cash_rounding_payment_adjustment_set": _money("0.00"),
    "total_cash_rounding_refund_adjustment_set": _money("0.00"),
}

_FIRST_CHOICES = frozenset(
    {
        "email",
        "phone",
        "line_items[].current_quantity",
        "line_items[].name",
        "line_items[].sku",
        "shipping_address.name",
        "shipping_address.province_code",
        "billing_address.name",
        "billing_address.province_code",
        "current_shipping_price_set",
        "shipping_lines[].current_discounted_price_set",
        "current_total_price",
        "current_total_price_set",
        "current_total_tax",
        "current_total_tax_set",
    }
)
_SECOND_CHOICES = frozenset({"line_items[].variant_id"})


def examples() -> tuple[Example, ...]:
    """Return the usual order, and those in which other fields count."""
    flat = _without_sets(_ORDER)
    by_line = _without(_ORDER, frozenset({"current_shipping_price_set"}))
    sparse = _without(_ORDER, _FIRST_CHOICES)
    tipped = {
        **_ORDER,
        **_both("current_total_price", "49.50"),
        "total_tip_received": "1.00",
    }
    on_a_line = {
        **_ORDER,
        **_both("current_total_price", "49.50"),
        "line_items": [_ITEM, _TIP],
    }
    cancelled = {
        **_ORDER,
        "cancelled_at": "2026-11-20T05:00:00-05:00",
        "cancel_reason": "customer",
        # Only here: with a refund any difference counts as money given back, and blurs the rest.
        "refunds": [{"id": 51, "created_at": "2026-11-20T05:00:00-05:00"}],
    }
    order_id = "902-3159896-1390916"
    imported = {**_ORDER, "source_name": "580111", "landing_site": None, "source_identifier": None}
    link = f"https://sellercentral.amazon.com/orders-v3/order/{order_id}"
    return (
        Example(when="", tree=_ORDER),
        Example(when="if the amount has no set in both currencies", tree=flat),
        Example(when="if the order's current shipping price is missing", tree=by_line),
        Example(when="if the field that goes before it is missing", tree=sparse),
        Example(
            when="if the fields that go before it are missing",
            tree=_without_sets(_without(sparse, _SECOND_CHOICES)),
        ),
        Example(when="if it is in the total", tree=tipped),
        Example(when="if the line is a tip", tree=on_a_line),
        Example(when="if the order is cancelled", tree=cancelled),
        *(
            Example(when="if an app imported the order from Amazon", tree={**imported, **told})
            for told in ({"source_identifier": order_id}, {"source_url": link}, {"tags": order_id})
        ),
    )


def _without(tree: object, names: frozenset[str], path: Path = ()) -> object:
    if isinstance(tree, dict):
        return {
            name: _without(inner, names, (*path, name))
            for name, inner in tree.items()
            if named((*path, name)) not in names
        }
    if isinstance(tree, list):
        return [_without(inner, names, (*path, 0)) for inner in tree]
    return tree


def _without_sets(tree: object) -> object:
    if isinstance(tree, dict):
        return {
            name: _without_sets(inner) for name, inner in tree.items() if not name.endswith("_set")
        }
    return [_without_sets(inner) for inner in tree] if isinstance(tree, list) else tree


def read(reader: Translator, raw: bytes) -> Read:
    """Translate an example, going on where only a check refuses it."""
    try:
        return reader.translate("place", "orders/create", raw)
    except Refused:
        source = read_foreign(parse(raw), ShopifyOrder)
        return PlaceOrder(order=unchecked_order(source), fulfilled=fulfilled_of(source))
