"""What is compared: all that the sides say of one order, and what a difference is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from msgspec import Struct, field

from adapters.kit.books import Amounts, Booked, Settled, ShopOrder

Type = Literal[
    "missing",
    "doubled",
    "amount",
    "tax",
    "shipping",
    "duty",
    "fee",
    "refund",
    "timing",
    "currency",
]


class Told(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the ERP was told of an order: its own id of the sales order, and what that comes to.
    `undone`: it was told that the order is cancelled. `tax_known`: the tax is that of all units."""

    erp_id: str
    amounts: Amounts
    day: str = ""
    undone: bool = False
    tax_known: bool = True


class OurOrder(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="ours"):
    """An order as we have it. `stated_at` is the time of change of the statement that it was made
    from. `told` is None where no sales order was posted; `awaits_erp`: one should have been.
    `unsettled`: something is under way or waits for a person, so that a difference may be on its
    way to be none."""

    order_id: str
    channel: str
    ref: str
    number: str
    placed_at: datetime
    stated_at: datetime
    currency: str
    amounts: Amounts
    told: Told | None = None
    awaits_erp: bool = False
    cancelled: bool = False
    unsettled: bool = False
    test: bool = False


Stated = OurOrder | ShopOrder | Settled | Booked


class Case(Struct, kw_only=True):
    """Everything that the sides say of one order."""

    ours: OurOrder | None = None
    shop: list[ShopOrder] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    booked: list[Booked] = field(default_factory=list)

    def add(self, one: Stated) -> None:
        """Put what a side says to the rest. What is read again, because a list moved on between two
        pages of it, takes the place of what was read before."""
        match one:
            case OurOrder():
                self.ours = one
            case ShopOrder():
                self.shop = [one]
            case Settled():
                self.settled = [*(x for x in self.settled if x.id != one.id), one]
            case Booked():
                self.booked = [*(x for x in self.booked if x.id != one.id), one]


class Terms(Struct, frozen=True, kw_only=True):
    """Of which orders is spoken, and what is not late yet. `since` to `until` is when they were
    placed. `shop`, `gateway` and `erp` say whose books were read. What is younger than
    `grace_seconds` before `now` may not have reached the other side; the gateway has
    `settle_seconds`, and pays out within `payout_seconds`."""

    now: datetime
    since: datetime
    until: datetime
    shop: bool
    gateway: bool
    erp: bool
    grace_seconds: float
    settle_seconds: float
    payout_seconds: float

    def is_due(self, at: datetime, seconds: float) -> bool:
        """Say whether what happened then should be known everywhere by now."""
        return (self.now - at).total_seconds() >= seconds

    def covers(self, placed_at: datetime) -> bool:
        """Say whether an order that was placed then is one of them."""
        return self.since <= placed_at < self.until


class Difference(Struct, frozen=True, kw_only=True):
    """One difference with its root cause, a name in CAUSES. `expected_minor` and `found_minor` are
    amounts in `currency`; `about` is what it is about on the side that is wrong."""

    cause: str
    currency: str
    expected_minor: int = 0
    found_minor: int = 0
    about: str = ""
    expected: str = ""
    found: str = ""

    @property
    def type(self) -> Type:
        """What kind of difference it is."""
        return CAUSES[self.cause].type

    @property
    def minor(self) -> int:
        """By how much it is off, in minor units, above zero."""
        return abs(self.found_minor - self.expected_minor)


class Cause(Struct, frozen=True):
    """A root cause: the type of what it brings about, between which two sides, and what is to be
    said and done."""

    type: Type
    sides: str
    words: str


_SHOP, _GATEWAY, _ERP = "journal-shop", "shop-gateway", "journal-erp"

