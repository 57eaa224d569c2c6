"""How the order itself follows from events, and what any event does to it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from actors.kernel import ledger
from actors.order.draft import Draft, stays
from actors.order.evolve_claims import CLAIMS, IMPORTED, asked
from actors.order.evolve_outside import OUTSIDE, shown
from actors.order.evolve_stops import STOPS
from actors.order.normalise import surviving
from actors.order.ruling import kept
from actors.order.state import Cancel, Hold, LineState, Lost, Stuck, Task
from actors.order.table import CANCELLED, EXPECTED, FINAL, PLACED
from schemas.messages import events as e
from schemas.messages.effects import FetchOrder, tag_of
from schemas.order.things import ORDER

FETCH = tag_of(FetchOrder)

UNMAPPED = "unmapped-"
"""How the ids of holds for a missing mapping begin."""
PARTLY_DONE = "partly-done"
"""The hold of an order that somebody else has begun to fulfil, in a way that no one can match."""
DECLINED = "task-cancelled-"
"""How the id of a hold begins when every place has refused."""

MONEY, SHOWN = "money", "still-shown"
"""The ids of the tasks about money that is owed, and about units that the channel still shows."""

CHANNEL = "channel"
BY_ITSELF = "the service"
"""Who does what no one else asked for."""
"""Who asked for a cancellation when it was not a person."""

MAX_LOST = 32
"""Effects without success whose late answers are still recognised. The oldest is forgotten of which
it is known that nothing was done, or else the oldest: a person settled each."""

_NAMED = ("channel", "ref", "reference")


def _named(draft: Draft, event: Any) -> None:
    stays(draft, event)
    draft.set(**{name: getattr(event, name) for name in _NAMED})


def _placed(draft: Draft, event: e.Placed) -> None:
    state = draft.state
    cancel = state.cancel
    if state.stage == CANCELLED and cancel is not None and cancel.requested_by != CHANNEL:
        cancel = None  # a person gave up what did not exist; now it does
    _named(draft, event)
    draft.set(
        cancel=cancel,
        waits="",
        number=event.number,
        currency=event.currency,
        total_minor=event.total_minor,
        payment=state.payment or event.payment,
        prepaid=-1,
        payment_method=event.payment_method,
        country=event.country,
        notify=event.notify,
        source_updated_at=event.source_updated_at,
        lines=_lines(event.lines),
        sums={},
        mappings=event.mappings,
        stated_digest=event.stated_digest,
        beside=bool(event.stated_digest),
        ship_by=event.ship_by,
    )


def _lines(lines: tuple[e.NewLine, ...]) -> tuple[LineState, ...]:
    return tuple(LineState(x.line_id, x.sku, x.delivery) for x in lines)


def _paid(draft: Draft, event: e.PaymentConfirmed) -> None:
    _named(draft, event)
    draft.set(payment=event.payment)
    if draft.get("stage") == EXPECTED:
        draft.set(prepaid=event.paid_minor)


def _report_noted(draft: Draft, event: e.ReportNoted) -> None:
    _named(draft, event)
    if event.waits:
        draft.set(waits=event.words)


def _refetch_asked(draft: Draft, event: e.RefetchAsked) -> None:
    _named(draft, event)
    draft.set(refetch=True)


def _fetched(draft: Draft, event: e.Fetched) -> None:
    stays(draft, event)
    draft.set(stuck=tuple(one for one in draft.get("stuck") if one.kind != FETCH))


REVISIONS = {
    "address": ("address", "task", "book"),
    "method": ("address", "task", "book"),
    "note": ("task", "book"),
    "contact": ("book",),
    "lines": ("book",),
    "money": ("book",),
    "due": ("address", "task", "book"),
    "terms": (),
    "texts": ("book",),
}
"""What is told again when a facet of the order changes: the label's address, the warehouse's task,
the ERP's order."""


def _changed(draft: Draft, event: e.Changed) -> None:
    stays(draft, event)
    state = draft.state
    for name in {one for facet in event.facets for one in REVISIONS[facet]}:
        draft.set(**{name: getattr(state, name) + 1})
    reissued = [facet for facet in event.facets if "task" in REVISIONS[facet]]
    if reissued:
        now = (draft.get("task"), draft.get("address"))
        draft.set(revised={**state.revised, **dict.fromkeys(reissued, now)})
    draft.set(
        source_updated_at=event.source_updated_at,
        total_minor=event.total_minor,
        payment=event.payment,
        payment_method=event.payment_method,
        prepaid=event.prepaid_minor if event.prepaid_minor >= 0 else state.prepaid,
        settled_minor=event.settled_minor if event.settled_minor >= 0 else state.settled_minor,
        country=event.country,
        notify=event.notify,
        lines=state.lines + _lines(event.lines),
        ship_by=event.ship_by,
        mappings=event.mappings,
        stated_digest=event.stated_digest,
        beside=state.beside or bool(event.stated_digest) or event.by != CHANNEL,
        holds=_mapped(draft),
        # The service puts into our terms what a person released: nothing of it changed.
        waived=state.waived if event.by == BY_ITSELF else surviving(state.waived, event.facets),
    )


