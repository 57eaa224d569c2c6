"""Traces and metrics: what is kept, how it is linked, and what it may cost."""

from __future__ import annotations

import asyncio
import re
import timeit
import warnings
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from aiohttp import web
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext
from prometheus_client.parser import text_string_to_metric_families

from service.app.clock import SystemClock, new_id
from service.app.disk import DiskMetrics
from service.channels.sync import SyncMetrics
from service.facts.run import FactMetrics
from service.http.peers import count_wrong_keys
from service.privacy.metrics import PrivacyMetrics
from service.telemetry.context import make_traceparent, trace_id_of, traceparent_of
from service.telemetry.metrics import MAX_SERIES, Metrics, probe_loop
from service.telemetry.tracing import NOTHING, SpanKind, Tracer, start_tracing

CAUSE = make_traceparent(0xABC, 0xDEF)
PLACE = "process orders.in.acme.place"


class Hands:
    """A clock whose hands the test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds

    def wall_ns(self) -> int:
        return int(self.seconds * 1e9)


class Kept:
    """A tracer, its clock, and the spans it let out."""

    def __init__(self, ratio: float, sampler: str = "parentbased_traceidratio") -> None:
        self.clock = Hands()
        self.exporter = InMemorySpanExporter()
        self.tracer: Tracer = start_tracing(
            self.clock,
            sample_ratio=ratio,
            slow_seconds=2.0,
            sampler=sampler,
            exporter=self.exporter,
        )

    async def spans(self) -> tuple[ReadableSpan, ...]:
        await self.tracer.close()
        return self.exporter.get_finished_spans()


def context_of(span: ReadableSpan) -> SpanContext:
    context = span.get_span_context()
    assert context is not None
    return context


async def test_a_sampled_message_is_a_trace_of_its_own_linked_to_its_cause() -> None:
    """The spans have OTel's names, kinds and attributes, and the link leads to the message."""
    kept = Kept(1.0)
    trace = kept.tracer.begin(PLACE, SpanKind.CONSUMER, CAUSE, "k1order")
    step = trace.child("carrier buy_label", SpanKind.CLIENT)
    assert trace_id_of(step.traceparent) == trace.trace_id != trace_id_of(CAUSE)
    step.note("http.response.status_code", 200)
    step.end()
    trace.child("publish orders.out.acme.placed", SpanKind.PRODUCER).end()
    trace.end()
    call, publish, whole = await kept.spans()
    assert whole.name == PLACE
    assert whole.kind is SpanKind.CONSUMER
    assert dict(whole.attributes or {}) == {
        "messaging.system": "nats",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "orders.in.acme.place",
        "orderwright.correlation_id": "k1order",
    }
    assert [link.context.trace_id for link in whole.links] == [0xABC]
    assert whole.parent is None
    assert call.parent is not None
    assert call.parent.span_id == context_of(whole).span_id
    assert (call.attributes or {})["orderwright.partner"] == "carrier"
    assert (publish.attributes or {})["messaging.operation.type"] == "send"


async def test_an_http_request_joins_its_clients_trace() -> None:
    """With `inside` the caller's trace goes on instead of being linked."""
    kept = Kept(0.0)
    trace = kept.tracer.begin("POST /hooks", SpanKind.SERVER, CAUSE, inside=True)
    assert trace.sampled
    trace.end()
    (span,) = await kept.spans()
    assert context_of(span).trace_id == 0xABC
    assert span.parent is not None
    assert span.parent.span_id == 0xDEF


async def test_what_is_not_sampled_leaves_nothing_and_sends_nothing() -> None:
    """Neither spans nor a header come from a trace that is not sampled."""
    kept = Kept(0.0)
    trace = kept.tracer.begin(PLACE, correlation_id="k1order")
    assert not trace.sampled
    assert trace.traceparent == ""
    assert trace.child("append") is NOTHING
    trace.end()
    assert await kept.spans() == ()


