"""A person's release of a hold. One that asks for an approval ends only by the approvals that the
seller's limits ask for, where there are any: whoever sends it has looked them up.
"""

from __future__ import annotations

from actors.fulfilment.short import settle
from actors.order import change, mapping
from actors.order.normalise import PAYMENT, hold_id_of
from actors.order.places import staying
from actors.order.state import State
from actors.order.table import ACCEPTED, FINAL, PLACED
from actors.order.work import Work
from schemas.messages import events as e
from schemas.messages import inputs as i

APPROVAL = ("rule-approve-", hold_id_of(PAYMENT))
"""How the ids of holds begin that ask for an approval."""


def is_approval(hold_id: str) -> bool:
    """Whether a hold asks for an approval, which only some people may give."""
    return hold_id.startswith(APPROVAL)


def release(work: Work, command: i.ActOnOrder) -> str:
    """Release a hold. Returns why it can't be done, "" when it was."""
    state = work.state
    hold = next((h for h in state.holds if command.target in ("", h.hold_id)), None)
    if hold is None or state.stage in FINAL:
        return "No such hold is open."
    if work.context.setup.approvals and is_approval(hold.hold_id):
        why = _unapproved(state, command)
        if why:
            return why
    thing = state.fulfilments.get(hold.key)
    if thing is not None and thing.missing and hold.hold_id.startswith("short-pick-"):
        settle(work, hold.key, "ship-short", command.person)
        return ""
    work.say(
        e.HoldReleased(
            rule="free",
            key=hold.key,
            hold_id=hold.hold_id,
            person=command.person,
            reason=command.reason,
        )
    )
    body = work.order
    if (
        body is not None
        and hold.hold_id.startswith(mapping.UNMAPPED)
        and not mapping.is_unmapped(work.state)
        and work.state.stage in (PLACED, ACCEPTED)
    ):
        made = mapping.made_of(body, work.context, work.state.waived, staying(work, body))
        change.normalised(work, body, made)
    return ""


def _unapproved(state: State, command: i.ActOnOrder) -> str:
    if not command.approved_by:
        return (
            "It asks for an approval, which limits say who may give: approve it in the review "
            "queue (`orderwright reviews list`)."
        )
    if command.approved_minor != state.total_minor:
        return "The order comes to another amount than the one that was approved: approve it again."
    return ""
