"""What Shopify tells beside goods and totals, each in its place: taxes by name and rate, fees,
means of payment, and how the customer came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.channels.shopify.shapes import ShopifyOrder, TaxLine
from adapters.kit.told import acquisition_of, ppm
from schemas.order.canonical import Fee, Line, Tax, Tender, Totals
from schemas.order.shares import taxes_within

MAX_TAXES = 20
"""What `order.v1` takes; of more than that none is told apart."""


def taxes_of(stated: Sequence[TaxLine], amounts: Sequence[int], tax_minor: int) -> tuple[Tax, ...]:
    """Return a line's taxes, of the pieces that are left. Amounts below nothing are the schema's to
    refuse, in the line's tax."""
    if not amounts or len(amounts) > MAX_TAXES or min(amounts) < 0:
        return ()
    taxes = [
        Tax(amount_minor=amount, title=(one.title or "")[:256], rate_ppm=ppm(one.rate))
        for one, amount in zip(stated, amounts, strict=True)
    ]
    return taxes_within(taxes, tax_minor)


def further(
    source: ShopifyOrder, lines: Sequence[Line], totals: Totals, due: int | None
) -> dict[str, Any]:
    """Return the order's further fields. Webhooks tell no transactions: with what it was paid is
    known where there is one gateway and nothing was given back."""
    return {
        "fees": tuple(
            Fee(amount_minor=line.total_minor, title=line.title, line_id=line.line_id)
            for line in lines
            if line.kind == "fee"
        )[:50],
        "tenders": _tenders(source, totals, due),
        "acquisition": acquisition_of(
            source.landing_site or "", source.referring_site or "", source.source_name or ""
        ),
    }


def _tenders(source: ShopifyOrder, totals: Totals, due: int | None) -> tuple[Tender, ...]:
    names = [name for name in source.payment_gateway_names if name]
    if len(names) != 1 or source.refunds or due is None or totals.total_minor <= due:
        return ()
    kind: Any = "gift_card" if names[0] == "gift_card" else "cash" if names[0] == "cash" else ""
    return (Tender(amount_minor=totals.total_minor - due, method=names[0][:256], kind=kind),)
