"""BigCommerce's webhooks and orders as it would send them, to be changed by tests."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.channels.bigcommerce.source import SECRET_HEADER, BigCommerce
from adapters.kit.fetching import FETCHED
from schemas.contracts.refusals import Refused
from schemas.messages.inputs import Input, NoteReport, UpdateOrder
from schemas.order.canonical import Order

# Any: payloads as JSON, to be changed in every way.
Json = dict[str, Any]

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
STORE = "abc123"
SECRET, OLD_SECRET = "the secret of today", "the secret before it"
SHOP = BigCommerce("acme-bc", store_hash=STORE, secrets=(SECRET, OLD_SECRET))
SPECS = Path(__file__).resolve().parents[2] / "shared" / "specs" / "bigcommerce"


def headers(**changes: str) -> dict[str, str]:
    """Return what BigCommerce sends beside the bytes: the headers the webhook was created with."""
    return {"Content-Type": "application/json", SECRET_HEADER: SECRET, **changes}


def a_hook(scope: str = "store/order/updated", ref: int = 250, **changes: object) -> Json:
    """Return a light webhook; `changes` are of the whole."""
    data: Json = {"type": "order", "id": ref}
    if scope.startswith("store/shipment/"):
        data = {"type": "shipment", "id": 12, "orderId": ref}
    return {
        "scope": scope,
        "store_id": "1025646",
        "data": data,
        "hash": "dd70c0976e06b67aaf671e73f49dcb79230ebf9d",
        "created_at": 1_795_780_800,
        "producer": f"stores/{STORE}",
        **changes,
    }


def a_product(number: int, price: str, quantity: int = 1, **changes: object) -> Json:
    """Return a line of which nothing is shipped yet; prices without tax, which is a tenth."""
    total = f"{float(price) * quantity:.4f}"
    tax = f"{float(price) * quantity / 10:.4f}"
    return {
        "id": number,
        "order_id": 250,
        "product_id": 70 + number,
        "variant_id": 0,
        "order_pickup_method_id": 0,
        "order_address_id": 31,
        "name": f"Thing {number}",
        "sku": f"SKU-{number}",
        "upc": "",
        "type": "physical",
        "price_ex_tax": price,
        "price_inc_tax": f"{float(price) * 1.1:.4f}",
        "total_ex_tax": total,
        "total_inc_tax": f"{float(total) + float(tax):.4f}",
        "total_tax": tax,
        "weight": "2.0000",
        "quantity": quantity,
        "quantity_refunded": 0,
        "quantity_shipped": 0,
        "wrapping_name": "",
        "wrapping_message": "",
        "event_name": None,
        "event_date": None,
        "bin_picking_number": "",
        "applied_discounts": [],
        "product_options": [],
        "configurable_fields": [],
        **changes,
    }


def an_address(number: int = 31, **changes: object) -> Json:
    """Return a shipping address."""
    return {
        "id": number,
        "order_id": 250,
        "first_name": "Rita",
        "last_name": "Recipient",
        "company": "",
        "street_1": "666 Sussex Street",
        "street_2": "Unit 3",
        "city": "Austin",
        "zip": "78751",
        "country": "United States",
        "country_iso2": "US",
        "state": "Texas",
        "email": "rita@example.com",
        "phone": "512-555-0101",
        "shipping_method": "Fixed Shipping",
        "shipping_zone_name": "United States",
        "form_fields": [],
        **changes,
    }


def an_order(**changes: object) -> Json:
    """Return an order without its sub-resources: 20.00 + 5.50 goods, 4.00 shipping, 2.55 tax."""
    return {
        "id": 250,
        "customer_id": 20,
        "date_created": "Fri, 27 Nov 2026 10:00:00 +0000",
        "date_modified": "Fri, 27 Nov 2026 10:30:00 +0000",
        "date_shipped": "",
        "status_id": 11,
        "status": "Awaiting Fulfillment",
        "shipping_cost_ex_tax": "4.0000",
        "shipping_cost_inc_tax": "4.4000",
        "handling_cost_ex_tax": "0.0000",
        "handling_cost_inc_tax": "0.0000",
        "wrapping_cost_ex_tax": "0.0000",
        "wrapping_cost_inc_tax": "0.0000",
        "total_ex_tax": "29.5000",
        "total_inc_tax": "32.0500",
        "total_tax": "2.5500",
        "is_tax_inclusive_pricing": False,
        "items_total": 3,
        "items_shipped": 0,
        "payment_method": "Credit Card",
        "payment_provider_id": "",
        "payment_status": "captured",
        "store_credit_amount": "0.0000",
        "gift_certificate_amount": "0.0000",
        "currency_code": "USD",
        "currency_exchange_rate": "1.0000000000",
        "default_currency_code": "USD",
        "store_default_currency_code": "USD",
        "store_default_to_transactional_exchange_rate": "1.0000000000",
        "staff_notes": "",
        "customer_message": "",
        "discount_amount": "0.0000",
        "coupon_discount": "0.0000",
        "billing_address": {
            "first_name": "Berta",
            "last_name": "Buyer",
            "company": "",
            "street_1": "455 Main Street",
            "street_2": "",
            "city": "Austin",
            "state": "Texas",
            "zip": "78751",
            "country": "United States",
            "country_iso2": "US",
            "phone": "512-555-0100",
            "email": "berta@example.com",
            "form_fields": [],
        },
        "order_source": "www",
        "channel_id": 1,
        "external_source": None,
        "external_id": None,
        "customer_locale": "en",
        "is_deleted": False,
        "fees": [],
        **changes,
    }


def a_bundle(order: Json | None = None, **changes: object) -> Json:
    """Return what a look brings: an order of 2 x 10.00 and 5.50, with `changes` of the whole."""
    return {
        "order": order or an_order(),
        "products": [a_product(1, "10.0000", 2), a_product(2, "5.5000")],
        "shipping_addresses": [an_address()],
        "coupons": [],
        "taxes": [],
        "shipments": [],
        "store": {"weight_units": "LBS"},
        **changes,
    }


def raw(tree: object) -> bytes:
    """Return it as JSON."""
    return json.dumps(tree).encode()


def read(bundle: Json) -> Input:
    """Return what a fetched order becomes."""
    return SHOP.translate("update", FETCHED, raw(bundle))


def stated(bundle: Json) -> Order:
    """Return the canonical order."""
    found = read(bundle)
    assert isinstance(found, UpdateOrder), found
    return found.order


def noted(bundle: Json) -> NoteReport:
    """Return the note."""
    found = read(bundle)
    assert isinstance(found, NoteReport), found
    return found


def reason_of(bundle: Json) -> str:
    """Return why an order is refused."""
    with pytest.raises(Refused) as refused:
        read(bundle)
    assert all(one.endswith(".") for one in refused.value.sentences)
    return refused.value.reason


@functools.cache
def description(name: str) -> Json:
    """Return an official description, not to be changed; skips the test where the folder is
    missing."""
    path = SPECS / name
    if not path.is_file():
        pytest.skip(f"The official description {name} is not on this machine.")
    found: Json = _load(path.read_text())
    return found


def _load(text: str) -> Json:
    # The pure loader takes seconds for the largest of them.
    found: Json = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return found


def sample_hooks() -> Iterator[tuple[str, Json]]:
    """Yield every official sample of a webhook, by its file."""
    folder = SPECS / "webhooks"
    if not folder.is_dir():
        pytest.skip("The folder ../shared/specs with BigCommerce's samples is not here.")
    for path in sorted(folder.glob("*.json")):
        yield path.name, json.loads(path.read_text())


def described_hooks() -> Iterator[tuple[str, str, Json]]:
    """Yield every webhook that is described without a sample: its file, its scope, and one made of
    its description."""
    folder = SPECS / "webhooks"
    for path in sorted(folder.glob("store_*.yml")):
        for scope, one in _load(path.read_text())["properties"].items():
            yield path.name, scope, {**_made_of(one), "scope": scope}


def scopes() -> list[str]:
    """Return every scope that BigCommerce has."""
    return list(description("webhooks/_all.yml")["properties"])


def _made_of(schema: Json) -> Any:
    match schema.get("type"):
        case "object":
            found = {}
            for name, one in schema.get("properties", {}).items():
                found[name] = _made_of(one)
            return found
        case "integer" | "number":
            return 250
        case "boolean":
            return True
        case "array":
            return [_made_of(schema["items"])]
        case _:
            return "250"


def examples(response: str) -> Iterator[tuple[str, Any]]:
    """Yield the examples of a response in the official description of V2 orders."""
    content = description("orders.v2.oas2.yml")["components"]["responses"][response]["content"]
    for name, one in content["application/json"]["examples"].items():
        found = one["value"]
        for index, row in enumerate(found if isinstance(found, list) else [found]):
            yield f"{response} {name} {index}", row
