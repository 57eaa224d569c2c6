"""What should come of an order in the end, by its shop's last word: for a judge who compares it
with the partners' ledgers."""

from __future__ import annotations

from collections.abc import Mapping

from ops.simulators.shop_statement import MAIN_LOCATION, Json, current, line_id

_ADDRESS = (
    "name", "company", "address1", "address2", "city", "zip", "province_code", "country_code",
    "phone",
)  # fmt: skip


def expected(order: Json, locations: Mapping[str, int], payment: str) -> dict[str, object]:
    """The lines that are left with their quantities, the amounts, and where it all goes."""
    lines = [
        {
            "line_item_id": line_id(line),
            "sku": line["sku"],
            "quantity": current(line),
            "location": locations.get(line_id(line), MAIN_LOCATION),
        }
        for line in order["line_items"]
        if current(line)
    ]
    total = order["current_total_price_set"]
    address = order.get("shipping_address") or {}
    ways = [way["title"] for way in order["shipping_lines"] if not way["is_removed"]]
    paid = order["financial_status"] == "paid"
    return {
        "lines": lines,
        "total": total["shop_money"]["amount"],
        "tax": order["current_total_tax_set"]["shop_money"]["amount"],
        "taxes_included": order["taxes_included"],
        "currency": total["shop_money"]["currency_code"],
        "presentment_total": total["presentment_money"]["amount"],
        "presentment_currency": total["presentment_money"]["currency_code"],
        "cancelled": order["cancelled_at"] is not None,
        "ship_to": {name: address.get(name) for name in _ADDRESS},
        "shipping_method": ways[0] if ways else None,
        "payment": payment,
        "financial_status": order["financial_status"],
        "to_collect": (
            "0.00" if paid or payment != "cod" else total["presentment_money"]["amount"]
        ),
        "tags": [one.strip() for one in order["tags"].split(",") if one.strip()],
        "note": order["note"],
    }
