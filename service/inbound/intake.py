"""Takes letters from the stream, reads them, and brings them to their orders; acknowledges only
what is on disk.

A letter ends in one of three ways: its order has it (or had it already), it is in quarantine whole,
or it goes back to the stream and comes again. One that asks about a customer's data goes to no
order: it has ended once it stands among the requests.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Protocol

import msgspec

from actors.runtime.errors import JournalUnavailable, MailboxFull
from actors.runtime.mailbox import COMMITTED, DUPLICATE, POISON, UNMATCHED, Envelope
from actors.runtime.observer import Span, Trace
from actors.runtime.ports import Clock, Letter, Quarantine, Quarantined
from actors.runtime.registry import Registry
from schemas.contracts.refusals import (
    ORDER_UNKNOWN,
    REF_MISMATCH,
    UNDECIDABLE,
    UNREADABLE,
    Refused,
    refused,
)
from schemas.messages.inputs import Input, PlaceOrder, UpdateOrder
from schemas.messages.privacy import AskPrivacy, Read
from schemas.order.ids import OrderId, order_id_for, partition_of, ref_of_token

log = logging.getLogger(__name__)

TAKEN = frozenset({COMMITTED, DUPLICATE})
"""Outcomes after which the order has the letter, or had it already."""


BUSY_SECONDS = 1.0
"""How long a letter stays away that found its order's mailbox full, the first time."""

AWAY_SECONDS = 2.0
"""How long a letter stays away that could not be kept because the store was away, the first
time."""

LONGEST_AWAY_SECONDS = 30.0
"""A letter that comes back again and again stays away longer each time, so that its deliveries
last for a quarter of an hour of trouble on our side and not for one minute."""

HIDDEN_HEADERS = frozenset({"authorization", "cookie", "x-shopify-hmac-sha256"})
"""Headers that quarantine doesn't keep: credentials, and what proves nothing once checked."""


KEEP_EVERY_SECONDS = 4.0
"""How often the stream is told that a letter is still being worked on; it lends for twelve."""

YIELD_EVERY = 16
"""Letters read in one go: about four milliseconds, for which webhooks and answers wait."""

_read_sent = msgspec.json.Decoder(dict[str, str]).decode

MAX_REPEATS = 100
"""Repeats of one letter under way that end with it; further ones come again by themselves."""


class Lent(Protocol):
    """A letter the stream has lent us."""

    letter: Letter

    async def ack(self) -> None:
        """It is done with."""
        ...

    async def in_progress(self) -> None:
        """It is still being worked on."""
        ...

    async def nak(self, delay_seconds: float = 0.0) -> None:
        """It shall come again after the delay."""
        ...


class Letters(Protocol):
    """Where letters come from."""

    async def next_batch(self, max_items: int) -> Sequence[Lent]:
        """Return what is there, or nothing after a short while."""
        ...


class Watch(Protocol):
    """What intake tells whoever watches."""

    def begin_letter(self, letter: Letter, correlation_id: str) -> Trace:
        """A letter is taken up."""
        ...

    def quarantined(self, reason: str) -> None:
        """A letter was put into quarantine."""
        ...

    def taken(self, letter: Letter, outcome: str) -> None:
        """A letter ended."""
        ...


class Taken:
    """A letter under way, with the repeats of it that came meanwhile."""

    __slots__ = ("at", "lents")

    def __init__(self, lent: Lent, at: float) -> None:
        self.lents = [lent]
        self.at = at


