"""How an order changes: a statement of the channel, or a person's edit, becomes a difference, and
what is not done yet follows it.

A statement is compared with the channel's last one, not with ours: what a person changed here stays
until the channel itself says something else about it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from actors.kernel import ledger
from actors.order import correcting, holding, mapping, outside, ruling, taken_back
from actors.order.acceptance import to_collect
from actors.order.decision import moment
from actors.order.difference import FACETS, Diff, difference, of_lines
from actors.order.differs import leave, moving, too_late
from actors.order.evolve import BY_ITSELF, CHANNEL
from actors.order.normalise import surviving
from actors.order.owed import prepaid_by, still_settled
from actors.order.places import moved, staying
from actors.order.reading import MONEY_IS_GONE, MONEY_IS_THERE
from actors.order.recording import as_it_is
from actors.order.state import State
from actors.order.table import (
    ACCEPTED,
    CLOSED,
    FOLLOWING,
    PLACED,
    UNTOUCHED,
)
from actors.order.work import Work
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.words.parts import counted
from schemas.order.canonical import Order

MAX_LINES = 2_000
"""Lines that an order may have had in its life: four times what it may have at once."""
_LASTING = frozenset({"lines", "money"})
"""Facets that matter after the end: an address or a note changes nothing for goods that arrived."""
_ON_ITS_WAY = frozenset({"address", "method"})
"""Facets that matter, too, for goods of which no carrier can tell whether they arrived."""

UNMOVED = frozenset({"q", "o"})
"""Accounts of a line with which nothing has happened."""


def payment(work: Work, paid_minor: int | None = None, how: str = "paid") -> e.PaymentConfirmed:
    """Return that the channel says the money is there, or reserved (`authorized`)."""
    context = work.context
    return e.PaymentConfirmed(
        rule="pay" if work.state.stage in FOLLOWING else "pay-first",
        channel=context.channel,
        ref=context.ref,
        reference=context.reference,
        paid_minor=-1 if paid_minor is None else paid_minor,
        payment=how,
    )


def paid_alone(work: Work, paid_minor: int | None) -> None:
    """Take over that a channel says "paid" without the order: what was to be collected on delivery
    is not, and what was paid beside it counts. `paid_minor` is as `paid` has it."""
    state, base = work.state, work.context.stated or work.context.order
    if base is None:
        if state.payment != "paid" or paid_minor is None or paid_minor > state.prepaid:
            work.say(payment(work, paid_minor))
        return
    now = paid(base, paid_minor)
    if now == base and state.payment == now.payment:
        return  # told again
    work.say(payment(work, paid_minor, now.payment))
    found = difference(work, base, now)
    if not found.facets and now.payment != "paid":
        found = Diff(("terms",))  # what is still due is known from the order alone
    if _is_taken(work.state, found):
        _take(work, base, now, found)
    holding.follow_promise(work, now)


def paid(order: Order, paid_minor: int | None) -> Order:
    """Return an order as a channel would state it that says how much of it is paid by now, in minor
    units of its currency (None: all of it). Told again, it is the same."""
    total, said = order.totals.total_minor, order.amount_due_minor
    due = 0 if paid_minor is None else max(0, total - paid_minor)
    due = due if said is None else min(due, said)
    return replace(order, payment="partially_paid" if due else "paid", amount_due_minor=due)


def statement(
    work: Work,
    command: i.PlaceOrder | i.UpdateOrder | i.ConfirmPayment,
    order: Order,
    fetched: int = 0,
) -> None:
    """Compare the channel's statement with its last one: stale, echo, payment, change, too late.
    `order` is the one that `command` states; `fetched` is the effect that asked for it, 0
    for one that came by itself."""
    state, context = work.state, work.context
    age = moment(order.updated_at) - moment(state.source_updated_at)
    if age < timedelta(0):
        return
    fresh = state.stage in FOLLOWING and state.payment not in MONEY_IS_THERE
    if fresh and order.payment in MONEY_IS_THERE:
        work.say(payment(work, how=order.payment))
    base = context.stated or context.order
    found = None if base is None else difference(work, base, order)
    if not age and base is not None and _is_before(base, order, found):
        return
    if found is not None and found.facets and not age:
        # Channels count in seconds: of two statements for one second no one can tell the later.
        holding.for_doubt(work)
    elif found is not None and _is_taken(state, found):
        assert base is not None
        _take(work, base, order, found)
        if shown := outside.first_shown(work, order, command) if age else ():
            _note(work, order, shown)
    elif age:
        _note(work, order, outside.first_shown(work, order, command))
    if age:
        holding.free_doubt(work)
        taken_back.withdrawn(work, order, command)
    outside.compare(work, order, command.fulfilled)
    holding.without_money(work, order)
    holding.follow_promise(work, order)
    holding.free_compared(work, order, fetched)


def _is_before(base: Order, order: Order, found: Diff | None) -> bool:
    """Whether a statement of the same second came first: "to be paid on delivery" before "paid"."""
    only_due = found is not None and found.facets == ("due",)
    return only_due and base.payment == "paid" and order.payment not in MONEY_IS_THERE


def _is_taken(state: State, found: Diff) -> bool:
    """A closed order follows its lines and its money: the books say what the channel says; and the
    address of goods of which no one tells when they arrive. One that is being cancelled follows
    nothing."""
    if not found.facets or state.cancel is not None:
        return False
    if state.stage == CLOSED:
        lasting = _LASTING | _ON_ITS_WAY if moving(state) else _LASTING
        return not lasting.isdisjoint(found.facets)
    return state.stage in FOLLOWING


def _note(work: Work, order: Order, shown: tuple[str, ...] = ()) -> None:
    state = work.state
    paid = _paid_or(order.payment, state)
    work.say(
        e.UpdateNoted(
            rule="note",
            source_updated_at=order.updated_at,
            payment=paid if paid != state.payment and state.lines else "",
            shown=shown,
        )
    )


def _take(work: Work, base: Order, order: Order, found: Diff) -> None:
    """Take a change over: what is not done yet follows by itself, what is done is named."""
    state, context = work.state, work.context
    if len(state.lines) + len(found.new) > MAX_LINES:
        _note(work, order)
        leave(
            work,
            "the channel exchanged its lines more often than can be followed here: compare the "
            "order with the channel, and send the rest by hand",
        )
        return
    waived = surviving(state.waived, found.facets)
    ours = context.order or base
    kept = _kept(base, order, ours) if state.beside else {}
    to = kept.get("ship_to", order.ship_to)
    made = mapping.made_of(order, context, waived, staying(work, replace(order, ship_to=to)), to=to)
    body = made.body if state.stage in UNTOUCHED else made.ours
    body = replace(body, **kept)
    if ours.acquisition is not None and body.acquisition is None:
        # How the customer came is told once; an order that is fetched later does not repeat it.
        body = replace(body, acquisition=ours.acquisition)
    work.body = body
    if body is not order or state.beside:
        work.stated = order
    adds = bool(found.moves) and state.stage not in UNTOUCHED
    work.say(
        e.Changed(
            rule="change",
            by=CHANNEL,
            facets=found.facets,
            source_updated_at=order.updated_at,
            total_minor=order.totals.total_minor,
            # What was added is not paid by what was paid before.
            payment=order.payment if adds else _paid_or(order.payment, state),
            payment_method=order.payment_method,
            body_digest=mapping.digest(body),
            country=body.ship_to.country if body.ship_to else "",
            notify=bool(body.customer.email),
            lines=found.new,
            moves=found.moves,
            wishes=found.wishes,
            mappings=context.mappings.version,
            stated_digest=made.stated_digest,
            prepaid_minor=prepaid_by(work, order),
            settled_minor=still_settled(state, order),
            ship_by=order.ship_by or "",
        )
    )
    if state.stage == CLOSED:
        why = "the channel added lines" if found.moves else "the channel changed it"
        work.say(e.Reopened(rule="reopen", why=why))
    ruling.say(work, made.rulings, found.facets)
    moved(work, body)
    correcting.follow(work)
    mapping.hold(made.unmapped, work)
    correcting.keep(work, body)
    too_late(work, found.facets, found.late)


def _kept(base: Order, order: Order, ours: Order) -> dict[str, Any]:
    """What a person changed here and the channel did not."""
    same = {
        name: getattr(ours, name)
        for name in ("ship_to", "note")
        if getattr(base, name) == getattr(order, name)
    }
    if base.shipping_method == order.shipping_method:
        same["shipping_method"] = ours.shipping_method
        same["channel_shipping_method"] = ours.channel_shipping_method
    if base.customer == order.customer:
        same["customer"] = ours.customer
    return same


def remap(work: Work) -> None:
    """Free the order when nothing is missing any more; say what is missing when that changed. One
    that waits for nothing is held where its address turns out to be none."""
    state, body = work.state, work.order
    if body is None or state.stage not in (PLACED, ACCEPTED):
        return
    if not mapping.is_unmapped(state):
        doubts = mapping.doubts(state, work.context, body)
        correcting.follow(work)
        mapping.hold(doubts, work)
        if work.events:
            correcting.keep(work, body)
        return
    made = mapping.made_of(body, work.context, state.waived, staying(work, body))
    told = [(x.hold_id, x.reason) for x in state.holds if x.hold_id.startswith(mapping.UNMAPPED)]
    if made.unmapped and mapping.reasons(made.unmapped, work.context.channel) == told:
        return
    normalised(work, body, made)
    moved(work, work.order or body)


def normalised(work: Work, body: Order, made: mapping.Made) -> None:
    """Take over what newer mappings, or a person's release, make of the order."""
    state, context = work.state, work.context
    if state.stage == PLACED and state.sums.keys() <= UNMOVED:
        work.body = made.body
        if not state.beside and made.body is not body:
            work.stated = context.stated or body
        work.say(
            e.Normalised(
                rule="normalise",
                mappings=context.mappings.version,
                lines=mapping.lines_of(made.body),
                moves=mapping.placing(made.body),
                body_digest=mapping.digest(made.body),
                stated_digest=made.stated_digest,
            )
        )
    else:
        found = of_lines(state, ("lines",), body, made.ours, renamed=True)
        work.body = made.ours
        if not state.beside:
            work.stated = context.stated or body
        work.say(
            replace(
                as_it_is(work, made.ours, BY_ITSELF, ("lines",)),
                lines=found.new,
                moves=found.moves,
                wishes=found.wishes,
                mappings=context.mappings.version,
                stated_digest=made.stated_digest,
            )
        )
    ruling.say(work, made.rulings, ())
    correcting.follow(work)
    mapping.hold(made.unmapped, work)


