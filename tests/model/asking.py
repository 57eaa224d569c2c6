"""What may be asked of partners, and when: said again here in other words than the tables'."""

from __future__ import annotations

from collections import Counter

from actors.kernel import ledger
from actors.order.acceptance import still_due
from actors.order.state import State
from actors.order.worth import worth_of_rest
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import Order
from schemas.order.shares import as_paid, comes_to
from schemas.order.things import ORDER, Key, number_of
from tests.model.checks import that
from tests.model.world import World

HERE = ("packed", "unpacked")
THERE = ("paid", "authorized", "partially_refunded")


def asked_well(world: World) -> None:
    """Check the effects that the latest decision intends. A person who retries may have them again
    whatever stands: that is a question whether it was done."""
    assert world.last is not None
    accepted_well(world)
    _not_asked_twice(world)
    _says_what_is(world)
    _, _, given = world.trail[-1]
    if isinstance(given, i.UpdateOrder | i.PlaceOrder):
        followed_well(world, given.order)
    if isinstance(given, i.ActOnOrder):
        return
    state = world.state
    for one in world.last.effects:
        if isinstance(one.effect, f.CreateTask):
            _not_held(state, one.key, picks=_is_labelled(world, one.key))
            if not _is_labelled(world, one.key):
                _is_paid_for(world, one.key)
            _collects_what_is_due(world, one.key, one.key, one.effect)
        elif isinstance(one.effect, f.BuyLabel):
            _not_held(state, one.effect.fulfilment)
            _is_paid_for(world, one.effect.fulfilment)
            _collects_what_is_due(world, one.key, one.effect.fulfilment, one.effect)
            _label_well(world, one.key, one.effect)
        elif isinstance(one.effect, f.CapturePayment):
            _capture_well(world, one.effect)
        elif isinstance(one.effect, f.TellStanding):
            _told_well(state, one.key, one.effect)
        else:
            _undone_well(state, one.key, one.effect)


def _label_well(world: World, key: Key, effect: f.BuyLabel) -> None:
    """What stops gets no label, but for one that may have been bought before parcels left under it:
    it is asked for again as it was."""
    thing = world.state.fulfilments[effect.fulfilment]
    if not thing.stop:
        return
    may_be_there = any(x.key == key and not x.known for x in world.state.lost)
    left = any(world.parcels[x.parcel].stage not in HERE for x in effect.parcels)
    that(thing.stage == "recalled" and left and may_be_there, "a label of what stops", key, effect)


def _is_labelled(world: World, key: Key) -> bool:
    thing = world.state.fulfilments[key]
    place = next(x for x in world.setup.places if x.name == thing.place)
    return thing.delivery == "parcel" and bool(place.carrier) and place.labels == "us"


def _is_paid_for(world: World, key: Key) -> None:
    """What was reserved is taken before goods leave, unless a person or the seller's settings let
    them go."""
    state = world.state
    if world.setup.receivable or not state.payments or world.is_wild:
        return
    (one,) = state.payments.values()
    paid = any(isinstance(x, e.PaymentCaptured) for x in world.events)
    order = world.body
    rest = 0 if order is None else worth_of_rest(state, order)[0] - one.beside
    taken = world.partners.money()
    that(one.waived or paid or taken or rest <= 0, "8 goods leave without money", key, one)
    if not world.setup.capture_parts and not (one.waived or paid):
        that(taken >= min(one.amount, rest), "8 all of it is captured first", key, one, taken)


def _capture_well(world: World, effect: f.CapturePayment) -> None:
    """Money is taken of an order that is wanted and not held, and never more than was reserved."""
    state = world.state
    (one,) = state.payments.values()
    that(state.cancel is None, "8 a cancelled order captures nothing", state.cancel)
    _not_held(state, ORDER)
    that(effect.before_minor + effect.amount_minor <= one.amount, "8 within the authorisation",
         effect, one)  # fmt: skip


