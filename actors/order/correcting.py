"""What becomes of a shipping address that a service writes otherwise than the order has it: it is
kept for a person to see, and taken over where the seller has asked for that, or a person does.

The channel is told nothing; its own statement stays beside the order, as with a person's change.
Ids, names and telephone numbers stay as they are, and so does what the service writes the same.
"""

from __future__ import annotations

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from actors.order import deliverable
from actors.order.decision import LabelImage
from actors.order.normalise import ADDRESS, UNMAPPED
from actors.order.places import moved
from actors.order.recording import as_it_is
from actors.order.table import ACCEPTED, PLACED
from actors.order.work import Work
from schemas.messages.codec import encode
from schemas.order.canonical import Address, Order
from schemas.order.things import ORDER
from schemas.order.world import AddressPart, Deliverability, World, plain

CHECK = "address-check"
"""The name of an order's file that has the address as it was checked and as the service writes
it."""

_WAIVED = f"{UNMAPPED}{ADDRESS}"


class AddressCheck(Struct, frozen=True, kw_only=True):
    """What that file has. `service` is the lane of who wrote it, `differs` the parts that are
    another one."""

    service: str
    differs: tuple[AddressPart, ...]
    checked: Address
    written: Address


def follow(work: Work) -> None:
    """Take over how the service writes the address of the order, where the seller has asked for
    that, nothing was changed here by hand, and no label says another one yet."""
    body, found = work.order, _found(work)
    if body is None or found is None or _is_settled(work, body):
        return
    setup = work.context.setup
    there = deliverable.to_take(body, setup, found)
    if there is None:
        return
    keep(work, body)
    service = deliverable.checker_of(setup, body.ship_to or there)
    changed = replace(body, ship_to=there)
    if not work.state.beside:
        work.stated = work.stated or work.context.stated or body
    work.body = changed
    why = f"{deliverable.parts(found)} is now as {service} has it, as the settings ask"
    work.say(replace(as_it_is(work, changed, service, ("address",)), reason=why))
    moved(work, changed)


def keep(work: Work, order: Order) -> None:
    """Keep how the service writes an order's address beside it, for people to see."""
    found, at = _found(work), order.ship_to
    there = None if found is None else deliverable.written(order, work.context.setup, found)
    if found is None or at is None or there is None or work.documents:
        return
    check = AddressCheck(
        service=deliverable.checker_of(work.context.setup, at),
        differs=found.differs,
        checked=at,
        written=there,
    )
    content: str = to_builtins(encode(check))  # base64, as JSON has bytes
    file = LabelImage(key=ORDER, name=CHECK, content_type="application/json", base64=content)
    work.documents = (file,)


def confirmed(world: World) -> World:
    """Return what is known once the address is the one that the service writes."""
    address = plain(world.address)
    return replace(world, address=replace(address, verdict="deliverable", why="", differs=()))


def _found(work: Work) -> Deliverability | None:
    world = work.context.world
    return None if world is None or "address" not in world.asked else world.address


def _is_settled(work: Work, body: Order) -> bool:
    """Whether the address stays: a person has it as it is, or work on it has gone too far."""
    state, stated = work.state, work.stated or work.context.stated
    by_hand = state.beside and stated is not None and stated.ship_to != body.ship_to
    return (
        by_hand
        or state.stage not in (PLACED, ACCEPTED)
        or state.cancel is not None
        or _WAIVED in state.waived
        or bool(state.labels or state.parcels or state.ended)
    )
