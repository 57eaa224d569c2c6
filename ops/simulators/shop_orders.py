"""Orders as Shopify writes them into webhooks: every field, and right to the cent.

The field set is that of Shopify's own sample of `orders/create` (2026-10). Amounts in `*_set`
come in the shop's currency and in the customer's; the flat ones are in the shop's.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ops.simulators.shop_data import (
    CA_PLACES,
    COMPANIES,
    DE_PLACES,
    FIRST_NAMES,
    LAST_NAMES,
    STREETS_CA,
    STREETS_DE,
    STREETS_US,
    US_PLACES,
    Place,
    Product,
    product,
)

# Any: a webhook's payload is free-form JSON that is written here once and never read again.
Json = dict[str, Any]
PRODUCTS = 200
SHOP_CURRENCY = "USD"
EURO_PER_DOLLAR = 0.92


@dataclass(slots=True, frozen=True)
class Money:
    """The same amount in the shop's and in the customer's currency, in minor units."""

    shop: int
    shown: int
    currency: str

    def __add__(self, other: Money) -> Money:
        return Money(self.shop + other.shop, self.shown + other.shown, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.shop - other.shop, self.shown - other.shown, self.currency)

    def times(self, count: int) -> Money:
        return Money(self.shop * count, self.shown * count, self.currency)

    def share(self, part: float) -> Money:
        """That part of it, each currency rounded half up to its cent."""
        return Money(int(self.shop * part + 0.5), int(self.shown * part + 0.5), self.currency)

    @property
    def flat(self) -> str:
        return _amount(self.shop)

    @property
    def set(self) -> Json:
        return {
            "shop_money": {"amount": _amount(self.shop), "currency_code": SHOP_CURRENCY},
            "presentment_money": {"amount": _amount(self.shown), "currency_code": self.currency},
        }


def _amount(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


def money(minor: int, currency: str) -> Money:
    """An amount of the shop's currency, and what the customer sees of it."""
    shown = minor if currency == SHOP_CURRENCY else int(minor * EURO_PER_DOLLAR + 0.5)
    return Money(minor, shown, currency)


def split(total: int, weights: Sequence[int]) -> list[int]:
    """The total in whole cents by weight, largest remainder first: the parts add up to it."""
    whole = sum(weights) or 1
    parts = [total * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: -(total * weights[i] % whole))
    for index in order[: total - sum(parts)]:
        parts[index] += 1
    return parts


@dataclass(slots=True)
class Bought:
    """One line, before it is written down."""

    product: Product
    quantity: int
    price: Money
    discount: Money
    taxes: list[tuple[str, float, Money]] = field(default_factory=list)

    @property
    def gross(self) -> Money:
        return self.price.times(self.quantity)


@dataclass(slots=True)
class Basket:
    """What an order is about, with all its amounts."""

    place: Place
    currency: str
    lines: list[Bought]
    shipping: Money
    shipping_title: str
    shipping_taxes: list[tuple[str, float, Money]]
    code: str | None

    def zero(self) -> Money:
        return Money(0, 0, self.currency)

    def total(self, amounts: Sequence[Money]) -> Money:
        return sum(amounts, self.zero())

    @property
    def taxes_included(self) -> bool:
        return self.place.country_code == "DE"


def _taxes(place: Place, net: Money) -> list[tuple[str, float, Money]]:
    included = place.country_code == "DE"
    return [
        (tax.title, tax.permille / 1000, net.share(_part(tax.permille / 1000, included=included)))
        for tax in place.taxes
    ]


def _part(rate: float, *, included: bool) -> float:
    return rate / (1 + rate) if included else rate


