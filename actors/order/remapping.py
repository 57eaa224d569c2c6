"""An order is put into our own terms again, because the mappings changed or a person released it
without them."""

from __future__ import annotations

from msgspec.structs import replace

from actors.order import mapping
from actors.order.difference import of_lines
from actors.order.edit import as_it_is
from actors.order.reading import BY_ITSELF
from actors.order.table import ACCEPTED, PLACED
from actors.order.work import Work
from schemas.messages import events as e
from schemas.order.canonical import Order

UNTOUCHED = frozenset({"q", "o"})
"""Accounts of a line with which nothing has happened."""


def remap(work: Work) -> None:
    """Free the order when nothing is missing any more; say again what is missing when that
    changed."""
    state, body = work.state, work.order
    if body is None or not mapping.is_unmapped(state) or state.stage not in (PLACED, ACCEPTED):
        return
    made = mapping.made_of(body, work.context, state.waived)
    told = [(x.hold_id, x.reason) for x in state.holds if x.hold_id.startswith(mapping.UNMAPPED)]
    if made.unmapped and mapping.reasons(made.unmapped, work.context.channel) == told:
        return
    normalised(work, body, made)


def normalised(work: Work, body: Order, made: mapping.Made) -> None:
    """Take over what newer mappings, or a person's release, make of the order."""
    state, context = work.state, work.context
    if state.stage == PLACED and state.sums.keys() <= UNTOUCHED:
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
    mapping.hold(made.unmapped, work)