CAUSES: Mapping[str, Cause] = MappingProxyType(
    {
        "order_not_received": Cause(
            "missing", _SHOP, "The shop has an order that never came here: backfill the channel."
        ),
        "order_not_in_shop": Cause(
            "missing", _SHOP, "The shop does not have this order any more: it was deleted there."
        ),
        "goods_changed_in_shop": Cause(
            "amount", _SHOP, "The goods were changed in the shop, unheard: refetch the order."
        ),
        "shipping_changed_in_shop": Cause(
            "shipping", _SHOP, "Shipping was changed in the shop, unheard: refetch the order."
        ),
        "duty_changed_in_shop": Cause(
            "duty", _SHOP, "Duty was changed in the shop, unheard: refetch the order."
        ),
        "tax_changed_in_shop": Cause(
            "tax", _SHOP, "Tax was changed in the shop, unheard: refetch the order."
        ),
        "refund_not_heard": Cause(
            "refund", _SHOP, "The shop gave money back, unheard: refetch the order."
        ),
        "currency_differs_in_shop": Cause(
            "currency", _SHOP, "The shop states another currency now: compare the order there."
        ),
        "cancelled_in_shop": Cause(
            "amount", _SHOP, "The shop cancelled the order, unheard: refetch the order."
        ),
        "not_cancelled_in_shop": Cause(
            "amount", _SHOP, "The order is cancelled here and stands in the shop: cancel it there."
        ),
        "payment_not_at_gateway": Cause(
            "missing", _GATEWAY, "The gateway has no such payment: ask it for the money."
        ),
        "payment_not_in_shop": Cause(
            "missing", _GATEWAY, "The gateway took money that the shop does not show: look it up."
        ),
        "payment_of_no_order": Cause(
            "missing", _GATEWAY, "The gateway took money for no order: give it back, or book it."
        ),
        "settled_twice": Cause(
            "doubled", _GATEWAY, "The gateway took the same payment more than once: give it back."
        ),
        "settled_amount_differs": Cause(
            "amount", _GATEWAY, "The gateway took another amount than the shop shows."
        ),
        "settled_in_other_currency": Cause(
            "currency", _GATEWAY, "The gateway settled in another currency than the shop's."
        ),
        "fee_differs": Cause(
            "fee", _GATEWAY, "The gateway took another fee than it told the shop."
        ),
        "refund_not_at_gateway": Cause(
            "refund", _GATEWAY, "The shop shows a refund that the gateway did not make."
        ),
        "refund_not_in_shop": Cause(
            "refund", _GATEWAY, "The gateway made a refund that the shop does not show."
        ),
        "refunded_twice": Cause(
            "doubled", _GATEWAY, "The gateway made the same refund more than once."
        ),
        "refund_amount_differs": Cause(
            "refund", _GATEWAY, "The gateway gave back another amount than the shop shows."
        ),
        "payout_overdue": Cause(
            "timing", _GATEWAY, "The gateway should have paid this out by now: ask it."
        ),
        "never_booked": Cause(
            "missing", _ERP, "No sales order was posted for this order: retry its step."
        ),
        "booking_missing": Cause(
            "missing", _ERP, "The ERP does not have the sales order that we posted: it was deleted."
        ),
        "invoice_not_posted": Cause(
            "missing", _ERP, "The ERP has no sales order, and its invoice is a draft: post it."
        ),
        "booking_of_no_order": Cause(
            "missing", _ERP, "The ERP has a sales order of no order of ours: delete it, or say why."
        ),
        "booked_twice": Cause(
            "doubled", _ERP, "The ERP has several sales orders of this order: delete all but one."
        ),
        "goods_booked_differently": Cause(
            "amount", _ERP, "The goods were changed in the ERP: correct them there."
        ),
        "shipping_not_booked": Cause(
            "shipping", _ERP, "The ERP's sales order has no shipping: its line was deleted."
        ),
        "shipping_booked_differently": Cause(
            "shipping", _ERP, "Shipping was changed in the ERP: correct it there."
        ),
        "duty_not_booked": Cause(
            "duty", _ERP, "The ERP's sales order has no duty: its line was deleted."
        ),
        "duty_booked_differently": Cause(
            "duty", _ERP, "Duty was changed in the ERP: correct it there."
        ),
        "tax_booked_differently": Cause(
            "tax", _ERP, "The ERP adds another tax than the shop took: compare its tax groups."
        ),
        "tax_basis_differs": Cause(
            "tax", _ERP, "The ERP takes net prices for gross, or the other way: correct `customers`"
        ),
        "booked_in_other_currency": Cause(
            "currency", _ERP, "The ERP's document is in another currency: correct its customer."
        ),
        "booked_on_another_day": Cause(
            "timing", _ERP, "The ERP books the order on another day than it was placed on."
        ),
        "cancelled_and_still_booked": Cause(
            "amount", _ERP, "The order is cancelled and stands in the ERP: delete or credit it."
        ),
        "credit_memo_missing": Cause(
            "refund", _ERP, "Money was given back after the invoice, without a credit memo."
        ),
        "credit_memo_not_posted": Cause(
            "refund", _ERP, "The credit memo of this refund is a draft: post it."
        ),
        "credited_twice": Cause(
            "doubled", _ERP, "The ERP credited the same refund more than once."
        ),
        "credit_without_refund": Cause(
            "refund", _ERP, "The ERP credited what the shop never gave back."
        ),
        "credit_amount_differs": Cause(
            "refund", _ERP, "The ERP credited another amount than the shop gave back."
        ),
    }
)
"""Every root cause by its name, as the API, the command line and reports name it."""
