"""Decisions about refused messages: check, edit, release, discard.

A check runs the intake's own translation over the same bytes, so a message that passes the check
passes the intake. A release publishes the message to the stream under a delivery id of its own.
The sender's signature is not checked again: it was checked when the original arrived, and for an
edit the audit records who made it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct, structs

from actors.runtime.errors import StreamUnavailable, TooLargeForStream
from actors.runtime.ports import Clock, Message
from adapters.nats.headers import SUBJECT, TOPIC
from adapters.postgres.quarantine_workflow import (
    OPEN,
    Filter,
    HeldItem,
    QuarantineWorkflow,
    Release,
)
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.contracts.strict_json import MAX_BYTES
from schemas.messages.inputs import KINDS
from schemas.messages.privacy import Read
from schemas.order.ids import partition_of
from service.inbound.addressing import ref_of
from service.inbound.edge import Stream

log = logging.getLogger(__name__)

MAX_RELEASED = 1_000
"""Items that one call processes: about two seconds of work; the next call continues where it
ended."""

MAX_FAILURES = 100
"""Failures that one call lists: more than a person reads, and those of one group are alike."""

RELEASE_SECONDS = 20.0
"""One call ends within this time, before the claim on its Idempotency-Key (30 s) expires."""

UNDER_WAY = 16
"""Messages published at the same time; leaves room for those from the edge."""

MAX_EDITED_BYTES = MAX_BYTES
"""The largest message that the stream and the edge accept."""

STREAM_AWAY = "stream_away"
CHANGED = "changed_meanwhile"
NOT_ALLOWED = "not_allowed"


@runtime_checkable
class Addressed(Protocol):
    """A reader that can tell the kind from payload or topic. It finds the kind of an item that
    arrived before its kind was known, or was too malformed to name it."""

    def address(self, topic: str, raw: bytes) -> tuple[str, str]:
        """Return channel ("" when the payload does not name it) and kind."""
        ...


class Verdict(Struct, frozen=True, kw_only=True):
    """What the intake would make of these bytes now. Without sentences it would accept them, as a
    message of that channel and kind about the order `ref`."""

    ready: bool
    channel: str
    kind: str
    ref: str = ""
    reason: str = ""
    sentences: tuple[str, ...] = ()


class Failure(Struct, frozen=True, kw_only=True):
    """An item that could not be released, and why."""

    id: int
    reason: str
    sentences: tuple[str, ...]


def anything(verdict: Verdict) -> str:
    """A person at the command line may release whatever the intake would accept."""
    return ""


class Released(Struct, frozen=True, kw_only=True):
    """The outcome of a release, or of its preview. `matched` counts all items that matched when it
    began, `looked_at` those that this call processed. `next_after` is where to continue, None at
    the end. `failures` lists the first hundred."""

    preview: bool
    matched: int
    looked_at: int
    released: int
    failed: int
    failures: tuple[Failure, ...]
    next_after: int | None


class QuarantineService:
    """`readers` by kind tell what an item is; `translate` is the intake's translation, and
    `require_origin` its check of who may say this, which an edit does not change. Raises
    JournalUnavailable as the store does."""

    def __init__(
        self,
        workflow: QuarantineWorkflow,
        stream: Stream,
        readers: Mapping[str, object],
        translate: Callable[[Message], Read],
        require_origin: Callable[[Message, str, str], None],
        clock: Clock,
    ) -> None:
        self.workflow = workflow
        self._stream = stream
        self._readers = readers
        self._translate = translate
        self._require_origin = require_origin
        self._clock = clock

    def check(self, item: HeldItem, raw: bytes | None = None) -> Verdict:
        """Return the intake's verdict on an item, or on other bytes in its place."""
        raw = item.current if raw is None else raw
        channel, kind = self._address(item, raw)
        told = Verdict(ready=False, channel=channel, kind=kind)
        if len(raw) > MAX_EDITED_BYTES:
            sentence = f"The message has {len(raw):,} bytes; the limit is {MAX_EDITED_BYTES:,}."
            return structs.replace(told, reason=refusals.TOO_LARGE, sentences=(sentence,))
        try:
            # Its seal is over what it came as; what it may say, over what it would go on as.
            came_as = _message(item, item.original, item.channel, item.kind)
            self._require_origin(came_as, channel, kind)
            ref = ref_of(self._translate(_message(item, raw, channel, kind)))
        except Refused as refused:
            return structs.replace(told, reason=refused.reason, sentences=refused.sentences)
        except Exception as error:  # a bug in a translator; the intake would hit it too
            log.exception("An item in quarantine could not be read.")
            why = f"Reading it failed with an internal error: {type(error).__name__}."
            return structs.replace(told, reason=refusals.UNREADABLE, sentences=(why,))
        return structs.replace(told, ready=True, ref=ref)

    async def fix(self, item: HeldItem, edited: bytes, person: str, reason: str) -> Verdict | None:
        """Store edited bytes beside the original and return the new verdict. None: the item is no
        longer open, or someone else edited it first."""
        verdict = self.check(item, edited)
        kept = await self.workflow.fix(
            item, edited, person=person, reason=reason, now=self._clock.now()
        )
        return verdict if kept else None

    async def discard(self, item: HeldItem, person: str, reason: str) -> bool:
        """Discard an item. False: it is no longer open."""
        return await self.workflow.discard(
            item.id, person=person, reason=reason, now=self._clock.now()
        )

    async def release(
        self,
        item: HeldItem,
        person: str,
        reason: str,
        *,
        forbids: Callable[[Verdict], str] = anything,
    ) -> Failure | None:
        """Release one item; None once the stream has it on disk. `forbids` returns why the person
        may not, "" when he may."""
        failures = await self._send([item], person, reason, forbids)
        return failures[0] if failures else None

    async def release_matching(
        self,
        which: Filter,
        person: str,
        reason: str,
        *,
        preview: bool,
        forbids: Callable[[Verdict], str] = anything,
        after: int = 0,
        most: int = MAX_RELEASED,
        told: Callable[[int, int], None] = lambda done, of: None,
    ) -> Released:
        """Release open items that match, oldest first: at most `most` (1,000), for at most 20 s,
        and none that arrive meanwhile. `told` receives how many are done, of how many."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + RELEASE_SECONDS
        which = structs.replace(which, state=OPEN)
        matched, upto = await self.workflow.count(which, after=after)
        failures: list[Failure] = []
        done, last = 0, after
        ended = matched == 0
        while not ended and done < min(most, MAX_RELEASED) and loop.time() < ends:
            page = await self.workflow.originals(
                which, after=last, upto=upto, limit=min(most, MAX_RELEASED) - done
            )
            ended = not page
            if page:
                last = page[-1].id
                found = await (
                    self._try(page, forbids)
                    if preview
                    else self._send(page, person, reason, forbids)
                )
                failures += found
                done += len(page)
                told(done, matched)
                if any(one.reason == STREAM_AWAY for one in found):
                    break
        return Released(
            preview=preview,
            matched=matched,
            looked_at=done,
            released=done - len(failures),
            failed=len(failures),
            failures=tuple(failures[:MAX_FAILURES]),
            next_after=None if ended or done >= matched else last,
        )

    async def _try(
        self, items: Sequence[HeldItem], forbids: Callable[[Verdict], str]
    ) -> list[Failure]:
        failures = []
        for item in items:
            verdict = permitted(item, self.check(item), forbids)
            if not verdict.ready:
                failures.append(_refused(item, verdict))
            await asyncio.sleep(0)  # describing a refusal takes milliseconds; let other tasks run
        return failures

    async def _send(
        self,
        items: Sequence[HeldItem],
        person: str,
        reason: str,
        forbids: Callable[[Verdict], str],
    ) -> list[Failure]:
        failures: list[Failure] = []
        ready: dict[tuple[str, str], list[tuple[HeldItem, Verdict, Release]]] = {}
        for item in items:
            verdict = permitted(item, self.check(item), forbids)
            if verdict.ready:
                release = Release(id=item.id, attempt=item.attempt, name=_name(item, verdict))
                order = (verdict.channel, verdict.ref)
                ready.setdefault(order, []).append((item, verdict, release))
            else:
                failures.append(_refused(item, verdict))
            await asyncio.sleep(0)
        releases = [one[2] for order in ready.values() for one in order]
        allowed = await self.workflow.intend(releases) if releases else frozenset()
        slots = asyncio.Semaphore(UNDER_WAY)
        sent: list[Release] = []

        async def send(order: Sequence[tuple[HeldItem, Verdict, Release]]) -> None:
            async with slots:
                for item, verdict, release in order:  # messages of one order in sequence
                    failure = _changed(item) if item.id not in allowed else None
                    failure = failure or await self._publish(item, verdict)
                    if failure is None:
                        sent.append(release)
                    else:
                        failures.append(failure)

        await asyncio.gather(*(send(order) for order in ready.values()))
        if sent:
            now = self._clock.now()
            await self.workflow.released(sent, person=person, reason=reason, now=now)
        return failures

    async def _publish(self, item: HeldItem, verdict: Verdict) -> Failure | None:
        try:
            await self._stream.publish(
                verdict.channel,
                verdict.kind,
                verdict.ref,
                item.current,
                delivery_id=_id_of(item),
                source=item.source,
                topic=_topic_of(item),
                trace=item.headers.get("traceparent", ""),
            )
        except StreamUnavailable as error:
            why = f"{error} It stays open; releasing it again does no harm."
            return Failure(id=item.id, reason=STREAM_AWAY, sentences=(why,))
        except TooLargeForStream as error:
            return Failure(id=item.id, reason=refusals.TOO_LARGE, sentences=(str(error),))
        return None

    def _address(self, item: HeldItem, raw: bytes) -> tuple[str, str]:
        reader = self._readers.get(item.source)
        if isinstance(reader, Addressed):
            channel, kind = reader.address(_topic_of(item), raw)
            return channel or item.channel, kind
        if item.kind:
            return item.channel, item.kind
        # The subject of an unroutable message has too few or too many tokens, but its kind is in
        # the usual place.
        tokens = _subject_of(item).split(".")
        kind = tokens[3] if len(tokens) > 3 else ""
        # An action and an edit carry a person's name. Permissions to send one are granted by
        # subject, and this message came under none of those subjects.
        return item.channel, kind if kind in KINDS and kind not in ("act", "edit", "return") else ""


def permitted(item: HeldItem, verdict: Verdict, forbids: Callable[[Verdict], str]) -> Verdict:
    """Return the verdict, or one that tells no more than why it may not be released."""
    why = forbids(verdict)
    if not why:
        return verdict
    return Verdict(
        ready=False, channel=item.channel, kind=item.kind, reason=NOT_ALLOWED, sentences=(why,)
    )


def _message(item: HeldItem, raw: bytes, channel: str, kind: str) -> Message:
    return Message(
        partition=partition_of(""),
        channel=channel,
        kind=kind,
        source=item.source,
        topic=_topic_of(item),
        delivery_id=_id_of(item),
        raw=raw,
        headers=item.headers,
        received_at=item.at,
        deliveries=1,
    )


def _id_of(item: HeldItem) -> str:
    """Return the sender's part of the delivery id: equal for equal bytes of the same item."""
    original = item.delivery_id
    if len(original) > 160 or not (original.isascii() and original.isprintable()):
        original = f"sha256-{hashlib.sha256(original.encode('utf-8', 'replace')).hexdigest()}"
    return f"{original}/released-{item.attempt}"


def _name(item: HeldItem, verdict: Verdict) -> str:
    """Return the delivery id as the intake sees it, scoped by channel and kind."""
    return f"{verdict.channel}/{verdict.kind}/{_id_of(item)}"


def _refused(item: HeldItem, verdict: Verdict) -> Failure:
    return Failure(id=item.id, reason=verdict.reason, sentences=verdict.sentences)


def _changed(item: HeldItem) -> Failure:
    why = "Someone else released, discarded or edited it meanwhile; read it again."
    return Failure(id=item.id, reason=CHANGED, sentences=(why,))


def _topic_of(item: HeldItem) -> str:
    """Return the sender's own name of what happened; "" when it gave none."""
    return item.headers.get(TOPIC.lower(), "")


def _subject_of(item: HeldItem) -> str:
    """Return the subject under which an unroutable message came; "" for everything else."""
    return item.headers.get(SUBJECT.lower(), "")
