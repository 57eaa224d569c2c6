"""What channels tell beside the order itself, and what time brings."""

from __future__ import annotations

from actors.fulfilment.packing import end_surplus, settle_last
from actors.fulfilment.thing import CONTENTS, Fulfilment
from actors.order import change, claiming, holding
from actors.order.decision import moment
from actors.order.differs import MAX_NAMED
from actors.order.evolve import BY_ITSELF, FETCH
from actors.order.joint_money import ends
from actors.order.joint_order import ended
from actors.order.later import fall_due, scheduled
from actors.order.outside import units_of
from actors.order.persons import track
from actors.order.place import is_unborn, refetch
from actors.order.places import places_for
from actors.order.policy import DAY
from actors.order.reading import is_here, is_open, shipped, tracking_lane
from actors.order.reservations import expire
from actors.order.state import State
from actors.order.table import (
    ACCEPTED,
    CANCELLED,
    CLOSED,
    DUPLICATE,
    EXPECTED,
    FOLLOWING,
    NEW,
    PLACED,
    UNBORN,
    UNTOUCHED,
)
from actors.order.timers import CLOSE, DUE, LATER, MAPPING, STOCK, TRACK
from actors.order.words import of_fulfilment, waiting_for
from actors.order.work import Ask, Work
from actors.parcel.table import ON_ITS_WAY
from actors.parcel.table import WAITS as PARCEL_WAITS
from actors.returns.table import WAITS as RETURN_WAITS
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.things import ORDER, Key

MAX_STOPS = 50
"""Requests to send, or not to send, something that are open at once: as many as there are
fulfilments. One more holds the order, for a person answers it."""
MAX_NOTED_HOLDS = 8
"""How many holds notes may add to one order; one more stands for all that follow."""


def noted(work: Work, command: i.NoteReport) -> None:
    """Something happened at the channel: it is kept for people, and one of them looks where goods
    could otherwise leave the house wrongly. One hold for each kind of news is enough, and an order
    that waits at its channel needs none. An order we know is fetched, unless what the channel said
    last is as new as the news."""
    state, context = work.state, work.context
    if command.known and state.stage == NEW:
        return
    told = _is_told(state, command)
    waits = command.waits and state.stage in UNBORN
    if state.version < holding.MAX_NOTED_VERSION:
        work.say(
            e.ReportNoted(
                rule="note-first" if state.stage == NEW else "report",
                channel=context.channel,
                ref=context.ref,
                reference=context.reference,
                source=command.source,
                topic=command.topic,
                words=command.words,
                waits=waits,
            )
        )
    _free(work, command)
    stage = EXPECTED if state.stage == NEW else state.stage
    if (
        _is_held_by(state, stage, command.hold)
        and not (command.ready and _is_ready(state))
        and not (told and command.hold == "once_begun")
        and not (command.waits and stage == EXPECTED)
    ):
        _hold(work, command)
    if command.stop is not None:
        _asked_to_stop(work, command, command.stop)
    if command.request and "request" in context.setup.hears:
        _requested(work, command.request)
    if command.later is not None and state.stage not in (CLOSED, CANCELLED):
        scheduled(work, command.later)
    known = state.stage in (*FOLLOWING, CLOSED)
    if command.refetch and known and not told and not state.refetch:
        if state.version < holding.MAX_NOTED_VERSION:
            refetch(work, command.source, command.topic)
        else:
            holding.news_beyond(work)


def _hold(work: Work, command: i.NoteReport) -> None:
    """Hold the order for this kind of news, once."""
    state, news = work.state, _hold_name(command.topic)
    if command.unread:
        holding.for_unread(work, command)
    elif command.hold == "once_begun":
        since = command.at or ""
        holding.until_stated(work, news, command.words, since, MAX_NOTED_HOLDS)
    elif any(hold.hold_id.startswith(f"{news}-") for hold in work.before.holds):
        return
    elif len(work.before.holds) >= MAX_NOTED_HOLDS:
        holding.news_beyond(work)
    else:
        hold_id = f"{news}-{state.version + 1}"
        work.say(e.Held(rule="hold", hold_id=hold_id, reason=command.words))


def _requested(work: Work, outside_id: str) -> None:
    """The channel asks us to take something on, and is told whether we do."""
    requests = work.state.requests
    if outside_id in requests:
        return
    if len(requests) < MAX_STOPS:
        work.say(e.RequestNoted(rule="request", outside_id=outside_id))
    else:
        reason = (
            f"the channel asks for more than {MAX_STOPS} parts of it, and no more are kept: answer "
            "the rest there, then release this"
        )
        holding.beyond(work, holding.REQUESTS_BEYOND, reason)


