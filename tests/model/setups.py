"""Sellers of every shape, and the orders that their shops send."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from actors.kernel.setup import Hears, Place, Setup
from actors.order.normalise import Tables
from actors.rules.compiled import Compiled
from schemas.contracts.mappings import ChannelTables, Mappings, Skus
from schemas.contracts.rules import Rule, Rules
from schemas.order.canonical import Address, Line, Order, Payment, Totals
from schemas.order.claims import Claimed
from tests.given import CHANNEL, MAIN, SETUP, a_line, an_order
from tests.model.choices import Choices

EAST = Place(name="WH2", warehouse="wms-2", carrier="dhl")
THIRD = Place(name="3PL", warehouse="3pl", labels="them")
TRACKED = Place(name="3PL", warehouse="3pl", carrier="dhl", labels="them")
COD = {"promised": frozenset({"cod", "net30"}), "collected": frozenset({"cod"})}
CAPTURES: dict[str, Any] = {"capture": "handover", "authorised_days": 7, "voids": True}
REFUNDS: dict[str, Any] = {"refund": "automatic", "refunds": True}
RETURNS: dict[str, Any] = {"returns": "automatic", "return_days": 1, "return_refund": "full"}
EVERY_MAIL = frozenset({"order_confirmed", "order_cancelled", "order_partly_cancelled"})

HEARS: frozenset[Hears] = frozenset({"ready", "request", "stop"})
SETUPS: dict[str, Setup] = {
    "full": replace(SETUP, hears=HEARS),
    "two places": replace(SETUP, places=(MAIN, EAST), writes=EVERY_MAIL, hears=HEARS),
    "three places": replace(SETUP, places=(MAIN, EAST, TRACKED), short_pick="backorder"),
    "3PL": replace(SETUP, places=(THIRD,)),
    "3PL with tracking": replace(SETUP, places=(TRACKED, MAIN), short_pick="drop"),
    "3PL with another carrier": replace(
        SETUP, places=(THIRD, replace(TRACKED, carrier="ups")), carriers=(("ups", "ups"),)
    ),
    "no ERP": replace(SETUP, erp=""),
    "ERP first": replace(SETUP, places=(MAIN, EAST), release="after_erp"),
    "no warehouse": replace(SETUP, places=(Place(name="home", carrier="ups"),)),
    "no carrier": replace(SETUP, places=(Place(name="WH1", warehouse="wms"),)),
    "no warehouse, no carrier": replace(SETUP, places=(Place(name="home"),)),
    "no stock": replace(SETUP, stock=False, short_pick="backorder"),
    "no mail": replace(SETUP, mail="", restock_by="channel"),
    "no storefront": replace(SETUP, storefront=""),
    "nothing of ours": replace(SETUP, places=()),
    "COD": replace(SETUP, places=(MAIN, EAST), **COD, short_pick="drop", writes=EVERY_MAIL),
    "alone": Setup(channel=CHANNEL, places=(MAIN,), stock=False),
    "imported": replace(SETUP, places=(MAIN, EAST), claims=True, hears=HEARS),
    "captures": replace(SETUP, **CAPTURES, hears=HEARS),
    "captures parts": replace(
        SETUP, **CAPTURES, places=(MAIN, EAST), capture_parts=True, writes=EVERY_MAIL
    ),
    "captures for a 3PL": replace(SETUP, **CAPTURES, places=(THIRD,), capture_parts=True),
    "captures orders": replace(SETUP, places=(MAIN, Place(name="home")), capture="order"),
    "sends before it captures": replace(SETUP, **CAPTURES, receivable=True),
    "refunds": replace(
        SETUP,
        **REFUNDS,
        **RETURNS,
        places=(MAIN, EAST),
        short_pick="drop",
        hears=HEARS,
        writes=EVERY_MAIL | {"order_refunded", "return_received"},
    ),
    "refunds by a person": replace(SETUP, refunds=True, **COD, short_pick="drop"),
    "captures and refunds": replace(
        SETUP,
        **CAPTURES,
        **REFUNDS,
        short_pick="drop",
        return_refund="less_fee",
        restocking_percent=15,
    ),
    "by rules": replace(
        SETUP,
        places=(replace(MAIN, others=(replace(MAIN, carrier="dhl"),)), EAST, THIRD),
        claims=True,
        writes=EVERY_MAIL,
    ),
}
"""Sellers by what they have."""

RULES: dict[str, Compiled] = {
    "by rules": Compiled(
        Rules(
            accept=(Rule(name="terms", when="order.payment_method == 'cod'", accept=True),),
            review=(Rule(name="dear", when="order.totals.total_minor > 3000", hold="dear"),),
            route=(
                Rule(name="many", when="units > 9", place="3PL", only=True),
                Rule(name="some", when="units > 4", place="WH2"),
            ),
            ship=(Rule(name="heavy", when="units > 2", carrier="dhl", method="express"),),
            notify=(Rule(name="quiet", when="size(order.lines) > 3", mails=()),),
            approve=(Rule(name="boss", when="units > 11", hold="someone has to agree"),),
        ),
        1,
    )
}
"""The rules of those who have some."""

PAYMENTS: tuple[Payment, ...] = (
    "paid", "paid", "paid", "paid", "authorized", "pending", "partially_refunded", "voided",
)  # fmt: skip

STREETS = ("99 Pine Road", "12 Oak Street", "7 Elm Way")


def address(street: str) -> Address:
    """Return where an order might go instead."""
    return Address(
        name="Steve Shipper", lines=(street,), city="Lexington", country="US", region="KY",
        postal_code="40502",
    )  # fmt: skip


def some_line(choices: Choices, line_id: str) -> Line:
    """Return a line that may need any kind of delivery."""
    deliveries = ("", "", "", "", "", "parcel", "digital", "elsewhere", "pickup", "local_delivery")
    price = choices.pick((500, 333, 1001))
    return a_line(line_id, choices.whole(1, 4), price, delivery=choices.pick(deliveries))


def of_lines(order: Order, lines: tuple[Line, ...]) -> Order:
    """Return an order with these lines, whose totals add up."""
    goods = sum(line.total_minor for line in lines)
    old = order.totals
    totals = Totals(
        subtotal_minor=goods,
        discount_minor=min(old.discount_minor, goods),
        shipping_minor=old.shipping_minor,
        tax_minor=0,
        total_minor=goods - min(old.discount_minor, goods) + old.shipping_minor,
    )
    return replace(order, lines=lines, totals=totals)


def some_order(choices: Choices, *, captures: bool = False) -> Order:
    """Return an order of one to four lines; where we capture, its money is mostly reserved."""
    lines = tuple(some_line(choices, str(n + 1)) for n in range(choices.whole(1, 4)))
    order = an_order(
        payment="authorized" if captures and choices.chance(80) else choices.pick(PAYMENTS),
        payment_method=choices.pick(("", "", "", "cod", "net30, gift_card")),
        test=choices.chance(2),
    )
    totals = replace(order.totals, discount_minor=choices.pick((0, 0, 100)))
    return of_lines(replace(order, totals=totals), lines)


MARKETPLACE_REF = "amazon:902-3159896-1390916"
"""What a marketplace calls the order, where it may come through another channel, too."""


def elsewhere(stage: str) -> Claimed:
    """Return the same order as it was accepted in another channel."""
    ref = MARKETPLACE_REF.partition(":")[2]
    return Claimed(
        name=MARKETPLACE_REF,
        order_id="01THERE",
        channel="amazon-us",
        ref=ref,
        number=ref,
        stage=stage,
    )


def of_marketplace(order: Order) -> Order:
    """Return an order that was made on a marketplace, which wants it shipped in time."""
    return replace(order, marketplace_ref=MARKETPLACE_REF, ship_by="2026-11-28T22:59:59Z")


def tables(version: int, *skus: str) -> Tables:
    """Return mappings in which these SKUs are known and no others."""
    names = tuple(sorted(skus)) or ("SKU-none",)
    listed = ChannelTables(skus=Skus(known=names))
    return Tables(Mappings(channels={CHANNEL: listed}), version)
