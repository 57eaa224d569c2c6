"""Fields of the canonical order that reach no partner, each with its reason.

A test fails when a field reaches no one and isn't here, and when one that is here reaches someone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_BILL_TO = "dropped on purpose: web orders are booked on one customer, whose own address is billed"
_CAME = "kept with the order for its seller: no partner asks how a customer came to the shop"
_TAX = "dropped on purpose: the ERP reckons tax by its own tables"
_THEIRS = "used by us: the channel is answered by line ids, all others are told our own SKU"

REACHES_NO_ONE: Mapping[str, str] = MappingProxyType(
    {
        "schema": "names the message itself; a partner's request is named by the partner",
        "updated_at": "used by us: tells a later statement of the channel from an earlier one",
        "payment": "used by us: partners hear of an order once its money is there",
        "test": "used by us: a test order is held and reaches no partner",
        "lines[].discount_minor": "follows from price, quantity and the line's total, which travel",
        "lines[].tax_minor": "dropped on purpose: the ERP reckons tax by its own tables",
        "lines[].channel_sku": _THEIRS,
        "lines[].tax_code": "dropped on purpose: the ERP reckons tax by its own tables",
        "lines[].bundle_line_id": _THEIRS,
        "lines[].delivery": "used by us: a fulfilment is planned by it, and its task says it",
        "lines[].kind": "used by us: what is not goods has its account, and customs hears of none",
        "marketplace_ref": "used by us: of several orders that state the same, one is shipped",
        "labels_from": "used by us: such an order is held, because we buy no labels there",
        "ship_to.pickup_point": "used by us: held where no carrier of ours may serve the point",
        "bill_to.pickup_point": "says nothing: a bill goes to no pickup point",
        "payment_method": "used by us: says whether the order is accepted before it is paid",
        "amount_due_minor": "used by us: what is collected on delivery travels with task and label",
        "totals.total_minor": "follows from its parts, which travel",
        "customer.reference": "dropped on purpose: the channel's own id says nothing to a partner",
        "customer.locale": "dropped on purpose: mails are in one language",
        "bill_to.name": _BILL_TO,
        "bill_to.lines[]": _BILL_TO,
        "bill_to.city": _BILL_TO,
        "bill_to.country": _BILL_TO,
        "bill_to.company": _BILL_TO,
        "bill_to.region": _BILL_TO,
        "bill_to.postal_code": _BILL_TO,
        "bill_to.phone": _BILL_TO,
        "channel_shipping_method": "used by us: partners are told the method that it stands for",
        "lines[].taxes[].amount_minor": _TAX,
        "lines[].taxes[].title": _TAX,
        "lines[].taxes[].rate_ppm": _TAX,
        "lines[].taxes[].jurisdiction": _TAX,
        "shipping_taxes[].amount_minor": _TAX,
        "shipping_taxes[].title": _TAX,
        "shipping_taxes[].rate_ppm": _TAX,
        "shipping_taxes[].jurisdiction": _TAX,
        "tenders[].kind": "used by us: tells means apart; the ERP is told the channel's own name",
        "fees[].kind": "used by us: tells fees apart; the ERP is told the channel's own name",
        "fees[].paid_by": "decides in words: the ERP is told whether a fee is the channel's",
        "acquisition.landing_page": _CAME,
        "acquisition.referrer": _CAME,
        "acquisition.point_of_sale": _CAME,
        "acquisition.utm_source": _CAME,
        "acquisition.utm_medium": _CAME,
        "acquisition.utm_campaign": _CAME,
        "acquisition.utm_term": _CAME,
        "acquisition.utm_content": _CAME,
        "shipping_tax_code": "dropped on purpose: the ERP reckons tax by its own tables",
    }
)