def edit(work: Work, command: i.EditOrder) -> str:
    """Take over a person's edit. Returns why it can't be done, "" when it was."""
    state, body = work.state, work.order
    if state.stage not in (PLACED, ACCEPTED) or state.cancel is not None:
        stage = "being cancelled" if state.cancel else state.stage
        return f"An order that is {stage} can't be edited."
    if body is None:
        return "What was ordered is not kept here any more: its personal data was erased."
    gone, why = _taken_off(state, command)
    if why:
        return why
    wishes, late = _freed_by_person(state, gone)
    if late:
        at, count = late[0]
        return f"{count} units of line {state.lines[at].line_id} have left; a return is needed."
    changed = _edited(body, command)
    facets = tuple(name for name, differs in FACETS if differs(body, changed))
    if gone:
        facets = (*facets, "lines")
        if to_collect(body, work.context.setup, state.payment_method)[0]:
            facets = (*facets, "due")
    if not facets:
        return "Nothing differs from what the order says already."
    work.body = changed
    if not state.beside:
        work.stated = work.context.stated or body
    event = as_it_is(work, changed, command.person, facets)
    work.say(replace(event, wishes=wishes, reason=command.reason))
    made = mapping.made_of(changed, work.context, work.state.waived, staying(work, changed))
    ruling.say(work, made.rulings, facets)
    moved(work, changed)
    if mapping.is_unmapped(state):
        normalised(work, changed, made)
    else:
        mapping.hold(made.unmapped, work)
    too_late(work, facets, ())
    return ""


