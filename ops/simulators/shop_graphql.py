"""A simulated shop's order as its Admin GraphQL tells it (2026-10): every object with every field
that exists here, whichever of them a query asks for.

Made from the payload of the order's newest webhook, as Shopify makes both from one order.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ops.simulators.graphql import Json, Mistake, Resolver

MAX_FIRST = 250


def order_json(order: Json, more: Json) -> Json:
    """The Order. `more`: the fields that a webhook doesn't have, such as its fulfilment orders."""
    applications = [_application(one, at) for at, one in enumerate(order["discount_applications"])]

    def lines() -> list[Json]:
        return [line_node(one, applications) for one in order["line_items"]]

    total_duties = order["current_total_duties_set"]
    fees = order["current_total_additional_fees_set"]
    return {
        "__typename": "Order",
        "id": order["admin_graphql_api_id"],
        "legacyResourceId": order["admin_graphql_api_id"].rpartition("/")[2],
        "name": order["name"],
        "createdAt": _utc(order["created_at"]),
        "updatedAt": _utc(order["updated_at"]),
        "cancelledAt": _utc(order["cancelled_at"]),
        "cancelReason": _large(order["cancel_reason"]),
        "closed": order["closed_at"] is not None,
        "closedAt": _utc(order["closed_at"]),
        "processedAt": _utc(order["processed_at"]),
        "tags": [one.strip() for one in order["tags"].split(",") if one.strip()],
        "sourceName": order.get("source_name"),
        "sourceIdentifier": order.get("source_identifier"),
        "registeredSourceUrl": order.get("source_url"),
        "paymentGatewayNames": order["payment_gateway_names"],
        "paymentTerms": _terms(order.get("payment_terms")),
        "totalOutstandingSet": lambda given: _outstanding(order),
        "displayFinancialStatus": _large(order["financial_status"]),
        "currencyCode": order["currency"],
        "presentmentCurrencyCode": order["presentment_currency"],
        "taxesIncluded": order["taxes_included"],
        "dutiesIncluded": order["duties_included"],
        "test": order["test"],
        "email": order["email"],
        "phone": order["phone"],
        "note": order["note"],
        "poNumber": order["po_number"],
        "customerLocale": order["customer_locale"],
        "customAttributes": _attributes(order["note_attributes"]),
        "customer": _customer(order["customer"]),
        "shippingAddress": _address(order["shipping_address"]),
        "billingAddress": _address(order["billing_address"]),
        "totalPriceSet": _set(order["total_price_set"]),
        "currentTotalPriceSet": _set(order["current_total_price_set"]),
        "currentSubtotalPriceSet": _set(order["current_subtotal_price_set"]),
        "totalTaxSet": _set(order["total_tax_set"]),
        "currentTotalTaxSet": _set(order["current_total_tax_set"]),
        "totalDiscountsSet": _set(order["total_discounts_set"]),
        "currentShippingPriceSet": _set(order["current_shipping_price_set"]),
        "currentTotalDutiesSet": _set(total_duties) if total_duties else None,
        "currentTotalAdditionalFeesSet": _set(fees) if fees else None,
        "totalTipReceivedSet": _both(order["total_tip_received"], order),
        "refunds": lambda given: [refund_shape(x) for x in order["refunds"]][: given.get("first")],
        "discountCodes": [one["code"] for one in order["discount_codes"]],
        "discountApplications": connection("DiscountApplication", lambda: applications),
        "shippingLines": _ways(order, applications),
        "lineItems": connection("LineItem", lines),
        **more,
    }


def line_nodes(order: Json, wanted: Sequence[str]) -> list[Json | None]:
    """The nodes with these ids: lines of this order, or nothing."""
    lines = {one["id"]: one for one in (line_node(x, []) for x in order["line_items"])}
    return [lines.get(gid) for gid in wanted]


