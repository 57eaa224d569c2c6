"""Requests that a person makes for a customer, their state, and exports. The running service
erases."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import datetime

import msgspec
from msgspec import Struct

from actors.runtime.errors import JournalUnavailable
from actors.runtime.ports import Clock
from adapters.postgres.audit import Audit, AuditEntry
from adapters.postgres.erasing import Erasing, Found
from adapters.postgres.exports import Exports
from adapters.postgres.privacy import OPEN, PrivacyRequests, Request, Whose, whose_of
from adapters.postgres.quarantine_workflow import Filter, HeldItem, QuarantineWorkflow
from adapters.postgres.sealing import Sealing
from schemas.messages.privacy import EXPORT, Subject
from schemas.order.ids import OrderId
from service.app.errors import OperatorError
from service.privacy.search import MAX_REFS, concerns

MAX_NAMED = 20
"""Orders that a preview lists; the rest is counted."""


class NothingKept(OperatorError):
    """No data for this channel; probably a mistyped name."""


class Preview(Struct, frozen=True, kw_only=True):
    """What a request would find: orders that can be erased at once, orders under way (the first
    twenty by number), orders that are already erased, and messages in quarantine."""

    final: int
    under_way: int
    waiting: tuple[str, ...]
    erased: int
    messages: int


class ShownRequest(Struct, frozen=True, kw_only=True):
    """A request as people see it. `subject` is the customer, None once the request has ended."""

    id: int
    channel: str
    kind: str
    state: str
    asked_by: str
    reason: str
    received_at: datetime
    due_at: datetime
    forced: bool
    hastened: bool
    waits_for: str
    orders: int
    messages: int
    done_at: datetime | None
    subject: Subject | None = None


class PrivacyService:
    """Every call raises JournalUnavailable as the store does."""

    def __init__(
        self,
        requests: PrivacyRequests,
        erasing: Erasing,
        exports: Exports,
        workflow: QuarantineWorkflow,
        *,
        audit: Audit,
        sealing: Sealing,
        clock: Clock,
    ) -> None:
        self.requests = requests
        self._erasing = erasing
        self._exports = exports
        self._workflow = workflow
        self._audit = audit
        self._sealing = sealing
        self._clock = clock

    async def history(self, request_id: int) -> tuple[AuditEntry, ...]:
        """Return the history of a request, newest first."""
        return await self._audit.entries(target=f"privacy:{request_id}")

    async def require_channel(self, channel: str) -> None:
        """Raise NothingKept unless there is an order or a message of the channel."""
        if not await self._erasing.keeps(channel):
            raise NothingKept(
                f"Nothing is kept of a channel {channel[:40]!r}: no order or message of it has "
                "come. If the name is mistyped, `orderwright channels list` shows the right one."
            )

    async def preview(self, channel: str, subject: Subject) -> Preview:
        """Return what a request about the subject would find; changes and stores nothing."""
        whose = whose_of(self._sealing, channel, subject)
        found = [one async for one in self._orders(whose)]
        waiting = [one.number for one in found if one.kept and not one.final]
        messages = 0
        async for _ in self._messages(channel, subject, found):
            messages += 1
        return Preview(
            final=sum(one.kept and one.final for one in found),
            under_way=len(waiting),
            waiting=tuple(waiting[:MAX_NAMED]),
            erased=sum(not one.kept for one in found),
            messages=messages,
        )

    async def ask(
        self,
        kind: str,
        channel: str,
        subject: Subject,
        *,
        delivery_id: str,
        person: str,
        reason: str,
        forced: bool = False,
        hastened: bool = False,
    ) -> int:
        """Store a person's request, once per delivery id, and return its id."""
        return await self.requests.add(
            kind,
            channel,
            subject,
            delivery_id=delivery_id,
            asked_by=person,
            reason=reason,
            at=self._clock.now(),
            forced=forced,
            hastened=hastened,
        )

    async def force(self, request_id: int, person: str, reason: str) -> bool:
        """Wait for no orders under way; the grace period stays. False: the request is not open, or
        erases nothing."""
        return await self.requests.force(
            request_id, person=person, reason=reason, at=self._clock.now()
        )

    async def hasten(self, request_id: int, person: str, reason: str) -> bool:
        """Cut the grace period short. False: the request is not open, or erases nothing."""
        return await self.requests.hasten(
            request_id, person=person, reason=reason, at=self._clock.now()
        )

    async def stop(self, request_id: int, person: str, reason: str) -> bool:
        """End a request without carrying it out. False: it is not open."""
        return await self.requests.stop(
            request_id, person=person, reason=reason, at=self._clock.now()
        )

    async def handed_over(self, request: Request, person: str, reason: str) -> bool:
        """Record that the customer received the data; the request then forgets who it was. False:
        it is not open."""
        found = [one async for one in self._orders(request.whose)]
        return await self.requests.done(
            request.id,
            person=person,
            reason=reason,
            at=self._clock.now(),
            orders=len(found),
            items=0,
        )

    async def export(self, request: Request, person: str) -> AsyncIterator[bytes]:
        """Yield the pieces of one JSON object with everything held about the subject of an open
        request; the access is audited first. Raises JournalUnavailable also for a subject that
        can't be unsealed."""
        assert request.kind == EXPORT
        assert request.state == OPEN
        if request.subject is None:
            raise JournalUnavailable(request.unreadable)
        await self._audit.record(
            at=self._clock.now(),
            person=person,
            action="privacy.read",
            target=f"privacy:{request.id}",
            channel=request.channel,
            reason=request.reason,
        )
        head = {"request": shown(request), "made_at": self._clock.now()}
        yield msgspec.json.encode(head)[:-1] + b',"orders":['
        found, partners, comma = list[Found](), set[str](), b""
        async for one in self._orders(request.whose):
            found.append(one)
            order = await self._exports.order(OrderId(one.order_id))
            if order is not None:
                partners |= {entry.lane for entry in order.timeline if entry.lane}
                yield comma + msgspec.json.encode(order)
                comma = b","
        yield b'],"messages":['
        comma = b""
        async for item in self._messages(request.channel, request.subject, found):
            yield comma + msgspec.json.encode(_message(item))
            comma = b","
        yield b'],"given_to":' + msgspec.json.encode(sorted(partners)) + b"}\n"

    async def _orders(self, whose: Whose) -> AsyncIterator[Found]:
        after = ""
        while page := await self._erasing.of_customer(whose, after=after):
            after = page[-1].order_id
            for one in page:
                yield one

    async def _messages(
        self, channel: str, subject: Subject, found: list[Found]
    ) -> AsyncIterator[HeldItem]:
        about = concerns(subject, [one.ref for one in found][:MAX_REFS])
        which = Filter(state=None, channels=(channel,))
        _, newest = await self._workflow.count(which)
        after = 0
        while page := await self._workflow.originals(which, after=after, upto=newest):
            after = page[-1].id
            for item in page:
                if about(item):
                    yield item


def shown(request: Request, *, named: bool = True) -> ShownRequest:
    """Return a request as people see it; lists leave out the customer."""
    return ShownRequest(
        id=request.id,
        channel=request.channel,
        kind=request.kind,
        state=request.state,
        asked_by=request.asked_by,
        reason=request.reason,
        received_at=request.received_at,
        due_at=request.due_at,
        forced=request.forced,
        hastened=request.hastened,
        waits_for=request.waits_for,
        orders=request.orders,
        messages=request.items,
        done_at=request.done_at,
        subject=request.subject if named else None,
    )


def _message(item: HeldItem) -> dict[str, object]:
    told: dict[str, object] = {
        "id": item.id,
        "at": item.at,
        "reason": item.reason,
        "sentences": item.sentences,
        "headers": item.headers,
    }
    try:
        told["original"] = item.original.decode()
    except UnicodeDecodeError:
        told["original_base64"] = base64.b64encode(item.original).decode()
    return told