def _normalised(draft: Draft, event: e.Normalised) -> None:
    stays(draft, event)
    draft.set(
        lines=_lines(event.lines),
        sums={},
        mappings=event.mappings,
        stated_digest=event.stated_digest,
        beside=draft.state.beside or bool(event.stated_digest),
        holds=_mapped(draft),
    )


def _rules_decided(draft: Draft, event: e.RulesDecided) -> None:
    stays(draft, event)
    draft.set(ruled=kept(event))


def _mapped(draft: Draft) -> tuple[Hold, ...]:
    """The holds without those for what no table has."""
    return tuple(h for h in draft.get("holds") if not h.hold_id.startswith(UNMAPPED))


def _update_noted(draft: Draft, event: e.UpdateNoted) -> None:
    stays(draft, event)
    draft.set(source_updated_at=event.source_updated_at)
    if event.payment:
        draft.set(payment=event.payment)
    if event.shown:
        draft.set(shown=(*draft.state.shown, *event.shown))
    _hear(draft, event)


def _cancel_requested(draft: Draft, event: e.CancelRequested) -> None:
    _named(draft, event)
    told = event.requested_by == CHANNEL
    draft.set(cancel=Cancel(event.reason, event.requested_by, told))
    _hear(draft, event)


def _cancel_refused(draft: Draft, event: e.CancelRefused) -> None:
    stays(draft, event)
    _hear(draft, event)
    if event.requested_by == CHANNEL:
        draft.set(late_cancel=True)


def _hear(draft: Draft, event: Any) -> None:
    if event.heard_at:
        draft.set(heard_at=event.heard_at)


def _channel_told(draft: Draft, event: e.ChannelTold) -> None:
    stays(draft, event)
    cancel = draft.get("cancel")
    if cancel is not None:
        draft.set(cancel=replace(cancel, told=True))
    _hear(draft, event)


def _ended(draft: Draft, event: e.Event) -> None:
    """Nothing is left to do, so nothing is left to decide either; what only a person can tell
    stays."""
    stays(draft, event)
    draft.set(holds=(), overdue=(), stops=(), later=())


def _cancelled(draft: Draft, event: e.Cancelled) -> None:
    """What was refused of an order that is undone waits for no one."""
    _ended(draft, event)
    draft.set(stuck=tuple(one for one in draft.get("stuck") if one.key[0] == "M"))


def _held(draft: Draft, event: e.Held) -> None:
    hold = Hold(event.hold_id, event.reason, event.key, event.compare_from, event.asked)
    draft.set(holds=(*draft.get("holds"), hold))


def _released(draft: Draft, event: e.HoldReleased) -> None:
    draft.set(holds=tuple(h for h in draft.get("holds") if h.hold_id != event.hold_id))
    if event.hold_id.startswith(UNMAPPED) or event.hold_id == PARTLY_DONE:
        draft.set(waived=(*draft.get("waived"), event.hold_id))
    if event.hold_id.startswith(DECLINED):
        draft.set(declined=())
    if stops := draft.get("stops"):
        draft.set(stops=tuple(x for x in stops if not (x.told and x.hold_id == event.hold_id)))


def _task_opened(draft: Draft, event: e.TaskOpened) -> None:
    others = tuple(one for one in draft.get("tasks") if one.task_id != event.task_id)
    task = Task(event.task_id, event.words, event.key, event.amount_minor)
    draft.set(tasks=(*others, task))
    if event.task_id == IMPORTED:
        asked(draft)
    if event.task_id in (MONEY, SHOWN):
        draft.set(named=draft.get("sums").get("c", 0))


def _task_closed(draft: Draft, event: e.TaskClosed) -> None:
    amount = sum(x.amount_minor for x in draft.get("tasks") if x.task_id == event.task_id)
    if amount and event.person != BY_ITSELF:
        draft.set(settled_minor=draft.get("settled_minor") + amount)
    draft.set(tasks=tuple(one for one in draft.get("tasks") if one.task_id != event.task_id))


def _given(draft: Draft, event: e.GivenToPerson) -> None:
    stuck = Stuck(
        event.effect, event.key, event.kind, event.reason, event.outcome_known, event.refused
    )
    others = draft.get("stuck")
    if event.kind == FETCH:  # the latest question is the one that counts
        others = tuple(one for one in others if one.kind != FETCH)
    draft.set(stuck=(*others, stuck))
    intent = next((one for one in draft.state.open if one.number == event.settles), None)
    if intent is not None:
        known = event.outcome_known
        lost = Lost(intent.number, intent.key, intent.kind, intent.lane, intent.note, known)
        draft.set(lost=_remembered((*draft.get("lost"), lost)))