def line_node(line: Json, applications: list[Json]) -> Json:
    """The LineItem; `applications` are those of its order, if anybody asks for them."""
    left = line["fulfillable_quantity"]
    return {
        "__typename": "LineItem",
        "id": line["admin_graphql_api_id"],
        "name": line["name"],
        "title": line["title"],
        "variantTitle": line["variant_title"],
        "vendor": line["vendor"],
        "sku": line["sku"],
        "quantity": line["quantity"],
        "currentQuantity": line["current_quantity"],
        "unfulfilledQuantity": left,
        "fulfillableQuantity": left,
        "nonFulfillableQuantity": line["quantity"] - line["current_quantity"],
        "refundableQuantity": line["current_quantity"],
        "requiresShipping": line["requires_shipping"],
        "isGiftCard": line["gift_card"],
        "fulfillmentService": {
            "__typename": "FulfillmentService",
            "handle": line["fulfillment_service"] or "manual",
        },
        "weight": {"__typename": "Weight", "unit": "GRAMS", "value": float(line["grams"] or 0)},
        "originalUnitPriceSet": _set(line["price_set"]),
        "customAttributes": _attributes(line["properties"]),
        "discountAllocations": _allocations(line["discount_allocations"], applications),
        "taxLines": _taxes(line["tax_lines"]),
        "variant": _node("ProductVariant", line["variant_id"]),
        "product": _node("Product", line["product_id"]),
    }


def _way(way: Json, applications: list[Json]) -> Json:
    return {
        "__typename": "ShippingLine",
        "id": f"gid://shopify/ShippingLine/{way['id']}",
        "title": way["title"],
        "code": way["code"],
        "source": way["source"],
        "isRemoved": way["is_removed"],
        "originalPriceSet": _set(way["price_set"]),
        "discountedPriceSet": _set(way["discounted_price_set"]),
        "currentDiscountedPriceSet": _set(way["current_discounted_price_set"]),
        "taxLines": _taxes(way["tax_lines"]),
        "discountAllocations": _allocations(way["discount_allocations"], applications),
    }


def _ways(order: Json, applications: list[Json]) -> Resolver:
    def answer(given: Json) -> Json:
        ways = [_way(one, applications) for one in order["shipping_lines"]]
        shown = [one for one in ways if given.get("includeRemovals") or not one["isRemoved"]]
        found: Json = connection("ShippingLine", lambda: shown)(given)
        return found

    return answer


def _application(one: Json, index: int) -> Json:
    kind = {
        "discount_code": "DiscountCodeApplication",
        "automatic": "AutomaticDiscountApplication",
        "script": "ScriptDiscountApplication",
    }.get(one.get("type", ""), "ManualDiscountApplication")
    own = {
        "DiscountCodeApplication": ("code",),
        "ManualDiscountApplication": ("title", "description"),
    }.get(kind, ("title",))
    shown = {name: one.get(name) for name in own}
    return {"__typename": kind, "index": index, "targetType": _large(one["target_type"]), **shown}


def _allocations(parts: list[Json], applications: list[Json]) -> list[Json]:
    return [
        {
            "__typename": "DiscountAllocation",
            "allocatedAmountSet": _set(part["amount_set"]),
            "discountApplication": applications[part["discount_application_index"]]
            if applications
            else None,
        }
        for part in parts
    ]


def _taxes(taxes: list[Json]) -> list[Json]:
    return [
        {
            "__typename": "TaxLine",
            "title": one["title"],
            "rate": one.get("rate"),
            "priceSet": _set(one["price_set"]),
        }
        for one in taxes
    ]


def _customer(one: Json | None) -> Json | None:
    if one is None:
        return None
    email, phone = one["email"], one["phone"]
    return {
        "__typename": "Customer",
        "id": one["admin_graphql_api_id"],
        "firstName": one["first_name"],
        "lastName": one["last_name"],
        "displayName": f"{one['first_name'] or ''} {one['last_name'] or ''}".strip(),
        "defaultEmailAddress": {"__typename": "CustomerEmailAddress", "emailAddress": email}
        if email
        else None,
        "defaultPhoneNumber": {"__typename": "CustomerPhoneNumber", "phoneNumber": phone}
        if phone
        else None,
    }


def _address(at: Json | None) -> Json | None:
    if at is None:
        return None
    return {
        "__typename": "MailingAddress",
        "name": at["name"],
        "firstName": at["first_name"],
        "lastName": at["last_name"],
        "company": at["company"],
        "address1": at["address1"],
        "address2": at["address2"],
        "city": at["city"],
        "zip": at["zip"],
        "province": at["province"],
        "provinceCode": at["province_code"],
        "country": at["country"],
        "countryCodeV2": at["country_code"],
        "phone": at["phone"],
    }


