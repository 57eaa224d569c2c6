"""Whether an order that has ended left its partners as it should: what they did is the truth.

A person who went on without something (`skip`) answers for that thing; what was reported to one in
a task is told, and counts as told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from actors.kernel import ledger
from actors.order.acceptance import still_due
from actors.order.evolve import BY_ITSELF
from actors.order.reading import comes_to
from actors.order.table import CANCELLED
from schemas.messages import events as e
from schemas.messages.effects import Units
from schemas.order.shares import as_booked, as_paid
from schemas.order.shares import comes_to as sums_to
from schemas.order.things import Key
from tests.model.checks import that
from tests.model.partners import Shipment
from tests.model.world import World

IDS = ("order_confirmed", "order_cancelled")


def judge(world: World) -> None:
    """Raise Broken when a partner was left with something else than the order says."""
    if world.state.twin is not None:
        done = world.partners.tasks or world.partners.shipments or world.partners.stock.held
        that(not done, "something was done for what is worked on elsewhere", world.state.twin)
        return
    if world.is_wild or not world.state.lines:
        return
    for rule in _RULES:
        rule(world)


def _told(world: World) -> str:
    """Everything that was left to people, in one text."""
    return "; ".join(x.words for x in world.events if isinstance(x, e.TaskOpened))


def _kept(world: World) -> set[Key]:
    kept = {x.key for x in world.events if isinstance(x, e.LabelKept | e.DocumentKept)}
    return kept | world.touched


def _left_by(world: World, key: Key) -> Counter[str]:
    """What physically left a warehouse for one fulfilment, by line."""
    found: Counter[str] = Counter()
    task = world.partners.tasks.get(key)
    if task is not None:
        for box in task.boxes.values():
            if box.left:
                found.update(box.units)
    return found


def stock(world: World) -> None:
    """Every reservation is used or given back."""
    state = world.state
    for key in {key for key, *_ in world.partners.stock.held}:
        if key in world.touched:
            continue
        used: Counter[str] = Counter()
        for parcel in world.parcels.values():
            if parcel.fulfilment == key and parcel.stage not in ("packed", "unpacked"):
                for at, quantity in parcel.units:
                    used[state.lines[at].line_id] += quantity
        held = world.partners.stock.held_by(key)
        over = {line: (q, used[line]) for line, q in held.items() if q > used[line]}
        that(not over, "7 a reservation is left over", key, over, world.fulfilments.get(key))


def tasks(world: World) -> None:
    """No warehouse works on what no one wants."""
    for key, task in world.partners.tasks.items():
        if key not in world.touched:
            that(not task.is_live, "3 a warehouse still works", key, task.boxes)


def labels(world: World) -> None:
    """Every label that was bought is used, taken back, or a person knows of it."""
    kept, told = _kept(world), _told(world)
    for key, one in world.partners.shipments.items():
        for k in one.numbers if one.voided else ():
            told_of = k in told or key in told or key in kept
            that(told_of or not _is_used(world, k, one), "a parcel left under a void label", key, k)
        if one.voided or key in kept:
            continue
        used = [k for k in one.numbers if _is_used(world, k, one)]
        that(used or key in told, "3 a label is paid for and not used", key, world.labels.get(key))


def _is_used(world: World, key: Key, one: Shipment) -> bool:
    parcel = world.parcels[key]
    return parcel.number == one.numbers[key] and parcel.stage not in ("packed", "unpacked")


def addresses(world: World) -> None:
    """What leaves goes where the order says while it is on its way, or a person knows better."""
    told = _told(world)
    asked = {x.key for x in world.events if isinstance(x, e.GivenToPerson)} | _kept(world)
    for key, one in world.partners.shipments.items():
        if one.voided or key in asked:
            continue
        for k in one.numbers:
            goes = world.sent_to.get(k, one.order.ship_to)
            if _is_used(world, k, one) and one.order.ship_to != goes:
                named = k in told or one.asked.fulfilment in told
                that(named, "a parcel goes to an old address", key, k, told)


_UNSAID = (
    "reports it collected although",
    "what it holds is unknown",
    "whose contents no one told",
    "although all of it has left",
)
"""Words that tell a person of goods whose contents no one said."""


def units(world: World) -> None:
    """11: what physically left is what the books say has left."""
    state = world.state
    if world.touched & world.partners.tasks.keys():
        return
    told = _told(world)
    # Of what left after its task was cancelled a person knows; the books have what was said.
    sure = [k for k in world.partners.tasks if f"{k} left although" not in told]
    gone: Counter[str] = Counter()
    for key in sure:
        gone.update(_left_by(world, key))
    for parcel in world.parcels.values():
        if parcel.fulfilment not in sure and parcel.stage not in ("packed", "unpacked"):
            for at, quantity in parcel.units:
                gone[state.lines[at].line_id] += quantity
    unsaid = any(words in told for words in _UNSAID)
    out: Counter[str] = Counter()
    for line in state.lines:
        out[line.line_id] += ledger.out(line.counts)
    known = Counter({line_id: gone[line_id] for line_id in out})
    that(unsaid or out == known, "11 the books say what left", out, gone)
    for line in state.lines:
        owed = ledger.ordered(line.counts)
        came = ledger.out(line.counts) + line.counts.get("e", 0)
        if came > owed:
            that("too many" in told or "as sent by others" in told or "after they left" in told,
                 "excess is told", line, told)  # fmt: skip


def erp(world: World) -> None:
    """8: the ERP has one order that says what the order came to, or none when it was undone."""
    if not world.setup.erp:
        return
    kept = _kept(world)
    live = {k: x for k, x in world.partners.bookings.items() if not x.cancelled and k not in kept}
    told = [x for x in world.events if isinstance(x, e.DocumentAmended)]
    last = max(told, key=lambda x: int(x.digest[1:]), default=None)  # of equal ones the first
    if last is not None and last.by == BY_ITSELF:
        that("does not take the change" in _told(world), "8 a change that the ERP refused is told")
        return
    if any(key[0] == "D" for key in kept):
        return
    if world.state.stage == CANCELLED:
        that(not live, "3 the ERP keeps a cancelled order", live)
        return
    if not any(isinstance(x, e.Accepted) for x in world.events):
        return
    if not live and not ledger.ordered(world.state.sums):
        return  # what left of an order that was cancelled was not sold
    that(len(live) == 1, "3 the ERP has one order", list(world.partners.bookings), world.state)
    (one,) = live.values()
    assert world.body is not None
    known = {line.line_id for line in world.body.lines}
    now = tuple(x for x in comes_to(world.state) if x.line_id in known)
    said = tuple(x for x in one.units if x.line_id in known)
    that(_plain(said) == _plain(now), "8 the ERP has the order's units", one.units, now)
    basis = as_booked(world.body)
    whole = tuple(Units(i, x.sku, x.quantity) for i, x in basis.lines.items())
    total = sums_to(basis, whole).total_minor
    that(total == world.body.totals.total_minor, "8 parts sum to the total", total)
    that(one.order.ship_to == world.body.ship_to, "8 the ERP has the address", one.order.ship_to)


def _plain(some: tuple[Units, ...]) -> list[tuple[str, int]]:
    return sorted((one.line_id, one.quantity) for one in some)


def channel(world: World) -> None:
    """The shop shows exactly what left by us, and shows as cancelled what we cancelled."""
    if not world.setup.storefront:
        return
    skipped = {x.key for x in world.events if isinstance(x, e.Published) and x.by}
    for key, parcel in world.parcels.items():
        if parcel.fulfilment in skipped | world.touched:
            continue
        shown = world.partners.shown.get(key)
        if parcel.stage in ("packed", "unpacked"):
            that(shown is None, "the shop shows what did not leave", key, shown)
            continue
        that(shown is not None, "the shop does not show what left", key, parcel)
        assert shown is not None
        lines = {world.state.lines[at].line_id: q for at, q in parcel.units}
        says = {unit.line_id: unit.quantity for unit in shown.parcel.units}
        that(lines == says, "the shop shows other units", key, lines, says)
    state = world.state
    ours = any(isinstance(x, e.ChannelTold) for x in world.events)
    cancelled = state.cancel is not None or state.sums.get("c")
    if state.stage == CANCELLED and cancelled and Key("O") not in world.touched:
        that(world.partners.channel_cancelled or ours, "the shop does not know", state.cancel)


def mails(world: World) -> None:
    """Each message goes once, and who was told of an order is told that it is cancelled."""
    sent = Counter(template for _, template in world.partners.mails)
    for template in IDS:
        that(sent[template] <= 1, "a message goes once", sent)
    state, setup = world.state, world.setup
    if not setup.mail or any(key[0] == "M" for key in world.touched):
        return
    if state.stage == CANCELLED and state.cancel is not None and sent["order_confirmed"]:
        that(sent["order_cancelled"], "the customer knows that it is cancelled", sent)


def money(world: World) -> None:
    """8: what was cancelled here and is paid, or was collected too much, is owed, and a person was
    told how much."""
    state, order = world.state, world.body
    assert order is not None
    by_channel = state.cancel is not None and state.cancel.requested_by == "channel"
    taken = sum(_collected(world).values())
    paid = state.payment in ("paid", "partially_paid", "partially_refunded")
    if by_channel or not (taken or paid):
        return
    known = {line.line_id for line in order.lines}
    lines = [line for line in state.lines if line.line_id in known]
    count = {at: ledger.ordered(line.counts) for at, line in enumerate(lines)}
    left = [Units(line.line_id, line.sku, count[at]) for at, line in enumerate(lines)]
    all_of_it = [
        Units(line.line_id, line.sku, count[at] + line.counts.get("c", 0))
        for at, line in enumerate(lines)
    ]
    basis = as_paid(order)
    worth = sums_to(basis, left).total_minor
    whole = sums_to(basis, all_of_it).total_minor
    owed = taken - worth if taken else whole - worth
    if taken and order.payment == "paid" and not still_due(order)[0]:
        owed = max(owed, whole - worth)  # the shop has the money, whoever took it
    if state.payment == "partially_paid" and order.amount_due_minor and not taken:
        owed -= still_due(order)[0]
    told = sum(x.amount_minor for x in _closed_tasks(world))
    words = _told(world)
    # What was collected with goods that left after all, only a person can find out.
    named = any(x in words for x in _COLLECTED)
    doubtful = named and bool(world.setup.collected)
    that(told >= owed or doubtful, "8 money owed is a person's task", owed, told, words)


_COLLECTED = ("amount to collect", "are collected with", "left although", "it collected although")
"""Words that tell a person of money, or of goods it may have been collected for."""


def _collected(world: World) -> dict[Key, int]:
    """What was collected with goods that left: by our label, or else by the warehouse's task."""
    asked = {
        key: task.asked.collect_minor
        for key, task in world.partners.tasks.items()
        if task.stage == "done"
    }
    used = [
        one
        for one in world.partners.shipments.values()
        if not one.voided and any(_is_used(world, k, one) for k in one.numbers)
    ]
    for one in used:
        asked[one.asked.fulfilment] = 0
    for one in used:
        asked[one.asked.fulfilment] += one.asked.collect_minor
    return asked


def _closed_tasks(world: World) -> list[e.TaskOpened]:
    """The tasks as they stood when a person closed them."""
    latest: dict[str, e.TaskOpened] = {}
    closed = []
    for event in world.events:
        if isinstance(event, e.TaskOpened):
            latest[event.task_id] = event
        elif isinstance(event, e.TaskClosed) and event.task_id in latest:
            closed.append(latest.pop(event.task_id))
    return closed


def ended(world: World) -> None:
    """An order at its end has nothing left to do."""
    state = world.state
    live = [x for x in state.fulfilments.values() if x.stage not in ("done", "cancelled")]
    that(not (live or state.holds or state.tasks), "an order at its end has ended", live, state)
    here = any(line.counts.get("o") or line.counts.get("a") for line in state.lines)
    that(not here, "an order at its end leaves no units", state.lines)


_RULES: tuple[Callable[[World], None], ...] = (
    stock, tasks, labels, addresses, units, erp, channel, mails, money, ended,
)  # fmt: skip