def _remembered(lost: tuple[Lost, ...]) -> tuple[Lost, ...]:
    if len(lost) <= MAX_LOST:
        return lost
    least = next((at for at, one in enumerate(lost[:-1]) if one.known), 0)
    return lost[:least] + lost[least + 1 :]


def _unstuck(draft: Draft, event: Any) -> None:
    draft.set(stuck=tuple(one for one in draft.get("stuck") if one.number != event.effect))


def _overdue(draft: Draft, event: e.Overdue) -> None:
    if event.key not in draft.get("overdue"):
        draft.set(overdue=(*draft.get("overdue"), event.key))


def _declined(draft: Draft, event: e.TaskCancelled) -> None:
    """A place that cancelled by itself is not asked again by itself."""
    thing = draft.state.fulfilments.get(event.key)
    if (
        event.by
        and thing is not None
        and not thing.stop
        and thing.place not in draft.state.declined
    ):
        draft.set(declined=(*draft.state.declined, thing.place))


def _taken_back(draft: Draft, event: e.Event) -> None:
    """Stock arrived somewhere, or a person settled it: every place may be asked again."""
    draft.set(declined=())


def intended(draft: Draft, intent: e.Intent) -> None:
    """What the order itself asks for is asked for."""
    if intent.kind == FETCH and intent.key == ORDER:
        draft.set(refetch=False, refetches=draft.get("refetches") + 1)


def book(draft: Draft, event: e.Event) -> None:
    """Do what an event does to the ledger. Raises LedgerBroken."""
    lines: list[LineState] = list(draft.get("lines"))
    sums = dict(draft.get("sums"))
    told_again = False
    touched: dict[int, dict[str, int]] = {}
    for move in event.moves:
        counts = touched.get(move.line)
        if counts is None:
            counts = touched[move.line] = dict(lines[move.line].counts)
        ledger.enter(counts, move)
        told_again = told_again or move.to in (ledger.CANCELLED, ledger.REMOVED)
    for wish in event.wishes:
        counts = touched.get(wish.line)
        if counts is None:
            counts = touched[wish.line] = dict(lines[wish.line].counts)
        ledger.wish(counts, wish)
    for at, counts in touched.items():
        line = lines[at]
        ledger.cap(counts)
        ledger.add_up(sums, line.counts, counts)
        lines[at] = LineState(line.line_id, line.sku, line.delivery, counts)
    draft.set(lines=tuple(lines), sums=sums)
    if told_again:
        draft.set(book=draft.get("book") + 1)


FOLDS: dict[type[e.Event], Any] = {
    e.Placed: _placed,
    e.PaymentConfirmed: _paid,
    **CLAIMS,
    e.Changed: _changed,
    e.Normalised: _normalised,
    e.RulesDecided: _rules_decided,
    e.UpdateNoted: _update_noted,
    e.ReportNoted: _report_noted,
    e.RefetchAsked: _refetch_asked,
    e.Fetched: _fetched,
    **OUTSIDE,
    e.CancelRequested: _cancel_requested,
    e.CancelRefused: _cancel_refused,
    e.UnitsDropped: stays,
    e.ExcessCounted: stays,
    e.LeftToOthers: stays,
    **STOPS,
    e.ChannelTold: _channel_told,
    e.Cancelled: _cancelled,
    e.Closed: _ended,
    e.Reopened: stays,
    e.ActionRefused: stays,
    e.TaskCancelled: _declined,
}
"""What each event does to the order itself."""

ALWAYS: dict[type[e.Event], Any] = {
    e.Held: _held,
    e.HoldReleased: _released,
    e.TaskOpened: _task_opened,
    e.TaskClosed: _task_closed,
    e.GivenToPerson: _given,
    e.Retried: _unstuck,
    e.Renewed: _unstuck,
    e.Skipped: _unstuck,
    e.Overdue: _overdue,
    e.OutsideMatched: shown,
}
"""What events that any thing may have do to the order's lists, before the thing follows."""

SHARED: dict[type[e.Event], Any] = dict.fromkeys(
    (
        e.Held,
        e.HoldReleased,
        e.TaskOpened,
        e.GivenToPerson,
        e.AnswerNoted,
        e.Retried,
        e.Skipped,
        e.Overdue,
    ),
    stays,
)
"""What events that any thing may have do to the order when they are about the order itself."""

__all__ = ["ALWAYS", "FETCH", "FINAL", "FOLDS", "PLACED", "SHARED", "book", "intended"]
