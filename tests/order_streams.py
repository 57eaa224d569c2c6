"""Orders told event by event, as they are stored: for tests of what reads them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from actors.order.family import INITIAL, evolve
from actors.order.state import State
from actors.order.stream import encode_state
from actors.order.words import progress, stage_of, waiting_for
from actors.runtime.ports import Append, Body, Document, RecordedEffect, Row
from schemas.messages import events as e
from schemas.messages.base import Intent, Move
from schemas.messages.codec import encode
from schemas.messages.effects import Effect, tag_of
from schemas.order.canonical import Order
from schemas.order.ids import OrderId, Reference, order_id_for, partition_of
from schemas.order.things import Key
from tests.appends import CHANNEL, NOON

F1, F2, K1, K2, L1, D1, M1 = (Key(name) for name in ("F1", "F2", "K1", "K2", "L1", "D1", "M1"))
LINES = (e.NewLine("1", "MUG-1", 2, "parcel"), e.NewLine("2", "LAMP-2", 1, "parcel"))


class Stream:
    """One order's stream. Each `tell` is an append after the one before."""

    def __init__(self, ref: str = "1042", *, channel: str = CHANNEL, number: str = "") -> None:
        self.ref, self.channel, self.number = ref, channel, number or f"#{ref}"
        self.order_id: OrderId = order_id_for(channel, ref)
        self.reference = Reference(f"1{self.order_id}O0000{'A' * 10}")
        self.state: State = INITIAL
        self.events: list[e.OrderEvent] = []

    def tell(
        self,
        *events: e.OrderEvent,
        at: datetime = NOON,
        effects: dict[int, tuple[Key, str, Effect]] | None = None,
        settled: tuple[tuple[int, str], ...] = (),
        timers: tuple[tuple[Key, str, datetime], ...] = (),
        documents: tuple[Document, ...] = (),
        order: Order | None = None,
    ) -> Append:
        """Return the append of these events, and remember the state after them. `effects` are by
        number: the thing, the lane and what is asked; they are intended by the last event."""
        version = self.state.version
        asked = effects or {}
        intents = tuple(
            Intent(number, key, tag_of(effect), lane, "")
            for number, (key, lane, effect) in asked.items()
        )
        for event in (*events[:-1], replace(events[-1], intends=intents)):
            self.state = evolve(self.state, event)
            self.events.append(event)
        return Append(
            order_id=self.order_id,
            reference=self.reference,
            partition=partition_of(self.ref),
            expected_version=version,
            input_ids=(f"in-{self.ref}-{version}",),
            events=tuple(self.events[version:]),
            effects=tuple(
                RecordedEffect(number=number, key=key, lane=lane, effect=effect)
                for number, (key, lane, effect) in asked.items()
            ),
            settled=settled,
            set_timers=timers,
            clear_timers=(),
            row=self.row(),
            state=encode_state(self.state),
            at=at,
            bodies=() if order is None else (Body(content=encode(order)),),
            documents=documents,
            trace="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )

    def row(self) -> Row:
        """The order's row in the read model."""
        state = self.state
        return Row(
            channel=self.channel,
            ref=self.ref,
            number=self.number,
            stage=stage_of(state),
            progress=progress(state),
            waiting_for=waiting_for(state),
            currency=state.currency,
            total_minor=state.total_minor,
            final=state.stage in ("closed", "cancelled"),
            attention=bool(state.stuck or state.holds or state.tasks),
        )

    def placed(self, **changes: object) -> e.Placed:
        """The first event: two lines of three units, paid."""
        told: dict[str, object] = {
            "rule": "place",
            "channel": self.channel,
            "ref": self.ref,
            "number": self.number,
            "reference": self.reference,
            "currency": "USD",
            "total_minor": 2250,
            "payment": "paid",
            "source_updated_at": "2026-11-27T12:00:00Z",
            "lines": LINES,
            "moves": (Move(0, 2, "ordered", "open"), Move(1, 1, "ordered", "open")),
            "body_digest": "0" * 64,
            **changes,
        }
        return e.Placed(**told)  # type: ignore[arg-type]  # tests change any field


def planned(key: Key, place: str, *parts: tuple[int, int]) -> e.FulfilmentPlanned:
    """Units of lines leave a place together."""
    return e.FulfilmentPlanned(
        rule="plan",
        key=key,
        place=place,
        delivery="parcel",
        moves=tuple(Move(at, quantity, "open", "allocated") for at, quantity in parts),
    )


def packed(key: Key, parcel: Key, *parts: tuple[int, int]) -> e.Packed:
    """The warehouse packed a parcel, which it calls by its number."""
    one = e.NewParcel(key=parcel, units=parts, parcel_id=f"p{parcel[1:]}", weight_grams=900)
    return e.Packed(rule="pack", key=key, parcels=(one,), task_id="WT-1")


def left(key: Key, parcel: Key, *parts: tuple[int, int]) -> e.HandedOver:
    """The carrier has the parcel."""
    moves = tuple(Move(at, quantity, "allocated", "travelling") for at, quantity in parts)
    return e.HandedOver(rule="hand-over", key=key, left=(parcel,), task_id="WT-1", moves=moves)


def labelled(label: Key, parcel: Key, number: str, *, settles: int = 0) -> e.LabelBought:
    """The carrier sold the parcel's label; its image is kept under the label's name."""
    return e.LabelBought(
        rule="buy",
        key=label,
        settles=settles,
        shipment_id=f"S-{number}",
        carrier="UPS",
        labels=(e.ParcelLabel(parcel, number, f"label-{label}-{parcel}"),),
    )


def wanted(label: Key, fulfilment: Key, *parcels: Key) -> e.LabelWanted:
    """A label is to be bought."""
    return e.LabelWanted(
        rule="want", key=label, fulfilment=fulfilment, parcels=parcels, lane="ups-here"
    )


def split(stream: Stream) -> tuple[e.OrderEvent, ...]:
    """The events of an order whose mugs leave `main` and whose lamp leaves `north`; the mugs are
    packed and labelled."""
    return (
        stream.placed(),
        e.Accepted(rule="accept", basis="paid"),
        planned(F1, "main", (0, 2)),
        planned(F2, "north", (1, 1)),
        e.StockReserved(rule="reserve", key=F1, place="main"),
        e.TaskTaken(rule="release", key=F1, task_id="WT-1"),
        packed(F1, K1, (0, 2)),
        wanted(L1, F1, K1),
        labelled(L1, K1, "1Z1"),
    )


def sample_of(event: type[e.Event]) -> Any:
    """An event with something in each of its fields."""
    given: dict[str, Any] = {}
    for field in msgspec.structs.fields(event):
        if field.name in {"intends", "settles"}:
            continue
        given[field.name] = _filled(msgspec.inspect.type_info(field.type), field.name)
    given["key"] = "F1"
    return event(**given)


def _filled(kind: Any, name: str) -> Any:
    match kind:
        case msgspec.inspect.StrType():
            return f"some-{name}"
        case msgspec.inspect.IntType():
            return 1
        case msgspec.inspect.BoolType():
            return True
        case msgspec.inspect.LiteralType(values=values):
            return values[0]
        case msgspec.inspect.VarTupleType(item_type=item):
            return (_filled(item, name),)
        case msgspec.inspect.TupleType(item_types=items):
            return tuple(_filled(item, name) for item in items)
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            return cls(**{one.name: _filled(one.type, one.name) for one in fields})
        case msgspec.inspect.UnionType(types=types):
            return _filled(next(x for x in types if x != msgspec.inspect.NoneType()), name)
        case msgspec.inspect.CustomType():
            return "K1"
    raise AssertionError(f"No sample of {kind} for {name}.")


def barest_of(event: type[e.Event]) -> Any:
    """An event with nothing in the fields that may be left out."""
    given = {
        field.name: _filled(msgspec.inspect.type_info(field.type), field.name)
        for field in msgspec.structs.fields(event)
        if field.required
    }
    return event(**{**given, "key": "F1"})
