"""What the shop does: it states the order, changes it, sends parts of it, and cancels it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from msgspec.structs import replace

from schemas.messages import effects as f
from schemas.messages import inputs as i
from schemas.order.canonical import Line
from tests.given import REF
from tests.model.choices import Choices
from tests.model.setups import STREETS, address, of_lines, some_line
from tests.model.world import World

NEWS = (
    ("refunds/create", "before_hand_over"),
    ("orders/edited", "once_begun"),
    ("disputes/create", "before_hand_over"),
    ("fulfillment_orders/moved", ""),
)


def first(world: World, choices: Choices) -> None:
    """Let the order, or something about it, come for the first time."""
    if choices.chance(85):
        place(world)
    else:
        early(world, choices)


def early(world: World, choices: Choices) -> None:
    """Let something come about an order that we do not have yet."""
    options: tuple[i.Input, ...] = (
        i.ConfirmPayment(ref=REF, paid_minor=100),
        i.ConfirmPayment(ref=REF, order=world.shop),
        i.CancelOrder(ref=REF, reason="changed my mind", whole=choices.chance(30)),
        i.NoteReport(ref=REF, source="amazon", topic="PENDING", words="it waits", waits=True),
        i.NoteReport(ref=REF, source="shopify", topic="refunds/create", words="news",
                   hold="before_hand_over"),
        i.NoteReport(ref=REF, source="shopify", topic="request", words="send it",
                     request=f"gid://shopify/FulfillmentOrder/{len(world.events)}"),
        put_off(world, choices),
        i.RefetchOrder(ref=REF, source="amazon", topic="ORDER_CHANGE"),
    )  # fmt: skip
    given = choices.pick(options)
    if isinstance(given, i.ConfirmPayment) and given.order is not None:
        world.is_placed = True
    if isinstance(given, i.CancelOrder):
        world.partners.channel_cancelled = True
    world.give(given)


def place(world: World) -> None:
    """Let the order come."""
    world.is_placed = True
    told = world.statement()
    world.give(
        i.PlaceOrder(
            order=told.order, fulfilled=told.fulfilled, fulfilled_is_all=told.fulfilled_is_all
        )
    )


def place_it(world: World, choices: Choices) -> None:
    """Let the order come at last."""
    place(world)


def tell(world: World, choices: Choices) -> None:
    """Say how the order looks now, in one of the ways in which shops say it."""
    if not world.is_placed:
        place(world)
        return
    how = choices.whole(0, 11)
    if how == 11:
        world.send(put_off(world, choices))
    elif how == 10:
        line = choices.pick(world.shop.lines)
        count = choices.whole(1, line.quantity)
        world.send(stop_request(world, (f.Units(line.line_id, "", count),)))
    elif how <= 6:
        world.send(world.statement())
    elif how == 7:
        world.send(i.RefetchOrder(ref=REF, source="bigcommerce", topic="order/updated"))
    elif how == 8:
        topic, hold = choices.pick(NEWS)
        at = world.shop.updated_at if choices.chance(70) else None
        wish = f"gid://shopify/FulfillmentOrder/{len(world.events)}" if choices.chance(30) else ""
        world.send(
            i.NoteReport(ref=REF, source="shopify", topic=topic, words="something happened",
                       hold=hold, refetch=choices.chance(60), at=at, request=wish)  # type: ignore[arg-type]  # one of NEWS
        )  # fmt: skip
    elif world.shop.payment in ("paid", "authorized"):
        told = world.statement()
        whole = told.fulfilled_is_all
        world.send(
            i.ConfirmPayment(
                ref=REF, order=told.order, fulfilled=told.fulfilled, fulfilled_is_all=whole
            )
        )


def stop_request(world: World, units: tuple[f.Units, ...]) -> i.NoteReport:
    """Return that the shop asks not to send some units, under a name of its own."""
    name = f"gid://shopify/FulfillmentOrder/{len(world.events)}"
    return i.NoteReport(
        ref=REF, source="shopify", topic="fulfillment_orders/cancellation_request_submitted",
        words="The storefront asks to cancel the fulfilment.", hold="before_hand_over",
        stop=i.AskedToStop(outside_id=name, units=units),
    )  # fmt: skip


def put_off(world: World, choices: Choices) -> i.NoteReport:
    """Return that some units are to be sent on another day, or that they are due."""
    line, day = choices.pick(world.shop.lines), choices.whole(0, 2)
    units = (f.Units(line.line_id, "", choices.whole(1, line.quantity)),) if day else ()
    at = f"{world.now + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}" if day else None
    later = i.Later(outside_id=f"group-{choices.whole(1, 2)}", at=at, units=units)
    return i.NoteReport(ref=REF, source="shopify", topic="x", words="scheduled", later=later)


def _restate(world: World, choices: Choices) -> None:
    world.state_order()


def _pay(world: World, choices: Choices) -> None:
    world.state_order(payment="paid", amount_due_minor=0)
    if choices.chance(50):
        world.send(i.ConfirmPayment(ref=REF, paid_minor=world.shop.totals.total_minor))


def _money_back(world: World, choices: Choices) -> None:
    world.state_order(payment=choices.pick(("partially_refunded", "refunded", "voided")))


def _readdress(world: World, choices: Choices) -> None:
    world.state_order(ship_to=address(choices.pick(STREETS)))


def _rewrite(world: World, choices: Choices) -> None:
    what = choices.whole(0, 3)
    if what == 0:
        world.state_order(note=f"note {choices.whole(0, 9)}")
    elif what == 1:
        world.state_order(shipping_method=choices.pick(("", "express")))
    elif what == 2:
        customer = replace(world.shop.customer, phone=choices.pick(("", "2075550142")))
        world.state_order(customer=customer)
    else:
        world.state_order(gift_message="for you")


def _add(world: World, choices: Choices) -> None:
    taken = {line.line_id for line in world.shop.lines} | {x.line_id for x in world.state.lines}
    line = some_line(choices, str(next(n for n in range(1, 99) if str(n) not in taken)))
    _lines(world, (*world.shop.lines, line))


def _recount(world: World, choices: Choices) -> None:
    at = choices.whole(0, len(world.shop.lines) - 1)
    line = world.shop.lines[at]
    quantity = max(1, line.quantity + choices.pick((-2, -1, 1)))
    changed = replace(line, quantity=quantity, total_minor=line.unit_price_minor * quantity)
    _lines(world, (*world.shop.lines[:at], changed, *world.shop.lines[at + 1 :]))


def _remove(world: World, choices: Choices) -> None:
    if len(world.shop.lines) > 1:
        at = choices.whole(0, len(world.shop.lines) - 1)
        _lines(world, (*world.shop.lines[:at], *world.shop.lines[at + 1 :]))


def _lines(world: World, lines: tuple[Line, ...]) -> None:
    changed = of_lines(world.shop, lines)
    payment = world.shop.payment
    if payment == "paid" and changed.totals.total_minor > world.shop.totals.total_minor:
        payment = "partially_paid"
    world.state_order(lines=lines, totals=changed.totals, payment=payment)


def _send_by_others(world: World, choices: Choices) -> None:
    """Let somebody else send a part, as the shop shows it."""
    others = world.partners.others
    line = choices.pick(world.shop.lines)
    units = (f.Units(line.line_id, line.sku, choices.whole(1, line.quantity)),)
    others.append(i.OutsideShipment(outside_id=f"foreign-{len(world.events)}", units=units))
    world.state_order()


def _take_back(world: World, choices: Choices) -> None:
    """Let what others sent turn out not to be sent, or to be more or less than was entered."""
    others = world.partners.others
    if not others:
        return
    one = choices.pick(tuple(others))
    at = others.index(one)
    others.remove(one)
    (units,) = one.units
    now = choices.pick((0, 0, units.quantity - 1, units.quantity + 1))
    if now:
        others.insert(at, replace(one, units=(replace(units, quantity=now),)))
    world.state_order()


def _cancel(world: World, choices: Choices) -> None:
    if not choices.chance(30):
        return
    world.partners.channel_cancelled = True
    whole = choices.chance(50)
    world.state_order(payment="voided" if choices.chance(50) else world.shop.payment)
    at = world.shop.updated_at
    world.send(i.CancelOrder(ref=REF, reason="customer", whole=whole, at=at))


_CHANGES: tuple[Callable[[World, Choices], None], ...] = (
    _restate, _restate, _pay, _pay, _money_back, _readdress, _readdress, _rewrite, _add, _recount,
    _recount, _remove, _send_by_others, _take_back, _cancel,
)  # fmt: skip


def act(world: World, choices: Choices) -> None:
    """Let the shop change something, and say so."""
    choices.pick(_CHANGES)(world, choices)
    tell(world, choices)
