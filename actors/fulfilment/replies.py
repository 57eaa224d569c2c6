"""What partners answer a fulfilment: stock, warehouse and storefront."""

from __future__ import annotations

from actors.fulfilment.short import decide
from actors.fulfilment.table import INSIDE, TABLE
from actors.fulfilment.thing import DONE, HANDED_OVER, PACKED, RECALLED, Fulfilment
from actors.fulfilment.wanted import ALL
from actors.kernel import ledger
from actors.order.differs import CHANGED, cancelled_and_left, leave, not_stopped, says_former
from actors.order.evolve import BY_ITSELF, CHANNEL
from actors.order.joint_things import recalled
from actors.order.places import places_for
from actors.order.work import Work
from actors.stock.plan import MAX_FULFILMENTS, OpenLine, Planned, how_of, plan
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages.base import Intent, Move, Parts
from schemas.order.things import FULFILMENT, Key

MAX_TRIES = 5
"""Plans between two looks at the stock; who loses the race that often waits for the timer."""

CANCEL, RELEASE = f.tag_of(f.CancelTask), f.tag_of(f.ReleaseStock)
RESERVE, TASK = f.tag_of(f.ReserveStock), f.tag_of(f.CreateTask)
PUBLISH, TELL = f.tag_of(f.PublishFulfilment), f.tag_of(f.TellStanding)
FARTHER = (PACKED, HANDED_OVER, RECALLED, DONE)
"""Where a fulfilment stands that a person was left with and has dealt with."""
REFUSED_CANCEL = "cancel-refused-"
"""How the hold begins of a fulfilment of a cancelled order that the warehouse does not stop."""


def done(work: Work, intent: Intent, result: f.Result, settles: int) -> None:
    """A partner did what was asked, or says what it can do. `settles` is 0 for a late answer."""
    key = intent.key
    thing = work.state.fulfilments.get(key)
    if thing is None:
        return
    match result:
        case f.StockReserved(place=place):
            _reserved(work, key, thing, place, settles)
        case f.StockShort():
            _short(work, key, thing, result, settles)
        case f.TaskCreated(task_id=task_id):
            _taken(work, key, thing, task_id, settles)
        case f.CancelAsked():
            if TABLE.allows(thing.stage, e.CancelAsked):
                work.say(e.CancelAsked(rule="cancel-asked", key=key, settles=settles))
        case f.FulfilmentPublished(outside_ids=outside_ids):
            parcels = tuple(Key(one) for one in intent.note.split(",") if one)
            if not TABLE.allows(thing.stage, e.Published):
                return
            work.say(
                e.Published(
                    rule="publish",
                    key=key,
                    settles=settles,
                    parcels=parcels,
                    outside_ids=outside_ids,
                )
            )
        case f.StandingTold(told=told):
            if TABLE.allows(thing.stage, e.ReadyTold):
                work.say(e.ReadyTold(rule="ready", key=key, settles=settles, told=told))
        case f.Undone(detail=detail):
            undone(work, intent, detail=detail, settles=settles)


def _taken(work: Work, key: Key, thing: Fulfilment, task_id: str, settles: int) -> None:
    """The warehouse has the task, however late. Where a person has packed or stopped meanwhile what
    was left to one, nothing of ours stops the warehouse: a person does."""
    if not TABLE.allows(thing.stage, e.TaskTaken):
        return
    rule = "release" if thing.stage in ("planned", "reserved") else "late-task"
    rule = "revive" if thing.stage == "cancelled" else rule
    work.say(e.TaskTaken(rule=rule, key=key, settles=settles, task_id=task_id))
    stops = thing.stop and thing.stage == PACKED  # then the task is cancelled with the rest
    if thing.person and thing.stage in FARTHER and not stops:
        leave(
            work,
            f"{key} was left to a person, and the warehouse turned out to have the task {task_id} "
            "for the same goods: have the warehouse cancel it, or it sends them as well",
        )


def _reserved(work: Work, key: Key, thing: Fulfilment, place: str, settles: int) -> None:
    if not TABLE.allows(thing.stage, e.StockReserved):
        return
    if thing.stage == DONE and not thing.free:
        return  # what was reserved has left
    rule = "reserve" if thing.stage in ("planned", "short") else "late-reserve"
    rule = "revive" if thing.stage == "cancelled" else rule
    work.say(e.StockReserved(rule=rule, key=key, settles=settles, place=place))


def _short(work: Work, key: Key, thing: Fulfilment, told: f.StockShort, settles: int) -> None:
    """Plan again with what each place could promise; what none has waits for stock."""
    if not any(one.number == settles for one in work.state.open):
        return  # it is known by now what became of the reservation
    if thing.stage != "planned" or thing.stop:
        if TABLE.allows(thing.stage, e.Backordered):
            rule = "backorder" if thing.stage == "planned" else "late-short"
            skus, seen = told.skus, told.seen
            work.say(e.Backordered(rule=rule, key=key, settles=settles, skus=skus, seen=seen))
        return
    state = work.state
    places = places_for(state, work.context.setup, work.order, thing.delivery)
    lines = [
        OpenLine(at, state.lines[at].sku, thing.delivery, quantity) for at, quantity in thing.left
    ]
    made: tuple[Planned, ...] = ()
    if thing.tries < MAX_TRIES and told.seen:
        made = plan(lines, places, told.seen, how_of(work.context.setup))
    ready = [one for one in made if not one.waits]
    if not ready:
        work.say(
            e.Backordered(
                rule="backorder", key=key, settles=settles, skus=told.skus, seen=told.seen
            )
        )
        return
    first, *others = ready
    waiting = [one for one in made if one.waits]
    moved = [part for one in (*others, *waiting) for part in one.units]
    work.say(
        e.StockReplanned(
            rule="replan",
            key=key,
            settles=settles,
            place=first.place,
            skus=told.skus,
            seen=told.seen,
            moves=tuple(Move(at, q, ledger.ALLOCATED, ledger.OPEN) for at, q in moved),
        )
    )
    for one in (*others, *waiting):
        if len(work.state.fulfilments) < MAX_FULFILMENTS:  # the rest is planned when some have left
            _more(work, one, told)


