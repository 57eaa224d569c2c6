"""An order's payload, written once and filled in per order, which costs 5 µs."""

from __future__ import annotations

import hashlib
import json
import random
import re
from dataclasses import dataclass
from functools import lru_cache

from ops.simulators.shop_orders import (
    Basket,
    Json,
    address,
    amounts_json,
    discounts_json,
    fill_basket,
    line_json,
    names,
    shipping_json,
    tax_lines,
)

POOL = 256  # Different baskets per shop and seed; order n has basket n modulo this.
DEFAULT_AT = "2026-11-22T09:00:00-05:00"
_BLANK = re.compile(r"@@(\w+)@@")
GATEWAYS = {"card": ["shopify_payments"], "cod": ["Cash on Delivery (COD)"], "terms": []}
TERMS = {
    "id": 1, "payment_terms_name": "Net 30", "payment_terms_type": "net", "due_in_days": 30,
}  # fmt: skip


@dataclass(slots=True, frozen=True)
class Recipe:
    """What all orders of one run have in common. `lines`: fewest and most lines of an order."""

    seed: int = 1
    shop: str = "acme-us.myshopify.com"
    lines: tuple[int, int] = (1, 5)

    @property
    def prefix(self) -> int:
        """Four digits that keep the ids of different shops and seeds apart."""
        digest = hashlib.sha256(f"{self.shop}:{self.seed}".encode()).digest()
        return 1000 + int.from_bytes(digest[:4], "big") % 9000

    def order_id(self, number: int) -> int:
        """The id of the order with that number (up to nine digits)."""
        return self.prefix * 1_000_000_000 + number

    def gid(self, number: int) -> str:
        """The id as GraphQL writes it: what everybody should key on."""
        return f"gid://shopify/Order/{self.order_id(number)}"


@dataclass(slots=True, frozen=True)
class Moment:
    """What may differ between two webhooks about one order."""

    created_at: str = DEFAULT_AT
    updated_at: str = DEFAULT_AT
    paid: bool = True
    # The card is charged later; until then its money is only reserved.
    reserved: bool = False
    note: str | None = None
    cancelled_at: str | None = None
    cancel_reason: str = "customer"
    tags: str = ""
    # How it is paid: by card, on delivery ("cod") or later ("terms").
    payment: str = "card"

    @property
    def is_owed(self) -> bool:
        return (self.reserved or not self.paid) and not self.cancelled_at


class Template:
    """One basket's payload in pieces."""

    def __init__(self, order: Json, total: str) -> None:
        text = json.dumps(order, ensure_ascii=False, separators=(",", ":"))
        text = text.replace('"@@INT(', "").replace(')INT@@"', "")
        # Every second piece is the name of a blank.
        self._pieces: list[str] = _BLANK.split(text)
        self._total = total

    def fill(self, number: int, moment: Moment) -> bytes:
        """The payload of the order with that number, at that moment."""
        quoted = json.dumps
        blanks = {
            "n9": f"{number:09d}",
            "n": str(number),
            "token": f"{number:032x}",
            "created_at": moment.created_at,
            "updated_at": moment.updated_at,
            "financial": _financial(moment),
            "outstanding": self._total if moment.is_owed else "0.00",
            "note": quoted(moment.note),
            "cancelled_at": quoted(moment.cancelled_at),
            "cancel_reason": quoted(moment.cancel_reason) if moment.cancelled_at else "null",
            "tags": quoted(moment.tags),
            "gateways": quoted(GATEWAYS[moment.payment]),
            "terms": quoted(TERMS) if moment.payment == "terms" else "null",
            "po_number": quoted(f"PO-{number}") if moment.payment == "terms" else "null",
        }
        pieces = self._pieces.copy()
        for index in range(1, len(pieces), 2):
            pieces[index] = blanks[pieces[index]]
        return "".join(pieces).encode()


def _financial(moment: Moment) -> str:
    if moment.reserved and not moment.cancelled_at:
        return "authorized"
    if moment.paid and not moment.reserved:
        return "paid"
    return "voided" if moment.cancelled_at else "pending"


def _customer(rng: random.Random, recipe: Recipe, place: Json, first: str, last: str) -> Json:
    customer_id = 6_000_000_000_000 + rng.randrange(10**9)
    email = f"{first}.{last}@example.com".lower().replace("ü", "ue")
    default = {
        **{k: v for k, v in place.items() if k not in ("latitude", "longitude")},
        "id": customer_id + 1,
        "customer_id": customer_id,
        "country_name": place["country"],
        "default": True,
    }
    return {
        "id": customer_id,
        "created_at": "2025-03-04T10:11:12-05:00",
        "updated_at": "@@updated_at@@",
        "first_name": first,
        "last_name": last,
        "state": "disabled",
        "note": None,
        "verified_email": True,
        "multipass_identifier": None,
        "tax_exempt": False,
        "email": email,
        "phone": None,
        "currency": "USD",
        "tax_exemptions": [],
        "admin_graphql_api_id": f"gid://shopify/Customer/{customer_id}",
        "default_address": default,
    }