def _asked_to_stop(work: Work, command: i.NoteReport, asked: i.AskedToStop) -> None:
    """The channel asks us not to send some units, and is told whether they were stopped. They are
    held until then, whatever else holds the order."""
    state, context = work.state, work.context
    stated = work.statement
    if "stop" not in context.setup.hears or state.stage in UNBORN or stated is None:
        return
    if state.stage == DUPLICATE:
        return  # of this one nothing is sent anyway
    known = any(one.outside_id == asked.outside_id for one in state.stops)
    units = tuple(units_of(work, stated, asked.units).items())
    if known or not units:
        return
    if len(state.stops) >= MAX_STOPS:
        reason = (
            f"the channel asks not to send more than {MAX_STOPS} parts of it, and no more are "
            "kept: stop the rest by hand and answer it there, then release this"
        )
        holding.beyond(work, holding.STOPS_BEYOND, reason)
        return
    news = _hold_name(command.topic)
    held = next((x.hold_id for x in state.holds if x.hold_id.startswith(f"{news}-")), "")
    here = state.cancel is None and (state.sums.get("o") or state.sums.get("a"))
    if not held and here:
        held = f"{news}-{state.version + 1}"
        work.say(e.Held(rule="hold", hold_id=held, reason=command.words))
    work.say(e.StopAsked(rule="stop-asked", outside_id=asked.outside_id, units=units, hold_id=held))


def _free(work: Work, command: i.NoteReport) -> None:
    """End the holds that earlier news put on: the channel says that it is so no more."""
    ended = tuple(f"{_hold_name(topic)}-" for topic in command.frees)
    for hold in work.state.holds:
        if ended and hold.hold_id.startswith(ended):
            hold_id, reason = hold.hold_id, command.words
            work.say(e.HoldReleased(rule="free", hold_id=hold_id, person=BY_ITSELF, reason=reason))


def _is_held_by(state: State, stage: str, hold: str) -> bool:
    """Before work began an edited order is simply changed; after hand-over there is nothing left to
    hold. How an order that has not come will look is not known, so any news holds it."""
    if not hold or state.cancel is not None:
        return False
    if stage == EXPECTED:
        return True
    if stage in UNTOUCHED:
        return hold == "before_hand_over"
    return stage == ACCEPTED and bool(state.sums.get("o") or state.sums.get("a"))


def _is_ready(state: State) -> bool:
    """Whether all that is here of an order waits for its customer, as its channel was told, or is
    just being told."""
    told = {one.key for one in state.open if one.kind == f.tag_of(f.TellStanding)}
    here = [(k, x) for k, x in state.fulfilments.items() if x.left]
    return not state.sums.get("o") and all(x.ready or k in told for k, x in here)


def _is_told(state: State, command: i.NoteReport) -> bool:
    """Whether the channel's last statement is as new as the news."""
    if not command.at or not state.source_updated_at:
        return False
    return moment(state.source_updated_at) >= moment(command.at)


def refetched(work: Work, command: i.RefetchOrder) -> None:
    """The order is fetched; while it is being fetched, once more afterwards. A cancelled order is
    left alone, as is one of which the channel says no more than it was told by us: nothing that it
    could say would change it."""
    state = work.state
    if command.shipped and _has_all_left(state):
        return
    if state.refetch or (state.stage == CANCELLED and not is_unborn(state)):
        return
    refetch(work, command.source, command.topic)


def _has_all_left(state: State) -> bool:
    """Whether every unit left from here, and the channel was told of each parcel."""
    sums = state.sums
    if state.stage not in (ACCEPTED, CLOSED) or any(map(sums.get, ("o", "a", "e", "c", "x"))):
        return False
    if any(one.kind == FETCH for one in state.open):
        return False
    return bool(shipped(state)) and all(one.shown for one in state.parcels.values())


def _hold_name(topic: str) -> str:
    """Return a channel's topic as the first part of a hold's id: `refunds/create` gives
    `refunds-create`. People type ids."""
    plain = (c if c.isascii() and c.isalnum() else " " for c in topic.lower())
    return "-".join("".join(plain).split())