class Intake:
    """`in_flight` bounds the letters taken and not ended; at the bound the stream keeps the rest.
    `deliveries` bounds how often one letter is tried before it is put aside. `asked` returns when a
    request about a customer's data is on disk, and raises JournalUnavailable."""

    def __init__(
        self,
        letters: Letters,
        translate: Callable[[Letter], Read],
        registry: Registry,
        quarantine: Quarantine,
        *,
        asked: Callable[[Letter, AskPrivacy], Awaitable[None]],
        watch: Watch,
        clock: Clock,
        reference_of: Callable[[OrderId], str],
        in_flight: int = 1_024,
        batch: int = 128,
        deliveries: int = 50,
    ) -> None:
        self._letters = letters
        self._translate = translate
        self._registry = registry
        self._quarantine = quarantine
        self._asked = asked
        self._watch = watch
        self._clock = clock
        self._reference_of = reference_of
        self._most = in_flight
        self._batch = batch
        self._deliveries = deliveries
        self._under_way: dict[str, Taken] = {}
        self._ended: deque[tuple[Lent, Span | None]] = deque()
        self._room = asyncio.Event()
        self._to_say = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.stopping = False

    @property
    def in_flight(self) -> int:
        """How many letters are taken and not ended."""
        return len(self._under_way)

    @property
    def oldest_seconds(self) -> float:
        """The age of the oldest letter taken and not ended, since the stream stored it."""
        oldest = next(iter(self._under_way.values()), None)
        if oldest is None:
            return 0.0
        return (self._clock.now() - oldest.lents[0].letter.received_at).total_seconds()

    async def run(self) -> None:
        """Take letters until `stopping` is set; returns when the last batch was handed on."""
        while not self.stopping:
            room = self._most - len(self._under_way)
            if room <= 0:
                self._room.clear()
                await self._room.wait()
                continue
            batch = await self._letters.next_batch(min(room, self._batch))
            for place, lent in enumerate(batch, start=1):
                self._take(lent)
                if place % YIELD_EVERY == 0:
                    await asyncio.sleep(0)

    async def acknowledge(self) -> None:
        """Say which letters ended, until cancelled."""
        while True:
            await self._to_say.wait()
            self._to_say.clear()
            await self._acknowledge_ended()

    async def keep(self) -> None:
        """Keep what takes long from being lent out again, until cancelled: while the store is away
        a letter waits with its order, and must not look like one that fails again and again."""
        while True:
            await asyncio.sleep(KEEP_EVERY_SECONDS)
            before = self._clock.monotonic() - KEEP_EVERY_SECONDS
            for taken in [t for t in self._under_way.values() if t.at <= before]:
                await taken.lents[0].in_progress()

    async def drain(self, seconds: float) -> int:
        """Take nothing more; wait for what was taken; return how many letters did not end."""
        self.stopping = True
        self._room.set()
        try:
            async with asyncio.timeout(seconds):
                while self._under_way:
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            log.warning("%d letters had not ended; they come again.", len(self._under_way))
        await self._acknowledge_ended()
        return len(self._under_way)

    async def _acknowledge_ended(self) -> None:
        while self._ended:
            lent, span = self._ended.popleft()
            await lent.ack()
            if span is not None:
                span.end()

    def _take(self, lent: Lent) -> None:
        letter = lent.letter
        taken = self._under_way.get(letter.delivery_id)
        if taken is not None:
            if letter.raw != taken.lents[0].letter.raw:  # its sender gave one id to two messages
                self._spawn(lent.nak(BUSY_SECONDS))
            elif len(taken.lents) < MAX_REPEATS:  # a repeat ends with the one that is under way
                taken.lents.append(lent)
            return
        self._under_way[letter.delivery_id] = Taken(lent, self._clock.monotonic())
        if letter.deliveries > self._deliveries:
            self._put_aside(lent, UNDECIDABLE, (f"It was tried {self._deliveries} times in vain.",))
            return
        try:
            given = self._translate(letter)
            ref = ref_of(given)
            self._check_partition(letter, ref)
        except Refused as refused:
            self._put_aside(lent, refused.reason, refused.sentences)
            return
        except Exception as error:  # a translation's bug must not stop the others
            log.exception("A letter could not be read.")
            why = f"Reading it failed on our side: {type(error).__name__}."
            self._put_aside(lent, UNREADABLE, (why,))
            return
        if isinstance(given, AskPrivacy):
            self._spawn(self._ask(lent, given))
        else:
            self._post(lent, given, ref)

    def _post(self, lent: Lent, given: Input, ref: str) -> None:
        letter = lent.letter
        order_id = order_id_for(letter.channel, ref)
        trace = self._watch.begin_letter(letter, self._reference_of(order_id))

        def told(outcome: str, reason: str) -> None:
            ack = trace.child("ack") if trace.sampled and outcome in TAKEN else None
            trace.end(reason if outcome == POISON else None)
            self._end(lent, outcome, reason, ack)

        envelope = Envelope(
            given,
            letter.delivery_id,
            told,
            channel=letter.channel,
            ref=ref,
            fresh=letter.deliveries == 1,
            received_at=letter.received_at.isoformat(),
            trace=trace,
        )
        try:
            self._registry.post(order_id, envelope)
        except MailboxFull:
            trace.end()
            self._give_back(lent, BUSY_SECONDS)

    async def _ask(self, lent: Lent, given: AskPrivacy) -> None:
        try:
            await self._asked(lent.letter, given)
        except JournalUnavailable as error:
            log.warning("A request about a customer's data comes again: %s", error)
            self._give_back(lent, AWAY_SECONDS)
        except Exception as error:  # it must not be lost, nor stop the others
            log.exception("A request about a customer's data could not be kept.")
            why = f"Keeping the request failed on our side: {type(error).__name__}."
            self._put_aside(lent, UNDECIDABLE, (why,))
        else:
            self._watch.taken(lent.letter, COMMITTED)
            self._done(lent)

    def _end(self, lent: Lent, outcome: str, reason: str, ack: Span | None) -> None:
        if outcome in TAKEN:
            self._watch.taken(lent.letter, outcome)
            self._done(lent, ack)
        elif outcome == UNMATCHED:
            why = (
                f"No order {lent.letter.channel} knows is meant. It may have been sent too early,"
                " or to the wrong channel."
            )
            self._put_aside(lent, ORDER_UNKNOWN, (why,))
        elif outcome == POISON:
            self._put_aside(lent, UNDECIDABLE, (reason or "It could not be decided.",))
        else:
            self._give_back(lent, 0.0)

    def _done(self, lent: Lent, ack: Span | None = None) -> None:
        first, *repeats = self._lents(lent)
        self._ended.append((first, ack))
        self._ended.extend((repeat, None) for repeat in repeats)
        self._to_say.set()
        self._room.set()

    def _lents(self, lent: Lent) -> list[Lent]:
        """Take a letter from what is under way; return it with its repeats."""
        taken = self._under_way.pop(lent.letter.delivery_id, None)
        return taken.lents if taken is not None else [lent]

    def _give_back(self, lent: Lent, delay_seconds: float) -> None:
        again = float(lent.letter.deliveries - 1)
        delay_seconds = max(delay_seconds, min(again, LONGEST_AWAY_SECONDS))
        for each in self._lents(lent):
            self._spawn(each.nak(delay_seconds))
        self._room.set()

    def _put_aside(self, lent: Lent, reason: str, sentences: tuple[str, ...]) -> None:
        self._spawn(self._keep(lent, reason, sentences))

    async def _keep(self, lent: Lent, reason: str, sentences: tuple[str, ...]) -> None:
        letter = lent.letter
        item = Quarantined(
            delivery_id=letter.delivery_id,
            channel=letter.channel,
            kind=letter.kind,
            ref=published_ref(letter),
            source=letter.source,
            reason=reason,
            sentences=sentences,
            headers=kept_headers(letter),
            original=letter.raw,
            at=letter.received_at,
        )
        try:
            await self._quarantine.keep(item)
        except JournalUnavailable as error:
            log.warning("Quarantine is away; the letter comes again: %s", error)
            self._give_back(lent, AWAY_SECONDS)
            return
        self._watch.quarantined(reason)
        self._done(lent)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _check_partition(self, letter: Letter, ref: str) -> None:
        if partition_of(ref) != letter.partition:
            raise refused(
                REF_MISMATCH,
                "The reference inside the message is not the one it was published under, so it"
                " lies in another order's partition. Publish it again under its own reference.",
            )


def kept_headers(letter: Letter) -> dict[str, str]:
    """Return a letter's headers and its sender's own, without credentials."""
    try:
        sent = _read_sent(letter.sent) if letter.sent else {}
    except msgspec.DecodeError:  # not written by our edge
        sent = {"sent": letter.sent}
    found = {**{name.lower(): value for name, value in sent.items()}, **letter.headers}
    return {name: value for name, value in found.items() if name not in HIDDEN_HEADERS}


def published_ref(letter: Letter) -> str:
    """Return the reference of the order that a letter was published under; "" when its sender did
    not say, or said one whose letters lie elsewhere."""
    ref = ref_of_token(letter.ref_token)
    return ref if ref and partition_of(ref) == letter.partition else ""


def ref_of(given: Read) -> str:
    """Return which order an input is about, or the name of a request's message."""
    if isinstance(given, PlaceOrder | UpdateOrder):
        return given.order.ref
    ref: str = given.ref  # type: ignore[union-attr]  # every kind a letter can have names its order
    return ref
