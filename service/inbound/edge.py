"""Webhooks: verified, published to the stream as they came, and only then answered with 2xx."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Protocol

from aiohttp import web

from actors.runtime.errors import StreamUnavailable
from actors.runtime.ports import Clock
from adapters.kit.inbound import Receipt
from schemas.contracts.incidents import (
    API_VERSION_DRIFT,
    DELIVERIES_REFUSED,
    SENDER_UNKNOWN,
    SIGNATURE_INVALID,
)
from schemas.contracts.refusals import TOO_LARGE
from service.http import problems
from service.http.bodies import Bodies
from service.http.described import NO_KEY, Taken, described
from service.http.problems import Problem
from service.telemetry.context import traceparent_of
from service.telemetry.logs import bound
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import SpanKind, Tracer

# A flood from one shop must leave room for the others: three quarters of what the stream accepts at
# once.
_MAX_UNDER_WAY_PER_SOURCE = 384
_BUSY_SECONDS = 1

AT_ONCE_PER_SOURCE = 24
"""Deliveries of one sender, read in full, that are worked on at once: whatever another one sends
waits behind all of them in each turn of the event loop. The rest waits here, in the order in which
it came; what is forged has ended as soon as its turn has come."""

_TURN_SECONDS = 2.0  # with the time that the stream may take, less than a shop waits for its answer

REFUSED = {401: SIGNATURE_INVALID, 404: SENDER_UNKNOWN, 413: TOO_LARGE}
"""The incident category of requests that are answered with this status and not kept."""

LASTING_SECONDS = 60.0
"""A sender whose deliveries were all answered 5xx for this long is an incident. Shopify repeats for
four hours and then deletes the subscription; its next repeat may take minutes to come."""

_MAX_NOTED = 256  # each distinct note is logged once; beyond this many, none

_log = logging.getLogger(__name__)


class InboundSource(Protocol):
    """A sender of webhooks."""

    @property
    def kind(self) -> str:
        """Whose shape the bytes have, such as `shopify`."""

    def receive(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Receipt:
        """Verify the sender. Raises the error that the edge received as `forged`."""


class Stream(Protocol):
    """Where inputs are published. Raises StreamUnavailable and TooLargeForStream."""

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
        """Return when the bytes are on disk."""


class NoStream:
    """Stands in for the stream where nothing is published, so that reading needs no NATS."""

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
        """Publish nothing. Raises StreamUnavailable."""
        raise StreamUnavailable("The message stream was not opened.", retry_after_seconds=1)


class Inlet(Protocol):
    """Where webhooks are published: the same stream, with the sender's own headers beside the
    bytes."""

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
        sent: Mapping[str, str] | None = None,
    ) -> None:
        """Return when the bytes are on disk. Raises StreamUnavailable and TooLargeForStream."""


class Edge:
    """`POST /hooks/{source}` answers 200 once the stream has the bytes, 401 for a missing or forged
    signature, 404 for an unknown source, 413 for a body that is too large, and 503 with Retry-After
    while the stream accepts nothing.

    An authentic payload that is malformed is accepted too: it goes to quarantine, where people see
    it, and a repeat by the sender would not fix it. `forged` is the error that a source raises for
    a signature that does not match. `at_once` takes what is about no order, with its sender's name,
    and raises the problem that is answered.
    """

    def __init__(
        self,
        sources: Mapping[str, InboundSource],
        stream: Inlet,
        bodies: Bodies,
        *,
        forged: type[Exception],
        clock: Clock,
        metrics: Metrics,
        tracer: Tracer,
        at_once: Callable[[str, bytes], Awaitable[None]],
        refused: Callable[[str, str], None] = lambda category, sender: None,
        max_under_way_per_source: int = _MAX_UNDER_WAY_PER_SOURCE,
        at_once_per_source: int = AT_ONCE_PER_SOURCE,
        turn_seconds: float = _TURN_SECONDS,
        lasting_seconds: float = LASTING_SECONDS,
    ) -> None:
        self._lasting_seconds = lasting_seconds
        self._refused_since: dict[str, float] = {}
        self._refused = refused
        self._at_once = at_once
        self._sources = sources
        self._stream = stream
        self._bodies = bodies
        self._forged = forged
        self._clock = clock
        self._metrics = metrics
        self._tracer = tracer
        self._max_under_way = max_under_way_per_source
        self._under_way = dict.fromkeys(sources, 0)
        self._at_once_most = at_once_per_source
        self._turn_seconds = turn_seconds
        self._turns = {name: asyncio.Semaphore(at_once_per_source) for name in sources}
        self._noted: set[tuple[str, str]] = set()
        self._loop = asyncio.get_running_loop()

    def use(self, sources: Mapping[str, InboundSource]) -> None:
        """Take webhooks of these senders from now on."""
        self._sources = sources
        for name in sources:
            self._under_way.setdefault(name, 0)
            self._turns.setdefault(name, asyncio.Semaphore(self._at_once_most))

    def routes(self) -> list[web.RouteDef]:
        """The paths of the edge."""
        return [web.post("/hooks/{source}", self.webhook)]

    @described(
        NO_KEY,
        None,
        takes=Taken(shape={}, media=("*/*",), optional=True),
        refuses=(401, 404),
    )
    async def webhook(self, request: web.Request) -> web.StreamResponse:
        """Accept one delivery."""
        began = self._loop.time()
        name = request.match_info["source"]
        source = self._sources.get(name)
        label = name if source is not None else "unknown"
        trace = self._tracer.begin(
            "POST /hooks/{source}", SpanKind.SERVER, traceparent_of(request.headers), inside=True
        )
        failure: Exception | None = None
        try:
            if source is None:
                raise problems.not_found("No sender of webhooks is configured at this address.")
            await self._take(name, source, request, trace.traceparent)
            response: web.Response = web.Response()
        except Exception as error:  # noqa: BLE001 — of() words each error and logs unexpected ones
            with bound(trace_id=trace.trace_id):
                problem = problems.of(error)
            failure = error if problem.status >= 500 else None
            if problem.status in REFUSED:
                self._refused(REFUSED[problem.status], label)
            response = problems.answer(problem, request.rel_url.raw_path)
        if source is not None:
            self._watch(name, response.status)
        trace.note("http.response.status_code", response.status)
        trace.end(failure)
        self._metrics.webhook_answers(label, str(response.status)).inc()
        self._metrics.webhook_seconds(label).observe(self._loop.time() - began)
        return response

    async def _take(
        self, name: str, source: InboundSource, request: web.Request, trace: str
    ) -> None:
        with self._bodies.lease() as lease:
            raw = await lease.read(request)
            async with self._turn(name):
                await self._receive(name, source, request, raw, trace)

    async def _receive(
        self, name: str, source: InboundSource, request: web.Request, raw: bytes, trace: str
    ) -> None:
        """Verify a delivery, and publish it."""
        try:
            receipt = source.receive(request.headers, raw, self._clock.now())
        except self._forged as error:
            raise Problem(
                401,
                "signature-refused",
                "Signature refused",
                str(error) or "The signature is missing or does not match the body.",
            ) from error
        if receipt.drift:
            self._refused(API_VERSION_DRIFT, receipt.channel)
        if receipt.notes:
            self._note(name, receipt.notes)
        if receipt.ignored:
            return
        with self._share(name):
            if receipt.at_once:
                await self._at_once(name, raw)
            else:
                await self._publish(source.kind, receipt, raw, trace)

    @contextmanager
    def _share(self, name: str) -> Iterator[None]:
        """Count what is authentic: only that counts against the sender, so that strangers can't use
        up its share."""
        under_way = self._under_way
        if under_way[name] >= self._max_under_way:
            raise _too_many()
        under_way[name] += 1
        try:
            yield
        finally:
            under_way[name] -= 1

    @asynccontextmanager
    async def _turn(self, name: str) -> AsyncIterator[None]:
        """Wait until one more of this sender may be worked on. Raises Problem where that takes too
        long."""
        turns = self._turns[name]
        try:
            async with asyncio.timeout(self._turn_seconds):
                await turns.acquire()
        except TimeoutError:
            raise _too_many() from None
        try:
            yield
        finally:
            turns.release()

    async def _publish(self, kind: str, receipt: Receipt, raw: bytes, trace: str) -> None:
        await self._stream.publish(
            receipt.channel,
            receipt.kind,
            receipt.ref,
            raw,
            delivery_id=receipt.delivery_id,
            source=kind,
            topic=receipt.topic,
            trace=trace,
            sent=receipt.headers,
        )

    def _watch(self, name: str, status: int) -> None:
        """Count a sender that has been refused for long: its subscription is at stake."""
        if status < 300:
            self._refused_since.pop(name, None)
        elif status >= 500:
            now = self._loop.time()
            if now - self._refused_since.setdefault(name, now) >= self._lasting_seconds:
                self._refused(DELIVERIES_REFUSED, name)

    def _note(self, name: str, notes: tuple[str, ...]) -> None:
        self._metrics.webhook_notes(name).inc(len(notes))
        for note in notes:
            if (name, note) not in self._noted and len(self._noted) < _MAX_NOTED:
                self._noted.add((name, note))
                _log.warning("The sender %s: %s", name, note)


def _too_many() -> Problem:
    return problems.busy("This sender has too many deliveries under way.", _BUSY_SECONDS)
