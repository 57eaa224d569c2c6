"""Takes messages from the stream, translates them and delivers them to their orders. A message is
acknowledged only when its outcome is on disk.

A message ends in one of three ways: its order has it (or already had it), it is in quarantine in
full, or it goes back to the stream and is delivered again. A request about a customer's data goes
to no order: it has ended once it is stored among the requests.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Coroutine

from actors.runtime.errors import JournalUnavailable, MailboxFull
from actors.runtime.mailbox import COMMITTED, DUPLICATE, EARLY, POISON, UNMATCHED, Envelope
from actors.runtime.observer import Span
from actors.runtime.ports import Clock, Message, Quarantine
from actors.runtime.registry import TakesInputs
from adapters.nats.consumers import ACK_WAIT_SECONDS
from schemas.contracts.refusals import (
    ORDER_UNKNOWN,
    ORDER_UNNAMED,
    REF_MISMATCH,
    UNDECIDABLE,
    UNREADABLE,
    Refused,
    refused,
)
from schemas.messages.inputs import Input
from schemas.messages.privacy import AskPrivacy, Read
from schemas.order.ids import OrderId, order_id_for, partition_of
from service.inbound.addressing import as_asked, ref_of
from service.inbound.refusing import UNREAD, note_of, quarantined
from service.inbound.resolving import AwayError, Resolving
from service.inbound.taking import Delivery, MessageSource, Taken, Watch

log = logging.getLogger(__name__)

TAKEN = frozenset({COMMITTED, DUPLICATE})
"""Outcomes after which the order has the message, or already had it."""

BUSY_SECONDS = 1.0
"""First delay before a message is delivered again whose order's mailbox was full."""

AWAY_SECONDS = 2.0
"""First delay before a message is delivered again that could not be stored, without a database."""

LONGEST_AWAY_SECONDS = 30.0
"""The delay grows with each delivery up to this, so that the allowed deliveries outlast a quarter
of an hour of trouble on our side rather than a minute."""

UNREAD_AFTER = 20
"""After so many times the allowed deliveries (hours) a message is put aside unread: reading it may
be what ends the process. Until then one that waited for room in quarantine keeps its reason."""

EARLY_SECONDS = 25.0
"""A report about what an order has not made yet is handed out again for so long, from the first
time that it came too early: the order is usually being fetched. The next time it goes to
quarantine, after half a minute in all."""

MAX_EARLY = 10_000
"""Reports that wait so and whose time is remembered; of one beyond it the time begins again."""

KEEP_EVERY_SECONDS = ACK_WAIT_SECONDS / 3
"""How often the stream is told that a message is still in progress: one report may be lost, and one
late, before the message is delivered again."""

YIELD_EVERY = 16
"""Messages read without yielding: about four milliseconds, during which webhooks and answers
wait."""

MAX_REPEATS = 100
"""Repeats that end together with the message in flight; the stream delivers further ones again."""