def _more(work: Work, planned: Planned, told: f.StockShort) -> None:
    moves = tuple(Move(at, q, ledger.OPEN, ledger.ALLOCATED) for at, q in planned.units)
    key = work.next(FULFILMENT)
    place, delivery, seen = planned.place, planned.delivery, told.seen
    if planned.waits:
        work.say(
            e.FulfilmentBackordered(
                rule="park", key=key, place=place, delivery=delivery, skus=told.skus, seen=seen,
                moves=moves,
            )
        )  # fmt: skip
    else:
        work.say(
            e.FulfilmentPlanned(
                rule="plan", key=key, place=place, delivery=delivery, seen=seen, moves=moves
            )
        )


def undone(work: Work, intent: Intent, *, detail: str = "", settles: int = 0, by: str = "") -> None:
    """A cancellation or a release took effect, or a person says that it did."""
    key = intent.key
    thing = work.state.fulfilments[key]
    if intent.kind == RELEASE:
        if TABLE.allows(thing.stage, e.StockReleased):
            units = () if intent.note == ALL else parts_of(intent.note)
            work.say(
                e.StockReleased(
                    rule="give-back", key=key, settles=settles, units=units, detail=detail, by=by
                )
            )
        return
    if thing.untold and thing.stage in INSIDE:
        work.say(e.CancelAsked(rule="cancel-asked", key=key, settles=settles, ceased=True))
    elif thing.stage == "handed_over":
        work.say(e.StopDropped(rule="go-on", key=key, settles=settles, reason="it has left"))
        leave(work, cancelled_and_left(key))
    elif TABLE.allows(thing.stage, e.TaskCancelled):
        work.say(recalled(work.state, key, settles=settles, detail=detail, by=by))


def not_shown(work: Work, intent: Intent, settles: int, reason: str) -> bool:
    """What left of an order that its channel shows as cancelled is not shown there. A person has
    the task to stop the goods or have them sent back, and there is nothing to correct at the
    channel. Return whether it is so."""
    state, key = work.state, intent.key
    wish = state.cancel
    cancelled = wish is not None and (wish.told or wish.requested_by == CHANNEL)
    cancelled = cancelled or state.late_cancel
    thing = state.fulfilments.get(key)
    if not cancelled or thing is None or not TABLE.allows(thing.stage, e.Published):
        return False
    if not any(one.task_id == CHANGED for one in state.tasks):
        return False
    parcels = tuple(Key(one) for one in intent.note.split(",") if one)
    work.say(e.Published(rule="publish", key=key, settles=settles, parcels=parcels, by=BY_ITSELF))
    leave(
        work,
        f"the channel shows the order as cancelled, and {key} not as shipped "
        f"({reason[:200].rstrip('.')}): nothing is to be done about that",
    )
    return True


def parts_of(note: str) -> Parts:
    """Return the units that a release was asked for, from its intent's note."""
    pairs = (one.split(":") for one in note.split(",") if one)
    return tuple((int(at), int(quantity)) for at, quantity in pairs)


def cancel_refused(work: Work, key: Key, reason: str, settles: int) -> None:
    """The warehouse does not stop it: the wish is dropped, and a person is told. Nothing more of a
    cancelled order is bought or asked for before one has looked."""
    thing = work.state.fulfilments[key]
    if thing.ceased or not TABLE.allows(thing.stage, e.StopDropped):
        work.say(e.AnswerNoted(rule="noted", key=key, settles=settles))
        return
    why = thing.stop
    work.say(e.StopDropped(rule="go-on", key=key, settles=settles, reason=reason[:500]))
    if thing.stage == "handed_over":
        return
    if thing.missing:
        decide(work, key)
    if why == "cancelled":
        told = (
            f"the warehouse does not cancel {key} ({reason[:200].rstrip('.')}): stop it there, or "
            f"release the hold to let it go{says_former(work.state, thing)}"
        )
        hold_id = f"{REFUSED_CANCEL}{work.state.version + 1}"
        work.say(e.Held(rule="hold", key=key, hold_id=hold_id, reason=told))
    elif why in ("asked", "changed", "held"):
        # Of what it asked itself the channel is told that it goes on, and of what is held a person.
        not_stopped(work, key, thing, reason)
    else:
        leave(
            work,
            f"{key} was to start again, and the warehouse does not stop it "
            f"({reason[:200].rstrip('.')}): ask the warehouse whether it goes on",
        )