async def test_errors_and_slow_ones_are_always_kept() -> None:
    """A span is made afterwards, with the true times, the link and the id that the logs bear."""
    kept = Kept(0.0)
    failed = kept.tracer.begin(PLACE, caused_by=CAUSE[:-1] + "0", correlation_id="k1order")
    logged = failed.trace_id
    kept.clock.seconds += 0.5
    failed.end(ValueError("of Jane Doe, 1 Main Street"))
    slow = kept.tracer.begin(PLACE)
    kept.clock.seconds += 3
    slow.end()
    first, second = await kept.spans()
    assert f"{context_of(first).trace_id:032x}" == logged
    assert (first.start_time, first.end_time) == (int(100e9), int(100.5e9))
    assert (first.attributes or {})["error.type"] == "ValueError"
    assert (first.attributes or {})["orderwright.correlation_id"] == "k1order"
    assert [link.context.span_id for link in first.links] == [0xDEF]
    assert not first.status.is_ok
    assert "Jane" not in first.to_json()
    assert (second.attributes or {})["orderwright.kept"] == "slow"


def test_an_order_is_traced_whole_or_not_at_all() -> None:
    """The decision is a hash of the correlation id, and as frequent as was asked."""
    tracer = Kept(0.2).tracer
    orders = [f"k1{number:033d}" for number in range(2_000)]
    first = [tracer.begin(PLACE, correlation_id=order).sampled for order in orders]
    again = [tracer.begin(PLACE, correlation_id=order).sampled for order in orders]
    assert first == again
    assert 300 < sum(first) < 500


@pytest.mark.parametrize(
    ("sampler", "plain", "caused"),
    [
        ("always_on", True, True),
        ("always_off", False, False),
        ("traceidratio", False, False),
        ("parentbased_always_off", False, True),
        ("parentbased_always_on", True, True),
        ("parentbased_traceidratio", False, True),
    ],
)
def test_the_standard_samplers(sampler: str, plain: bool, caused: bool) -> None:
    """OTEL_TRACES_SAMPLER means what OpenTelemetry says it means."""
    tracer = Kept(0.0, sampler).tracer
    assert tracer.begin(PLACE).sampled is plain
    assert tracer.begin(PLACE, caused_by=CAUSE).sampled is caused


@pytest.mark.parametrize(
    "header",
    [
        "1",
        "00-1-1-01",
        "00-" + "0" * 32 + "-" + "1" * 16 + "-01",
        "ff" + CAUSE[2:],
        "x" * 9_999 + "1",
    ],
)
def test_a_malformed_header_is_ignored(header: str) -> None:
    """What somebody sends as a traceparent can neither fail us nor make us sample."""
    kept = Kept(0.0)
    trace = kept.tracer.begin(PLACE, caused_by=header, inside=True)
    assert not trace.sampled
    trace.end("rubbish")


def test_headers_are_read_whatever_their_case() -> None:
    """NATS keeps the case that a sender wrote."""
    assert traceparent_of({"TraceParent": CAUSE}) == CAUSE
    assert traceparent_of({"traceparent": CAUSE}) == CAUSE
    assert traceparent_of({"tracestate": "x"}) == ""
    assert traceparent_of(None) == ""


def test_without_an_exporter_ids_still_travel_and_disabled_stops_them() -> None:
    """Partners, logs and the timeline get a trace id also where no collector runs."""
    tracer = start_tracing(SystemClock(), sample_ratio=1.0, slow_seconds=1.0)
    trace = tracer.begin(PLACE)
    assert trace_id_of(trace.traceparent) == trace.trace_id
    assert trace.child("append").traceparent == trace.traceparent
    joined = tracer.begin("GET /", SpanKind.SERVER, CAUSE, inside=True)
    assert joined.trace_id == trace_id_of(CAUSE)
    trace.end("failed")
    off = start_tracing(SystemClock(), sample_ratio=1.0, slow_seconds=1.0, disabled=True)
    assert off.begin(PLACE, caused_by=CAUSE).traceparent == ""


