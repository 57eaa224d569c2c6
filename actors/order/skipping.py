"""What it means that a person goes on without an effect: done elsewhere, or not at all."""

from __future__ import annotations

from collections.abc import Callable

from actors.fulfilment import replies as fulfilment
from actors.fulfilment.collect import amount_for
from actors.fulfilment.table import TABLE as FULFILMENT_TABLE
from actors.order.differs import facets_named, leave
from actors.order.evolve import FETCH
from actors.order.reading import is_labelled_by_us
from actors.order.state import Stuck
from actors.order.wanted import CANCEL
from actors.order.work import SOUGHT, Work
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.base import Intent

RESERVE, TASK = f.tag_of(f.ReserveStock), f.tag_of(f.CreateTask)
TRACK, PUBLISH = f.tag_of(f.TrackParcel), f.tag_of(f.PublishFulfilment)
BUY, VOID, AMEND, UNPOST = (
    f.tag_of(f.BuyLabel),
    f.tag_of(f.VoidLabel),
    f.tag_of(f.AmendSalesOrder),
    f.tag_of(f.CancelSalesOrder),
)

QUESTIONS = frozenset({FETCH, TRACK})
"""What leaves nothing behind that could be found later."""


def stuck_of(work: Work, command: i.ActOnOrder) -> Stuck | None:
    """Return the effect that waits for a person and is meant, None when there is none."""
    return next((x for x in work.state.stuck if command.target in ("", str(x.number))), None)


def skip(work: Work, command: i.ActOnOrder) -> str:
    """Go on without an effect, each with what that means for its thing."""
    stuck = stuck_of(work, command)
    if stuck is None:
        return "No effect of this order waits for a person."
    lost = next((x for x in work.state.lost if x.number == stuck.number), None)
    work.say(
        e.Skipped(
            rule="skip",
            key=stuck.key,
            effect=stuck.number,
            kind=stuck.kind,
            person=command.person,
            reason=command.reason,
        )
    )
    if not stuck.outcome_known and stuck.kind not in QUESTIONS:
        # No one knows whether it was done: it is searched for a while, and adopted when found.
        work.settled = ((stuck.number, SOUGHT),)
    consequence = _CONSEQUENCES.get(stuck.kind)
    if consequence is not None:
        note = lost.note if lost is not None else ""
        intent = Intent(stuck.number, stuck.key, stuck.kind, "", note)
        consequence(work, intent, command.person)
    return ""


def _granted(work: Work, intent: Intent, person: str) -> None:
    thing = work.state.fulfilments.get(intent.key)
    if thing is not None and thing.stage in ("planned", "short") and not thing.stop:
        work.say(e.StockGranted(rule="grant", key=intent.key, person=person))


def _by_hand(work: Work, intent: Intent, person: str) -> None:
    thing = work.state.fulfilments.get(intent.key)
    if thing is not None and thing.stage in ("planned", "reserved") and not thing.stop:
        collect, key = -1, intent.key
        if not is_labelled_by_us(thing, work.context.setup):
            collect, _ = amount_for(work.state, key, thing, work.order, work.context)
        work.say(e.LeftToPerson(rule="by-hand", key=key, person=person, collect_minor=collect))


def _undone(work: Work, intent: Intent, person: str) -> None:
    if intent.key in work.state.fulfilments:
        fulfilment.undone(work, intent, by=person)


def _shown(work: Work, intent: Intent, person: str) -> None:
    if intent.key in work.state.fulfilments:
        parcels = tuple(k for k in work.state.parcels if k in intent.note.split(","))
        work.say(e.Published(rule="publish", key=intent.key, parcels=parcels, by=person))


def _told(work: Work, intent: Intent, person: str) -> None:
    if intent.note in work.state.requests:
        work.say(e.RequestAnswered(rule="request-answered", outside_id=intent.note, by=person))
    if any(one.outside_id == intent.note and not one.told for one in work.state.stops):
        work.say(e.StopAnswered(rule="stop-answered", outside_id=intent.note, by=person))
    thing = work.state.fulfilments.get(intent.key)
    if thing is not None and FULFILMENT_TABLE.allows(thing.stage, e.ReadyTold):
        work.say(e.ReadyTold(rule="ready", key=intent.key, by=person))


def _unlabelled(work: Work, intent: Intent, person: str) -> None:
    """What a label of ours would have corrected the warehouse's own task still says: `person` may
    not know that it was to."""
    state = work.state
    label = state.labels.get(intent.key)
    thing = state.fulfilments.get(label.fulfilment) if label is not None else None
    if label is None or thing is None or not (thing.told and thing.left):
        return
    changed = [name for name, (task, _) in state.revised.items() if task > thing.told]
    if named := facets_named([one for one in changed if one != "note"]):
        task = f" (task {thing.task})" if thing.task else ""
        leave(
            work,
            f"{label.fulfilment}{task} goes on without a label of ours, and {named} changed after "
            "its task was given: have the warehouse send it as the order says",
        )


def _kept(work: Work, intent: Intent, person: str) -> None:
    work.say(e.LabelKept(rule="keep", key=intent.key, person=person))


def _amended(work: Work, intent: Intent, person: str) -> None:
    digest = f"r{work.state.book}"
    work.say(e.DocumentAmended(rule="amend", key=intent.key, digest=digest, by=person))


def _left(work: Work, intent: Intent, person: str) -> None:
    work.say(e.DocumentKept(rule="keep", key=intent.key, person=person))


def _channel(work: Work, intent: Intent, person: str) -> None:
    work.say(e.ChannelTold(rule="channel-told", told=True, by=person))


_CONSEQUENCES: dict[str, Callable[[Work, Intent, str], None]] = {
    RESERVE: _granted,
    TASK: _by_hand,
    fulfilment.CANCEL: _undone,
    fulfilment.RELEASE: _undone,
    PUBLISH: _shown,
    fulfilment.TELL: _told,
    BUY: _unlabelled,
    VOID: _kept,
    AMEND: _amended,
    UNPOST: _left,
    CANCEL: _channel,
}
"""What it means that a person did it elsewhere, or goes on without it."""