def _taken_off(state: State, command: i.EditOrder) -> tuple[dict[int, int], str]:
    """Return how many units of each line a person takes off, or why that can't be."""
    gone: dict[int, int] = {}
    at_of = {line.line_id: at for at, line in enumerate(state.lines)}
    for one in command.lines:
        at = at_of.get(one.line_id)
        if at is None:
            return {}, f"The order has no line {one.line_id}."
        counts = state.lines[at].counts
        now = ledger.ordered(counts) - ledger.wished(counts)
        if one.quantity > now:
            return {}, (
                f"Line {one.line_id} has {counted(now, 'unit')}; none can be added here, because "
                "the money is the channel's: add them there."
            )
        if one.quantity < now:
            gone[at] = now - one.quantity
    return gone, ""


def _freed_by_person(
    state: State, gone: dict[int, int]
) -> tuple[tuple[e.Wish, ...], tuple[tuple[int, int], ...]]:
    wishes, late = [], []
    for at, quantity in gone.items():
        counts = state.lines[at].counts
        here = counts.get("o", 0) + counts.get("a", 0) - ledger.wished(counts)
        if quantity > here:
            late.append((at, quantity - here))
        wishes.append(e.Wish(at, quantity, ledger.CANCELLED))
    return tuple(wishes), tuple(late)


def _edited(body: Order, command: i.EditOrder) -> Order:
    customer = body.customer
    if command.email is not None:
        customer = replace(customer, email=command.email)
    if command.phone is not None:
        customer = replace(customer, phone=command.phone)
    changes: dict[str, Any] = {"customer": customer}
    for name in ("ship_to", "shipping_method", "note"):
        value = getattr(command, name)
        if value is not None:
            changes[name] = value
    return replace(body, **changes)


def _paid_or(stated: str, state: State) -> str:
    """Money that came stays: a statement does not take it back, but where we cancelled the order
    and the channel gives it back."""
    if state.cancel is not None and stated in MONEY_IS_GONE:
        return stated
    if state.payment in MONEY_IS_THERE and stated not in MONEY_IS_THERE:
        return state.payment
    return stated
