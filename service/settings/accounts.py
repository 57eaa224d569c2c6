"""Settings of the accounting export: which account each sum is entered in."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Account = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Named = Annotated[str, Meta(min_length=1, max_length=256)]


class Accounts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names, or numbers, of the accounts of the accounting export, as the ledger has them."""

    receivable: Annotated[Account, Meta(description="What customers owe.")] = "Accounts receivable"
    payments: Annotated[
        Account, Meta(description="What gateways and channels have of the seller's money.")
    ] = "Payments clearing"
    payments_by: Annotated[
        dict[Named, Account],
        Meta(
            max_length=100,
            description="The same for one means of payment, as the channel names it, or a channel: "
            "such as `manual` or `amazon-us`.",
        ),
    ] = {}
    bank: Annotated[Account, Meta(description="Where payouts arrive.")] = "Bank"
    sales: Annotated[Account, Meta(description="Goods.")] = "Sales"
    shipping: Annotated[Account, Meta(description="Shipping that customers pay.")] = (
        "Shipping income"
    )
    insurance: Annotated[Account, Meta(description="Insurance that customers pay.")] = (
        "Shipping insurance income"
    )
    duties: Annotated[Account, Meta(description="Duties that customers pay in advance.")] = (
        "Duties payable"
    )
    fees_charged: Annotated[Account, Meta(description="Other fees that customers pay.")] = (
        "Fee income"
    )
    services: Annotated[Account, Meta(description="Services that are sold.")] = "Service income"
    tips: Annotated[Account, Meta(description="Tips.")] = "Tips"
    gift_cards: Annotated[
        Account, Meta(description="Gift cards that were sold, until somebody pays with them.")
    ] = "Gift cards outstanding"
    store_credit: Annotated[
        Account, Meta(description="Store credit, where somebody pays with it.")
    ] = "Store credit outstanding"
    discounts: Annotated[Account, Meta(description="Discounts.")] = "Discounts"
    refunds: Annotated[
        Account, Meta(description="What is given back of goods, services and fees.")
    ] = "Refunds"
    fees: Annotated[
        Account, Meta(description="Fees that the seller pays to channels and gateways.")
    ] = "Payment and channel fees"
    tax: Annotated[Account, Meta(description="Tax, where none of `tax_by` is meant.")] = (
        "Sales tax payable"
    )
    tax_by: Annotated[
        dict[Named, Account],
        Meta(
            max_length=1_000,
            description="Accounts of taxes by jurisdiction or title, as the channel names it.",
        ),
    ] = {}
    quickbooks_customer: Annotated[
        str,
        Meta(
            max_length=100,
            description="Id of the customer in QuickBooks Online by whom `receivable` is kept, "
            "which an account of the type Accounts receivable needs; empty: none.",
        ),
    ] = ""
    rounding: Annotated[Account, Meta(description="What rounding in the channel leaves over.")] = (
        "Rounding"
    )
