"""How a change by someone else than the channel is recorded."""

from __future__ import annotations

from actors.order import mapping
from actors.order.work import Work
from schemas.messages import events as e
from schemas.order.canonical import Order


def as_it_is(work: Work, body: Order, by: str, facets: tuple[str, ...]) -> e.Changed:
    """Return a change of an order to `body` by someone else than the channel: money and payment
    stay. `facets` name what differs."""
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
        ship_by=state.ship_by,
    )
