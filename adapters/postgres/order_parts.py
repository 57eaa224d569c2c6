"""What an order consists of now, told from its state: lines, things, what waits for a person."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from actors.fulfilment.table import TABLE as FULFILMENT
from actors.kernel import ledger
from actors.order.state import LineState, State
from actors.order.twice import lines_paid
from actors.order.words import of_fulfilment
from adapters.postgres.payment_parts import (
    CaptureView,
    PaymentView,
    RefundView,
    captures_of,
    payments_of,
    refunds_of,
)
from adapters.postgres.return_parts import ReturnView, returns_of
from schemas.messages.base import Parts
from schemas.messages.words import effect_words
from schemas.order.things import Key

ACCOUNTS: Mapping[str, str] = MappingProxyType(
    {letter: account for account, letter in ledger.LETTERS.items()}
)
"""The accounts of a line's ledger, by the letters with which a state spells them."""


class LineView(Struct, frozen=True, kw_only=True):
    """A line. `wanted` is what the order comes to of it, `leaving` how many units are to be dropped
    as soon as no partner works on them; `accounts` say where every unit is, without those at 0."""

    line_id: str
    sku: str
    delivery: str
    wanted: int
    leaving: int
    accounts: dict[str, int]


class UnitView(Struct, frozen=True):
    """So many units of a line. `sku` is the SKU that travels."""

    line_id: str
    sku: str
    quantity: int


class FulfilmentView(Struct, frozen=True, kw_only=True):
    """Units that leave one place together. `units` have not left yet; `missing` is what a short
    pick left undecided. `stop` says why it is to be undone ("": it is not). `lapsed`: its order
    waited longer than its reservation is kept, which is given back."""

    key: Key
    stage: str
    place: str
    delivery: str
    lane: str
    task_id: str
    units: tuple[UnitView, ...]
    missing: tuple[UnitView, ...]
    stop: str
    waiting_for: str
    outside_ids: tuple[str, ...]
    lapsed: bool = False


class ParcelView(Struct, frozen=True, kw_only=True):
    """A parcel. `parcel_id` is the warehouse's own id; `shown`: the storefront was told of it."""

    key: Key
    fulfilment: Key
    stage: str
    units: tuple[UnitView, ...]
    parcel_id: str
    weight_grams: int
    label: str
    carrier: str
    tracking_number: str
    shown: bool


class LabelView(Struct, frozen=True, kw_only=True):
    """A label, for the parcels of one fulfilment. `stop`: it is to be voided."""

    key: Key
    fulfilment: Key
    stage: str
    parcels: tuple[Key, ...]
    lane: str
    shipment_id: str
    tracking_numbers: tuple[str, ...]
    stop: bool


class DocumentView(Struct, frozen=True, kw_only=True):
    """A document in the ERP."""

    key: Key
    stage: str
    lane: str
    erp_id: str
    number: str


class MessageView(Struct, frozen=True, kw_only=True):
    """A message to the customer, about these units (none: the whole order)."""

    key: Key
    stage: str
    template: str
    units: tuple[UnitView, ...]


class EndedView(Struct, frozen=True, kw_only=True):
    """What is left of a thing that has ended: how, the ids by which partners know it, and of a
    parcel what it held, for which fulfilment."""

    key: Key
    stage: str
    ids: tuple[str, ...]
    fulfilment: str = ""
    units: tuple[UnitView, ...] = ()


class HoldView(Struct, frozen=True, kw_only=True):
    """Why work for a thing, or the whole order, waits until a person releases it."""

    hold_id: str
    key: Key
    reason: str


class TaskView(Struct, frozen=True, kw_only=True):
    """Something that is left to a person. `amount_minor` is money to give back, in the currency
    that the customer paid in (0: it is not about money)."""

    task_id: str
    key: Key
    words: str
    amount_minor: int


class StuckView(Struct, frozen=True, kw_only=True):
    """An effect that only a person can say how to go on with. `refused`: the partner said no."""

    effect: int
    key: Key
    kind: str
    words: str
    reason: str
    outcome_known: bool
    refused: bool


class TwinView(Struct, frozen=True, kw_only=True):
    """The order that is worked on instead, because the same order came through another channel
    before: `claim` is its marketplace's id."""

    claim: str
    order_id: str
    channel: str
    ref: str
    number: str


class RuleView(Struct, frozen=True, kw_only=True):
    """What one set of the seller's rules decided: the rule ("": none matched) of a version of them,
    and what it asks for."""

    version: int
    set: str
    rule: str
    asks: dict[str, str]


class OrderParts(Struct, frozen=True, kw_only=True):
    """An order's parts. `overdue` are things that waited longer than they may; `cancel` says why
    the order is to be cancelled ("": it is not); `owed_minor` is money owed to the customer.
    `duplicate_of` is the order that is worked on instead; `ship_by` is when goods have to be handed
    over at the latest ("": any time). `rules` is what the seller's rules decided last.
    `paid_by_hand` are ids of lines of which a person paid units back by other means."""

    lines: tuple[LineView, ...]
    fulfilments: tuple[FulfilmentView, ...]
    parcels: tuple[ParcelView, ...]
    labels: tuple[LabelView, ...]
    documents: tuple[DocumentView, ...]
    messages: tuple[MessageView, ...]
    ended: tuple[EndedView, ...]
    holds: tuple[HoldView, ...]
    tasks: tuple[TaskView, ...]
    stuck: tuple[StuckView, ...]
    overdue: tuple[Key, ...]
    cancel: str
    owed_minor: int
    duplicate_of: TwinView | None = None
    ship_by: str = ""
    rules: tuple[RuleView, ...] = ()
    payments: tuple[PaymentView, ...] = ()
    captures: tuple[CaptureView, ...] = ()
    refunds: tuple[RefundView, ...] = ()
    returns: tuple[ReturnView, ...] = ()
    paid_by_hand: tuple[str, ...] = ()


