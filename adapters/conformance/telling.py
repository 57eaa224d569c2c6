"""What a storefront must be told of shipments, and how the kit hears it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from adapters.kit.http_client import Answer, Request
from adapters.kit.recording import Recorder
from schemas.messages.effects import (
    BuyLabel,
    CancelAtChannel,
    CancelSalesOrder,
    CancelTask,
    CreateTask,
    Effect,
    PostSalesOrder,
    PublishFulfilment,
    SentParcel,
    Units,
    VoidLabel,
)
from schemas.order.canonical import Order
from schemas.order.things import FULFILMENT, PARCEL, key_of

QUANTITIES = (3, 2)
"""Pieces of the lines of the kit's order; each is more than one, so that a guess of one is seen."""


class Told(Struct, frozen=True):
    """What a recorded request tells of a shipment: the tracking numbers that it names, and how many
    pieces of each line it says left under them together, by our `line_id`."""

    numbers: tuple[str, ...]
    units: Mapping[str, int]


class Taking(Recorder):
    """Takes what it is told, so that a call goes on to its end. `taken` says what the partner
    answers to a request that writes; None ends the call there. `acts` are the requests that write,
    and whatever was sent another way."""

    def __init__(
        self, answers: Mapping[str, object], taken: Callable[[Request], Answer | None]
    ) -> None:
        super().__init__(answers)
        self.acts: list[object] = []
        self._taken = taken

    def record(self, value: object) -> None:
        """Keep what is sent another way, and go on."""
        self.sent.append(value)
        self.acts.append(value)

    def _answered(self, request: Request) -> Answer:
        self.acts.append(request)
        answer = self._taken(request)
        return super()._answered(request) if answer is None else answer


def plain(order: Order) -> Order:
    """Return an order of two lines of several pieces each, none of a kit."""
    lines = tuple(
        replace(line, quantity=quantity, bundle_line_id="", bundle_sku="")
        for line, quantity in zip(order.lines, QUANTITIES, strict=False)
    )
    assert len(lines) == len(QUANTITIES), "the first example of our contract has two lines"
    return replace(order, lines=lines)


def two_parcels(order: Order) -> PublishFulfilment:
    """Return the publication of all of a plain order, of which one line is in both parcels."""
    first, second = order.lines
    return _left(
        (Units(first.line_id, first.sku, 2),),
        (Units(first.line_id, first.sku, 1), Units(second.line_id, second.sku, 2)),
    )


def a_part(order: Order) -> PublishFulfilment:
    """Return the publication of one piece of a plain order."""
    first, _ = order.lines
    return _left((Units(first.line_id, first.sku, 1),))


def undo_of(effect: Effect) -> Effect | None:
    """Return what undoes an effect; None where nothing does."""
    match effect:
        case PublishFulfilment():
            return CancelAtChannel(reason="customer", restock=True, notify_customer=False)
        case PostSalesOrder():
            return CancelSalesOrder(erp_id="1")
        case CreateTask():
            return CancelTask(task_id="1")
        case BuyLabel():
            return VoidLabel(shipment_id="1", tracking_numbers=("1Z0001",))
        case _:
            return None


def check_told(effect: PublishFulfilment, told: Sequence[Told]) -> None:
    """Check that exactly these parcels were told, each once and with its units. A request may tell
    several parcels together. Raises AssertionError."""
    there = {parcel.tracking_number: parcel for parcel in effect.parcels}
    for one in told:
        wanted: Counter[str] = Counter()
        for number in one.numbers:
            assert number in there, f"the number {number!r} was told, which no parcel has"
            wanted.update({unit.line_id: unit.quantity for unit in there[number].units})
        assert dict(one.units) == dict(wanted), (
            f"under {one.numbers} the units {dict(one.units)} were told, and {dict(wanted)} left"
        )
    numbers = sorted(number for one in told for number in one.numbers)
    assert numbers == sorted(there), (
        f"of the numbers {sorted(there)} these were told: {numbers}. Where each parcel takes a "
        "request of its own, give `taken`: what is answered to the first one?"
    )


def _left(*contents: tuple[Units, ...]) -> PublishFulfilment:
    parcels = tuple(
        SentParcel(
            parcel=key_of(PARCEL, number),
            units=units,
            carrier="UPS",
            tracking_number=f"1Z000{number}",
        )
        for number, units in enumerate(contents, 1)
    )
    return PublishFulfilment(fulfilment=key_of(FULFILMENT, 1), parcels=parcels)
