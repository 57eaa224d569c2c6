"""What each side of the books says, in one shape: the storefront, its gateway and the ERP.

One small interface beside a channel's or a partner's adapter. It only reads, page by page and never
on an order's way; what is compared is decided in `service/recon`. Amounts are in minor units; no
entry holds personal data.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

SHOP, GATEWAY, ERP = "shop", "gateway", "erp"
"""The sides that are read; the fourth one is our own journal."""

Side = Literal["shop", "gateway", "erp"]
Moved = Literal["payment", "refund"]

MAX_ENTRIES = 1_000
"""Entries of one page."""


class Amounts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a document comes to. `goods_minor` is all that is neither shipping, duty nor tax;
    `taxes_included` says that the tax is within the others. They sum to `total_minor`."""

    goods_minor: int = 0
    shipping_minor: int = 0
    duty_minor: int = 0
    tax_minor: int = 0
    taxes_included: bool = False

    @property
    def total_minor(self) -> int:
        """What all of it comes to."""
        beside = 0 if self.taxes_included else self.tax_minor
        return self.goods_minor + self.shipping_minor + self.duty_minor + beside


class Payment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money that moved, as the storefront has it, in the shop's currency. `settles`: it goes
    through the gateway whose books can be read. `fee_minor` is what the gateway takes (None: the
    storefront does not say)."""

    id: str
    kind: Moved
    at: datetime
    currency: str
    amount_minor: int
    settles: bool = False
    fee_minor: int | None = None


class ShopOrder(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="shop"):
    """An order as the storefront has it now, in the shop's currency. `unread`: it has more payments
    than were read."""

    ref: str
    number: str
    placed_at: datetime
    updated_at: datetime
    currency: str
    amounts: Amounts
    payments: tuple[Payment, ...] = ()
    cancelled: bool = False
    test: bool = False
    unread: bool = False


class Settled(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="settled"):
    """Money that moved, as the gateway has it; the amount is above zero for a refund, too.
    `transaction` is the storefront's id of it, `ref` the storefront's order ("": the gateway names
    none). `payout` is the payout that it is paid out with ("": it was not paid out yet)."""

    id: str
    kind: Moved
    at: datetime
    currency: str
    amount_minor: int
    transaction: str = ""
    ref: str = ""
    fee_minor: int | None = None
    payout: str = ""


class Booked(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="booked"):
    """A document of the ERP: a sales order, the invoice that it became, or a credit memo. `order`
    is the ERP's id of the sales order. `marks` are references of ours that it bears, `external` is
    the number that it has from elsewhere. `amounts` are as its lines state them, and
    `amounts.taxes_included` is the ERP's word. `day` is the day of the order there, `dated` the
    document's own ("": the document does not say). `draft`: it is an invoice or a credit memo that
    was not posted. `lines` bound how far its tax may be off by rounding."""

    id: str
    kind: Literal["order", "invoice", "credit"]
    number: str
    external: str
    currency: str
    amounts: Amounts
    order: str = ""
    marks: tuple[str, ...] = ()
    day: str = ""
    dated: str = ""
    draft: bool = False
    lines: int = 0


Entry = ShopOrder | Settled | Booked


class BooksPage(Struct, frozen=True, kw_only=True):
    """At most MAX_ENTRIES entries. `cursor` is given back to get the next page; "" says that there
    is none. `absent` says in a sentence why this side has no such books ("": it has)."""

    entries: tuple[Entry, ...]
    cursor: str = ""
    absent: str = ""


class Books(Protocol):
    """Somebody whose books can be read: `adapters.kit.kind.Bookkeeping` names the lists."""

    async def page(self, source: str, since: datetime, until: datetime, cursor: str) -> BooksPage:
        """Return a page of one list from `cursor` on ("": the first one): orders that were placed
        in `since <= time < until`, and whatever else was entered since then, which may belong to
        them. Raises PartnerError."""
        ...
