"""What lineage tries out: the real translations of channels, and the real requests to partners, of
every kind there is.

Nothing leaves the process: a recorder stands where the network begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from actors.runtime.errors import PartnerError
from actors.runtime.ports import Call, Partner
from adapters.kinds import kind_named
from adapters.kit.http_client import Answer, HttpClient, Request
from adapters.kit.kind import Instance, Kind, Kit, example_of
from schemas.contracts.refusals import Refused
from schemas.messages.codec import decode_order, encode
from schemas.messages.effects import VERBS, Effect, tag_of
from schemas.messages.inputs import PlaceOrder, UpdateOrder
from schemas.order.canonical import Order
from schemas.order.ids import OrderId, Reference
from schemas.order.things import FULFILMENT, key_of
from service.lineage.probing import ORDER

_REFERENCE = Reference("1" + "0" * 34)
_TOKEN = {"access_token": "token", "expires_in": 3600}


class _Reached(Exception):
    """A request that writes was about to leave; nothing after it is of interest."""


class _Still:
    """A frozen clock: two requests must not differ by when they were made. Each reading of its
    seconds is a minute later, so that client-side rate limits never apply."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def now(self) -> datetime:
        """Return the same moment each time."""
        return datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        """Return a minute more each time."""
        self._seconds += 60.0
        return self._seconds


class _Recorder(HttpClient):
    """Keeps what adapters send, and sends nothing."""

    def __init__(self, answers: Mapping[str, object]) -> None:  # no session: there is no network
        self.clock = _Still()
        self.exchanges = None
        self.sent: list[object] = []
        self._answers = {**answers, "/token": _TOKEN}

    async def send(self, request: Request) -> Answer:
        """Keep the body; answer questions, and end the call at what would write."""
        if not request.url.path.endswith("/token"):
            self.sent.append(msgspec.json.decode(request.body or b"{}"))
        if request.writes:
            raise _Reached
        for part, told in self._answers.items():
            if part in request.url.path:
                return Answer(200, {"Content-Type": "application/json"}, msgspec.json.encode(told))
        raise PartnerError(f"Nothing is known of {request.url.path}.")

    def record(self, value: object) -> None:
        """Keep what is sent another way, and end the call."""
        self.sent.append(value)
        raise _Reached

    async def publish(
        self, subject: str, body: bytes, *, message_id: str, content_type: str, trace: str
    ) -> None:
        """Keep an event for other services, and end the call."""
        self.record(msgspec.json.decode(body))


class _NoIntake:
    """Stands in for the stream: nothing is fetched here."""

    async def publish(
        self,
        channel: str,
        kind: str,
        ref: str,
        raw: bytes,
        *,
        delivery_id: str,
        source: str,
        topic: str,
        trace: str = "",
    ) -> None:
        """Publish nothing."""


class Requests:
    """The requests that our adapters make of an order. Make it inside a running loop."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Partner, _Recorder]] = {}

    async def body(self, partner: str, tree: object) -> object:
        """Return what a kind of partner is sent for a canonical order, both as JSON holds them.

        Raises PartnerError for what can't be sent to it, and Refused for what is no order.
        """
        kind = kind_named(partner)
        order = _order(msgspec.json.encode(tree))
        adapter, recorder = self._adapter(kind)
        recorder.sent.clear()
        call = _call(kind.carried.effect(order), order, kind.carried.ref(order.ref))
        try:
            await adapter.perform(call)
        except _Reached:
            return _without_queries(recorder.sent)
        raise PartnerError(f"Nothing was sent to {partner}.")

    def _adapter(self, kind: Kind[Any]) -> tuple[Partner, _Recorder]:
        if kind.name not in self._made:
            recorder = _Recorder(kind.carried.answers)
            kit = Kit(
                name=kind.name,
                keys={"1": b"a key of an example"},
                client=recorder,
                clock=recorder.clock,
                intake=_NoIntake(),
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