def _fixed(recipe: Recipe) -> Json:
    """The fields that say the same in every order."""
    nulls = (
        "app_id browser_ip cart_token checkout_token client_details closed_at confirmation_number"
        " current_total_additional_fees_set current_total_duties_set device_id fulfillment_status"
        " landing_site landing_site_ref location_id merchant_of_record_app_id"
        " original_total_additional_fees_set original_total_duties_set phone reference"
        " referring_site source_identifier source_url user_id"
    )
    empties = "note_attributes fulfillments refunds returns line_item_groups"
    order_id = f"{recipe.prefix}@@n9@@"
    return {
        "id": f"@@INT({order_id})INT@@",
        "admin_graphql_api_id": f"gid://shopify/Order/{order_id}",
        **dict.fromkeys(nulls.split()),
        **{name: [] for name in empties.split()},
        "buyer_accepts_marketing": False,
        "cancel_reason": "@@INT(@@cancel_reason@@)INT@@",
        "cancelled_at": "@@INT(@@cancelled_at@@)INT@@",
        "confirmed": True,
        "created_at": "@@created_at@@",
        "updated_at": "@@updated_at@@",
        "processed_at": "@@created_at@@",
        "currency": "USD",
        "customer_locale": "en",
        "duties_included": False,
        "estimated_taxes": False,
        "financial_status": "@@financial@@",
        "merchant_business_entity_id": "MTU0ODM4MDAwOQ",
        "name": "#@@n@@",
        "note": "@@INT(@@note@@)INT@@",
        "number": "@@INT(@@n@@)INT@@",
        "order_number": "@@INT(@@n@@)INT@@",
        "order_status_url": f"https://{recipe.shop}/548380009/orders/@@token@@/authenticate?key=k",
        "payment_gateway_names": "@@INT(@@gateways@@)INT@@",
        "payment_terms": "@@INT(@@terms@@)INT@@",
        "po_number": "@@INT(@@po_number@@)INT@@",
        "source_name": "web",
        "tags": "@@INT(@@tags@@)INT@@",
        "tax_exempt": False,
        "test": False,
        "token": "@@token@@",
        "total_outstanding": "@@outstanding@@",
    }


def _order(recipe: Recipe, basket: Basket, rng: random.Random, *, cancelled: bool) -> Json:
    first, last = names(rng)
    ship_to = address(rng, basket.place, first, last)
    customer = _customer(rng, recipe, ship_to, first, last)
    line_id = f"1{recipe.prefix}@@n9@@"
    weight = sum(line.product.grams * line.quantity for line in basket.lines)
    return {
        **_fixed(recipe),
        **amounts_json(basket, cancelled=cancelled),
        **discounts_json(basket),
        "contact_email": customer["email"],
        "email": customer["email"],
        "presentment_currency": basket.currency,
        "tax_lines": tax_lines(basket),
        "taxes_included": basket.taxes_included,
        "total_weight": weight,
        "billing_address": ship_to,
        "customer": customer,
        "line_items": [
            line_json(line, index, line_id, basket, cancelled=cancelled)
            for index, line in enumerate(basket.lines, 1)
        ],
        "shipping_address": ship_to,
        "shipping_lines": [shipping_json(basket, line_id)],
    }


@lru_cache(maxsize=2048)
def template(recipe: Recipe, slot: int, cancelled: bool) -> Template:
    """The template of one basket; the same one for the same arguments, today and tomorrow."""
    rng = random.Random(f"{recipe.seed}:{recipe.shop}:{slot}")
    basket = fill_basket(rng, recipe.lines)
    order = _order(recipe, basket, rng, cancelled=cancelled)
    return Template(order, str(order["total_price"]))


def payload(recipe: Recipe, number: int, moment: Moment) -> bytes:
    """The raw bytes of a webhook about the order with that number."""
    found = template(recipe, number % POOL, moment.cancelled_at is not None)
    return found.fill(number, moment)


def build_order(
    seed: int,
    number: int,
    shop: str = "acme-us.myshopify.com",
    lines: tuple[int, int] = (1, 5),
    moment: Moment | None = None,
) -> Json:
    """The order with that number as a webhook carries it; `orders/create` without a moment."""
    order: Json = json.loads(payload(Recipe(seed, shop, lines), number, moment or Moment()))
    return order
