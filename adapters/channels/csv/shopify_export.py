"""The dialect `shopify`: the file that Shopify's admin writes (Orders > Export), read as ours.

A file is of it when its header says so. https://help.shopify.com/manual/fulfillment/managing-orders/exporting-orders
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from msgspec import Struct

from adapters.channels.csv.columns import Column, header_of
from adapters.kit.translation import unlisted
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused

MARKS = frozenset({"Name", "Financial Status", "Lineitem quantity", "Lineitem price"})
"""Columns by which the file is known: ours are called otherwise."""
UNLISTED = "unlisted"
"""The SKU of what has none and is not shipped, such as a tip."""


def _address(ours: str, theirs: str) -> dict[str, str]:
    fields = {
        "name": "Name", "company": "Company", "line1": "Address1", "line2": "Address2",
        "city": "City", "postal_code": "Zip", "region": "Province", "country": "Country",
        "phone": "Phone",
    }  # fmt: skip
    return {f"{ours}_{name}": f"{theirs} {field}" for name, field in fields.items()}


_TAXES_INCLUDED = "taxes_included"
_THEIRS: Mapping[str, str] = MappingProxyType({
    "ref": "Name", "number": "Name", "placed_at": "Created at", "currency": "Currency",
    "payment": "Financial Status", "payment_method": "Payment Method",
    "amount_due": "Outstanding Balance", "email": "Email", "phone": "Phone",
    "customer_name": "Billing Name", **_address("ship_to", "Shipping"),
    **_address("bill_to", "Billing"), "sku": "Lineitem sku", "title": "Lineitem name",
    "quantity": "Lineitem quantity", "unit_price": "Lineitem price",
    "line_discount": "Lineitem discount", "requires_shipping": "Lineitem requires shipping",
    "discount": "Discount Amount", "discount_code": "Discount Code", "shipping": "Shipping",
    "tax": "Taxes", "duty": "Duties", "total": "Total", "shipping_method": "Shipping Method",
    "note": "Notes", "attribute.shopify.id": "Id", "attribute.shopify.tags": "Tags",
    "attribute.shopify.note_attributes": "Note Attributes",
    "attribute.shopify.payment_reference": "Payment Reference",
})  # fmt: skip
"""Our column by theirs. Shopify tells the goods' sum after discounts; ours is summed from lines."""

_NEEDED = frozenset(
    {"Created at", "Currency", "Total", "Subtotal", "Shipping", "Taxes", "Lineitem sku"}
)


class Dialect(Struct, frozen=True):
    """A file in other words: the columns that it has in ours, and what makes our cells of a row.

    `ours` takes a row's number and cells, and returns cells and what is wrong, "" for nothing.
    """

    columns: tuple[Column | None, ...]
    ours: Callable[[int, list[str]], tuple[list[str], str]]


def dialect_of(header: Sequence[str]) -> Dialect | None:
    """Return how a file with this header is read, None where it is not Shopify's. Raises Refused
    for one that lacks what an order needs."""
    names = [cell.strip() for cell in header]
    if not MARKS.issubset(names):
        return None
    if lacking := sorted(_NEEDED.difference(names)):
        told = f"Shopify's export lacks the column {', '.join(lacking)}; export the orders again."
        raise Refused(refusals.CSV_MALFORMED, (told,))
    kept = [ours for ours, theirs in _THEIRS.items() if theirs in names]

    def ours(number: int, cells: list[str]) -> tuple[list[str], str]:
        if len(cells) != len(names):
            told = f"Row {number} has {len(cells)} cells, but the header names {len(names)}"
            return cells, f"{told}; a delimiter is missing."
        row = {name: _plain(cell) for name, cell in zip(names, cells, strict=True)}
        if not row["Lineitem sku"]:
            row["Lineitem sku"] = _named(row)
        found = [row[_THEIRS[name]] for name in kept]
        return [*found, _taxes_included(row)], _fault(number, row)

    return Dialect(header_of([*kept, _TAXES_INCLUDED]), ours)


def _named(row: Mapping[str, str]) -> str:
    """Return what stands for the SKU of a line without one: goods are called by their title, and
    held until a table or a person says which article it is."""
    if row.get("Lineitem requires shipping", "").lower() == "false":
        return UNLISTED
    return unlisted(row.get("Lineitem name", ""))


def _plain(cell: str) -> str:
    """Shopify writes an apostrophe before what a spreadsheet would take for a number."""
    return cell.strip().removeprefix("'")


def _taxes_included(row: Mapping[str, str]) -> str:
    """Say what the sums of an order's first row show; further rows leave it empty."""
    if not row["Total"]:
        return ""
    parts = [row["Subtotal"], row["Shipping"], row.get("Duties", ""), row["Total"], row["Taxes"]]
    try:
        goods, shipping, duty, total, tax = (Decimal(one or "0") for one in parts)
    except InvalidOperation:
        return ""  # the amount itself is refused, in its own words
    return "yes" if tax and goods + shipping + duty == total else "no"


def _fault(number: int, row: Mapping[str, str]) -> str:
    """What was done with an order in the shop is not started again here."""
    refunded = row.get("Refunded Amount", "")
    for is_done, what in (
        (row.get("Cancelled at"), "is cancelled"),
        (row.get("Fulfillment Status", "").lower() in ("fulfilled", "partial"), "is fulfilled"),
        (refunded.strip("0."), "is refunded, at least in part,"),
    ):
        if is_done:
            return (
                f"Row {number}: the order {what} in the shop already, so it is not begun here. "
                "Take its rows out, or enter what is left of it by hand."
            )
    return ""
