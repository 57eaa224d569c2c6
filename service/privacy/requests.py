"""Carries out customers' requests by law: erases data, and reports what still waits.

An order that is being fulfilled keeps its address until it is final, so a request may have to wait.
It then says for what, and raises an alarm before it is due. Nothing here goes through an order's
actor.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, timedelta

from msgspec import Struct

from actors.runtime.errors import JournalUnavailable
from actors.runtime.ports import Clock, Message
from adapters.postgres.erasing import BEGINNING, Erasing
from adapters.postgres.privacy import PrivacyRequests, Request
from adapters.postgres.quarantine_workflow import Filter, QuarantineWorkflow
from schemas.contracts.incidents import PRIVACY_LATE
from schemas.contracts.refusals import PRIVACY_REQUEST
from schemas.messages.privacy import EXPORT, REDACT_SHOP, AskPrivacy, Subject
from service.privacy.metrics import PrivacyMetrics
from service.privacy.search import MAX_REFS, concerns

log = logging.getLogger(__name__)

PERIOD_SECONDS = 2.0
"""How soon a request from the command line is picked up."""

AGAIN_SECONDS = 60.0
"""How often a waiting request is tried again."""

SCAN_AGAIN_SECONDS = 600.0
"""How often the quarantine is searched again for a waiting request: each search reads all messages
of its channel."""

ALARM_SECONDS = 3_600.0
ALARM_BEFORE = timedelta(days=7)
"""A request that is still open this long before it is due raises an alarm every hour."""

REPEATS = timedelta(hours=48)
"""For so long after a request has ended, the same bytes are a repeat of it (Shopify sends a webhook
again for some hours). What asks later asks again: the next `shop/redact` of a shop has the same
bytes, and its id is in no signed place."""

MAX_NAMED = 5
"""Orders or messages that a sentence lists; the rest is counted."""

SERVICE = "the service"


IN_GRACE = "its grace period"
"""How what an erasure waits for begins while a person can still stop it."""


class Scan(Struct, frozen=True):
    """An earlier search of the quarantine: when it was, which orders the request waited for then
    (in words), and which messages wait."""

    at: float
    waits: str
    held: str


class Privacy:
    """`may` returns whether the lease on the orders is certainly held; `forget` drops orders from
    memory; `refused` counts an occurrence of an incident. `grace` is how long an erasure waits
    before anything is destroyed, so that a person can stop it."""

    def __init__(
        self,
        requests: PrivacyRequests,
        erasing: Erasing,
        workflow: QuarantineWorkflow,
        clock: Clock,
        metrics: PrivacyMetrics,
        *,
        grace: timedelta,
        may: Callable[[], bool],
        forget: Callable[[Iterable[str]], None],
        refused: Callable[[str, str], None],
    ) -> None:
        self._requests = requests
        self._erasing = erasing
        self._workflow = workflow
        self._clock = clock
        self._metrics = metrics
        self._grace = grace
        self._may = may
        self._forget = forget
        self._refused = refused
        self._wake = asyncio.Event()
        self._look_at: dict[int, float] = {}
        self._scans: dict[int, Scan] = {}
        self._alarmed_at = float("-inf")

    async def asked(self, message: Message, command: AskPrivacy) -> None:
        """Store a channel's request, once for equal bytes until REPEATS after it has ended; returns
        when it is on disk."""
        at = message.received_at
        name = await self._requests.name_of(message.delivery_id, at, repeats=REPEATS)
        await self._requests.add(
            command.asks,
            message.channel,
            command.subject,
            delivery_id=name,
            asked_by=f"the channel {message.channel}",
            reason=message.topic or "The channel requested it.",
            at=at,
        )
        self._wake.set()

    async def run(self) -> None:
        """Carry out requests until cancelled. The next round makes up for one that failed."""
        while True:
            self._wake.clear()
            if self._may():
                try:
                    await self.round()
                except JournalUnavailable as error:
                    log.info("Privacy requests wait for the database: %s", error)
                except Exception:  # orders must go on; the alarm before the due date remains
                    log.exception("Carrying out privacy requests failed.")
            try:
                async with asyncio.timeout(PERIOD_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def round(self, *, everything: bool = False) -> None:
        """Try open requests that were not tried lately (or `everything`). Raises
        JournalUnavailable."""
        after, seen, late = 0, set[int](), []
        while page := await self._requests.open_ones(after=after):
            after = page[-1].id
            for request in page:
                seen.add(request.id)
                if request.due_at - self._clock.now() < ALARM_BEFORE:
                    late.append(request)
                if everything or self._is_due(request):
                    await self._take_up(request)
        self._look_at = {k: v for k, v in self._look_at.items() if k in seen}
        self._scans = {k: v for k, v in self._scans.items() if k in seen}
        self._tell(len(seen), late)

    def _is_due(self, request: Request) -> bool:
        # A request that a person forced, or whose grace a person cut short, is tried at once.
        hastened = request.hastened and request.waits_for.startswith(IN_GRACE)
        forced = request.forced and not self._in_grace(request)
        at_once = (forced or hastened) and not request.unreadable
        return at_once or self._look_at.get(request.id, 0.0) <= self._clock.monotonic()

    def _tell(self, opened: int, late: list[Request]) -> None:
        self._metrics.open.set(opened)
        self._metrics.late.set(len(late))
        now = self._clock.monotonic()
        if late and now - self._alarmed_at >= ALARM_SECONDS:
            self._alarmed_at = now
            for request in late:
                self._refused(PRIVACY_LATE, request.channel)
                log.warning(
                    "Privacy request %d of %s is due on %s and waits for %s.",
                    *(request.id, request.channel, request.due_at.date(), request.waits_for),
                )

    async def _take_up(self, request: Request) -> None:
        self._look_at[request.id] = self._clock.monotonic() + AGAIN_SECONDS
        if request.unreadable:
            log.error("Privacy request %d can't be carried out: %s", request.id, request.unreadable)
            self._metrics.failures.inc()
            if request.waits_for != request.unreadable:
                await self._requests.progress(request.id, request.unreadable, 0, 0)
            return
        try:
            if request.kind == EXPORT:
                await self._offer(request)
            elif self._in_grace(request):
                await self._announce(request)
            else:
                await self._erase(request)
        except JournalUnavailable:
            raise
        except Exception:  # one that fails must not hold up the others
            log.exception("Privacy request %d could not be carried out.", request.id)
            self._metrics.failures.inc()

    def use(self, *, grace: timedelta) -> None:
        """Let erasures wait for this long from now on."""
        self._grace = grace

    def _in_grace(self, request: Request) -> bool:
        ended = request.received_at + self._grace <= self._clock.now()
        return not (ended or request.hastened)

    async def _announce(self, request: Request) -> None:
        until = (request.received_at + self._grace).astimezone(UTC)
        told = (
            f"{IN_GRACE}, which ends on {until:%Y-%m-%d %H:%M} UTC: `orderwright privacy now "
            f"{request.id}` cuts it short, `orderwright privacy stop {request.id}` ends the request"
        )
        if request.waits_for != told:
            self._refused(PRIVACY_REQUEST, request.channel)
            await self._requests.progress(request.id, told, 0, 0)

    async def _offer(self, request: Request) -> None:
        told = f"a person to hand it over: `orderwright privacy export {request.id} --file FILE`"
        if request.waits_for != told:
            self._refused(PRIVACY_REQUEST, request.channel)
            await self._requests.progress(request.id, told, 0, 0)

    async def _erase(self, request: Request) -> None:
        """Erase what may be erased and record what waits; the request is done when nothing does."""
        if request.kind == REDACT_SHOP:
            erased, waiting = await self._erase_channel(request)
            refs: list[str] = []
        else:
            erased, waiting, refs = await self._erase_orders(request)
        waits = _orders(waiting)
        items, held = await self._erase_items(request, refs, waits)
        self._metrics.orders("request").inc(erased)
        self._metrics.messages.inc(items)
        if not waits and not held:
            await self._requests.done(
                request.id,
                person=SERVICE,
                reason="Everything the request is about was erased.",
                at=self._clock.now(),
                orders=erased,
                items=items,
            )
            return
        told = " and ".join(one for one in (waits, held) if one)
        if erased or items or told != request.waits_for:
            await self._requests.progress(request.id, told, erased, items)

    async def _erase_orders(self, request: Request) -> tuple[int, list[str], list[str]]:
        erased, waiting, refs, after = 0, list[str](), list[str](), ""
        while page := await self._erasing.of_customer(request.whose, after=after):
            after = page[-1].order_id
            refs += [one.ref for one in page][: MAX_REFS - len(refs)]
            due = [x.order_id for x in page if x.kept and (x.final or request.forced)]
            erased += await self._destroy(request, due)
            waiting += [x.number for x in page if x.kept and not (x.final or request.forced)]
        return erased, waiting, refs

    async def _erase_channel(self, request: Request) -> tuple[int, list[str]]:
        erased, waiting, place = 0, list[str](), BEGINNING
        whole = self._clock.now() + timedelta(days=1)  # beyond everything there is
        while True:
            page = await self._erasing.walk({request.channel: whole}, place, placed_before=whole)
            erased += await self._destroy(request, page.due)
            if request.forced:
                erased += await self._destroy(request, page.waiting)
            else:
                waiting += page.waiting.values()
            if page.after is None:
                return erased, waiting
            place = page.after
            await asyncio.sleep(0)

    async def _destroy(self, request: Request, order_ids: Iterable[str]) -> int:
        ids = tuple(order_ids)
        if not ids:
            return 0
        erased = await self._erasing.erase_orders(
            ids,
            person=SERVICE,
            target=f"privacy:{request.id}",
            reason=request.reason,
            at=self._clock.now(),
            forced=request.forced,
        )
        self._forget(ids)
        return len(erased)

    async def _erase_items(self, request: Request, refs: list[str], waits: str) -> tuple[int, str]:
        """Erase messages in quarantine; return how many, and in words which of them wait. Searches
        only when the last search is long ago, or when the orders that were waited for have
        ended."""
        before, now = self._scans.get(request.id), self._clock.monotonic()
        recent = before is not None and now - before.at < SCAN_AGAIN_SECONDS
        if before is not None and recent and not request.forced and (waits or not before.waits):
            return 0, before.held
        if request.kind == REDACT_SHOP:
            erased, held = await self._erase_all_items(request), list[int]()
        else:
            erased, held = await self._search(request, refs)
        self._scans[request.id] = Scan(now, waits, _items(held))
        return erased, _items(held)

    async def _erase_all_items(self, request: Request) -> int:
        erased = 0
        while ids := await self._erasing.items_of(request.channel):
            erased += await self._empty(request, ids)
        return erased

    async def _empty(self, request: Request, ids: Sequence[int]) -> int:
        return await self._erasing.erase_items(
            ids, person=SERVICE, reason=request.reason, at=self._clock.now()
        )

    async def _search(self, request: Request, refs: list[str]) -> tuple[int, list[int]]:
        about = concerns(request.subject or Subject(), refs)
        which = Filter(state=None, channels=(request.channel,))
        _, newest = await self._workflow.count(which)
        erased, held, after = 0, list[int](), 0
        while page := await self._workflow.originals(which, after=after, upto=newest):
            after = page[-1].id
            due: list[int] = []
            for item in page:
                if about(item):
                    # A message that may still become an order will need its address.
                    waits = item.state == "open" and item.kind == "place" and not request.forced
                    (held if waits else due).append(item.id)
            erased += await self._empty(request, due)
            await asyncio.sleep(0)
        return erased, held


def _orders(numbers: list[str]) -> str:
    if not numbers:
        return ""
    more = f" and {len(numbers) - MAX_NAMED} more" if len(numbers) > MAX_NAMED else ""
    many = "orders that are" if len(numbers) > 1 else "an order that is"
    return f"{many} under way: {', '.join(numbers[:MAX_NAMED])}{more}"


def _items(ids: list[int]) -> str:
    if not ids:
        return ""
    more = f" and {len(ids) - MAX_NAMED} more" if len(ids) > MAX_NAMED else ""
    many = "orders" if len(ids) > 1 else "an order"
    named = ", ".join(map(str, ids[:MAX_NAMED]))
    return f"{many} in quarantine, to be released or discarded: {named}{more}"
