"""A ready-made order to tell stories with."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.order.canonical import Address, Customer, Line, Order, Totals


def an_order(**changes: object) -> Order:
    """Return a paid two-line order to Kentucky, with any field changed."""
    order = Order(
        ref="820982911946154508",
        number="#1042",
        placed_at="2026-11-27T11:59:00Z",
        updated_at="2026-11-27T11:59:00Z",
        currency="USD",
        payment="paid",
        lines=(
            Line(
                line_id="1", sku="SKU-1", title="Cup", quantity=2, unit_price_minor=500,
                total_minor=1000, weight_grams=300,
            ),
            Line(
                line_id="2", sku="SKU-2", title="Jar", quantity=1, unit_price_minor=750,
                total_minor=750,
            ),
        ),
        totals=Totals(
            subtotal_minor=1750, discount_minor=0, shipping_minor=500, tax_minor=0, total_minor=2250
        ),
        customer=Customer(name="Steve Shipper", email="steve@example.com"),
        ship_to=Address(
            name="Steve Shipper", lines=("123 Shipping Street",), city="Shippington",
            country="US", region="KY", postal_code="40003",
        ),
    )  # fmt: skip
    return replace(order, **changes)
