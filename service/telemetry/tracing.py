"""Traces: one per handled message, linked to the message that caused it.

We make the head decision ourselves, once for each message, because in OpenTelemetry even an
unsampled span costs 18 µs, and an order has a dozen. An unsampled trace is only a start time and a
few names; if it fails or is slow, a span is created afterwards, with its true times.

With a correlation id the decision is a hash of it: either all messages of an order are traced or
none.
"""

from __future__ import annotations

import asyncio
import random
import zlib
from collections.abc import Mapping, Sequence
from typing import Protocol

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace import Tracer as OtelTracer

from service.telemetry.context import (
    is_sampled,
    link_to,
    make_traceparent,
    parent_context,
    trace_id_of,
)

__all__ = ["NOTHING", "Child", "SpanKind", "Trace", "Tracer", "TracingClock", "start_tracing"]

CORRELATION = "orderwright.correlation_id"

MAX_QUEUED_SPANS = 4_096
"""Spans that wait to be exported, about 8 MB. Beyond it new spans are dropped; nothing waits for
them."""

Attributes = Mapping[str, str | int | float | bool]

_VERBS = {
    SpanKind.CONSUMER: ("process", "process"),
    SpanKind.PRODUCER: ("publish", "send"),
}


class TracingClock(Protocol):
    """The clock that tracing needs (`service.app.clock.SystemClock`)."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        ...

    def wall_ns(self) -> int:
        """Return nanoseconds since 1970."""
        ...


class Child:
    """A step inside a sampled trace, which may end with an error of its own."""

    __slots__ = ("_span", "traceparent")

    def __init__(self, span: Span | None, traceparent: str) -> None:
        self._span = span
        self.traceparent = traceparent
        """The header to send with a call made inside this step ("": not sampled)."""

    def note(self, name: str, value: str | int | float | bool) -> None:
        """Add an attribute. Whoever calls this keeps it bounded and free of personal data."""
        if self._span is not None:
            self._span.set_attribute(name, value)

    def end(self, error: BaseException | str | None = None) -> None:
        """End the step; a second call does nothing."""
        if self._span is not None:
            if error is not None:
                _mark_failed(self._span, error)
            self._span.end()


NOTHING = Child(None, "")
"""The step of an unsampled trace: it does nothing and costs nothing."""


class Trace:
    """The processing of one message. Call `end` exactly once, also on failure.

    `sampled` tells whether steps and attributes are recorded; `correlation_id` may be set once it
    is known.
    """

    __slots__ = (
        "_caused_by",
        "_later_id",
        "_span",
        "_start",
        "_tracer",
        "correlation_id",
        "kind",
        "name",
        "traceparent",
    )

    def __init__(
        self, tracer: Tracer, name: str, kind: SpanKind, caused_by: str, correlation_id: str
    ) -> None:
        self._tracer = tracer
        self._start = tracer.monotonic()
        self._caused_by = caused_by
        self._span: Span | None = None
        self._later_id = 0
        self.traceparent = ""
        """The header for messages and calls this one causes ("": not sampled)."""
        self.name = name
        self.kind = kind
        self.correlation_id = correlation_id

    @property
    def sampled(self) -> bool:
        """Whether this trace is recorded from its start, or at least propagated to others."""
        return self.traceparent != ""

    @property
    def trace_id(self) -> str:
        """Return 32 hex digits for log lines; a trace that is kept only because it failed has the
        same id."""
        if self.traceparent:
            return self.traceparent[3:35]
        if not self._later_id:
            self._later_id = random.getrandbits(128) or 1
        return f"{self._later_id:032x}"

    def child(self, name: str, kind: SpanKind = SpanKind.INTERNAL) -> Child:
        """Begin a step. Names follow OpenTelemetry: `decide`, `append`, `carrier buy_label`."""
        if self._span is None:
            return Child(None, self.traceparent) if self.traceparent else NOTHING
        return self._tracer.child_of(self._span, name, kind)

    def note(self, name: str, value: str | int | float | bool) -> None:
        """Add an attribute if the trace is recorded."""
        if self._span is not None:
            self._span.set_attribute(name, value)

    def end(self, error: BaseException | str | None = None) -> None:
        """End the trace; one that failed or took longer than `slow_seconds` is always kept."""
        if self._span is None:
            tracer = self._tracer
            seconds = tracer.monotonic() - self._start
            if error is not None or seconds > tracer.slow_seconds:
                tracer.keep(self, seconds, error)
            return
        if self.correlation_id:
            self._span.set_attribute(CORRELATION, self.correlation_id)
        if error is not None:
            _mark_failed(self._span, error)
        self._span.end()


class Ids(RandomIdGenerator):
    """Random ids, except that a trace kept afterwards gets the id that its log lines already
    carry."""

    next_trace_id = 0

    def generate_trace_id(self) -> int:
        """Return the expected id, else a random one."""
        return self.next_trace_id or super().generate_trace_id()


class Tracer:
    """Begins traces. Without an exporter it still propagates trace ids to partners and logs.

    `ratio` is the share of orders that are sampled; `follow` adopts the decision of a sampled
    client.
    """

    def __init__(
        self,
        clock: TracingClock,
        *,
        ratio: float,
        slow_seconds: float,
        follow: bool = True,
        provider: TracerProvider | None = None,
        ids: Ids | None = None,
    ) -> None:
        self.monotonic = clock.monotonic
        self.slow_seconds = slow_seconds
        self._wall_ns = clock.wall_ns
        self._threshold = int(ratio * 2**32)
        self._follow = follow
        self._provider = provider
        self._ids = ids or Ids()
        self._otel: OtelTracer | None = provider.get_tracer("orderwright") if provider else None

    def begin(
        self,
        name: str,
        kind: SpanKind = SpanKind.CONSUMER,
        caused_by: str = "",
        correlation_id: str = "",
        *,
        inside: bool = False,
        links: Sequence[str] = (),
    ) -> Trace:
        """Begin the trace of one message.

        `caused_by` is the message's traceparent: the new trace is linked to it, or with `inside`
        becomes part of it (the client of an HTTP request). A malformed one is ignored, as W3C
        requires. `links` are traceparents of further causes. An unsampled trace costs under a
        microsecond.
        """
        trace = Trace(self, name, kind, caused_by, correlation_id)
        drawn = self._threshold and self._drawn(correlation_id)
        if drawn or (caused_by and self._follow and is_sampled(caused_by)):
            self._record(trace, inside, links)
        return trace

    def _drawn(self, correlation_id: str) -> bool:
        if correlation_id:
            return zlib.crc32(correlation_id.encode()) < self._threshold
        return random.random() * 2**32 < self._threshold

    def child_of(self, parent: Span, name: str, kind: SpanKind) -> Child:
        """Begin a span inside a recorded one."""
        assert self._otel is not None
        context = set_span_in_context(parent, Context())
        span = self._otel.start_span(name, context, kind, _attributes(name, kind))
        return Child(span, _traceparent(span))

    def keep(self, trace: Trace, seconds: float, error: BaseException | str | None) -> None:
        """Create the span of an unsampled trace after it failed or was slow."""
        if self._otel is None:
            return
        end_ns = self._wall_ns()
        self._ids.next_trace_id = trace._later_id
        span = self._start(trace, False, (), end_ns - int(seconds * 1e9))
        self._ids.next_trace_id = 0
        span.set_attribute("orderwright.kept", "slow" if error is None else "error")
        if trace.correlation_id:
            span.set_attribute(CORRELATION, trace.correlation_id)
        if error is not None:
            _mark_failed(span, error)
        span.end(end_ns)

    async def close(self, timeout_seconds: float = 5.0) -> None:
        """Export what is waiting, for at most `timeout_seconds`; the rest is dropped."""
        if self._provider is not None:
            provider = self._provider
            limit_ms = int(timeout_seconds * 1000)
            await asyncio.to_thread(provider.force_flush, limit_ms)
            await asyncio.to_thread(provider.shutdown)

    def _record(self, trace: Trace, inside: bool, links: Sequence[str]) -> None:
        if self._otel is None:
            span_id = random.getrandbits(64) or 1
            same = trace_id_of(trace._caused_by) if inside else ""
            trace_id = int(same, 16) if same else random.getrandbits(128) or 1
            trace.traceparent = make_traceparent(trace_id, span_id)
            return
        trace._span = self._start(trace, inside, links, None)
        trace.traceparent = _traceparent(trace._span)

    def _start(
        self, trace: Trace, inside: bool, links: Sequence[str], start_ns: int | None
    ) -> Span:
        assert self._otel is not None
        causes = links if inside else (trace._caused_by, *links)
        linked: list[Link] = [link for cause in causes if (link := link_to(cause)) is not None]
        return self._otel.start_span(
            trace.name,
            parent_context(trace._caused_by) if inside else Context(),
            trace.kind,
            _attributes(trace.name, trace.kind),
            links=linked,
            start_time=start_ns,
        )


def start_tracing(
    clock: TracingClock,
    *,
    sample_ratio: float,
    slow_seconds: float,
    sampler: str = "parentbased_traceidratio",
    endpoint: str = "",
    traces_endpoint: str = "",
    service_name: str = "orderwright",
    service_version: str = "",
    disabled: bool = False,
    exporter: SpanExporter | None = None,
) -> Tracer:
    """Set up tracing from OpenTelemetry's standard variables (`service.settings.Telemetry`).

    `endpoint` is the collector's base address; `traces_endpoint` is a full address and takes
    precedence. Without either (or `exporter`, for tests) nothing is exported. `disabled` also stops
    ids.
    """
    ratio = {"on": 1.0, "off": 0.0}.get(sampler.rpartition("_")[2], sample_ratio)
    if disabled:
        return Tracer(clock, ratio=0.0, slow_seconds=slow_seconds, follow=False)
    provider = None
    ids = Ids()
    address = traces_endpoint or (f"{endpoint.rstrip('/')}/v1/traces" if endpoint else "")
    if exporter is None and address:
        # Imported here because it imports `requests`, which `version` and `--help` need not load.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        # The exporter reads the other standard variables itself: headers, certificates, time-outs.
        exporter = OTLPSpanExporter(endpoint=address)
    if exporter is not None:
        named = {"service.name": service_name, "service.version": service_version}
        provider = TracerProvider(
            # Our head decision is made before a span exists, so every span is exported.
            sampler=ALWAYS_ON,
            id_generator=ids,
            resource=Resource.create({name: value for name, value in named.items() if value}),
            span_limits=SpanLimits(max_span_attribute_length=512),
            shutdown_on_exit=False,
        )
        provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=MAX_QUEUED_SPANS))
    return Tracer(
        clock,
        ratio=ratio,
        slow_seconds=slow_seconds,
        follow=sampler.startswith("parentbased_"),
        provider=provider,
        ids=ids,
    )


def _traceparent(span: Span) -> str:
    context = span.get_span_context()
    return make_traceparent(context.trace_id, context.span_id)


def _attributes(name: str, kind: SpanKind) -> Attributes:
    """Derive OpenTelemetry's messaging attributes from the span's name, which contains them."""
    verb, _, rest = name.partition(" ")
    known = _VERBS.get(kind)
    if known is not None and rest:
        return {
            "messaging.system": "nats",
            "messaging.operation.name": verb,
            "messaging.operation.type": known[1],
            "messaging.destination.name": rest,
        }
    if kind is SpanKind.CLIENT and rest:
        return {"orderwright.partner": verb, "orderwright.operation": rest}
    return {}


def _mark_failed(span: Span, error: BaseException | str) -> None:
    # The error's text may quote a partner's data: only its type goes into a trace.
    kind = error if isinstance(error, str) else type(error).__qualname__
    span.set_attribute("error.type", kind[:120])
    span.set_status(Status(StatusCode.ERROR, kind[:120]))