def timer_fired(work: Work, command: i.TimerFired) -> None:
    """A timer is a question about the present; one that came too late finds nothing to do."""
    state, key = work.state, command.key
    match command.name:
        case "track" if key in state.parcels:
            _track(work, key)
        case "stock" | "reservation" if key in state.fulfilments:
            _of_stock(work, key, command.name)
        case "mapping":
            change.remap(work)
        case "twin" | "crowded" if state.stage == DUPLICATE:
            claiming.twin_ended(work, command.name)
        case "later":
            fall_due(work)
        case "close" if state.stage == ACCEPTED:
            work.may_close = True
            event = ended(work)
            if event is not None:
                work.say(event)
        case "ship_by" if state.ship_by and is_here(state):
            words, until = waiting_for(state), state.ship_by
            work.say(e.Overdue(rule="alarm", stage=state.stage, waiting_for=words, until=until))
        case "expires" if key in state.payments:
            ends(work, key)
        case "due" if state.stage == EXPECTED and key == ORDER:
            _expected_is_due(work)
        case "due":
            _overdue(work, key)


def _track(work: Work, key: Key) -> None:
    state = work.state
    parcel = state.parcels[key]
    waits = parcel.stage in (*ON_ITS_WAY, "packed")
    lane = tracking_lane(state, parcel, work.context.setup)
    if not waits or not lane or is_open(state, key) or any(x.key == key for x in state.stuck):
        return
    work.say(e.Asked(rule="track", key=key))
    ask = track(work, key)
    if ask is not None:
        work.ask(ask)


def _of_stock(work: Work, key: Key, name: str) -> None:
    thing = work.state.fulfilments[key]
    if name == "reservation":
        expire(work, key)
        return
    if thing.stage != "short" or thing.stop:
        return
    places = places_for(work.state, work.context.setup, work.order, thing.delivery)
    place = places[0] if places else thing.place
    work.say(e.StockTriedAgain(rule="stock-again", key=key, place=place))


def _overdue(work: Work, key: Key) -> None:
    state = work.state
    if key == ORDER:
        if state.stage == DUPLICATE:
            claiming.ask(work)
        elif state.stage in (PLACED, ACCEPTED):
            words = waiting_for(state)
            work.say(e.Overdue(rule="alarm", key=key, stage=state.stage, waiting_for=words))
        return
    thing, parcel = state.fulfilments.get(key), state.parcels.get(key)
    if thing is not None and thing.stage not in ("done", "cancelled"):
        words = waiting_for(state) if state.stuck else of_fulfilment(state, key, thing)
        work.say(e.Overdue(rule="alarm", key=key, stage=thing.stage, waiting_for=words))
        _miss_contents(work, key, thing)
        if thing.last and thing.stage == "packed":
            settle_last(work, key, ask=True)
        end_surplus(work, key)
    elif parcel is not None and parcel.stage in ON_ITS_WAY:
        words = PARCEL_WAITS[parcel.stage].whom
        work.say(e.Overdue(rule="alarm", key=key, stage=parcel.stage, waiting_for=words))
    elif (wait := RETURN_WAITS.get(_stage_of_return(state, key))) is not None:
        stage = _stage_of_return(state, key)
        work.say(e.Overdue(rule="alarm", key=key, stage=stage, waiting_for=wait.whom))


def _stage_of_return(state: State, key: Key) -> str:
    return state.returns[key].stage if key in state.returns else ""


def _miss_contents(work: Work, key: Key, thing: Fulfilment) -> None:
    """What parcels hold that have left is missed: a person can end the wait for it."""
    task_id = f"{CONTENTS}{key}"
    if not thing.untold or any(one.task_id == task_id for one in work.state.tasks):
        return
    names = [one.parcel_id for one in thing.untold if one.parcel_id][:MAX_NAMED]
    what = f"parcels ({', '.join(names)})" if names else "parcels"
    words = (
        f"the warehouse reports that {what} of {key} left, and not what they hold: have it report "
        "what it packed; if they hold all that was asked, mark this as done"
    )
    work.say(e.TaskOpened(rule="task", key=key, task_id=task_id, words=words))


def _expected_is_due(work: Work) -> None:
    """The order itself did not come: it is fetched, and only when that did not help there is an
    alarm (and another try, once a day)."""
    state, context = work.state, work.context
    asking = is_open(state, ORDER) or any(x.kind == FETCH for x in state.stuck)
    if not state.refetches and not asking and context.setup.storefront:
        refetch(work, "orderwright", "place-due")
        work.timers[ORDER, DUE] = context.policy.place_due_seconds
        return
    work.say(e.Overdue(rule="alarm", stage=state.stage, waiting_for=waiting_for(state)))
    if not asking and context.setup.storefront:
        work.ask(Ask(ORDER, context.setup.storefront, f.FetchOrder()))
    work.timers[ORDER, DUE] = max(context.policy.place_due_seconds, DAY)


__all__ = ["CLOSE", "LATER", "MAPPING", "STOCK", "TRACK", "noted", "refetched", "timer_fired"]