def fill_basket(rng: random.Random, lines: tuple[int, int]) -> Basket:
    """Draws a place and what is bought; 70 % go to the US, 15 % each to Canada and Germany."""
    drawn = rng.random()
    places = US_PLACES if drawn < 0.7 else CA_PLACES if drawn < 0.85 else DE_PLACES
    place = rng.choice(places)
    currency = "EUR" if place.country_code == "DE" else SHOP_CURRENCY
    chosen = rng.sample(range(1, PRODUCTS + 1), rng.randint(*lines))
    bought = []
    for number in chosen:
        found = product(number)
        price = money(found.price_minor, currency)
        quantity = rng.choices((1, 2, 3), (80, 15, 5))[0]
        bought.append(Bought(found, quantity, price, Money(0, 0, currency)))
    code = rng.choice(("WELCOME10", "BLACKFRIDAY")) if rng.random() < 0.15 else None
    if code is not None:
        _discount(bought, currency)
    title, minor = ("International", 2495) if currency == "EUR" else ("Standard", 595)
    if currency == SHOP_CURRENCY and rng.random() < 0.2:
        title, minor = "Express", 1495
    elif title == "Standard" and sum(line.gross.shop for line in bought) >= 7500:
        minor = 0
    shipping = money(minor, currency)
    for line in bought:
        line.taxes = _taxes(place, line.gross - line.discount)
    shipping_taxes = _taxes(place, shipping) if place.country_code != "US" and minor else []
    return Basket(place, currency, bought, shipping, title, shipping_taxes, code)


