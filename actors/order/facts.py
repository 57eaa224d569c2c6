"""What channels and the warehouse report, and what time brings."""

from __future__ import annotations

from actors.order import mapping
from actors.order.decision import Answer, Context, moment
from actors.order.lifecycle import BEFORE_HAND_OVER, FINAL, UNBORN, WAITS, Stage, allows
from actors.order.policy import DAY
from actors.order.state import State
from actors.order.steps import FETCH, is_unborn, next_event, waiting_for
from actors.order.steps import TRACK as TRACK_KIND
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i

S = Stage

LEAST_CLOSE_SECONDS = 3600.0
"""How soon at the earliest it is asked again whether a delivered order may be closed."""

MAX_NOTED_VERSION = 5_000
"""From this version on an order's timeline takes no more notes: a flood must not grow it."""
MAX_NOTED_HOLDS = 8
"""How many holds notes may add to one order; further ones are on the timeline alone."""

HELD_BY_NOTES: dict[str, tuple[Stage, ...]] = {
    "before_hand_over": (S.EXPECTED, *BEFORE_HAND_OVER),
    "once_begun": (S.ACCEPTED, S.RESERVED, S.PACKED, S.LABELLED),
}
"""In which stages a note that asks for a hold gets one. Before work began an edited order is simply
amended; after hand-over there is nothing left to hold."""


def noted(state: State, command: i.NoteReport, context: Context, answer: Answer) -> None:
    """Something happened at the channel: it is kept for people, and one of them looks where goods
    could otherwise leave the house wrongly. One hold for each kind of news is enough, and an order
    that waits at its channel needs none. About an order we know the channel is asked, unless what
    it said last is as new as the news."""
    told = _is_told(state, command)
    if state.version < MAX_NOTED_VERSION:
        answer.events.append(
            e.ReportNoted(
                rule="note-first" if state.stage == S.NEW else "report",
                channel=context.channel,
                ref=context.ref,
                correlation_id=context.correlation_id,
                source=command.source,
                topic=command.topic,
                words=command.words,
                waits=command.waits and state.stage in UNBORN,
            )
        )
        if command.waits and state.stage in UNBORN:
            answer.set_timers["due"] = context.policy.payment_due_seconds
    stage = S.EXPECTED if state.stage == S.NEW else state.stage
    news = _hold_name(command.topic)
    if (
        stage in HELD_BY_NOTES.get(command.hold, ())
        and not (told and command.hold == "once_begun")
        and not (command.waits and stage == S.EXPECTED)
        and len(state.holds) < MAX_NOTED_HOLDS
        and not any(hold.hold_id.startswith(f"{news}-") for hold in state.holds)
    ):
        hold_id = f"{news}-{state.version + len(answer.events) + 1}"
        compare_from = (command.at or "") if command.hold == "once_begun" else ""
        answer.events.append(
            e.Held(rule="hold", hold_id=hold_id, reason=command.words, compare_from=compare_from)
        )
    known = state.stage not in (*UNBORN, *FINAL) and state.version < MAX_NOTED_VERSION
    if command.look and known and not told and not state.refetch:
        _ask_channel(state, command.source, command.topic, context, answer)


def _is_told(state: State, command: i.NoteReport) -> bool:
    """Whether the channel's last statement is as new as the news."""
    if not command.at or not state.source_updated_at:
        return False
    return moment(state.source_updated_at) >= moment(command.at)


def looked(state: State, command: i.RefetchOrder, context: Context, answer: Answer) -> None:
    """The channel is asked how the order is now; while it is being asked, once more afterwards.

    An order at its end is left alone: nothing that the channel could say would change it.
    """
    if state.refetch or (state.stage in FINAL and not is_unborn(state)):
        return
    _ask_channel(state, command.source, command.topic, context, answer)


def _ask_channel(state: State, source: str, topic: str, context: Context, answer: Answer) -> None:
    answer.events.append(
        e.LookAsked(
            rule="look-first" if state.stage == S.NEW else "look",
            channel=context.channel,
            ref=context.ref,
            correlation_id=context.correlation_id,
            source=source,
            topic=topic,
        )
    )
    if not state.is_open(FETCH):
        answer.effects.append(f.FetchOrder())


