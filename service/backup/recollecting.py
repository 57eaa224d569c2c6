"""Tells our own past from others' doings after a restoration.

A channel that shows an order as fulfilled may show what the lost life of this service did. Taken
for somebody else's, its task, label and stock would never be known here again. So the partners that
come first in an order's life are asked whether they know its first thing. If one does, it was ours,
and what the channel shows is left out: the order finds everything again by its own look-ups, and
its publication at last. One that was cancelled meanwhile, and was never known here, goes to
quarantine then: a person stops what the lost life began.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from msgspec.structs import replace

from actors.kernel.setup import Place
from actors.runtime.deadlines import Deadlines
from actors.runtime.errors import JournalUnavailable, MailboxFull, PartnerError
from actors.runtime.lanes import Lanes
from actors.runtime.mailbox import POISON, STOPPED, Envelope
from actors.runtime.partner import Call
from actors.runtime.ports import Clock, Journal
from actors.runtime.references import References
from actors.runtime.registry import Registry, TakesInputs
from actors.runtime.runtime import Runtime
from schemas.messages.effects import BuyLabel, CreateTask, tag_of
from schemas.messages.inputs import CancelOrder, ConfirmPayment, PlaceOrder, UpdateOrder
from schemas.order.canonical import Order
from schemas.order.ids import OrderId
from schemas.order.things import Key
from service.wiring.order_stream import OrderStream

log = logging.getLogger(__name__)

MAX_ASKED = 16
"""Questions at once; they stand beside the lanes, which have bounds of their own."""

_CANCELLED = (
    "The order was accepted after the backup that was restored, and cancelled since; {whose} knows"
    " it under our reference. Stop it there if it is not stopped, and look what the ERP and the"
    " carrier have of it; then drop this message."
)
FIRST_TASK, FIRST_LABEL = Key("F1"), Key("L1")
Statement = PlaceOrder | ConfirmPayment | UpdateOrder


class Recollecting:
    """Stands before the registry; everything but what is in doubt passes at once."""

    def __init__(
        self,
        registry: TakesInputs,
        stream: OrderStream,
        lanes: Lanes,
        references: References,
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._stream = stream
        self._lanes = lanes
        self._references = references
        self._journal = journal
        self._clock = clock
        self._deadlines = Deadlines()
        self._room = asyncio.Semaphore(MAX_ASKED)
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    def of(cls, registry: Registry, stream: OrderStream, runtime: Runtime) -> Recollecting:
        """Make one of a running service's parts."""
        parts = runtime.lanes, runtime.references, runtime.journal, runtime.clock
        return cls(registry, stream, *parts)

    def post(self, order_id: OrderId, envelope: Envelope) -> None:
        """Put an input into its stream's mailbox, at once or when it is known whose doings it
        tells. Raises MailboxFull; then nothing was taken."""
        command, doubt = envelope.command, self._stream.doubt
        if doubt is None or not (
            isinstance(command, CancelOrder)
            or (isinstance(command, Statement) and command.fulfilled)
        ):
            self._registry.post(order_id, envelope)
            return
        order = None if isinstance(command, CancelOrder) else command.order
        if not doubt.holds(order, self._clock.now()):
            self._registry.post(order_id, envelope)
            return
        task = asyncio.create_task(self._recollect(order_id, envelope, command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _recollect(
        self, order_id: OrderId, envelope: Envelope, command: Statement | CancelOrder
    ) -> None:
        try:
            async with self._room:
                if isinstance(command, CancelOrder):
                    if await self._is_unknown(order_id) and (
                        whose := await self._was_ours(order_id, envelope, None)
                    ):
                        envelope.end(POISON, _CANCELLED.format(whose=whose))
                        return
                elif await self._was_ours(order_id, envelope, command.order):
                    envelope.command = replace(command, fulfilled=(), fulfilled_is_all=False)
            self._registry.post(order_id, envelope)
        except (PartnerError, JournalUnavailable, TimeoutError) as error:
            log.info("It is asked again whose doings are told of order %s: %s", order_id, error)
            envelope.end(STOPPED, "It is not known yet whether the order was ours.")
        except MailboxFull as error:
            envelope.end(STOPPED, str(error))
        except Exception:  # it must neither be lost nor stop other messages
            log.exception("It could not be asked whose doings are told of order %s.", order_id)
            envelope.end(STOPPED, "Asking failed with an internal error.")

    async def _is_unknown(self, order_id: OrderId) -> bool:
        """Whether no statement of the order ever came here, as far as is remembered."""
        loaded = await self._journal.load(order_id)
        return loaded is None or loaded.body is None

    async def _was_ours(self, order_id: OrderId, envelope: Envelope, order: Order | None) -> str:
        """Return the partner that knows the order's first thing; "": none does."""
        for name, effect, key in self._asked(envelope.channel):
            lane = self._lanes.known(name)
            if lane is None or not lane.partner.can_look_up:
                continue
            reference = self._references.new(order_id)
            thing = self._references.of(reference, order_id, key)
            call = Call(
                order_id=order_id,
                channel=envelope.channel,
                ref=envelope.ref,
                key=key,
                reference=thing,
                order_reference=reference,
                number=0,
                effect=effect,
                order=order,
                idempotency_key=f"{tag_of(effect)}-{thing}",
                attempt=0,
            )
            with self._deadlines.start(lane.policy.effect_seconds):
                if await lane.partner.look_up(call) is not None:
                    return name
        return ""

    def _asked(self, channel: str) -> Iterator[tuple[str, CreateTask | BuyLabel, Key]]:
        """Yield whom to ask for what: each place's warehouse, or without one its carrier."""
        seen = set()
        for place in self._stream.places_of(channel):
            one = _first_of(place)
            if one[0] and one[0] not in seen:
                seen.add(one[0])
                yield one


def _first_of(place: Place) -> tuple[str, CreateTask | BuyLabel, Key]:
    if place.warehouse:
        return place.warehouse, CreateTask(place=place.name, units=()), FIRST_TASK
    label = BuyLabel(fulfilment=FIRST_TASK, place=place.name, parcels=())
    return place.carrier, label, FIRST_LABEL