def _told_well(state: State, key: Key, effect: f.TellStanding) -> None:
    """A customer is told to come for what is packed for him and stays; what is said to be stopped
    is in no task."""
    if effect.what == "ready":
        _not_held(state, key)
        thing = state.fulfilments[key]
        waits = thing.stage == "packed" and not (thing.stop or thing.missing or thing.more)
        that(waits and thing.delivery == "pickup", "a pickup that waits", key, thing)
    elif effect.what in ("taken", "not_taken"):
        that(effect.outside_id in state.requests, "it was asked for", effect.outside_id)
        undone = state.cancel is not None or state.stage in ("cancelled", "duplicate")
        gone = not any(
            line.counts.get("o") for line in state.lines
        )  # of a placed one, nowhere else
        undone = undone or (state.stage == "placed" and gone)
        that(undone == (effect.what == "not_taken"), "as the order stands", effect.what)
    elif effect.what == "stopped" and state.stage != "cancelled":
        (asked,) = [one for one in state.stops if one.outside_id == effect.outside_id]
        for at, quantity in asked.units:
            get = state.lines[at].counts.get
            back = get("o", 0) + get("c", 0) + get("m", 0)
            that(back >= quantity, "what is said to be stopped is here", at, quantity, back)


def _undone_well(state: State, key: Key, effect: f.Effect) -> None:
    match effect:
        case f.VoidLabel():
            thing = state.fulfilments.get(state.labels[key].fulfilment)
            stands = thing is not None and thing.stop and thing.task and thing.lane
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
            more = [
                k for k, x in state.documents.items() if x.stage in ("wanted", "posted", "skipped")
            ]
            one_too_many = max(number_of(k) for k in more) > number_of(key)
            that(not live or one_too_many, "stock is back before the ERP is told", live)
        case f.CancelAtChannel():
            _all_undone(state, "the channel")
            doubtful = [x.key for x in state.stuck if not x.outcome_known]
            taking = [k for k in (*doubtful, *(x.key for x in state.open)) if k in state.captures]
            that(
                not taking, "8 whether money is taken is known before the channel frees it", taking
            )
        case f.SendMail(template="order_cancelled"):
            _all_undone(state, "the customer")


def _collects_what_is_due(
    world: World, key: Key, fulfilment: Key, effect: f.CreateTask | f.BuyLabel
) -> None:
    """No more is collected than what is still wanted comes to: what was cancelled is not due."""
    state, order = world.state, world.body
    if not effect.collect_minor or order is None:
        return
    stated = {line.line_id: line.quantity for line in order.lines}
    rest = []
    for line in state.lines:
        get = line.counts.get
        wanted = ledger.ordered(line.counts) - get("C", 0) - get("M", 0)
        wanted = min(wanted, stated.get(line.line_id, 0))
        if line.line_id in stated:
            rest.append(f.Units(line.line_id, line.sku, wanted))
    paid = order.totals.total_minor - still_due(order)[0]
    due = max(0, comes_to(as_paid(order), rest).total_minor - paid)
    others = sum(
        x.collect
        for k, x in state.fulfilments.items()
        if k != fulfilment and not x.stop and x.stage != "done"  # that was collected
    )
    others += sum(
        x.collect
        for k, x in state.labels.items()
        if k != key and x.fulfilment == fulfilment and x.stage in ("wanted", "bought")
    )
    whole = state.collected + others + effect.collect_minor
    that(whole <= due, "8 no more is collected than is due", key, whole, due)


def _says_what_is(world: World) -> None:
    """A label under which nothing has left says where the order goes now, or is taken back."""
    state, order = world.state, world.body
    for key, label in state.labels.items():
        shipment = world.partners.shipments.get(key)
        if shipment is None or order is None or label.stage != "bought" or label.stop:
            continue
        if all(state.parcels[k].stage in HERE for k in label.parcels if k in state.parcels):
            goes = shipment.order.ship_to
            that(goes == order.ship_to, "a label is for another address", key, goes)


