"""A person's edit of an order: what is not done yet follows it, and money stays the channel's."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from actors.kernel import ledger
from actors.order import mapping
from actors.order.difference import FACETS
from actors.order.differs import too_late
from actors.order.state import State
from actors.order.table import ACCEPTED, PLACED
from actors.order.work import Work
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import Order


def as_it_is(work: Work, body: Order, by: str, facets: tuple[str, ...]) -> e.Changed:
    """Return a change by someone else than the channel: money and payment stay."""
    state = work.state
    return e.Changed(
        rule="change",
        by=by,
        facets=facets,
        source_updated_at=state.source_updated_at,
        total_minor=state.total_minor,
        payment=state.payment,
        payment_method=state.payment_method,
        body_digest=mapping.digest(body),
        country=body.ship_to.country if body.ship_to else "",
        notify=bool(body.customer.email),
        mappings=state.mappings,
        stated_digest=state.stated_digest,
    )


def edit_order(work: Work, given: i.EditOrder) -> str:
    """Take over a person's edit. Returns why it can't be done, "" when it was."""
    state, body = work.state, work.order
    if state.stage not in (PLACED, ACCEPTED) or state.cancel is not None:
        stage = "being cancelled" if state.cancel else state.stage
        return f"An order that is {stage} can't be edited."
    if body is None:
        return "What was ordered is not kept here any more: its personal data was erased."
    gone: dict[int, int] = {}
    at_of = {line.line_id: at for at, line in enumerate(state.lines)}
    for one in given.lines:
        at = at_of.get(one.line_id)
        if at is None:
            return f"The order has no line {one.line_id}."
        counts = state.lines[at].counts
        now = ledger.ordered(counts) - ledger.wished(counts)
        if one.quantity > now:
            return (
                f"Line {one.line_id} has {now} units; none can be added here, because the money is "
                "the channel's: add them there."
            )
        if one.quantity < now:
            gone[at] = now - one.quantity
    wishes, late = _freed_by_person(state, gone)
    if late:
        at, count = late[0]
        return f"{count} units of line {state.lines[at].line_id} have left; a return is needed."
    changed = _edited(body, given)
    facets = tuple(name for name, differs in FACETS if differs(body, changed))
    if gone:
        facets = (*facets, "lines")
    if not facets:
        return "Nothing differs from what the order says already."
    work.body = changed
    if not state.beside:
        work.stated = work.context.stated or body
    event = as_it_is(work, changed, given.person, facets)
    work.say(replace(event, wishes=wishes, reason=given.reason))
    too_late(work, facets, ())
    return ""


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


def _edited(body: Order, given: i.EditOrder) -> Order:
    customer = body.customer
    if given.email is not None:
        customer = replace(customer, email=given.email)
    if given.phone is not None:
        customer = replace(customer, phone=given.phone)
    changes: dict[str, Any] = {"customer": customer}
    for name in ("ship_to", "shipping_method", "note"):
        value = getattr(given, name)
        if value is not None:
            changes[name] = value
    return replace(body, **changes)