def refund_shape(one: Json) -> Json:
    """What a payload alone tells of a refund."""
    return {"__typename": "Refund", "id": one.get("id"), "createdAt": _utc(one.get("created_at"))}


def _attributes(found: list[Json]) -> list[Json]:
    return [
        {
            "__typename": "Attribute",
            "key": one["name"],
            "value": None if one["value"] is None else _plain(one["value"]),
        }
        for one in found
    ]


def _plain(value: Any) -> str:  # Any: a form's value is a text, a number or a truth value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _set(both: Json) -> Json:
    return {
        "__typename": "MoneyBag",
        "shopMoney": _money(both["shop_money"]["amount"], both["shop_money"]["currency_code"]),
        "presentmentMoney": _money(
            both["presentment_money"]["amount"], both["presentment_money"]["currency_code"]
        ),
    }


def _terms(terms: Json | None) -> Json | None:
    if not terms:
        return None
    return {
        "__typename": "PaymentTerms",
        "id": f"gid://shopify/PaymentTerms/{terms['id']}",
        "paymentTermsName": terms["payment_terms_name"],
        "paymentTermsType": _large(terms["payment_terms_type"]),
        "dueInDays": terms["due_in_days"],
        "due": False,
        "overdue": False,
    }


def _outstanding(order: Json) -> Json:
    """What is still to be paid; a webhook tells it in the shop's money alone."""
    told, total = order.get("total_outstanding") or "0.00", order["current_total_price_set"]
    flat = Decimal(told)
    whole = Decimal(total["shop_money"]["amount"])
    shown = Decimal(total["presentment_money"]["amount"])
    if flat != whole:
        shown = (shown * flat / whole).quantize(Decimal("0.01")) if whole else flat
    return {
        "__typename": "MoneyBag",
        "shopMoney": _money(told, order["currency"]),
        "presentmentMoney": _money(str(shown), order["presentment_currency"]),
    }


def _both(flat: str, order: Json) -> Json:
    """A bag of what a webhook tells in the shop's money alone; buyers who see another tip none."""
    return {
        "__typename": "MoneyBag",
        "shopMoney": _money(flat, order["currency"]),
        "presentmentMoney": _money(flat, order["presentment_currency"]),
    }


def _money(amount: str, currency: str) -> Json:
    """GraphQL writes amounts without the zeros at their end, but for one: 10.00 is 10.0."""
    short = f"{Decimal(amount):f}"
    short = short.rstrip("0") if "." in short else f"{short}."
    return {
        "__typename": "MoneyV2",
        "amount": f"{short}0" if short.endswith(".") else short,
        "currencyCode": currency,
    }


def connection(kind: str, make: Callable[[], list[Json]]) -> Resolver:
    """A list in pages, with cursors; `first` must be given. It is made only if it is asked for."""

    def answer(given: Json) -> Json:
        first, after = given.get("first"), given.get("after")
        if not isinstance(first, int) or not 0 < first <= MAX_FIRST:
            raise Mistake(
                f"`first` must be given on {kind}Connection, at most {MAX_FIRST}", "BAD_REQUEST"
            )
        nodes, begin = make(), _place(after) + 1 if after else 0
        shown = nodes[begin : begin + first]
        return {
            "__typename": f"{kind}Connection",
            "nodes": shown,
            "pageInfo": {
                "__typename": "PageInfo",
                "hasNextPage": begin + first < len(nodes),
                "hasPreviousPage": begin > 0,
                "startCursor": _cursor(begin) if shown else None,
                "endCursor": _cursor(begin + len(shown) - 1) if shown else None,
            },
        }

    return answer


def _cursor(place: int) -> str:
    return base64.b64encode(b'{"at":%d}' % place).decode()


def _place(cursor: str) -> int:
    try:
        digits = base64.b64decode(cursor).decode().removeprefix('{"at":').removesuffix("}")
        return int(digits)
    except (binascii.Error, ValueError) as error:
        raise Mistake("Invalid cursor for current pagination sort.", "BAD_REQUEST") from error


def _node(kind: str, number: int | None) -> Json | None:
    return None if number is None else {"__typename": kind, "id": f"gid://shopify/{kind}/{number}"}


def _large(name: str | None) -> str | None:
    return name.upper() if name else None


def _utc(when: str | None) -> str | None:
    if when is None:
        return None
    return datetime.fromisoformat(when).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
