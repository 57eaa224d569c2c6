"""The joint rule about what a partner refused and the channel has corrected since: it is tried
again as a new attempt, without a person who says so."""

from __future__ import annotations

from actors.fulfilment.table import TABLE as FULFILMENT
from actors.order.evolve import BY_ITSELF, CHANNEL
from actors.order.joint_row import Joint
from actors.order.signs import Sign
from actors.order.state import State, Stuck
from actors.order.work import Work
from schemas.messages import effects as f
from schemas.messages import events as e

TASK, LABEL = f.tag_of(f.CreateTask), f.tag_of(f.BuyLabel)
POST, MAIL = f.tag_of(f.PostSalesOrder), f.tag_of(f.SendMail)

SAYS = {
    TASK: frozenset({"address", "method", "note", "due"}),
    LABEL: frozenset({"address", "method", "due"}),
    POST: frozenset({"address", "method", "contact", "lines", "money"}),
    MAIL: frozenset({"contact"}),
}
"""What of an order a partner may have refused, by what it was asked for."""


def corrected(work: Work) -> e.OrderEvent | None:
    """What was refused is tried again when the channel states what it says otherwise."""
    state = work.state
    if not state.stuck or state.cancel is not None:
        return None
    facets = {
        facet
        for event in work.events
        if isinstance(event, e.Changed) and event.by == CHANNEL
        for facet in event.facets
    }
    for one in state.stuck if facets else ():
        fewer = any(isinstance(x, e.Shrunk) and x.key == one.key for x in work.events)
        says = not SAYS.get(one.kind, frozenset()).isdisjoint(facets)
        if (says or (fewer and one.kind == TASK)) and _is_renewable(state, one):
            why = "it was refused, and the channel has changed the order since"
            return e.Renewed(
                rule="renew", key=one.key, effect=one.number, person=BY_ITSELF, reason=why
            )
    return None


def _is_renewable(state: State, one: Stuck) -> bool:
    if not (one.refused and one.outcome_known):
        return False
    thing = state.fulfilments.get(one.key)
    if thing is not None:
        return FULFILMENT.allows(thing.stage, e.Renewed) and not thing.stop
    label, document = state.labels.get(one.key), state.documents.get(one.key)
    message = state.messages.get(one.key)
    stages = (x.stage for x in (label, document, message) if x is not None)
    return "wanted" in stages


ROWS = (
    Joint(
        "corrected",
        ("stuck", "task", "address", "book", "fulfilments", "notify"),
        corrected,
        (e.Renewed,),
        "what was refused is tried again once the channel has corrected the order",
        needs=(Sign.ORDER_ACCEPTED,),
        lacks=Sign.CANCELS,
    ),
)