_ASKED = "whose contents no one told"


def _not_asked_twice(world: World) -> None:
    """No person is asked what a warehouse has told."""
    _, _, given = world.trail[-1]
    assert world.last is not None
    words = "; ".join(x.words for x in world.last.events if isinstance(x, e.TaskOpened))
    if not isinstance(given, i.ReportHandedOver) or _ASKED not in words:
        return
    key, lines = given.fulfilment, {line.line_id for line in world.state.lines}
    every = "; ".join(x.words for x in world.events if isinstance(x, e.TaskOpened))
    told = set()
    if any(x.fulfilment == key and x.parcel_id in ("", key) for x in world.parcels.values()):
        return  # whether it is what left without a name, no one knows
    for _, _, one in world.trail[:-1]:
        if isinstance(one, i.ReportPacked) and one.fulfilment == key:
            told |= {
                parcel.parcel_id
                for parcel in one.parcels
                if any(unit.quantity > 0 and unit.line_id in lines for unit in parcel.units)
            }
    for parcel in given.parcels:
        question = f"{key} has the parcel {parcel.parcel_id}, {_ASKED}"
        open_ = any(question in task.words for task in world.before.tasks)
        asked = question in words and not open_
        known = parcel.parcel_id in told and not parcel.units
        before = f"{key}: the warehouse packs {parcel.parcel_id} although" in every
        that(not (asked and known and not before), "no one is asked what was told", key, parcel)


def accepted_well(world: World) -> None:
    """An order is accepted for money that is there or promised, or because a person or a rule says
    so."""
    assert world.last is not None
    for event in world.last.events:
        if isinstance(event, e.ShippedElsewhere) and not world.is_wild:
            ours = event.outside_id.startswith("gid-")
            that(not ours, "our own shipment is not somebody else's", event)
        if isinstance(event, e.Accepted) and not event.person:
            state, promised = world.state, world.setup.promised
            methods = {one.strip().casefold() for one in state.payment_method.split(",")}
            known = state.payment in THERE or methods & promised or state.accepted_by
            by_rule = state.ruled is not None and state.ruled.asked("accept", "accept")
            ruled = by_rule and state.payment not in ("voided", "refunded")
            that(known or ruled, "money is there or promised", state.payment, state.payment_method)


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


def _not_held(state: State, key: Key, *, picks: bool = False) -> None:
    """A hold that lets the warehouse pick keeps back a label, or what leaves without one."""
    holds = [hold for hold in state.holds if hold.key in (ORDER, key)]
    if picks:
        holds = [hold for hold in holds if not hold.hold_id.startswith("rule-elevated-")]
    that(not holds, "nothing irreversible is done while it is held", key, holds)


def _not_in_use(state: State, key: Key) -> None:
    numbers = state.labels[key].numbers
    under = [k for k, x in state.parcels.items() if x.label == key and x.number in numbers]
    gone = [k for k in under if state.parcels[k].stage not in HERE]
    that(not gone, "a label under which a parcel has left is not voided", key, gone)


def _undone_first(state: State, key: Key) -> None:
    thing = state.fulfilments[key]
    asked = thing.task and thing.lane  # else no warehouse of ours has it, whatever one reports
    that(not asked, "the task is cancelled before the stock is released", key, thing)
    for label in state.labels.values():
        unused = all(state.parcels[k].stage in HERE for k in label.parcels if k in state.parcels)
        if label.fulfilment == key and label.stage == "bought" and unused:
            that(thing.stage != "recalled", "the label is voided before the stock", key, label)


def _all_undone(state: State, whom: str) -> None:
    posted = [x for x in state.documents.values() if x.stage == "posted"]
    live = [x for x in state.fulfilments.values() if x.stage not in ("done", "cancelled")]
    that(not posted and not live, f"everything is undone before {whom} is told", posted, live)
