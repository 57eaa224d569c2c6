"""What may be asked of partners, and when: said again here in other words than the tables'."""

from __future__ import annotations

from collections import Counter

from actors.kernel import ledger
from actors.order.state import State
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import Order
from schemas.order.things import ORDER, Key
from tests.model.checks import that
from tests.model.world import World

HERE = ("packed", "unpacked")
THERE = ("paid", "authorized", "partially_refunded")


def asked_well(world: World) -> None:
    """Check the effects that the latest decision intends. A person who retries may have them again
    whatever stands: that is a question whether it was done."""
    assert world.last is not None
    accepted_well(world)
    _, _, given = world.trail[-1]
    if isinstance(given, i.UpdateOrder | i.PlaceOrder):
        followed_well(world, given.order)
    if isinstance(given, i.ActOnOrder):
        return
    state = world.state
    for one in world.last.effects:
        if isinstance(one.effect, f.CreateTask):
            _not_held(state, one.key)
        elif isinstance(one.effect, f.BuyLabel):
            _not_held(state, one.effect.fulfilment)
            thing = state.fulfilments[one.effect.fulfilment]
            that(not thing.stop, "a label of what stops", one.key)
        else:
            _undone_well(state, one.key, one.effect)


def _undone_well(state: State, key: Key, effect: f.Effect) -> None:
    match effect:
        case f.VoidLabel():
            thing = state.fulfilments.get(state.labels[key].fulfilment)
            stands = thing is not None and thing.stop and thing.task
            that(not stands, "the task is cancelled before the label", key, thing)
            _not_in_use(state, key)
        case f.ReleaseStock(units=units):
            if not units or state.fulfilments[key].stop:
                _undone_first(state, key)
        case f.AmendSalesOrder():
            open_wishes = any(ledger.wished(line.counts) for line in state.lines)
            that(not open_wishes, "the ERP is told once it is known", state.lines)
        case f.CancelSalesOrder():
            live = [x for x in state.fulfilments.values() if x.stage not in ("done", "cancelled")]
            that(not live, "stock is back before the ERP is told", live)
        case f.CancelAtChannel():
            _all_undone(state, "the channel")
        case f.SendMail(template="order_cancelled"):
            _all_undone(state, "the customer")


def accepted_well(world: World) -> None:
    """An order is accepted for money that is there or promised, or because a person says so."""
    assert world.last is not None
    for event in world.last.events:
        if isinstance(event, e.ShippedElsewhere) and not world.is_wild:
            ours = event.outside_id.startswith("gid-")
            that(not ours, "our own shipment is not somebody else's", event)
        if isinstance(event, e.Accepted) and not event.person:
            state, promised = world.state, world.setup.promised
            methods = {one.strip().casefold() for one in state.payment_method.split(",")}
            known = state.payment in THERE or methods & promised or state.accepted_by
            that(known, "money is there or promised", state.payment, state.payment_method)


def followed_well(world: World, order: Order) -> None:
    """What the shop states last is what is wanted, but for what was cancelled here or has left."""
    before, state = world.before, world.state
    open_ = before.stage in ("placed", "accepted") and before.cancel is None
    newer = before.source_updated_at < order.updated_at == state.source_updated_at
    if not (open_ and newer) or world.tables.mappings.channels:
        return
    stated = {line.line_id: line.quantity for line in order.lines}
    wanted, cancelled, out = Counter[str](), Counter[str](), Counter[str]()
    for line in state.lines:
        get = line.counts.get
        wanted[line.line_id] += get("q", 0) + get("p", 0) - get("m", 0) - get("M", 0)
        cancelled[line.line_id] += get("c", 0) + get("C", 0)
        out[line.line_id] += ledger.out(line.counts) + get("e", 0) + get("E", 0)
    for line_id in {*wanted, *stated}:
        least = stated.get(line_id, 0) - cancelled[line_id]
        most = stated.get(line_id, 0) + cancelled[line_id] + out[line_id]
        that(least <= wanted[line_id] <= most, "the statement is followed", line_id, stated, wanted,
             state.lines)  # fmt: skip


def _not_held(state: State, key: Key) -> None:
    holds = [hold for hold in state.holds if hold.key in (ORDER, key)]
    that(not holds, "nothing irreversible is done while it is held", key, holds)


def _not_in_use(state: State, key: Key) -> None:
    numbers = state.labels[key].numbers
    under = [k for k, x in state.parcels.items() if x.label == key and x.number in numbers]
    gone = [k for k in under if state.parcels[k].stage not in HERE]
    that(not gone, "a label under which a parcel has left is not voided", key, gone)


def _undone_first(state: State, key: Key) -> None:
    thing = state.fulfilments[key]
    that(not thing.task, "the task is cancelled before the stock is released", key, thing)
    for label in state.labels.values():
        unused = all(state.parcels[k].stage in HERE for k in label.parcels if k in state.parcels)
        if label.fulfilment == key and label.stage == "bought" and unused:
            that(thing.stage != "recalled", "the label is voided before the stock", key, label)


def _all_undone(state: State, whom: str) -> None:
    posted = [x for x in state.documents.values() if x.stage == "posted"]
    live = [x for x in state.fulfilments.values() if x.stage not in ("done", "cancelled")]
    that(not posted and not live, f"everything is undone before {whom} is told", posted, live)
