"""Who plays which role for an order's channel: data that decisions read, no adapter."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from schemas.messages.effects import WhoBuys
from schemas.messages.return_events import ReturnRefund
from schemas.order.regions import is_domestic
from schemas.order.world import Verdict

AddressKind = Literal["post_box", "military", "pickup_point"]
"""Addresses that not every carrier delivers to."""


Hears = Literal["place", "ready", "request", "stop"]
"""What only some storefronts can be told: from which place goods left, that a pickup waits for its
customer, and whether goods are stopped that the storefront asked not to send."""

HOME, ABROAD = "home", "abroad"
"""Where a service reaches: within a country, and to every other one."""
ANY_METHOD = "*"
"""Stands for every shipping method that is not named."""


def method_of(text: str) -> str:
    """Return a shipping method as tables name it: one space between words, letters folded."""
    return " ".join(text.split()).casefold()


class Reach(Struct, frozen=True, kw_only=True):
    """For what a carrier sells labels, from a country (`home`): pairs of a folded shipping method
    (ANY_METHOD: any) and where it goes (HOME, ABROAD or a country's code). `calls_abroad`: it takes
    no parcel to another country without the receiver's telephone number. `lacks_abroad` says what
    the settings lack for any parcel to another country ("": nothing). `coded` are countries whose
    provinces it wants by their ISO 3166-2 code, such as VN-44."""

    home: str
    offered: frozenset[tuple[str, str]]
    calls_abroad: bool = False
    lacks_abroad: str = ""
    coded: frozenset[str] = frozenset()

    def has(self, method: str, away: str) -> bool:
        """Say whether a service is offered for an order's shipping method to a country."""
        zone = HOME if is_domestic(self.home, away) else ABROAD
        return any(
            (named, where) in self.offered
            for named in (method_of(method), ANY_METHOD)
            for where in (away, zone)
        )


class Place(Struct, frozen=True, kw_only=True):
    """A place that goods leave from. `warehouse` and `carrier` are the lanes (instance names) of
    its partners, "" for a role no one plays: without a warehouse a person packs and reports, and
    without a carrier no label is bought. `labels` says who buys them (a 3PL may buy its own).
    `refuses` are kinds of addresses that its carrier does not deliver to, `label_lines` the
    characters of each line for a street on its labels (none: any), `reach` for what it sells labels
    from there (None: that is not known before it is asked). `others` is the same place with each
    other carrier that can be asked, for rules that name one. `parcel_minor` and `unit_minor` are
    what a parcel and each unit in it cost from there, `leaves_hours` how long goods take to leave;
    where any of them is stated, allocation weighs the places."""

    name: str
    warehouse: str = ""
    carrier: str = ""
    labels: WhoBuys = "us"
    refuses: frozenset[AddressKind] = frozenset()
    label_lines: tuple[int, ...] = ()
    reach: Reach | None = None
    others: tuple[Place, ...] = ()
    parcel_minor: int = 0
    unit_minor: int = 0
    leaves_hours: int = 0


def brand(carrier: str) -> str:
    """Return by what a carrier's name is recognised: the first word ("UPS Ground" is UPS's)."""
    words = re.findall(r"[^\W_]+", carrier.casefold())
    return words[0] if words else ""


Capturing = Literal["none", "order", "handover"]
"""When we have the channel capture what is authorised: never, because it does so by itself, when an
order is accepted, or before its goods leave."""


Returning = Literal["person", "automatic"]
"""Who authorises or declines what customers want to send back: a person, or the settings."""


Refunding = Literal["person", "automatic"]
"""Who gives back what is owed: a person, or the channel by itself."""


class Setup(Struct, frozen=True, kw_only=True):
    """Who plays which role for one channel. Lanes are instance names; "" where no one plays it, and
    then an order's life is shorter, never stuck. `places` in the order in which they are preferred
    (none: nothing travels by us). `stock` False: no stock is kept, every reservation is taken for
    granted. `promised` are payment methods (as the channel names them, folded) that count as a
    promise to pay; `collected` those of them whose amount is collected on delivery.
    `longest_sku` is how many characters of an SKU the ERP takes (0: all that an order may have).
    `hears` is what the storefront can be told beside what left and what was cancelled.
    `unbooked` are kinds of money for which the ERP has no account: kinds of lines, `shipping`,
    `duty`. `writes` are the mail templates that we send for this channel; the shop sends the
    others. `carriers` are the carriers that can be asked where a parcel is: what people call each
    (`brand`), and its lane. `claims`: its orders may come through other channels as well, so that
    each claims its marketplace's id (`Order.marketplace_ref`) when it is accepted. `capture` says
    when we have the channel capture what is authorised; `capture_parts`: each fulfilment's share by
    itself; `receivable`: goods leave before it is captured. `authorised_days` is how long an
    authorisation is good (0: no one knows), `voids` that the channel frees with a cancellation what
    was not captured. `refund` says who gives back what is owed, `refunds` whether the channel can
    be asked to. `returns` says who authorises returns, for so many days from the order
    (`return_days`, 0: any), `return_refund` what is given back for inspected goods, less
    `restocking_percent` where that is `less_fee`. `release` says whether a place is told to pack as
    soon as stock is reserved, or once the ERP, where there is one, has taken the sales order.
    `terms` are those of `promised` that are paid on an account of the ERP: `terms_limits` are
    credit limits in minor units by currency for whom it states none, `overdue_days` how long an
    invoice may be due. `collect_limits` are what may be collected on delivery at most, by currency
    (none: anything). `approvals`: limits say who may release a hold that asks for an approval.
    `addresses` are the services that are asked whether an address can be delivered to: each one's
    lane, and the countries that it knows; an order is held for those verdicts that `held_addresses`
    names. `takes_corrections`: an address is taken over as they write it."""

    channel: str
    storefront: str = ""
    erp: str = ""
    mail: str = ""
    stock: bool = True
    places: tuple[Place, ...] = ()
    promised: frozenset[str] = frozenset()
    collected: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset({"order_confirmed", "order_cancelled"})
    short_pick: Literal["ask", "backorder", "drop"] = "ask"
    when_short: Literal["part", "whole"] = "part"
    release: Literal["at_once", "after_erp"] = "at_once"
    restock_by: Literal["us", "channel"] = "us"
    notify_customer: bool = False
    carriers: tuple[tuple[str, str], ...] = ()
    longest_sku: int = 0
    unbooked: frozenset[str] = frozenset()
    hears: frozenset[Hears] = frozenset()
    claims: bool = False
    capture: Capturing = "none"
    capture_parts: bool = False
    receivable: bool = False
    authorised_days: int = 0
    voids: bool = False
    terms: frozenset[str] = frozenset()
    terms_limits: tuple[tuple[str, int], ...] = ()
    overdue_days: int = 0
    collect_limits: tuple[tuple[str, int], ...] = ()
    approvals: bool = False
    refund: Refunding = "person"
    refunds: bool = False
    returns: Returning = "person"
    return_days: int = 0
    return_refund: ReturnRefund = "person"
    restocking_percent: int = 0
    addresses: tuple[tuple[str, frozenset[str]], ...] = ()
    held_addresses: frozenset[Verdict] = frozenset()
    takes_corrections: bool = False
