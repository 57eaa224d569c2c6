"""What else a customer has with the shop, on a real Postgres: merged by every way to know him,
and gone with what is erased."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from actors.runtime.ports import Body
from adapters.postgres.customers import Customers
from schemas.messages import events as e
from schemas.messages.codec import encode
from schemas.messages.privacy import Subject
from schemas.order.canonical import Customer, Order
from schemas.order.customers import email_of, identity_of, order_phone_of
from schemas.order.world import History
from tests.appends import CHANNEL, NOON, SEALING, id_of
from tests.integration.test_privacy import Scene, dsn, scene, servers
from tests.order_streams import K1, Stream
from tests.orders import an_order

__all__ = ["dsn", "scene", "servers"]

NEWS = "new"
JANE = Customer(name="Jane", reference="42", email="jane@example.com", phone="+1 555 625 1199")


def of(customer: Customer, ref: str = NEWS, **changes: Any) -> Order:
    """Return an order of a customer."""
    to = an_order().ship_to
    assert to is not None
    return replace(an_order(), ref=ref, customer=customer, ship_to=replace(to, phone=""), **changes)


async def stored(
    scene: Scene,
    ref: str,
    customer: Customer,
    *events: e.OrderEvent,
    channel: str = CHANNEL,
    days_ago: int = 1,
    returned: bool = False,
    **changes: Any,
) -> None:
    """Store an order of a customer, with what happened to it."""
    one, order = Stream(ref, channel=channel), of(customer, ref)
    first = one.tell(one.placed(**changes), *events, at=NOON - timedelta(days=days_ago))
    body = Body(
        content=encode(order),
        customer=identity_of(customer),
        email=email_of(customer.email),
        phone=order_phone_of(order),
    )
    back = (e.Returned(rule="returned", key=K1),) if returned else ()
    made = replace(
        first,
        events=(*first.events, *back),
        bodies=(body,),
        row=replace(first.row, final=True),
    )
    assert (await scene.bench.journal.append(made)).kind == "committed"


async def beside(scene: Scene, customer: Customer, **changes: Any) -> History:
    """What is known beside a new order of a customer."""
    order = of(customer, **changes)
    customers = Customers(scene.bench.pool)
    return await customers.beside(id_of(NEWS), CHANNEL, order, SEALING, NOON)


async def test_orders_meet_by_id_address_and_telephone(scene: Scene) -> None:
    """An order as a guest and one by telephone are the same customer's; another one's, another
    channel's and the order itself are not counted."""
    await stored(scene, "account", JANE, total_minor=1_000, days_ago=400)
    await stored(scene, "guest", Customer(name="J", email="JANE@example.com"), total_minor=500)
    await stored(scene, "rung", Customer(phone="0015556251199"), total_minor=250)
    await stored(scene, "other", Customer(email="mary@example.com"))
    await stored(scene, "elsewhere", JANE, channel="acme-eu")
    await stored(scene, NEWS, JANE)
    found = await beside(scene, JANE)
    assert found == History(
        orders=3, cancelled=0, returned=0, value_minor=1_750, first_seen_days=400
    )
    stranger = await beside(scene, Customer(email="new@example.com"))
    assert stranger == History(orders=0, cancelled=0, returned=0, value_minor=0)


async def test_what_became_of_the_orders_counts(scene: Scene) -> None:
    """Cancelled ones have no value, one whose parcel came back is returned, and amounts of another
    currency are not added to this one's."""
    await stored(scene, "1", JANE, e.Cancelled(rule="nothing-there"), total_minor=700)
    await stored(scene, "2", JANE, total_minor=900, returned=True)
    await stored(scene, "3", JANE, total_minor=5_000, currency="JPY")
    found = await beside(scene, JANE)
    assert (found.orders, found.cancelled, found.returned, found.value_minor) == (3, 1, 1, 900)
    shown = await Customers(scene.bench.pool).of_order(id_of("2"), "USD")
    assert (shown.orders, shown.cancelled, shown.returned, shown.spent_minor) == (2, 1, 0, 0)


async def test_of_one_who_is_not_named_nothing_is_known(scene: Scene) -> None:
    """Orders that name no one are not each other's history."""
    await stored(scene, "1", Customer())
    assert await beside(scene, Customer()) == History()
    shown = await Customers(scene.bench.pool).of_order(id_of("1"), "USD")
    assert shown.orders == 0


@pytest.mark.parametrize("by", ["the shop", "our own staff"])
async def test_what_is_erased_is_no_history(scene: Scene, by: str) -> None:
    """The shop's customers/redact and a request of our own take the customer out of the past: a
    later order is the first, and no hash is left."""
    await stored(scene, "1", JANE)
    await stored(scene, "2", Customer(email=JANE.email))
    subject = Subject(reference=JANE.reference, email=JANE.email, phone=JANE.phone)
    if by == "the shop":
        await scene.ask(subject=subject)
    else:
        words: Any = {"delivery_id": "x", "asked_by": "ann", "reason": "by letter"}
        await scene.requests.add("redact", CHANNEL, subject, at=scene.clock.now(), **words)
    assert (await beside(scene, JANE)).orders == 2
    await scene.privacy.round(everything=True)
    assert await beside(scene, JANE) == History(orders=0, cancelled=0, returned=0, value_minor=0)
    hashes = "SELECT FROM body_keys WHERE num_nonnulls(customer, email, phone) > 0"
    assert not await scene.pool.fetch(hashes)
