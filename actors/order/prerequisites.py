"""What has to be true before a partner is asked for something, as one table. A wanted effect whose
prerequisite is missing waits, and the row says in words for what."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from actors.documents.wanted import is_awaited, is_empty, is_followed
from actors.fulfilment.thing import RECALLED
from actors.fulfilment.wanted import ALL
from actors.kernel import ledger
from actors.messages.thing import ORDER_CANCELLED
from actors.order.charging import is_covered
from actors.order.decision import Context
from actors.order.reading import (
    is_held,
    is_kept_from_picking,
    is_labelled_by_us,
    is_open,
    is_unused,
)
from actors.order.state import State
from actors.order.wanted import is_to_be_told
from actors.order.work import Ask
from schemas.messages import effects as f

Unmet = Callable[[State, Ask, Context], bool]

HOLD_WORDS, MONEY_WORDS = "a person to release a hold", "its money to be captured"


class Prerequisite(Struct, frozen=True):
    """One row: effects of this kind wait while `unmet`. `words` say for what."""

    rule: str
    effect: type[Struct]
    unmet: Unmet
    words: str


def _held(state: State, ask: Ask, context: Context) -> bool:
    return is_kept_from_picking(state, ask.key, context.setup)


def _erp_awaited(state: State, ask: Ask, context: Context) -> bool:
    return is_awaited(state, context.setup)


def _ready_held(state: State, ask: Ask, context: Context) -> bool:
    assert isinstance(ask.effect, f.TellStanding)
    return ask.effect.what == "ready" and is_held(state, ask.key)


def _label_held(state: State, ask: Ask, context: Context) -> bool:
    return is_held(state, state.labels[ask.key].fulfilment)


def _stopping(state: State, ask: Ask, context: Context) -> bool:
    """Units that another fulfilment gives back must not compete with it for the same stock."""
    return any(k != ask.key and x.stop and x.stock for k, x in state.fulfilments.items())


def _fulfilment_stops(state: State, ask: Ask, context: Context) -> bool:
    """What was called off already waits for its label: under that goods may have left."""
    thing = state.fulfilments[state.labels[ask.key].fulfilment]
    return bool(thing.stop) and thing.stage != RECALLED


def _task_stands(state: State, ask: Ask, context: Context) -> bool:
    """A label that is only out of date is voided while the task goes on."""
    thing = state.fulfilments.get(state.labels[ask.key].fulfilment)
    return thing is not None and bool(thing.stop) and thing.is_tasked


def _task_not_cancelled(state: State, ask: Ask, context: Context) -> bool:
    thing = state.fulfilments[ask.key]
    return ask.note == ALL and thing.is_tasked


def _label_stands(state: State, ask: Ask, context: Context) -> bool:
    return ask.note == ALL and has_label(state, ask)


def has_label(state: State, ask: Ask) -> bool:
    """Whether a label of a fulfilment is bought or being bought, and no parcel has left under it:
    a label of which a part was used can't be voided."""
    return any(
        one.fulfilment == ask.key
        and (one.stage == "wanted" or (one.stage == "bought" and is_unused(state, one)))
        for one in state.labels.values()
    )


def _unsettled(state: State, ask: Ask, context: Context) -> bool:
    """The ERP is told once, when it is known what the order comes to."""
    if ledger.wished(state.sums):
        return True
    return any(x.missing or x.stop for x in state.fulfilments.values())


def _stock_stands(state: State, ask: Ask, context: Context) -> bool:
    return bool(ledger.wished(state.sums)) or any(
        x.stage not in ("cancelled", "done") for x in state.fulfilments.values()
    )


def _is_needed(state: State, ask: Ask, context: Context) -> bool:
    """What still moves may yet be booked, unless another sales order books it."""
    return not is_followed(state, ask.key) and _stock_stands(state, ask, context)


def _document_stands(state: State, ask: Ask, context: Context) -> bool:
    """A posting that was refused left nothing; one of which no one knows may have."""
    if _stock_stands(state, ask, context):
        return True
    if any(x.stage == "posted" for x in state.documents.values()):
        return True
    doubtful = {x.key for x in state.stuck if not x.outcome_known}
    return any(k in doubtful or is_open(state, k) for k in state.documents)


def _channel_waits(state: State, ask: Ask, context: Context) -> bool:
    """No one is written that an order is cancelled before it is."""
    if not isinstance(ask.effect, f.SendMail) or ask.effect.template != ORDER_CANCELLED:
        return False
    if _document_stands(state, ask, context) or any(is_open(state, k) for k in state.messages):
        return True
    return bool(context.setup.storefront) and is_to_be_told(state)


