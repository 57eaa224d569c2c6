"""What an SRE sees of a whole running service: traces, logs, and no one's personal data."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.parser import text_string_to_metric_families

from schemas.order.canonical import Order
from tests.integration.whole import CANARY, CHANNEL, Whole
from tests.waiting import eventually

ON_CHANNEL = {"X_Orderwright_Channel": CHANNEL}
UPSTREAM = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LONGEST_PAUSE_SECONDS = 30.0


def told(span: Span, name: str) -> str:
    """An attribute of a span; "" when it has none of that name."""
    return next((a.value.string_value for a in span.attributes if a.key == name), "")


def named(spans: list[Span], name: str) -> Span:
    """The first span of that name."""
    return min((s for s in spans if s.name == name), key=lambda s: s.start_time_unix_nano)


async def spans_of(whole: Whole, correlation_id: str, last: str) -> list[Span]:
    """All spans of an order's traces, once the last of them has arrived at the collector."""

    def there() -> list[Span]:
        spans = whole.spans()
        ours = [s for s in spans if told(s, "orderwright.correlation_id") == correlation_id]
        traces = {span.trace_id for span in ours}
        found = [span for span in spans if span.trace_id in traces]
        return found if any(span.name == last for span in found) else []

    return await eventually(there, LONGEST_PAUSE_SECONDS)


async def closed(whole: Whole, **headers: str) -> tuple[Order, str]:
    """An order that went all the way, and its correlation id."""
    order = whole.order()
    placed = await whole.place(order, **ON_CHANNEL, **headers)
    await whole.until(order.number, "closed")
    return order, str(placed["reference"])


async def test_an_order_is_a_chain_of_linked_traces(whole: Whole) -> None:
    """From the caller over the message, its decision and its commit to each partner's call: every
    trace is linked to what caused it, and all bear the correlation id."""
    _, correlation_id = await closed(whole, traceparent=UPSTREAM)
    spans = await spans_of(whole, correlation_id, "storefront publish_fulfilment")

    placed = named(spans, f"process orders.in.{CHANNEL}.place")
    assert placed.kind == Span.SPAN_KIND_CONSUMER
    assert told(placed, "messaging.system") == "nats"
    assert placed.links[0].trace_id.hex() == UPSTREAM.split("-")[1]
    # Its own decision, and the one on the stock that its append reserves; both again where another
    # order was first.
    for step, least in (("decide", 2), ("append", 1), ("ack", 1)):
        ours = [s for s in spans if s.name == step and s.trace_id == placed.trace_id]
        assert len(ours) >= least
        assert {s.parent_span_id for s in ours} == {placed.span_id}

    sales_order = named(spans, "erp post_sales_order")
    published = named(spans, "storefront publish_fulfilment")
    for call in (sales_order, published):
        assert call.kind == Span.SPAN_KIND_CLIENT
        assert told(call, "orderwright.correlation_id") == correlation_id
    assert [link.span_id for link in sales_order.links] == [placed.span_id]
    partners = {told(span, "orderwright.partner") for span in spans} - {""}
    assert partners == {"erp", "warehouse", "mail", "carrier", "storefront"}

    (reached,) = [
        headers["traceparent"]
        for method, path, headers in whole.erp.requests
        if method == "POST" and sales_order.trace_id.hex() in headers.get("traceparent", "")
    ]
    assert reached == f"00-{sales_order.trace_id.hex()}-{sales_order.span_id.hex()}-01"


MOVED: tuple[tuple[str, dict[str, str]], ...] = (
    ("journal_batch_orders_count", {}),
    ("journal_commit_seconds_count", {}),
    ("mailbox_wait_seconds_count", {}),
    ("loop_lag_seconds_count", {}),
    ("progress_seconds_count", {"progress": "released"}),
    ("progress_seconds_count", {"progress": "shipped"}),
    ("step_seconds_count", {"step": "decide", "outcome": "ok"}),
    ("step_seconds_count", {"step": "append", "outcome": "committed"}),
    ("orders_total", {"outcome": "closed"}),
    ("partner_calls_total", {"partner": "ups", "outcome": "done"}),
    ("partner_call_seconds_count", {"partner": "bc"}),
    ("webhook_seconds_count", {}),
    ("webhook_answers_total", {"status": "200"}),
)
ALWAYS_TOLD = (
    "live_orders", "timers_overdue", "consumer_lag_messages", "oldest_unacknowledged_seconds",
    "outbox_open_effects", "outbox_oldest_seconds", "breaker_state", "attention_orders",
    "attention_oldest_seconds",
)  # fmt: skip