def _discount(bought: list[Bought], currency: str) -> None:
    """Ten percent off everything, spread over the lines so that the cents add up."""
    shop = [line.gross.shop for line in bought]
    shown = [line.gross.shown for line in bought]
    shop_parts = split((sum(shop) + 5) // 10, shop)
    shown_parts = split((sum(shown) + 5) // 10, shown)
    for line, shop_part, shown_part in zip(bought, shop_parts, shown_parts, strict=True):
        line.discount = Money(shop_part, shown_part, currency)


def _tax_lines(taxes: Sequence[tuple[str, float, Money]]) -> list[Json]:
    return [
        {
            "channel_liable": False,
            "price": amount.flat,
            "price_set": amount.set,
            "rate": round(rate, 5),
            "title": title,
        }
        for title, rate, amount in taxes
    ]


def _sum_taxes(basket: Basket) -> list[tuple[str, float, Money]]:
    together: dict[str, tuple[str, float, Money]] = {}
    for taxes in (*(line.taxes for line in basket.lines), basket.shipping_taxes):
        for title, rate, amount in taxes:
            before = together.get(title)
            whole = amount if before is None else before[2] + amount
            together[title] = (title, rate, whole)
    return list(together.values())


def address(rng: random.Random, place: Place, first: str, last: str) -> Json:
    """A postal address in that place, in Shopify's shape."""
    house = rng.randint(1, 999)
    if place.country_code == "DE":
        line = f"{rng.choice(STREETS_DE)} {house % 150 + 1}"
    else:
        line = f"{house} {rng.choice(STREETS_CA if place.country_code == 'CA' else STREETS_US)}"
    return {
        "first_name": first,
        "address1": line,
        "phone": f"{place.phone}{rng.randint(100, 199)}",
        "city": place.city,
        "zip": place.postal_code,
        "province": place.province,
        "country": place.country,
        "last_name": last,
        "address2": f"Apt {rng.randint(1, 40)}" if rng.random() < 0.25 else None,
        "company": rng.choice(COMPANIES) if rng.random() < 0.1 else None,
        "latitude": None,
        "longitude": None,
        "name": f"{first} {last}",
        "country_code": place.country_code,
        "province_code": place.province_code,
    }


def line_json(line: Bought, index: int, line_id: str, basket: Basket, *, cancelled: bool) -> Json:
    """One line item; after a cancel nothing of it is left to fulfil."""
    found = line.product
    open_quantity = 0 if cancelled else line.quantity
    name = f"{found.title} - {found.variant}" if found.variant else found.title
    allocations: list[Json] = []
    if line.discount.shop:
        allocations = [
            {
                "amount": line.discount.flat,
                "amount_set": line.discount.set,
                "discount_application_index": 0,
            }
        ]
    return {
        "id": f"@@INT({line_id}{index:02d})INT@@",
        "admin_graphql_api_id": f"gid://shopify/LineItem/{line_id}{index:02d}",
        "attributed_staffs": [],
        "current_quantity": open_quantity,
        "fulfillable_quantity": open_quantity,
        "fulfillment_service": "manual",
        "fulfillment_status": None,
        "gift_card": False,
        "grams": found.grams,
        "name": name,
        "price": line.price.flat,
        "price_set": line.price.set,
        "product_exists": True,
        "product_id": 7_880_000_000_000 + found.number,
        "properties": [],
        "quantity": line.quantity,
        "requires_shipping": True,
        "sales_line_item_group_id": None,
        "sku": found.sku,
        "taxable": True,
        "title": found.title,
        "total_discount": "0.00",
        "total_discount_set": basket.zero().set,
        "variant_id": 4_480_000_000_000 + found.number,
        "variant_inventory_management": "shopify",
        "variant_title": found.variant,
        "vendor": "Simulated Goods",
        "tax_lines": _tax_lines(line.taxes),
        "duties": [],
        "discount_allocations": allocations,
    }


def shipping_json(basket: Basket, line_id: str) -> Json:
    """The one shipping line."""
    return {
        "id": f"@@INT({line_id}99)INT@@",
        "carrier_identifier": None,
        "code": basket.shipping_title,
        "current_discounted_price_set": basket.shipping.set,
        "discounted_price": basket.shipping.flat,
        "discounted_price_set": basket.shipping.set,
        "is_removed": False,
        "phone": None,
        "price": basket.shipping.flat,
        "price_set": basket.shipping.set,
        "requested_fulfillment_service_id": None,
        "source": "shopify",
        "title": basket.shipping_title,
        "tax_lines": _tax_lines(basket.shipping_taxes),
        "discount_allocations": [],
    }


def amounts_json(basket: Basket, *, cancelled: bool) -> Json:
    """All totals. After a cancel the `current_*` ones are nothing, the others as ordered."""
    zero = basket.zero()
    lines = basket.total([line.gross for line in basket.lines])
    discounts = basket.total([line.discount for line in basket.lines])
    tax = basket.total([amount for _, _, amount in _sum_taxes(basket)])
    subtotal = lines - discounts
    total = subtotal + basket.shipping
    if not basket.taxes_included:
        total = total + tax
    current = {
        "subtotal_price": zero if cancelled else subtotal,
        "total_discounts": zero if cancelled else discounts,
        "total_price": zero if cancelled else total,
        "total_tax": zero if cancelled else tax,
    }
    shown: Json = {
        "current_shipping_price_set": (zero if cancelled else basket.shipping).set,
        "total_shipping_price_set": basket.shipping.set,
        "total_cash_rounding_payment_adjustment_set": zero.set,
        "total_cash_rounding_refund_adjustment_set": zero.set,
        "total_tip_received": "0.00",
    }
    whole = {
        "subtotal_price": subtotal,
        "total_discounts": discounts,
        "total_line_items_price": lines,
        "total_price": total,
        "total_tax": tax,
    }
    for name, amount in whole.items():
        shown[name], shown[f"{name}_set"] = amount.flat, amount.set
    for name, amount in current.items():
        shown[f"current_{name}"], shown[f"current_{name}_set"] = amount.flat, amount.set
    return shown


def discounts_json(basket: Basket) -> Json:
    """The discount code's two places in an order."""
    if basket.code is None:
        return {"discount_codes": [], "discount_applications": []}
    discounts = basket.total([line.discount for line in basket.lines])
    return {
        "discount_codes": [{"code": basket.code, "amount": discounts.flat, "type": "percentage"}],
        "discount_applications": [
            {
                "target_type": "line_item",
                "type": "discount_code",
                "value": "10.0",
                "value_type": "percentage",
                "allocation_method": "across",
                "target_selection": "all",
                "code": basket.code,
            }
        ],
    }


def names(rng: random.Random) -> tuple[str, str]:
    """A made-up first and last name."""
    return rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)


def tax_lines(basket: Basket) -> list[Json]:
    """The order's taxes: its lines' and its shipping's, summed by name."""
    return _tax_lines(_sum_taxes(basket))