def _expected_is_due(state: State, context: Context, answer: Answer) -> None:
    """The order itself did not come: the channel is asked for it, and only when that did not help
    there is an alarm (and another question, once a day)."""
    asking = state.is_open(FETCH) or state.is_stuck(FETCH)
    if not state.looks and not asking:
        _ask_channel(state, "orderwright", "place-due", context, answer)
        answer.set_timers["due"] = context.policy.place_due_seconds
        return
    answer.events.append(e.Overdue(rule="alarm", stage=state.stage, waiting_for=waiting_for(state)))
    if not asking:
        answer.effects.append(f.FetchOrder())
    answer.set_timers["due"] = max(context.policy.place_due_seconds, DAY)


def _hold_name(topic: str) -> str:
    """Return a channel's topic as the first part of a hold's id: `refunds/create` gives
    `refunds-create`. People type ids."""
    plain = (c if c.isascii() and c.isalnum() else " " for c in topic.lower())
    return "-".join("".join(plain).split())


def picked(state: State, command: i.ReportPicked, context: Context, answer: Answer) -> None:
    """The goods are off the shelf: kept for the record."""
    if allows(state.stage, e.Picked):
        answer.events.append(e.Picked(rule="pick"))


def packed(state: State, command: i.ReportPacked, context: Context, answer: Answer) -> None:
    """The parcels exist; the label may be bought. A repeat, or one after a cancel, changes nothing
    (the cancellation of the task is under way or done)."""
    if allows(state.stage, e.Packed):
        answer.events.append(e.Packed(rule="pack", parcels=command.parcels))


def short_picked(
    state: State, command: i.ReportShortPicked, context: Context, answer: Answer
) -> None:
    """Too little was found: a person says whether to ship what is there or to cancel."""
    if allows(state.stage, e.ShortPicked):
        answer.events.append(e.ShortPicked(rule="short-pick", lines=command.lines))
        hold_id = f"short-pick-{state.version + 2}"
        missing = sum(x.ordered_quantity - x.picked_quantity for x in command.lines)
        reason = f"the warehouse is short of {missing} pieces: ship what is there, or cancel"
        answer.events.append(e.Held(rule="hold", hold_id=hold_id, reason=reason))


def handed_over(
    state: State, command: i.ReportHandedOver, context: Context, answer: Answer
) -> None:
    """The carrier's driver has the parcels."""
    if allows(state.stage, e.Shipped):
        answer.events.append(e.Shipped(rule="ship"))
        answer.set_timers["track"] = context.policy.track_every_seconds


def task_cancelled(
    state: State, command: i.ReportTaskCancelled, context: Context, answer: Answer
) -> None:
    """The warehouse cancelled by itself: a person must find another way. Ours is confirmed by the
    answer to our own request, so nothing is left to do then."""
    if state.stage in {S.RESERVED, S.PACKED, S.LABELLED}:
        hold_id = f"task-cancelled-{state.version + 1}"
        reason = "the warehouse cancelled its task by itself"
        answer.events.append(e.Held(rule="hold", hold_id=hold_id, reason=reason))


def timer_fired(state: State, command: i.TimerFired, context: Context, answer: Answer) -> None:
    """A timer is a question about the present; one that came too late finds nothing to do."""
    match command.name:
        case "track" if allows(state.stage, e.Asked):
            if not state.is_open(TRACK_KIND) and not state.is_stuck(TRACK_KIND):
                answer.events.append(e.Asked(rule="track"))
                answer.effects.append(f.TrackShipment(tracking_number=state.tracking_number))
        case "stock" if state.stage == S.BACKORDERED and mapping.is_unmapped(state):
            answer.set_timers["stock"] = context.policy.stock_retry_seconds
        case "mapping":
            mapping.refetch(state, context, answer)
        case "stock" if state.stage == S.BACKORDERED:
            answer.events.append(e.StockTriedAgain(rule="stock-again"))
        case "close" if state.stage == S.DELIVERED:
            follow = next_event(state)
            if follow is not None:
                answer.set_timers["close"] = 0.0
                answer.events.append(follow)
            else:  # a partner or a person is not done yet: ask again
                again = max(context.policy.close_after_seconds, LEAST_CLOSE_SECONDS)
                answer.set_timers["close"] = again
        case "due" if state.stage == S.EXPECTED:
            _expected_is_due(state, context, answer)
        case "due" if allows(state.stage, e.Overdue):
            answer.events.append(
                e.Overdue(rule="alarm", stage=state.stage, waiting_for=waiting_for(state))
            )
            wait = WAITS[Stage(state.stage)]
            # The alarm is repeated, but not permanently at the pace of the shortest stage.
            answer.set_timers["due"] = max(getattr(context.policy, wait.due), DAY)
