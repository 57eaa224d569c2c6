"""Appends for journal tests: small orders whose every step is visible in what is stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from actors.runtime.ports import Append, Body, Document, RecordedEffect, Row
from adapters.postgres.sealing import Masters, Sealing
from schemas.messages import effects, events
from schemas.messages.effects import Effect
from schemas.order.ids import OrderId, Reference, order_id_for, partition_of
from schemas.order.things import Key

NOON = datetime(2026, 11, 27, 12, 0, 0, 123456, tzinfo=UTC)
CHANNEL = "acme-us"
STOCK, ERP, CARRIER = "stock", "erp-here", "ups-here"
"""Lanes."""
SEALING = Sealing(lambda: Masters("01", {"01": b"a master key of tests"}, b"a names key of tests"))
"""Seals for tests that have no data directory."""


def minutes(count: float) -> datetime:
    """That many minutes after NOON."""
    return NOON + timedelta(minutes=count)


def id_of(ref: str) -> OrderId:
    """The id of the test channel's order."""
    return order_id_for(CHANNEL, ref)


def reference_of(ref: str) -> Reference:
    """An order's reference of the right shape; nothing here checks its signature."""
    return Reference(f"1{id_of(ref)}O0000{'A' * 10}")


def row(ref: str, stage: str = "placed", waiting_for: str = "the stock reservation") -> Row:
    """The order's row in the read model."""
    return Row(
        channel=CHANNEL,
        ref=ref,
        number=f"#{ref}",
        stage=stage,
        progress="0 of 1",
        waiting_for=waiting_for,
        currency="USD",
        total_minor=40495,
        final=False,
        attention=False,
    )


def placed(ref: str) -> events.Placed:
    """The first event of an order."""
    return events.Placed(
        rule="place",
        channel=CHANNEL,
        ref=ref,
        number=f"#{ref}",
        reference=reference_of(ref),
        currency="USD",
        total_minor=40495,
        payment="paid",
        source_updated_at="2026-11-27T12:00:00Z",
        lines=(),
        body_digest="0" * 64,
    )


def append(
    ref: str,
    version: int = 0,
    *,
    inputs: tuple[str, ...] | None = None,
    count: int = 1,
    record: dict[int, tuple[str, Effect]] | None = None,
    settled: tuple[tuple[int, str], ...] = (),
    set_timers: tuple[tuple[Key, str, datetime], ...] = (),
    clear_timers: tuple[tuple[Key, str], ...] = (),
    state: bytes | None = None,
    body: bytes | None = None,
    stated: bytes | None = None,
    documents: tuple[Document, ...] = (),
    at: datetime = NOON,
    waiting_for: str = "the stock reservation",
    inside: tuple[tuple[int, str], ...] = (),
) -> Append:
    """An append of `count` events after `version`; its input's id is made of both, unless given.
    `record` has effects by number, each with its lane."""
    new = [placed(ref) if version + n == 0 else events.Asked(rule="ask") for n in range(count)]
    return Append(
        order_id=id_of(ref),
        reference=reference_of(ref),
        partition=partition_of(ref),
        expected_version=version,
        input_ids=(f"in-{ref}-{version}",) if inputs is None else inputs,
        events=tuple(new),
        effects=tuple(
            RecordedEffect(number=n, key=THING, lane=lane, effect=effect)
            for n, (lane, effect) in (record or {}).items()
        ),
        settled=settled,
        set_timers=set_timers,
        clear_timers=clear_timers,
        row=row(ref, waiting_for=waiting_for),
        state=f"state {version + count}".encode() if state is None else state,
        at=at,
        bodies=tuple(
            Body(name=name, content=content)
            for name, content in (("", body), ("stated", stated))
            if content is not None
        ),
        documents=documents,
        trace="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
        inside=inside,
    )


THING = Key("F1")
RESERVE = (STOCK, effects.ReserveStock(place="WH1", units=()))
POST = (ERP, effects.PostSalesOrder(units=()))