@pytest.fixture
def quiet_exporter() -> Iterator[None]:
    """The exporter library leaves its own connection pool to the garbage collector."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


@pytest.mark.usefixtures("quiet_exporter")
async def test_spans_arrive_at_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans reach a real HTTP collector at the address that the settings name."""
    arrived = Event()
    bodies: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        arrived.set()
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    tracer = start_tracing(SystemClock(), sample_ratio=1.0, slow_seconds=1.0, endpoint=endpoint)
    tracer.begin(PLACE, correlation_id="k1order").end()
    await tracer.close()
    await runner.cleanup()
    assert arrived.is_set()
    assert b"k1order" in bodies[0]
    assert b"service.name" in bodies[0]


def test_the_path_that_is_not_sampled_is_cheap() -> None:
    """Begin, a step and end stay far below the 18 µs of an unsampled OpenTelemetry span."""
    tracer = start_tracing(
        SystemClock(), sample_ratio=0.01, slow_seconds=5.0, exporter=InMemorySpanExporter()
    )
    correlation = next(
        one for one in map(str, range(1_000)) if not tracer.begin(PLACE, correlation_id=one).sampled
    )

    def handle() -> None:
        trace = tracer.begin(PLACE, SpanKind.CONSUMER, "", correlation)
        trace.child("append").end()
        trace.end()

    best = min(timeit.repeat(handle, number=5_000, repeat=5)) / 5_000
    assert best < 6e-6, f"{best * 1e6:.2f} µs; about 1.1 µs were measured when this was written"


def test_metrics_are_well_formed_and_bounded() -> None:
    """Prometheus can read the page; names follow its rules; too many label values become one."""
    metrics = Metrics()
    metrics.orders("placed").inc()
    metrics.steps("decide", "ok").observe(0.001)
    metrics.breaker("carrier").set(2)
    metrics.journal_batch.observe(17)
    for number in range(MAX_SERIES + 50):
        metrics.quarantined(f"reason-{number}").inc()
    families = list(text_string_to_metric_families(metrics.render().decode()))
    assert all(family.name.startswith(("orderwright_", "process_")) for family in families)
    refused = next(one for one in families if one.name == "orderwright_quarantined")
    series = {
        sample.labels["reason"]: sample.value
        for sample in refused.samples
        if sample.name.endswith("_total")
    }
    assert len(series) == MAX_SERIES + 1
    assert series["other"] == 50
    labels = {name for family in families for one in family.samples for name in one.labels}
    assert not labels & {"order", "order_id", "correlation_id", "ref"}


async def test_the_loop_probe_sees_a_blocked_loop() -> None:
    """A task that holds the loop shows in the histogram."""
    metrics = Metrics()
    probe = asyncio.create_task(probe_loop(metrics, SystemClock().monotonic, period_seconds=0.01))
    await asyncio.sleep(0)
    Event().wait(0.05)
    deadline = SystemClock().monotonic() + 20
    while (seen := metrics.registry.get_sample_value("orderwright_loop_lag_seconds_sum")) == 0:
        assert SystemClock().monotonic() < deadline
        await asyncio.sleep(0)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    assert seen is not None
    assert seen > 0.02


def test_new_ids_differ() -> None:
    """Ids are 32 hex digits and random."""
    ids = {new_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in ids)


def test_every_metric_is_in_the_docs() -> None:
    """The page for SREs names each metric and no other."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "observability.md").read_text()
    told = set(re.findall(r"(?m)^\| `([a-z_]+)` \| [a-z, ]*\|", page))
    metrics = Metrics()
    SyncMetrics(metrics.registry)
    PrivacyMetrics(metrics.registry)
    FactMetrics(metrics.registry)
    DiskMetrics(metrics.registry)
    count_wrong_keys(metrics.registry)
    made = {
        one.name + ("_total" if one.type == "counter" else "") for one in metrics.registry.collect()
    }
    standard = {name for name in made if name.startswith("process_")}
    assert {f"orderwright_{name}" for name in told} == made - standard
    assert standard == set(re.findall(r"`(process_[a-z_]+)`", page))
