"""What an order wants next, read off its state alone: events that follow, effects that are due.

Both are asked again after every decision, so nothing depends on having caught a moment: an order
that lost a step (a hold released, an effect skipped) finds it here.
"""

from __future__ import annotations

from actors.order.lifecycle import FINAL, UNBORN, WAITS, Stage
from actors.order.normalise import UNMAPPED
from actors.order.state import State
from schemas.messages import effects as f
from schemas.messages import events as e

S = Stage
MONEY_IS_THERE = frozenset({"paid", "authorized"})
TEST_ORDER = "test-order"
"""The hold of an order that its channel marks as a test: not even preparatory work is done."""
PARTLY_DONE = "partly-done"
"""The hold of an order of which somebody else fulfilled a part before we heard of it, or all or a
part before we handed it over."""
FULFILLED_NEWS = "fulfillments-create-"
"""How the hold begins that a storefront's own news of such a fulfilment gets."""

CONFIRMED, CANCELLED = "order_confirmed", "order_cancelled"

RESERVE = f.tag_of(f.ReserveStock)
POST = f.tag_of(f.PostSalesOrder)
TASK = f.tag_of(f.CreateWarehouseTask)
MAIL = f.tag_of(f.SendMail)
LABEL = f.tag_of(f.BuyLabel)
PUBLISH = f.tag_of(f.PublishFulfilment)
TRACK = f.tag_of(f.TrackShipment)
FETCH = f.tag_of(f.FetchOrder)

BESIDE = frozenset({MAIL, FETCH})
"""What no one else waits for: an order may end while it is waiting for a person."""

UNDO_OF: dict[str, str] = {
    "stock": f.tag_of(f.ReleaseStock),
    "erp": f.tag_of(f.DeleteSalesOrder),
    "warehouse": f.tag_of(f.CancelWarehouseTask),
    "label": f.tag_of(f.VoidLabel),
}
"""What undoes each thing in `State.done`."""

UNDONE_BY = {kind: what for what, kind in UNDO_OF.items()}


def is_unready(hold_id: str) -> bool:
    """Whether an order with this hold isn't even accepted."""
    return hold_id in (TEST_ORDER, PARTLY_DONE) or hold_id.startswith(UNMAPPED)


def is_unborn(state: State) -> bool:
    """Whether the order itself has not come: not yet, or not before a person gave it up."""
    return state.stage in UNBORN or (state.stage == S.CANCELLED and not state.lines)


def next_event(state: State) -> e.OrderEvent | None:
    """Return the event that follows by itself from this state, or None when the order waits."""
    match state.stage:
        case S.PLACED if state.cancel is not None:
            return e.Cancelled(rule="cancelled")
        case S.PLACED if any(is_unready(hold.hold_id) for hold in state.holds):
            return None
        case S.PLACED if state.payment in MONEY_IS_THERE:
            return e.Accepted(rule="accept")
        case S.RESERVED if not state.needs_shipping:
            return e.Delivered(rule="nothing-to-ship")
        case S.DELIVERED if _settled(state):
            return e.Closed(rule="close")
        case S.CANCELLING if _quiet(state) and not _stops(state) and next_undo(state) is None:
            return e.Cancelled(rule="cancelled")
    return None


def wanted_effects(state: State) -> list[f.Effect]:
    """Return the effects this state asks for and that are neither under way nor settled."""
    free = _Free(state)
    wanted: list[f.Effect] = []
    match state.stage:
        case S.ACCEPTED if free(RESERVE):
            wanted.append(f.ReserveStock())
        case S.RESERVED | S.PACKED | S.LABELLED | S.SHIPPED | S.DELIVERED:
            wanted.extend(_with_partners(state, free))
        case S.CANCELLING if _quiet(state) and not _stops(state):
            undo = next_undo(state)
            if undo is not None:
                wanted.append(undo)
        case S.CANCELLED if state.notify and (CONFIRMED in state.told or state.maybe_told):
            if CANCELLED not in state.told and free(MAIL):
                wanted.append(f.SendMail(template=CANCELLED))
    return wanted