class Intake:
    """`in_flight` bounds the messages that are taken and have not ended; at the bound the rest
    stays in the stream. `deliveries` bounds how often one message is tried before it goes to
    quarantine. `asked` returns when a request about a customer's data is on disk, and raises
    JournalUnavailable. `resolving` has messages come in again that do not name their order."""

    def __init__(
        self,
        messages: MessageSource,
        translate: Callable[[Message], Read],
        registry: TakesInputs,
        quarantine: Quarantine,
        *,
        asked: Callable[[Message, AskPrivacy], Awaitable[None]],
        watch: Watch,
        clock: Clock,
        reference_of: Callable[[OrderId], str],
        resolving: Resolving,
        in_flight: int = 1_024,
        batch: int = 128,
        deliveries: int = 50,
    ) -> None:
        self._messages = messages
        self._translate = translate
        self._registry = registry
        self._quarantine = quarantine
        self._asked = asked
        self._watch = watch
        self._clock = clock
        self._reference_of = reference_of
        self._resolving = resolving
        self._most = in_flight
        self._batch = batch
        self._deliveries = deliveries
        self._under_way: dict[str, Taken] = {}
        self._early: OrderedDict[str, float] = OrderedDict()
        self._ended: deque[tuple[Delivery, Span | None]] = deque()
        self._room = asyncio.Event()
        self._to_say = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.stopping = False

    def use(self, *, in_flight: int, deliveries: int) -> None:
        """Keep to these bounds from now on."""
        self._most, self._deliveries = in_flight, deliveries

    @property
    def in_flight(self) -> int:
        """How many messages are taken and have not ended."""
        return len(self._under_way)

    @property
    def oldest_seconds(self) -> float:
        """The age of the oldest message in flight, counted from when the stream stored it."""
        oldest = next(iter(self._under_way.values()), None)
        if oldest is None:
            return 0.0
        return (self._clock.now() - oldest.copies[0].message.received_at).total_seconds()

    async def run(self) -> None:
        """Take messages until `stopping` is set; return when the last batch has been posted."""
        while not self.stopping:
            room = self._most - len(self._under_way)
            if room <= 0:
                self._room.clear()
                await self._room.wait()
                continue
            batch = await self._messages.next_batch(min(room, self._batch))
            for place, delivery in enumerate(batch, start=1):
                self._take(delivery)
                if place % YIELD_EVERY == 0:
                    await asyncio.sleep(0)

    async def acknowledge(self) -> None:
        """Acknowledge messages as they end, until cancelled."""
        while True:
            await self._to_say.wait()
            self._to_say.clear()
            await self._acknowledge_ended()

    async def keep(self) -> None:
        """Keep slow messages from being delivered again, until cancelled. While the database is
        unavailable a message waits with its order; it must not count as one that keeps failing."""
        while True:
            await asyncio.sleep(KEEP_EVERY_SECONDS)
            before = self._clock.monotonic() - KEEP_EVERY_SECONDS
            slow = [taken for taken in self._under_way.values() if taken.at <= before]
            for delivery in [copy for taken in slow for copy in taken.copies]:
                await delivery.in_progress()

    async def drain(self, seconds: float) -> int:
        """Take no more messages, wait for those in flight, and return how many did not end."""
        self.stopping = True
        self._room.set()
        try:
            async with asyncio.timeout(seconds):
                while self._under_way:
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            log.warning("%d messages had not ended; they come again.", len(self._under_way))
        await self._acknowledge_ended()
        return len(self._under_way)

    async def _acknowledge_ended(self) -> None:
        while self._ended:
            delivery, span = self._ended.popleft()
            await delivery.ack()
            if span is not None:
                span.end()

    def _take(self, delivery: Delivery) -> None:
        message = delivery.message
        taken = self._under_way.get(message.delivery_id)
        if taken is not None:
            is_another = message.raw != taken.copies[0].message.raw  # one id for two messages
            if is_another or len(taken.copies) >= MAX_REPEATS:
                self._spawn(delivery.nak(BUSY_SECONDS))
            else:
                taken.copies.append(delivery)  # a repeat ends with the one in flight
            return
        self._under_way[message.delivery_id] = Taken(delivery, self._clock.monotonic())
        too_often = message.deliveries > self._deliveries
        if message.deliveries > UNREAD_AFTER * self._deliveries:
            often = f"It was handed out {message.deliveries - 1} times without an end."
            self._put_aside(delivery, UNDECIDABLE, (often,))
            return
        try:
            command = as_asked(message, self._translate(message))
            ref = ref_of(command)
            self._check_partition(message, ref)
        except Refused as why:
            if why.reason == ORDER_UNNAMED and not too_often:
                self._spawn(self._resolve(delivery, why))
            else:
                self._refuse(delivery, why)
            return
        except Exception as error:  # a bug in one translation must not stop other messages
            log.exception("A message could not be read.")
            told = f"Reading it failed with an internal error: {type(error).__name__}."
            self._refuse(delivery, refused(UNREADABLE, told))
            return
        if too_often:
            self._refuse(delivery, refused(UNDECIDABLE, f"It failed {self._deliveries} times."))
        elif isinstance(command, AskPrivacy):
            self._spawn(self._ask(delivery, command))
        else:
            self._post(delivery, command, ref)

    def _post(self, delivery: Delivery, command: Input, ref: str) -> None:
        message = delivery.message
        order_id = order_id_for(message.channel, ref)
        trace = self._watch.begin_message(message, self._reference_of(order_id))

        def told(outcome: str, reason: str) -> None:
            ack = trace.child("ack") if trace.sampled and outcome in TAKEN else None
            trace.end(reason if outcome == POISON else None)
            self._end(delivery, outcome, reason, ack)

        envelope = Envelope(
            command,
            message.delivery_id,
            told,
            channel=message.channel,
            ref=ref,
            fresh=message.deliveries == 1,
            received_at=message.received_at.isoformat(),
            trace=trace,
        )
        try:
            self._registry.post(order_id, envelope)
        except MailboxFull:
            trace.end()
            self._give_back(delivery, BUSY_SECONDS)

    def _refuse(self, delivery: Delivery, why: Refused) -> None:
        """Keep what can't be read or decided; an order that is known and that it would change hears
        of it first."""
        message = delivery.message
        note = note_of(message, why.reason)
        if note is None:
            self._put_aside(delivery, why.reason, why.sentences)
            return
        order_id = order_id_for(message.channel, note.ref)
        trace = self._watch.begin_message(message, self._reference_of(order_id))

        def told(outcome: str, reason: str) -> None:
            trace.end(reason if outcome == POISON else None)
            if outcome in TAKEN or outcome in (UNMATCHED, POISON):
                self._put_aside(delivery, why.reason, why.sentences)
            else:
                self._give_back(delivery, 0.0)

        input_id = f"{message.delivery_id}/{UNREAD}"
        envelope = Envelope(
            note, input_id, told, channel=message.channel, ref=note.ref, trace=trace
        )
        try:
            self._registry.post(order_id, envelope)
        except MailboxFull:
            trace.end()
            self._give_back(delivery, BUSY_SECONDS)

    async def _resolve(self, delivery: Delivery, why: Refused) -> None:
        try:
            found = await self._resolving.resolve(delivery.message)
        except AwayError as error:
            log.warning("A message that names no order will be delivered again: %s", error)
            self._give_back(delivery, AWAY_SECONDS)
        except Exception as error:  # it must neither be lost nor stop other messages
            log.exception("It could not be asked which order a message is about.")
            sentence = f"Asking failed with an internal error: {type(error).__name__}."
            self._put_aside(delivery, why.reason, (*why.sentences, sentence))
        else:
            if found:
                self._watch.taken(delivery.message, COMMITTED)
                self._done(delivery)
            else:
                self._put_aside(delivery, why.reason, why.sentences)

    async def _ask(self, delivery: Delivery, command: AskPrivacy) -> None:
        try:
            await self._asked(delivery.message, command)
        except JournalUnavailable as error:
            log.warning("A request about a customer's data will be delivered again: %s", error)
            self._give_back(delivery, AWAY_SECONDS)
        except Exception as error:  # it must neither be lost nor stop other messages
            log.exception("A request about a customer's data could not be stored.")
            why = f"Storing the request failed with an internal error: {type(error).__name__}."
            self._put_aside(delivery, UNDECIDABLE, (why,))
        else:
            self._watch.taken(delivery.message, COMMITTED)
            self._done(delivery)

    def _end(self, delivery: Delivery, outcome: str, reason: str, ack: Span | None) -> None:
        if outcome in TAKEN:
            self._watch.taken(delivery.message, outcome)
            self._done(delivery, ack)
        elif outcome == UNMATCHED:
            why = (
                f"The channel {delivery.message.channel} has no order with this reference. The"
                " message came too early, or for the wrong channel."
            )
            self._put_aside(delivery, ORDER_UNKNOWN, (why,))
        elif outcome == EARLY and self._may_wait(delivery.message.delivery_id):
            self._give_back(delivery, BUSY_SECONDS)
        elif outcome == EARLY:
            why = (
                f"This order of the channel {delivery.message.channel} has not come as far as the"
                " message says. It came too early, or is about another order."
            )
            self._put_aside(delivery, ORDER_UNKNOWN, (why,))
        elif outcome == POISON:
            self._refuse(delivery, refused(UNDECIDABLE, reason or "It could not be decided."))
        else:
            self._give_back(delivery, 0.0)

    def _may_wait(self, delivery_id: str) -> bool:
        """Whether a report waits on for what it is about. How often it was delivered says little: a
        restart or a store that is away spends deliveries, too."""
        now = self._clock.monotonic()
        since = self._early.setdefault(delivery_id, now)
        while len(self._early) > MAX_EARLY:
            self._early.popitem(last=False)
        return now - since < EARLY_SECONDS

    def _done(self, delivery: Delivery, ack: Span | None = None) -> None:
        self._early.pop(delivery.message.delivery_id, None)
        first, *repeats = self._copies_of(delivery)
        self._ended.append((first, ack))
        self._ended.extend((repeat, None) for repeat in repeats)
        self._to_say.set()
        self._room.set()

    def _copies_of(self, delivery: Delivery) -> list[Delivery]:
        """Remove a message from those in flight; return it with its repeats."""
        taken = self._under_way.pop(delivery.message.delivery_id, None)
        return taken.copies if taken is not None else [delivery]

    def _give_back(self, delivery: Delivery, delay_seconds: float) -> None:
        again = float(delivery.message.deliveries - 1)
        delay_seconds = max(delay_seconds, min(again, LONGEST_AWAY_SECONDS))
        for each in self._copies_of(delivery):
            self._spawn(each.nak(delay_seconds))
        self._room.set()

    def _put_aside(self, delivery: Delivery, reason: str, sentences: tuple[str, ...]) -> None:
        self._spawn(self._keep(delivery, reason, sentences))

    async def _keep(self, delivery: Delivery, reason: str, sentences: tuple[str, ...]) -> None:
        message = delivery.message
        try:
            await self._quarantine.keep(quarantined(message, reason, sentences))
        except JournalUnavailable as error:
            log.warning("The message is not kept and will be delivered again: %s", error)
            self._give_back(delivery, AWAY_SECONDS)
            return
        self._watch.quarantined(reason)
        self._done(delivery)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _check_partition(self, message: Message, ref: str) -> None:
        if partition_of(ref) != message.partition:
            raise refused(
                REF_MISMATCH,
                "The reference inside the message is not the one it was published under, so it"
                " lies in another order's partition. Publish it again under its own reference.",
            )
