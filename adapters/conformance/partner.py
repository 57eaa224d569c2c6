"""What every kind of partner must do with a call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from actors.runtime.errors import (
    LeaseLost,
    PartnerError,
    Rejected,
    Retryable,
    Unauthorised,
    Unknown,
)
from actors.runtime.partner import Call, Partner
from adapters.conformance.telling import (
    Taking,
    Told,
    a_part,
    check_told,
    plain,
    two_parcels,
    undo_of,
)
from adapters.kinds import kind_named
from adapters.kit.http_client import Answer, Request
from adapters.kit.instance import Instance, Kit
from adapters.kit.kind import Kind, example_of, faults_of
from adapters.kit.recording import NoIntake, Reached, Recorder, answer_of
from schemas.messages.effects import (
    VERBS,
    AmendSalesOrder,
    BuyLabel,
    CancelAtChannel,
    CancelSalesOrder,
    Effect,
    FetchOrder,
    PostSalesOrder,
    SendMail,
    StockShort,
    VoidLabel,
    digest_of,
)
from schemas.messages.inputs import PlaceOrder, UpdateOrder
from schemas.order.canonical import Order
from schemas.order.ids import OrderId, order_id_for, sign_reference
from schemas.order.things import DOCUMENT, FULFILMENT, LABEL, MESSAGE, ORDER, Key, key_of

KEYS = {"1": b"a key of the conformance kit"}

OUTCOMES: Sequence[tuple[Answer, type[PartnerError]]] = (
    (answer_of(400, {}), Rejected),
    (answer_of(422, {}), Rejected),
    (answer_of(401, {}), Unauthorised),
    (answer_of(429, {}), Retryable),
    (answer_of(500, {}), Unknown),
    (answer_of(503, {}), Unknown),
    (Answer(502, {"Content-Type": "text/html"}, b"<html>"), Unknown),
    (Answer(200, {"Content-Type": "text/html"}, b"<html>"), Unknown),
)
"""What answers to a request that writes must become."""


class PartnerConformance:
    """Derive from it, name your class `Test…`, and give what only your kind knows.

    `kind` is your KIND. `speaks_http` is False for a partner that is not called over HTTP: then its
    outcomes are tested by your own tests. `reference_is_sent` is False for a partner that can't
    hold our reference: then `natural_key` says in words by what its things are found again. For a
    partner that is told no money `tells_no_money` says why, and for one whose things can be undone
    without a call `undoes_without_a_call` does. A storefront gives `told` and, where a shipment
    takes several requests, `taken`.
    """

    kind: ClassVar[Kind[Any]]
    speaks_http: ClassVar[bool] = True
    reference_is_sent: ClassVar[bool] = True
    natural_key: ClassVar[str] = ""
    tells_no_money: ClassVar[str] = ""
    undoes_without_a_call: ClassVar[str] = ""
    outcomes: ClassVar[Sequence[tuple[Answer, type[PartnerError]]]] = OUTCOMES

    # --- what only the kind knows ----------------------------------------------------------------

    def description_faults(self, request: Request) -> list[str] | None:
        """Return what is wrong with a request by the partner's official description; None where
        you have none to compare with."""
        return None

    def money_told(self, sent: object, order: Order) -> int | None:
        """Return the total in minor units that a request tells the partner; None for one that
        tells no money. A partner that adds tax by its own tables is told the rest of the total:
        add the order's tax, if its prices leave it out."""
        return None

    def told(self, sent: object) -> Sequence[Told]:
        """Return what one recorded body (or event) tells a storefront of shipments; nothing for one
        that tells of none, such as a question."""
        raise AssertionError("Give `told`: what does a request tell of what left?")

    def taken(self, request: Request) -> Answer | None:
        """Return what the partner answers to a request that writes and that it takes; None ends the
        call there, which is enough where all is told at once."""
        return None

    # --- the tests -------------------------------------------------------------------------------

    def test_the_kind_is_whole(self) -> None:
        """No required part is missing, and its settings take its example."""
        assert faults_of(self.kind) == []

    async def test_an_order_reaches_the_partner(self) -> None:
        """The effect that carries an order makes a request that writes, or its like."""
        for order in orders():
            recorder, _ = await self._performed(order)
            assert recorder.sent, "nothing was sent"

    async def test_the_reference_goes_along(self) -> None:
        """Every thing with an outside consequence is found again by its own reference, or by a
        natural key that the kind declares."""
        if not self.reference_is_sent:
            assert self.natural_key, "say by what its things are found again"
            return
        for order in orders():
            recorder, call = await self._performed(order)
            assert call.reference in msgspec.json.encode(recorder.sent).decode()

    async def test_a_foreign_effect_is_a_programmers_error(self) -> None:
        """An adapter does not guess what it is to do with an effect that is not its own."""
        order = orders()[0]
        adapter = self.made(Recorder(self.kind.carried.answers(order)))
        foreign: Any = StockShort(skus=())  # a result, which no partner is ever asked for
        await _raises(TypeError, adapter.perform, self.call(foreign, order))

    async def test_failures_become_the_right_word(self) -> None:
        """Refused, later, unauthorised and unknown are told apart by what surely happened."""
        if not self.speaks_http:
            return
        order = orders()[0]
        for answer, wanted in self.outcomes:
            recorder = Recorder(self.kind.carried.answers(order), written=answer)
            call = self.call(self._effect(order), order)
            await _raises(wanted, self.made(recorder).perform, call)

    async def test_what_became_another_process_s_is_not_sent(self) -> None:
        """An order may change hands while the adapter waits for a token, an answer or a connection:
        right before a request leaves that may act it is asked again whose the order is."""
        if not self.speaks_http:
            return
        order = orders()[0]
        recorder = Taking(self.kind.carried.answers(order), self.taken)
        call = replace(self.call(self._effect(order), order), check_ours=_taken_over)
        await _raises(LeaseLost, self.made(recorder).perform, call)
        assert not recorder.acts, "a request left for an order of another process"

    async def test_requests_are_as_the_partner_describes_them(self) -> None:
        """Against the official description, where the test class has one."""
        import pytest

        told = False
        for order in orders():
            recorder, _ = await self._performed(order)
            for request in recorder.requests:
                found = self.description_faults(request)
                assert not found, found
                told = told or found is not None
        if not told:
            pytest.skip(
                f"The requests to {self.kind.title} are compared with no official description: "
                "its test class gives no `description_faults`."
            )

    async def test_money_told_is_money_owed(self) -> None:
        """What the partner is told sums to what the customer pays; one that is told no money says
        why."""
        amounts = []
        for order in orders():
            recorder, _ = await self._performed(order)
            for sent in recorder.sent:
                amount = self.money_told(sent, order)
                assert amount is None or amount == order.totals.total_minor
                amounts += [] if amount is None else [amount]
        assert bool(amounts) != bool(self.tells_no_money.strip()), (
            "Give `money_told`: which total does a request tell? Or say in `tells_no_money` why "
            "it tells none. One of them, not both."
        )

    async def test_a_storefront_is_told_exactly_what_left(self) -> None:
        """Two parcels of all that was ordered, and a part of it: each parcel's number once, with
        the units in it and no others."""
        if "storefront" not in self.kind.roles:
            return
        order = plain(orders()[0])
        for effect in (two_parcels(order), a_part(order)):
            recorder, failed = await self._taken(effect, order)
            check_told(effect, [one for sent in recorder.sent for one in self.told(sent)])
            assert not isinstance(failed, PartnerError), failed

    async def test_what_is_undone_reaches_the_partner(self) -> None:
        """A cancellation or another undo is not merely said to be done: at least one call is made,
        and a storefront's writes."""
        order = plain(orders()[0])
        undo = undo_of(self._effect(order))
        if undo is None:
            return
        recorder, failed = await self._taken(undo, order)
        writes = "storefront" in self.kind.roles
        made = bool(recorder.acts if writes else recorder.sent)
        assert made != bool(self.undoes_without_a_call.strip()), (
            f"For {type(undo).__name__} {'a' if made else 'no'} call was made ({failed!r}): "
            "`undoes_without_a_call` says why none is needed, and is empty otherwise."
        )

    # --- how it is done --------------------------------------------------------------------------

    def made(self, recorder: Recorder) -> Partner:
        """Return the adapter with a recorder for its network."""
        kit = Kit(
            name="a-partner",
            keys=KEYS,
            client=recorder,
            clock=recorder.clock,
            intake=NoIntake(),
            events=recorder,
            own_url="https://own.invalid",
        )
        settings, recording = example_of(self.kind), self.kind.carried.recording
        if recording is not None:
            return recording(settings, kit, recorder.record)
        made: Partner = self.kind.partner(settings, kit)
        return made

    def call(self, effect: Effect, order: Order) -> Call:
        """Return a call of the partner for an order."""
        channel, ref = "a-channel", self.kind.carried.ref(order.ref)
        order_id = order_id_for(channel, ref)
        key = _key_of(effect)
        reference = sign_reference(order_id, key, "1", KEYS)
        verb, digest = VERBS.get(type(effect), "do"), digest_of(effect)
        return Call(
            order_id=order_id,
            channel=channel,
            ref=ref,
            key=key,
            reference=reference,
            order_reference=sign_reference(OrderId(order_id), ORDER, "1", KEYS),
            number=1,
            effect=effect,
            order=order,
            idempotency_key="-".join(filter(None, (verb, reference, digest))),
            attempt=1,
        )

    def _effect(self, order: Order) -> Effect:
        assert self.kind.carried.effect is not None, "a kind that is only asked has its own tests"
        return self.kind.carried.effect(order)

    async def _performed(self, order: Order) -> tuple[Recorder, Call]:
        recorder = Recorder(self.kind.carried.answers(order))
        call = self.call(self._effect(order), order)
        await _raises(Reached, self.made(recorder).perform, call)
        return recorder, call

    async def _taken(self, effect: Effect, order: Order) -> tuple[Taking, BaseException | None]:
        """Perform an effect at a partner that takes it; return what it was told, and how the call
        ended, None where it ended well."""
        recorder = Taking(self.kind.carried.answers(order), self.taken)
        try:
            await self.made(recorder).perform(self.call(effect, order))
        except (Reached, PartnerError) as error:
            return recorder, error
        return recorder, None


def orders() -> Sequence[Order]:
    """Return the orders of our own contract's examples."""
    channel = kind_named("canonical").channel
    assert channel is not None
    reader = channel.reader(example_of(kind_named("canonical")), Instance(name="", keys={}))
    found = []
    for example in channel.stated.examples():
        one = channel.stated.read(reader, msgspec.json.encode(example.tree))
        if isinstance(one, PlaceOrder | UpdateOrder):
            found.append(one.order)
    return found


def _key_of(effect: Effect) -> Key:
    match effect:
        case PostSalesOrder() | AmendSalesOrder() | CancelSalesOrder():
            return key_of(DOCUMENT, 1)
        case BuyLabel() | VoidLabel():
            return key_of(LABEL, 1)
        case SendMail():
            return key_of(MESSAGE, 1)
        case CancelAtChannel() | FetchOrder():
            return ORDER
        case _:
            return key_of(FULFILMENT, 1)


def _taken_over() -> None:
    raise LeaseLost("Another process owns this order now.")


async def _raises(
    wanted: type[BaseException], perform: Callable[[Call], Awaitable[object]], call: Call
) -> None:
    try:
        found = await perform(call)
    except wanted:
        return
    raise AssertionError(f"{wanted.__name__} was expected, and {found!r} came back")
