"""Who plays which role for an order's channel: data that decisions read, no adapter."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from schemas.messages.effects import WhoBuys
from schemas.order.regions import is_domestic

AddressKind = Literal["post_box", "military", "pickup_point"]
"""Addresses that not every carrier delivers to."""


Hears = Literal["place", "ready", "stop"]
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
    from there (None: that is not known before it is asked)."""

    name: str
    warehouse: str = ""
    carrier: str = ""
    labels: WhoBuys = "us"
    refuses: frozenset[AddressKind] = frozenset()
    label_lines: tuple[int, ...] = ()
    reach: Reach | None = None


def brand(carrier: str) -> str:
    """Return by what a carrier's name is recognised: the first word ("UPS Ground" is UPS's)."""
    words = re.findall(r"[^\W_]+", carrier.casefold())
    return words[0] if words else ""


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
    each claims its marketplace's id (`Order.marketplace_ref`) when it is accepted."""

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
    restock_by: Literal["us", "channel"] = "us"
    notify_customer: bool = False
    carriers: tuple[tuple[str, str], ...] = ()
    longest_sku: int = 0
    unbooked: frozenset[str] = frozenset()
    hears: frozenset[Hears] = frozenset()
    claims: bool = False