def next_undo(state: State) -> f.Effect | None:
    """Return the compensation of the latest thing done and not undone, or None."""
    for what in reversed(state.done):
        if UNDO_OF[what] in state.skipped:
            continue
        match what:
            case "label":
                return f.VoidLabel(
                    shipment_id=state.shipment_id, tracking_number=state.tracking_number
                )
            case "warehouse":
                return f.CancelWarehouseTask(task_id=state.task_id)
            case "erp":
                return f.DeleteSalesOrder(erp_id=state.erp_id)
            case _:
                return f.ReleaseStock()
    return None


def waiting_for(state: State) -> str:
    """Say in words whom the order waits for; "" for a final one that no one has to look at."""
    if state.stuck:  # also of one at its end: somebody must still look, and wants to know why
        return f"a person: {state.stuck[0].reason}"[:300]
    if state.holds and state.holds[0].hold_id.startswith(UNMAPPED):
        missing = [hold.reason for hold in state.holds if hold.hold_id.startswith(UNMAPPED)]
        return f"a mapping: {'; '.join(missing)}"[:300]
    if state.holds:
        return f"a person to release the hold {state.holds[0].hold_id}: {state.holds[0].reason}"[
            :300
        ]
    if state.stage in FINAL:
        return f"the end of {state.open[0].kind}" if state.open else ""
    if state.stage == S.BACKORDERED:
        return f"stock of {', '.join(state.short_skus)}"[:300]
    if state.stage == S.NEW:
        return "its first input"
    if state.stage == S.EXPECTED and state.waits:
        return f"the channel: {state.waits}"[:300]
    return WAITS[Stage(state.stage)].whom


class _Free:
    """Whether an effect of a kind may be started: none is under way, stuck or skipped."""

    def __init__(self, state: State) -> None:
        self._taken = {i.kind for i in state.open}
        self._taken.update(stuck.kind for stuck in state.stuck)
        self._taken.update(state.skipped)

    def __call__(self, kind: str) -> bool:
        return kind not in self._taken


def _with_partners(state: State, free: _Free) -> list[f.Effect]:
    wanted: list[f.Effect] = []
    held = bool(state.holds)
    if not state.erp_id and free(POST):
        wanted.append(f.PostSalesOrder())
    unreleased = state.stage == S.RESERVED and state.needs_shipping and not state.task_id
    if unreleased and not held and free(TASK):
        wanted.append(f.CreateWarehouseTask())
    if state.notify and CONFIRMED not in state.told and free(MAIL):
        wanted.append(f.SendMail(template=CONFIRMED))
    if state.stage == S.PACKED and not held and not state.shipment_id and free(LABEL):
        wanted.append(f.BuyLabel(parcels=state.parcels))
    if state.stage in {S.SHIPPED, S.DELIVERED} and not state.fulfilment_id and free(PUBLISH):
        wanted.append(
            f.PublishFulfilment(tracking_number=state.tracking_number, carrier=state.carrier)
        )
    return wanted


def _settled(state: State) -> bool:
    blocked = any(stuck.kind not in BESIDE for stuck in state.stuck)
    return _quiet(state) and not blocked and not state.holds and not wanted_effects(state)


def _quiet(state: State) -> bool:
    """Whether nothing is under way that changes anything; a question to the channel doesn't, and
    may take as long as the channel is away."""
    return all(intent.kind == FETCH for intent in state.open)


def _stops(state: State) -> bool:
    """Whether a stuck effect stops the undoing: an undo that failed, or something that may have
    been done and that no one could undo yet. A mail can't be undone either way."""
    return any(
        stuck.kind in UNDONE_BY or (not stuck.outcome_known and stuck.kind not in {*BESIDE, TRACK})
        for stuck in state.stuck
    )
