"""Whether an order that has ended left its partners as it should: what they did is the truth.

A person who went on without something (`skip`) answers for that thing; what was reported to one in
a task is told, and counts as told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from msgspec.structs import replace

from actors.kernel import ledger
from actors.order.acceptance import still_due
from actors.order.evolve import BY_ITSELF
from actors.order.giving_back import left
from actors.order.reading import MONEY_IS_GONE, comes_to
from actors.order.table import CANCELLED
from schemas.messages import events as e
from schemas.messages.effects import Units
from schemas.order.shares import as_booked, as_paid
from schemas.order.shares import comes_to as sums_to
from schemas.order.things import Key
from tests.model import going
from tests.model.checks import that
from tests.model.given import given_back, is_all_given
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
    state, setup = world.state, world.context().setup
    touched = any(key[0] in "MR" for key in world.touched)
    if "order_refunded" in setup.writes and state.notify and not touched:
        given = sum(1 for one in state.refunds.values() if one.given > 0)
        told = sum(x.about[:1] == "R" and x.stage == "sent" for x in state.messages.values())
        that(told == given == sent["order_refunded"], "each refund is told once", told, given, sent)
    if (
        not setup.mail
        or "order_cancelled" not in setup.writes
        or any(key[0] == "M" for key in world.touched)
    ):
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
    ours = 0 if paid else world.partners.money()
    if by_channel or not (taken or paid or ours):
        return
    known = {line.line_id for line in order.lines}
    lines = [line for line in state.lines if line.line_id in known]
    count = {at: ledger.ordered(line.counts) for at, line in enumerate(lines)}
    left = [Units(line.line_id, line.sku, count[at]) for at, line in enumerate(lines)]
    all_of_it = [
        Units(line.line_id, line.sku, count[at] + line.counts.get("c", 0))
        for at, line in enumerate(lines)
    ]
    # What the shop takes off by itself, it pays back itself.
    stated = {line.line_id: line.quantity for line in order.lines}
    all_of_it = [replace(x, quantity=min(x.quantity, stated[x.line_id])) for x in all_of_it]
    left = [replace(x, quantity=min(x.quantity, stated[x.line_id])) for x in left]
    basis = as_paid(order)
    worth = sums_to(basis, left).total_minor
    whole = sums_to(basis, all_of_it).total_minor
    owed = taken - worth if taken else whole - worth
    if ours and not taken:
        owed = min(owed, ours + sum(x.beside for x in state.payments.values()) - worth)
    if taken and order.payment == "paid" and not still_due(order)[0]:
        owed = max(owed, whole - worth)  # the shop has the money, whoever took it
    if state.payment == "partially_paid" and order.amount_due_minor and not taken:
        owed -= still_due(order)[0]
    told = sum(x.amount_minor for x in _closed_tasks(world)) + given_back(world)
    if state.refunds:
        if order.payment in ("refunded", "voided"):
            return  # the shop has given all of it back
        gifts = sum(x.given or x.amount for x in state.refunds.values() if x.stage != "refused")
        had = max(x.had for x in state.refunds.values())
        owed = min(owed, had - (gifts - given_back(world)))
    if is_all_given(world):
        return
    words = _told(world)
    # What was collected with goods that left after all, only a person can find out.
    named = any(x in words for x in _COLLECTED)
    doubtful = named and bool(world.setup.collected)
    that(told >= owed or doubtful, "8 money owed is a person's task", owed, told, words)


def refunded(world: World) -> None:
    """8: what the channel gave back is what the books say, no more than the customer paid, and
    nothing is left to give."""
    state = world.state
    touched = any(key[0] == "R" for key in world.touched)
    known = {k: x.given for k, x in state.refunds.items() if x.stage == "refunded"}
    that(touched or known == world.partners.given, "8 the books say what went back", known,
         world.partners.given)  # fmt: skip
    had = max((one.had for one in state.refunds.values()), default=0)
    that(touched or sum(known.values()) <= had, "8 no more goes back than was paid", known, had)
    that(all(x.stage != "wanted" for x in state.refunds.values()), "8 a refund waits", state)
    lost = [x for x in state.refunds.values() if x.stage == "refused" and not x.followed]
    assert world.body is not None
    that(not lost or not left(state, world.body), "8 a refused refund is followed", lost)


def collected(world: World) -> None:
    """8: what is due on delivery is collected with the goods, and no less, unless a person was
    asked about the order."""
    state, order = world.state, world.body
    assert order is not None
    methods = {one.strip().casefold() for one in state.payment_method.split(",")}
    if state.cancel is not None or not methods & world.setup.collected or _told(world):
        return
    sent = [x for x in state.fulfilments.values() if x.stage == "done"]
    if not sent or any(x.delivery != "parcel" for x in sent):
        return
    if any(line.counts.get("e") for line in state.lines):
        return  # what was collected with what others sent, they know
    if MONEY_IS_GONE & {state.payment, order.payment}:
        return  # what had left as paid is not collected a second time, whoever gave the money back
    known = {line.line_id for line in order.lines}
    lines = [line for line in state.lines if line.line_id in known]
    left = [Units(line.line_id, line.sku, ledger.ordered(line.counts)) for line in lines]
    paid = order.totals.total_minor - still_due(order)[0]
    due = max(0, sums_to(as_paid(order), left).total_minor - paid)
    taken = sum(_collected(world).values())
    that(taken >= due, "8 what is due is collected", taken, due)


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
            task = latest.pop(event.task_id)
            if event.person != BY_ITSELF or not task.amount_minor:
                closed.append(task)
    return closed


def ended(world: World) -> None:
    """An order at its end has nothing left to do."""
    state = world.state
    live = [x for x in state.fulfilments.values() if x.stage not in ("done", "cancelled")]
    that(not (live or state.holds or state.tasks), "an order at its end has ended", live, state)
    here = any(line.counts.get("o") or line.counts.get("a") for line in state.lines)
    that(not here, "an order at its end leaves no units", state.lines)


def captured(world: World) -> None:
    """8: what the channel took is what the books say, and no more than it had reserved."""
    taken, touched = world.partners.money(), any(key[0] == "C" for key in world.touched)
    for key, one in world.state.payments.items():
        that(taken <= one.amount, "8 no more is captured than was authorised", key, one, taken)
        known = sum(x.taken for x in world.state.captures.values() if x.payment == key)
        that(touched or known == taken, "8 the books say what was captured", key, known, taken)
        if world.state.payment in ("paid", "partially_refunded"):
            that(one.stage == "captured", "8 what the shop calls paid is captured", key, one)
        if world.state.stage == CANCELLED:
            that(one.stage != "authorised", "8 a cancelled order reserves no money", key, one)
    reserved = any(isinstance(x, e.Accepted) and x.basis == "authorized" for x in world.events)
    if reserved and world.setup.capture != "none" and not world.state.payments:
        that(False, "8 an order was accepted for money that no one is to capture", world.state)


_RULES: tuple[Callable[[World], None], ...] = (
    stock, tasks, labels, addresses, going.left, units, erp, channel, mails, money, collected,
    captured, refunded, going.returned, ended,
)  # fmt: skip
