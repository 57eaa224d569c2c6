"""What lineage tries out: the real translations of channels, and the real requests to partners, of
every kind there is.

Nothing leaves the process: a recorder stands where the network begins.
"""

from __future__ import annotations

from typing import Any

import msgspec

from actors.runtime.errors import PartnerError
from actors.runtime.partner import Call, Partner
from adapters.kinds import kind_named
from adapters.kit.instance import Instance, Kit
from adapters.kit.kind import Kind, example_of
from adapters.kit.recording import NoIntake, Reached, Recorder
from schemas.contracts.refusals import Refused
from schemas.messages.codec import decode_order, encode
from schemas.messages.effects import VERBS, Effect, tag_of
from schemas.messages.inputs import PlaceOrder, UpdateOrder
from schemas.order.canonical import Order
from schemas.order.ids import OrderId, Reference
from schemas.order.things import FULFILMENT, key_of
from service.lineage.probing import ORDER

_REFERENCE = Reference("1" + "0" * 34)


class Requests:
    """The requests that our adapters make of an order. Make it inside a running loop."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Partner, Recorder]] = {}

    async def body(self, partner: str, tree: object) -> object:
        """Return what a kind of partner is sent for a canonical order, both as JSON holds them.

        Raises PartnerError for what can't be sent to it, and Refused for what is not an order.
        """
        kind = kind_named(partner)
        order = _order(msgspec.json.encode(tree))
        if kind.carried.asks is not None:
            self._made.pop(partner, None)  # it keeps answers, and would not ask twice
        adapter, recorder = self._adapter(kind)
        recorder.sent.clear()
        recorder.answers = kind.carried.answers(order)
        if kind.carried.asks is not None:
            await kind.carried.asks(adapter, order)
            # Of an order that goes to another country nothing is asked.
            return dict(recorder.requests[-1].url.query) if recorder.requests else {}
        assert kind.carried.effect is not None, "a kind without either is refused"
        call = _call(kind.carried.effect(order), order, kind.carried.ref(order.ref))
        try:
            await adapter.perform(call)
        except Reached:
            return _without_queries(recorder.sent)
        raise PartnerError(f"Nothing was sent to {partner}.")

    def _adapter(self, kind: Kind[Any]) -> tuple[Partner, Recorder]:
        if kind.name not in self._made:
            recorder = Recorder()
            kit = Kit(
                name=kind.name,
                keys={"1": b"a key of an example"},
                client=recorder,
                clock=recorder.clock,
                intake=NoIntake(),
                events=recorder,
                own_url="https://own.invalid",
            )
            settings, recording = example_of(kind), kind.carried.recording
            made = (
                recording(settings, kit, recorder.record)
                if recording is not None
                else kind.partner(settings, kit)
            )
            self._made[kind.name] = (made, recorder)
        return self._made[kind.name]


def _without_queries(sent: list[object]) -> object:
    """Return the bodies as one; GraphQL's queries are text of ours and hold no data."""
    whole: dict[str, object] = {}
    for body in sent:
        if isinstance(body, dict):
            whole.update(body.get("variables", body))
    return whole


def _call(effect: Effect, order: Order, ref: str) -> Call:
    return Call(
        order_id=OrderId("0" * 19),
        channel="channel",
        ref=ref,
        key=key_of(FULFILMENT, 1),
        reference=_REFERENCE,
        order_reference=_REFERENCE,
        number=1,
        effect=effect,
        order=order,
        idempotency_key=f"{VERBS[type(effect)]}-{_REFERENCE}",
        attempt=1,
    )


def _order(raw: bytes) -> Order:
    try:
        return decode_order(raw)
    except msgspec.ValidationError as error:
        raise Refused("schema_mismatch", (str(error),)) from error


def canonical_of(source: str, tree: object) -> tuple[str, object]:
    """Return the kind of input that a channel's message becomes, and the canonical order in it.

    Raises Refused for what can't be translated at all.
    """
    kind = kind_named(source)
    assert kind.channel is not None, "only a channel states orders"
    reader = kind.channel.reader(example_of(kind), Instance(name="", keys={}))
    found = kind.channel.stated.read(reader, msgspec.json.encode(tree))
    if isinstance(found, PlaceOrder | UpdateOrder):
        return ORDER, msgspec.json.decode(encode(found.order))
    return tag_of(found), msgspec.to_builtins(found)
