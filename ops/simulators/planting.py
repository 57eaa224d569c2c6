"""Plants errors in the simulated books, as people and failing systems make them: in the shop, at
its gateway and in the ERP.

`POST /_sim/plant` takes `{"shop", "seed", "each"}`: so many of each kind are planted, several on
one order where they don't hide each other. The answer names what was done to which order. Nothing
of it is told to whoever compares the books.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final
from uuid import UUID

from ops.simulators.bc_book import Book as ErpBook
from ops.simulators.planter import ERP, GATEWAY, SHOP, TWIN, Act, Json, Kind, Planter, Target
from ops.simulators.shapes import JsonObject, NotUnderstood, dump, parse_object, text
from ops.simulators.shop_book import Book as ShopBook
from ops.simulators.shop_book import Known
from ops.simulators.shop_listed import enter_all
from ops.simulators.shop_payments import Entry
from ops.simulators.wire import Reply, Request


def _more(order: Json, name: str, amount: Decimal) -> None:
    for side in ("shop_money", "presentment_money"):
        there = order[name][side]
        there["amount"] = str(Decimal(there["amount"]) + amount)


def _stated(name: str) -> Act:
    def act(planter: Planter, target: Target) -> str:
        order, amount = planter.order(target), planter.amount()
        if order.get(name) is None:
            zero = copy.deepcopy(order["current_total_price_set"])
            for side in zero.values():
                side["amount"] = "0.00"
            order[name] = zero
        _more(order, name, amount)
        if name != "current_total_tax_set" or not order["taxes_included"]:
            _more(order, "current_total_price_set", amount)
        return planter.state(target, order)

    return act


def _unheard_refund(planter: Planter, target: Target) -> str:
    planter.refund(target.number, "1.00")
    enter_all(planter.shop)
    return str(target.number)


def _deleted_in_shop(planter: Planter, target: Target) -> str:
    del planter.shop.orders[target.number]
    return str(target.number)


def _cancelled_in_shop(planter: Planter, target: Target) -> str:
    order = planter.order(target)
    return planter.state(target, {**order, "cancelled_at": order["updated_at"]})


def _never_sent(planter: Planter, target: Target) -> str:
    order, number = planter.order(target), planter.serial()
    order |= {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Order/{number}",
        "name": f"#{number}",
        "refunds": [],
    }
    known = planter.shop.orders[target.number]
    planter.shop.orders[number] = Known(number, known.updated_at, order)
    enter_all(planter.shop)
    return str(number)


def _entry_lost(planter: Planter, target: Target) -> str:
    planter.shop.payments.entries.remove(target.charge)
    return str(target.charge.number)


def _again(planter: Planter, entry: Entry) -> str:
    made = replace(entry, number=planter.serial())
    planter.shop.payments.entries.append(made)
    return str(made.number)


def _other_fee(planter: Planter, target: Target) -> str:
    target.charge.fee += planter.amount()
    return str(target.charge.number)


def _other_amount(planter: Planter, target: Target) -> str:
    target.charge.amount += planter.amount()
    return str(target.charge.number)


def _other_currency(planter: Planter, target: Target) -> str:
    target.charge.currency = "CHF"
    return str(target.charge.number)


def _not_paid_out(planter: Planter, target: Target) -> str:
    target.charge.payout = 0
    return str(target.charge.number)


def _charged_beside(planter: Planter, target: Target) -> str:
    made = replace(target.charge, number=planter.serial(), transaction=planter.serial())
    planter.shop.payments.entries.append(made)
    return str(made.number)


def _charged_for_nothing(planter: Planter, target: Target) -> str:
    made = replace(target.charge, number=planter.serial(), transaction=0, order=0)
    planter.shop.payments.entries.append(made)
    return str(made.number)


def _refund_lost(planter: Planter, target: Target) -> str:
    assert target.refund is not None
    planter.shop.payments.entries.remove(target.refund)
    return str(target.refund.number)


def _refund_again(planter: Planter, target: Target) -> str:
    assert target.refund is not None
    return _again(planter, target.refund)


def _other_refund(planter: Planter, target: Target) -> str:
    assert target.refund is not None
    target.refund.amount -= planter.amount()
    return str(target.refund.number)


def _deleted_in_erp(planter: Planter, target: Target) -> str:
    planter.erp.remove(target.sales_order)
    return target.sales_order.number


def _booked_again(planter: Planter, target: Target) -> str:
    one, serial = target.sales_order, planter.serial()
    made = replace(one, id=str(UUID(int=serial)), number=f"S-ORD{serial}")
    planter.erp.add(made)
    return made.number


def _booked_for_nothing(planter: Planter, target: Target) -> str:
    one, serial = target.sales_order, planter.serial()
    external = f"{planter.channel} #{serial}".upper()
    sent = parse_object(one.raw)
    lines = [x for x in sent["salesOrderLines"] if text(x, "lineType") != "Comment"]  # type: ignore[union-attr]  # a list of lines
    made = replace(
        one,
        id=str(UUID(int=serial)),
        number=f"S-ORD{serial}",
        external=external,
        raw=dump({**sent, "salesOrderLines": lines}),
    )
    planter.erp.add(made)
    return external


def _other_price(planter: Planter, target: Target) -> str:
    def change(lines: list[Json]) -> None:
        first = next(one for one in lines if one.get("lineType") == "Item")
        first["unitPrice"] = float(Decimal(str(first["unitPrice"])) + planter.amount())

    return planter.lines(target, change)


def _shipping_gone(planter: Planter, target: Target) -> str:
    """Delete the shipping, or where it was free, charge some."""

    def change(lines: list[Json]) -> None:
        found = [one for one in lines if one.get("lineObjectNumber") == "40100"]
        if found:
            lines.remove(found[0])
        else:
            lines.append(_account("40100", planter.amount(), len(lines)))

    return planter.lines(target, change)


def _duty_added(planter: Planter, target: Target) -> str:
    return planter.lines(
        target, lambda lines: lines.append(_account("40200", planter.amount(), len(lines)))
    )


def _account(number: str, amount: Decimal, at: int) -> Json:
    return {
        "lineType": "Account",
        "lineObjectNumber": number,
        "description": "Entered by hand",
        "quantity": 1,
        "unitPrice": float(amount),
        "sequence": 1_000_000 + at,
    }


def _other_tax(planter: Planter, target: Target) -> str:
    target.sales_order.tax_off += float(planter.amount() + 5)
    return target.sales_order.number


def _header(**fields: str) -> Act:
    def act(planter: Planter, target: Target) -> str:
        sent = parse_object(target.sales_order.raw)
        target.sales_order.raw = dump({**sent, **fields})
        return target.sales_order.number

    return act


def _credited(planter: Planter, target: Target) -> str:
    one = target.sales_order
    planter.erp.post(one, planter.clock(), ship=True, invoice=True)
    memo = planter.erp.credit(one.number, planter.clock())
    assert memo is not None
    return memo.number


KINDS: Final[Mapping[str, Kind]] = {
    "shop: goods edited, webhook lost": Kind(
        frozenset({"shop.goods"}), _stated("current_subtotal_price_set")
    ),
    "shop: shipping edited, webhook lost": Kind(
        frozenset({"shop.shipping"}), _stated("current_shipping_price_set")
    ),
    "shop: tax edited, webhook lost": Kind(
        frozenset({"shop.tax"}), _stated("current_total_tax_set")
    ),
    "shop: duty added, webhook lost": Kind(
        frozenset({"shop.duty"}), _stated("current_total_duties_set")
    ),
    "shop: refunded, webhook lost": Kind(SHOP, _unheard_refund, refunded=False),
    "shop: cancelled, webhook lost": Kind(SHOP, _cancelled_in_shop, refunded=False),
    "shop: order deleted": Kind(SHOP | GATEWAY | {"gateway.refund"}, _deleted_in_shop),
    "shop: order's webhook lost": Kind(SHOP | GATEWAY, _never_sent, refunded=False),
    "gateway: charge lost": Kind(GATEWAY, _entry_lost),
    "gateway: charged twice": Kind(
        frozenset({"gateway.payment"}), lambda planter, one: _again(planter, one.charge)
    ),
    "gateway: other amount": Kind(frozenset({"gateway.payment"}), _other_amount),
    "gateway: other currency": Kind(frozenset({"gateway.payment", "gateway.fee"}), _other_currency),
    "gateway: other fee": Kind(frozenset({"gateway.fee"}), _other_fee),
    "gateway: not paid out": Kind(frozenset({"gateway.payout"}), _not_paid_out),
    "gateway: charge beside the shop": Kind(frozenset({"gateway.beside"}) | SHOP, _charged_beside),
    "gateway: charge for no order": Kind(frozenset(), _charged_for_nothing),
    "gateway: refund lost": Kind(frozenset({"gateway.refund"}), _refund_lost, refunded=True),
    "gateway: refunded twice": Kind(frozenset({"gateway.refund"}), _refund_again, refunded=True),
    "gateway: other refund": Kind(frozenset({"gateway.refund"}), _other_refund, refunded=True),
    "erp: order deleted": Kind(ERP | TWIN, _deleted_in_erp),
    "erp: order entered twice": Kind(TWIN, _booked_again),
    "erp: order of no one": Kind(frozenset(), _booked_for_nothing),
    "erp: other price": Kind(frozenset({"erp.goods"}), _other_price),
    "erp: other shipping": Kind(frozenset({"erp.shipping"}), _shipping_gone),
    "erp: duty added": Kind(frozenset({"erp.duty"}), _duty_added),
    "erp: other tax": Kind(frozenset({"erp.tax"}), _other_tax),
    "erp: other day": Kind(frozenset({"erp.day"}), _header(orderDate="2026-09-30")),
    "erp: other currency": Kind(
        frozenset({"erp.goods", "erp.shipping", "erp.tax", "erp.duty", "erp.day"}),
        _header(currencyCode="CHF"),
    ),
    "erp: credited without a refund": Kind(ERP | TWIN, _credited, refunded=False),
}
"""Every kind of error by its name."""


def plant(
    request: Request,
    shop_of: Callable[[str], ShopBook],
    erp: ErpBook,
    control: Callable[[Request], Reply],
    clock: Callable[[], float],
) -> list[JsonObject]:
    """Answer `POST /_sim/plant`. Raises NotUnderstood."""
    told = parse_object(request.body)
    shop, seed, each = text(told, "shop"), told.get("seed"), told.get("each", 1)
    if not shop or not isinstance(seed, int) or not isinstance(each, int):
        raise NotUnderstood("Give `shop`, and whole numbers as `seed` and `each`.")

    def refund(number: int, amount: str) -> None:
        body = dump({"amount": amount, "tell": False})
        reply = control(Request("POST", f"/_sim/shops/{shop}/orders/{number}/refund", "", {}, body))
        if reply.status >= 300:
            raise NotUnderstood(reply.body.decode())

    planter = Planter(
        shop_of(shop),
        erp,
        random.Random(seed),
        channel=shop.partition(".")[0],
        refund=refund,
        clock=clock,
    )
    return planter.plant(KINDS, each)
