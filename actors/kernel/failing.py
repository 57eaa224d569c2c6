"""Which failure it is when an effect waits for a person, and so who must act. Pure."""

from __future__ import annotations

import re

from schemas.contracts import incidents as c
from schemas.contracts import money_incidents as money
from schemas.messages import effects as f
from schemas.messages.effects import tag_of

FETCH, POST, AMEND = tag_of(f.FetchOrder), tag_of(f.PostSalesOrder), tag_of(f.AmendSalesOrder)
TASK, LABEL = tag_of(f.CreateTask), tag_of(f.BuyLabel)
UNDOING = (
    tag_of(f.ReleaseStock),
    tag_of(f.CancelSalesOrder),
    tag_of(f.CancelTask),
    tag_of(f.VoidLabel),
    tag_of(f.CancelAtChannel),
)

_OF_KIND: dict[str, tuple[str, str]] = {
    tag_of(f.ReserveStock): (c.STOCK_UNDECIDED, c.STOCK_UNDECIDED),
    tag_of(f.RestockReturn): (c.STOCK_UNDECIDED, c.STOCK_UNDECIDED),
    POST: (c.ERP_REFUSED, c.ERP_OUTCOME_UNKNOWN),
    AMEND: (c.ERP_REFUSED, c.ERP_OUTCOME_UNKNOWN),
    TASK: (c.WAREHOUSE_REFUSED, c.WAREHOUSE_OUTCOME_UNKNOWN),
    LABEL: (c.LABEL_REFUSED, c.LABEL_OUTCOME_UNKNOWN),
    tag_of(f.TrackParcel): (c.TRACKING_REFUSED, c.TRACKING_REFUSED),
    tag_of(f.PublishFulfilment): (c.FULFILMENT_REFUSED, c.FULFILMENT_OUTCOME_UNKNOWN),
    tag_of(f.CapturePayment): (money.CAPTURE_REFUSED, money.CAPTURE_OUTCOME_UNKNOWN),
    tag_of(f.RefundPayment): (money.REFUND_REFUSED, money.REFUND_OUTCOME_UNKNOWN),
    tag_of(f.TellStanding): (c.FULFILMENT_REFUSED, c.FULFILMENT_OUTCOME_UNKNOWN),
    FETCH: (c.FETCH_REFUSED, c.FETCH_REFUSED),
    tag_of(f.SendMail): (c.MAIL_REFUSED, c.MAIL_UNCONFIRMED),
    **dict.fromkeys(UNDOING, (c.COMPENSATION_REFUSED, c.COMPENSATION_OUTCOME_UNKNOWN)),
}
"""For an effect that waits for a person: the category when its outcome is known, and when it is
unknown."""

# Partners describe errors in their own words; these patterns find the address or the article in all
# of them.
_ADDRESS = re.compile(r"address|postal ?code|\bzip\b|ship ?to|state ?province", re.IGNORECASE)
_ARTICLE = re.compile(r"\bSKU\b|\bitem\b", re.IGNORECASE)
_TAKES_ADDRESS = frozenset({LABEL, POST, AMEND, TASK})


def of_effect(kind: str, reason: str, *, known: bool) -> str:
    """Return the category of an effect that ended without success; `known` says that surely
    nothing was done."""
    refused, unknown = _OF_KIND.get(kind, (c.PARTNER_REFUSED, c.PARTNER_REFUSED))
    if not known:
        return unknown
    if kind == POST and _ARTICLE.search(reason):
        return c.SKU_UNMAPPED
    if kind in _TAKES_ADDRESS and _ADDRESS.search(reason):
        return c.ADDRESS_FORMAT_INVALID
    return refused


def who_acts(kind: str, reason: str, *, known: bool) -> str:
    """Return who must act on it, as the incidents name them."""
    return c.CATEGORIES[of_effect(kind, reason, known=known)].who
