"""A person's decisions about an order: which there are, and what can't be done as it is now.

What is told at once here is decided again, for good, when the order's turn comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from actors.order.twice import PAID_BY_HAND
from adapters.postgres.views import OrderView
from schemas.messages.inputs import EditOrder, RefundAsk
from schemas.messages.return_inputs import HandleReturn
from schemas.messages.words.parts import counted

RELEASE, RETRY, SKIP, DONE = "release", "retry", "skip", "done"
ACCEPT, CANCEL, CLAIM = "accept", "cancel", "claim"
SHIP_SHORT, BACKORDER, DROP = "ship-short", "backorder", "drop"
HOLD, REFETCH, REDECIDE = "hold", "refetch", "redecide"
CORRECT = "correct"

VERBS: Mapping[str, str] = MappingProxyType(
    {
        RELEASE: "the id of a hold",
        RETRY: "the number of an effect",
        SKIP: "the number of an effect",
        DONE: "the id of a task",
        ACCEPT: "",
        CANCEL: "",
        CLAIM: "",
        SHIP_SHORT: "the key of a fulfilment",
        BACKORDER: "the key of a fulfilment",
        DROP: "the key of a fulfilment",
        HOLD: "",
        REFETCH: "",
        REDECIDE: "",
        CORRECT: "",
    }
)
"""What a person may decide, and what the target names ("": no target; left out: the first)."""

ENDED = ("closed", "cancelled", "duplicate")

_UNCANCELLABLE = {
    "closed": "The order is closed: all of it has left. A return is needed.",
    "cancelled": "The order is cancelled already.",
    "cancelling": "The order is being cancelled already.",
    "duplicate": "The order came through another channel, too, and nothing is done for it here.",
}


_NOT_AT_THE_END = (RELEASE, SHIP_SHORT, BACKORDER, DROP)
"""An effect may fail, and a task be left, at the very end of an order; these have no sense then."""


_DONE = {
    HOLD: "it can't be held",
    REDECIDE: "it can't be decided again",
    CORRECT: "its address can't be changed",
}


class NotNow(ValueError):
    """The order can't do what is asked as it is; the text says why."""


def refuse_action(view: OrderView, verb: str, target: str) -> None:
    """Raise NotNow for an action that the order surely can't carry out."""
    stage = view.row.stage
    if verb == CANCEL and stage in _UNCANCELLABLE:
        raise NotNow(_UNCANCELLABLE[stage])
    if verb == ACCEPT and stage not in ("placed", "accepted"):
        raise NotNow(f"The order is {_stage(stage)}; there is nothing to accept.")
    if verb == CLAIM and stage != "duplicate":
        raise NotNow(f"The order is {_stage(stage)}: no other one was accepted instead of it.")
    if verb in _DONE and stage in (*ENDED, "cancelling", "expected"):
        raise NotNow(f"The order is {_stage(stage)}, so {_DONE[verb]}.")
    if verb == REFETCH and stage == "cancelled":
        raise NotNow("The order is cancelled, so it is not fetched again.")
    if VERBS[verb]:
        _refuse_target(view, verb, target)


def refuse_edit(view: OrderView, edit: EditOrder) -> None:
    """Raise NotNow for an edit that the order surely can't take."""
    stage = view.row.stage
    if edit.refund is not None:
        _refuse_refund(view, edit.refund)
        return
    if stage in (*ENDED, "cancelling", "expected"):
        raise NotNow(f"The order is {_stage(stage)}, so it can't be edited.")
    if view.erased_at is not None:
        raise NotNow("What was ordered is not kept any more: its personal data was erased.")
    wanted = {line.line_id: line.wanted - line.leaving for line in view.lines}
    for line in edit.lines:
        if line.line_id not in wanted:
            known = ", ".join(list(wanted)[:20])
            raise NotNow(f"The order has no line {line.line_id}; it has: {known}.")
        if line.quantity > wanted[line.line_id]:
            raise NotNow(
                f"Line {line.line_id} has {counted(wanted[line.line_id], 'unit')}; none can be"
                " added here, because the money is the channel's. Add them there."
            )


def _refuse_refund(view: OrderView, refund: RefundAsk) -> None:
    """Money is given back at the end of an order, too, and while it is being cancelled."""
    stage = view.row.stage
    if stage == "expected" or (stage == "duplicate" and not view.returns):
        raise NotNow(f"The order is {_stage(stage)}, so no money of it can be given back.")
    if view.erased_at is not None:
        raise NotNow(
            "What was ordered is not kept any more: its personal data was erased. Give the money "
            "back in the channel."
        )
    known = [line.line_id for line in view.lines]
    for line in refund.lines:
        if line.line_id not in known:
            raise NotNow(f"The order has no line {line.line_id}; it has: {', '.join(known[:20])}.")
    meant = refund.again or refund.goodwill
    if not meant and any(line.line_id in view.paid_by_hand for line in refund.lines):
        raise NotNow(PAID_BY_HAND)


def refuse_return(view: OrderView, step: HandleReturn) -> None:
    """Raise NotNow for a step of a return that the order surely can't take."""
    stage = view.row.stage
    if stage in ("expected", "duplicate"):
        raise NotNow(f"The order is {_stage(stage)}, so nothing of it can come back.")
    lines = [line.line_id for line in view.lines]
    for line in step.lines:
        if line.line_id not in lines:
            raise NotNow(f"The order has no line {line.line_id}; it has: {', '.join(lines[:20])}.")
    known = [one.key for one in view.returns]
    if step.key and step.key not in known:
        there = f"it has: {', '.join(known[:20])}" if known else "it has none"
        raise NotNow(f"The order has no return {step.key}; {there}.")


def _stage(stage: str) -> str:
    words = {
        "cancelling": "being cancelled",
        "expected": "not here yet",
        "duplicate": "a duplicate",
    }
    return words.get(stage, stage)


def _refuse_target(view: OrderView, verb: str, target: str) -> None:
    if verb == RELEASE:
        known = [one.hold_id for one in view.holds]
        nothing = "Nothing of the order is held."
    elif verb in (RETRY, SKIP):
        known = [str(one.effect) for one in view.stuck]
        nothing = "No effect of the order waits for a person."
    elif verb == DONE:
        known = [one.task_id for one in view.tasks]
        nothing = "Nothing of the order is left to a person."
    else:
        # The warehouse may have packed a part and say no more of the rest: then it must be named.
        rest = [one.key for one in view.fulfilments if one.stage == "packed" and one.units]
        known = [one.key for one in view.fulfilments if one.missing or one.key == target in rest]
        nothing = "No short pick of the order waits for a decision."
    has_ended = view.row.stage in ENDED
    if not known or (has_ended and verb in _NOT_AT_THE_END):
        raise NotNow(f"The order is {view.row.stage}. {nothing}" if has_ended else nothing)
    if target and target not in known:
        named = ", ".join(known[:20])
        raise NotNow(
            f"{target!r} is not {VERBS[verb]} that waits for a decision. These do: {named}."
        )