def parts_of(state: State) -> OrderParts:
    """Return what an order consists of."""
    return OrderParts(
        lines=tuple(_line(line) for line in state.lines),
        fulfilments=_fulfilments(state),
        parcels=_parcels(state),
        labels=_labels(state),
        documents=tuple(
            DocumentView(
                key=key, stage=one.stage, lane=one.lane, erp_id=one.erp_id, number=one.number
            )
            for key, one in state.documents.items()
        ),
        messages=tuple(
            MessageView(
                key=key, stage=one.stage, template=one.template, units=_units(state, one.units)
            )
            for key, one in state.messages.items()
        ),
        ended=tuple(
            EndedView(key=key, stage=one.stage, ids=one.ids) for key, one in state.ended.items()
        ),
        holds=tuple(
            HoldView(hold_id=one.hold_id, key=one.key, reason=one.reason) for one in state.holds
        ),
        tasks=tuple(
            TaskView(
                task_id=one.task_id, key=one.key, words=one.words, amount_minor=one.amount_minor
            )
            for one in state.tasks
        ),
        stuck=_stuck(state),
        overdue=state.overdue,
        cancel=state.cancel.reason or state.cancel.requested_by if state.cancel else "",
        owed_minor=sum(one.amount_minor for one in state.tasks),
        duplicate_of=_twin(state),
        ship_by=state.ship_by,
        rules=_rules(state),
        payments=payments_of(state),
        captures=captures_of(state),
        refunds=refunds_of(state),
        returns=returns_of(state),
        paid_by_hand=lines_paid(state),
    )


def _rules(state: State) -> tuple[RuleView, ...]:
    if state.ruled is None:
        return ()
    version = state.ruled.version
    return tuple(
        RuleView(version=version, set=one.set, rule=one.rule, asks=dict(one.asks))
        for one in state.ruled.rulings
    )


def _twin(state: State) -> TwinView | None:
    one = state.twin
    if one is None:
        return None
    return TwinView(
        claim=one.claim, order_id=one.order_id, channel=one.channel, ref=one.ref, number=one.number
    )


def skus_of(state: State) -> tuple[str, ...]:
    """Return the SKUs of an order's lines, by their place."""
    return tuple(line.sku for line in state.lines)


def _line(line: LineState) -> LineView:
    return LineView(
        line_id=line.line_id,
        sku=line.sku,
        delivery=line.delivery,
        wanted=ledger.ordered(line.counts),
        leaving=ledger.wished(line.counts),
        accounts={
            account: line.counts[letter]
            for letter, account in ACCOUNTS.items()
            if line.counts.get(letter)
        },
    )


def _units(
    state: State, parts: Parts, instead: tuple[tuple[int, str], ...] = ()
) -> tuple[UnitView, ...]:
    other = dict(instead)
    lines = state.lines
    return tuple(
        UnitView(lines[at].line_id, other.get(at) or lines[at].sku, quantity)
        for at, quantity in parts
    )


def _fulfilments(state: State) -> tuple[FulfilmentView, ...]:
    return tuple(
        FulfilmentView(
            key=key,
            stage=one.stage,
            place=one.place,
            delivery=one.delivery,
            lane=one.lane,
            task_id=one.task,
            units=_units(state, one.left),
            missing=_units(state, one.missing),
            stop=one.stop,
            waiting_for="" if one.stage in FULFILMENT.ends else of_fulfilment(state, key, one),
            outside_ids=one.outside,
            lapsed=one.is_lapsed,
        )
        for key, one in state.fulfilments.items()
    )


def _parcels(state: State) -> tuple[ParcelView, ...]:
    return tuple(
        ParcelView(
            key=key,
            fulfilment=one.fulfilment,
            stage=one.stage,
            units=_units(state, one.units, one.instead),
            parcel_id=one.parcel_id,
            weight_grams=one.size[0],
            label=one.label,
            carrier=one.carrier,
            tracking_number=one.number,
            shown=one.shown,
        )
        for key, one in state.parcels.items()
    )


def _labels(state: State) -> tuple[LabelView, ...]:
    return tuple(
        LabelView(
            key=key,
            fulfilment=one.fulfilment,
            stage=one.stage,
            parcels=one.parcels,
            lane=one.lane,
            shipment_id=one.shipment,
            tracking_numbers=one.numbers,
            stop=one.stop and one.stage != "voided",
        )
        for key, one in state.labels.items()
    )


def _stuck(state: State) -> tuple[StuckView, ...]:
    return tuple(
        StuckView(
            effect=one.number,
            key=one.key,
            kind=one.kind,
            words=effect_words(one.kind, one.key),
            reason=one.reason,
            outcome_known=one.outcome_known,
            refused=one.refused,
        )
        for one in state.stuck
    )