async def test_figures_move_when_an_order_goes_its_way(whole: Whole) -> None:
    """After an order is closed, what it went through has been counted and timed; gauges are read
    by themselves. A metric that nothing feeds would stay at zero."""
    await closed(whole)

    async def samples() -> list[tuple[str, dict[str, str], float]]:
        text = (await whole.ask("GET", "/metrics")).body.decode()
        return [
            (sample.name.removeprefix("orderwright_"), sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]

    async def read_once() -> bool:
        return set(ALWAYS_TOLD) <= {name for name, _, _ in await samples()}

    await eventually(read_once, LONGEST_PAUSE_SECONDS)
    told = await samples()
    assert {"process_resident_memory_bytes", "process_open_fds"} <= {name for name, _, _ in told}
    for name, labels in MOVED:
        moved = [n for one, has, n in told if one == name and labels.items() <= has.items()]
        assert sum(moved) > 0, f"{name} {labels} stays at zero"


async def test_a_callback_continues_the_chain(whole: Whole) -> None:
    """The warehouse's report has a server span, and the message it became is linked to it."""
    _, correlation_id = await closed(whole)
    spans = await spans_of(whole, correlation_id, "carrier buy_label")
    (link,) = named(spans, "carrier buy_label").links
    # Reports that wait for one order are decided together: the first that asks for the label.
    (report,) = [span for span in spans if span.span_id == link.span_id]
    assert report.name in {f"process orders.in.{CHANNEL}.{kind}" for kind in ("picked", "packed")}
    (cause,) = [link.span_id for link in report.links]
    (server,) = [span for span in whole.spans() if span.span_id == cause]
    assert server.kind == Span.SPAN_KIND_SERVER
    assert server.name.startswith("POST /hooks")


async def test_the_timeline_leads_to_the_trace(whole: Whole) -> None:
    """The trace id that `orders timeline` prints is one that the collector has."""
    order, correlation_id = await closed(whole)
    spans = await spans_of(whole, correlation_id, "storefront publish_fulfilment")
    printed = await asyncio.to_thread(whole.cli, "orders", "timeline", order.number)
    placed = named(spans, f"process orders.in.{CHANNEL}.place")
    assert f"trace {placed.trace_id.hex()}" in printed


async def test_logs_are_json(whole: Whole) -> None:
    """Every line of the service's log, after the ticks of its start, is a JSON object with its
    time, level and event; what concerns an order bears its correlation id and trace."""
    await whole.world.fault("erp", "create_order", refuse_rate=1.0)
    try:
        order = whole.order()
        placed = await whole.place(order, **ON_CHANNEL)
        await whole.until(order.number, "delivered")
    finally:
        await whole.world.ask("DELETE", "/_sim/faults")
    spans = await spans_of(whole, str(placed["reference"]), "erp post_sales_order")
    lines = [line for line in whole.world.service.log.read_text().splitlines() if "✔" not in line]
    said = [json.loads(line) for line in lines]
    assert all({"timestamp", "level", "event", "logger"} <= set(one) for one in said)
    (ours,) = [
        one
        for one in said
        if one.get("correlation_id") == placed["reference"] and one["level"] == "warning"
    ]
    assert (ours["partner"], ours["outcome"]) == ("bc", "refused")
    assert ours["trace_id"] == named(spans, "erp post_sales_order").trace_id.hex()


async def test_no_one_is_named_where_everybody_reads(whole: Whole) -> None:
    """The customer's name and address are in no log, metric or trace, also when the order is
    refused, quarantined or given to a person."""
    await closed(whole)
    await whole.world.fault("erp", "create_order", refuse_rate=1.0)
    try:
        refused = whole.order()
        await whole.place(refused, **ON_CHANNEL)
        await whole.until(refused.number, "delivered")
    finally:
        await whole.world.ask("DELETE", "/_sim/faults")
    nonsense = {"type": "order.place.v2", "order": {"ref": "PII-1", "customer": {"nome": CANARY}}}
    await whole.publish("place", "PII-1", json.dumps(nonsense).encode())
    await eventually(lambda: "nome" in whole.cli("quarantine", "list", "--json"), 20.0)
    wrong = {"Idempotency_Key": "pii", **ON_CHANNEL}
    body = json.dumps(nonsense["order"]).encode()
    assert (await whole.api("POST", "/api/v1/orders", body=body, **wrong)).status == 422
    metrics = (await whole.ask("GET", "/metrics")).body
    for place, text in (*_logs(whole), ("metrics", metrics), ("traces", _traces(whole))):
        for word in (CANARY, "canary.xyzzy", "123 Shipping Street"):
            assert word.encode() not in text, f"{word} is in the {place}"


def _logs(whole: Whole) -> Iterator[tuple[str, bytes]]:
    yield "service's log", whole.world.service.log.read_bytes()
    logs = sorted((whole.world.data / "logs").glob("*"))
    assert logs
    for log in logs:
        yield log.name, log.read_bytes()


def _traces(whole: Whole) -> bytes:
    return b"".join(list(whole.collector.bodies))