def _label_wanted(state: State, ask: Ask, context: Context) -> bool:
    """A parcel may leave before its label is bought; its number must be told with it."""
    assert isinstance(ask.effect, f.PublishFulfilment)
    told = {one.parcel for one in ask.effect.parcels}
    return any(
        x.stage == "wanted" and not x.stop and not told.isdisjoint(x.parcels)
        for x in state.labels.values()
    )


def _label_unpaid(state: State, ask: Ask, context: Context) -> bool:
    key = state.labels[ask.key].fulfilment
    return not is_covered(state, context.order, context.setup, key)


def _task_unpaid(state: State, ask: Ask, context: Context) -> bool:
    """A place that labels by itself sends what its task says; a label that we buy waits itself."""
    thing, setup = state.fulfilments[ask.key], context.setup
    if is_labelled_by_us(thing, setup):
        return False
    return not is_covered(state, context.order, setup, ask.key)


def _order_held(state: State, ask: Ask, context: Context) -> bool:
    return bool(state.holds) and is_held(state)


def _capture_waits(state: State, ask: Ask, context: Context) -> bool:
    """Whether money is taken all the same has to be known before the channel frees what is left."""
    doubtful = {x.key for x in state.stuck if not x.outcome_known}
    return any(k in doubtful or is_open(state, k) for k in state.captures)


def _channel_to_be_told(state: State, ask: Ask, context: Context) -> bool:
    return bool(context.setup.storefront) and is_to_be_told(state)


def _refund_held(state: State, ask: Ask, context: Context) -> bool:
    """A person who gives money back has looked at the order; a policy has not."""
    one = state.refunds[ask.key]
    return not one.person and bool(state.holds) and is_held(state) and not is_empty(state)


PREREQUISITES: tuple[Prerequisite, ...] = (
    Prerequisite(
        "stock-back-first",
        f.ReserveStock,
        _stopping,
        "another fulfilment to give its stock back",
    ),
    Prerequisite("no-hold-before-task", f.CreateTask, _held, HOLD_WORDS),
    Prerequisite(
        "erp-before-task", f.CreateTask, _erp_awaited, "the ERP to take the sales order first"
    ),
    Prerequisite("no-hold-before-label", f.BuyLabel, _label_held, HOLD_WORDS),
    Prerequisite("no-hold-before-ready", f.TellStanding, _ready_held, HOLD_WORDS),
    Prerequisite("no-hold-before-capture", f.CapturePayment, _order_held, HOLD_WORDS),
    Prerequisite("money-before-task", f.CreateTask, _task_unpaid, MONEY_WORDS),
    Prerequisite("money-before-label", f.BuyLabel, _label_unpaid, MONEY_WORDS),
    Prerequisite(
        "capture-before-channel", f.CancelAtChannel, _capture_waits, "a capture that is under way"
    ),
    Prerequisite(
        "capture-before-refund", f.RefundPayment, _capture_waits, "a capture that is under way"
    ),
    Prerequisite(
        "channel-before-refund",
        f.RefundPayment,
        _channel_to_be_told,
        "the channel to be told that the order is cancelled",
    ),
    Prerequisite("no-hold-before-refund", f.RefundPayment, _refund_held, HOLD_WORDS),
    Prerequisite(
        "no-label-while-stopping", f.BuyLabel, _fulfilment_stops, "the fulfilment to be undone"
    ),
    Prerequisite(
        "task-before-label", f.VoidLabel, _task_stands, "the warehouse to cancel its task"
    ),
    Prerequisite(
        "label-before-shop", f.PublishFulfilment, _label_wanted, "the carrier to sell the label"
    ),
    Prerequisite(
        "task-before-stock",
        f.ReleaseStock,
        _task_not_cancelled,
        "the warehouse to cancel its task",
    ),
    Prerequisite(
        "label-before-stock", f.ReleaseStock, _label_stands, "the carrier to take the label back"
    ),
    Prerequisite(
        "settled-before-amending", f.AmendSalesOrder, _unsettled, "what the order comes to"
    ),
    Prerequisite(
        "stock-before-erp", f.CancelSalesOrder, _is_needed, "every fulfilment to be undone"
    ),
    Prerequisite(
        "all-undone-before-channel",
        f.CancelAtChannel,
        _document_stands,
        "everything to be undone",
    ),
    Prerequisite("undone-before-message", f.SendMail, _channel_waits, "everything to be undone"),
)
"""Every row. Of several for one effect the first that is not met is told."""

_BY_EFFECT: dict[type, tuple[Prerequisite, ...]] = {}
for _one in PREREQUISITES:
    _BY_EFFECT[_one.effect] = (*_BY_EFFECT.get(_one.effect, ()), _one)


def waits_for(state: State, ask: Ask, context: Context) -> Prerequisite | None:
    """Return the first row that a wanted effect waits for, None when it may be asked for."""
    for row in _BY_EFFECT.get(type(ask.effect), ()):
        if row.unmet(state, ask, context):
            return row
    return None
