"""What a person starts on an order that waits for no one: a hold, a fetch, a new decision."""

from __future__ import annotations

from msgspec.structs import replace

from actors.order import change, correcting, deliverable, eligible, mapping, place, ruling
from actors.order.places import moved, staying
from actors.order.reading import PERSON, is_here
from actors.order.table import ACCEPTED, CANCELLED, FINAL, PLACED
from actors.order.work import Work
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.world import known


def hold(work: Work, command: i.ActOnOrder) -> str:
    """Let nothing of the order leave the house until a person releases it."""
    state = work.state
    if state.stage not in (PLACED, ACCEPTED) or state.cancel is not None:
        return f"An order that is {_stage(work)} can't be held."
    if any(one.hold_id.startswith(PERSON) for one in state.holds):
        return "A person holds it already."
    if not is_here(state):
        return "Everything has left; there is nothing to hold."
    told = f"{command.person}: {command.reason}" if command.reason else command.person
    work.say(e.Held(rule="hold", hold_id=f"{PERSON}{state.version + 1}", reason=told))
    return ""


def refetch(work: Work, command: i.ActOnOrder) -> str:
    """Fetch the order from its channel as it is there now."""
    state = work.state
    if state.refetch:
        return "It is being fetched already."
    if not work.context.setup.storefront:
        return "Its channel has nothing to fetch it from."
    if state.stage == CANCELLED:
        return f"An order that is {_stage(work)} is not fetched again."
    place.refetch(work, command.person, command.reason[:200])
    return ""


def redecide(work: Work, command: i.ActOnOrder) -> str:
    """Ask the mappings and the rules in use again. What they say as before changes nothing, and a
    hold that a person released stays released."""
    state, body = work.state, work.order
    if state.stage not in (PLACED, ACCEPTED) or state.cancel is not None:
        return f"An order that is {_stage(work)} is not decided again."
    if body is None:
        return "What was ordered is not kept here any more: its personal data was erased."
    if mapping.is_unmapped(state):
        change.remap(work)
        return ""
    made = mapping.made_of(body, work.context, state.waived, staying(work, body))
    if made.unmapped or made.ours == body:
        ruling.say(work, made.rulings, (), person=command.person, reason=command.reason)
        mapping.hold(made.unmapped, work)
        return ""
    change.normalised(work, body, made)
    moved(work, work.order or body)
    return ""


def correct(work: Work, command: i.ActOnOrder) -> str:
    """Take over how the address service writes the shipping address. Raises WorldAsked."""
    context, body = work.context, work.order
    if body is None:
        return "What was ordered is not kept here any more: its personal data was erased."
    if not deliverable.asked_of(body, context.setup) or body.ship_to is None:
        return "No address service knows its address."
    # All at once: what is asked after the change would be about the new address.
    asks = eligible.asked_of(body, context.setup) | context.rules.reads
    world = known(context.world, body, deliverable.ADDRESS | asks)
    there = deliverable.written(body, context.setup, world.address)
    if there is None:
        service = deliverable.checker_of(context.setup, body.ship_to)
        return f"{service} does not write its address otherwise."
    correcting.keep(work, body)
    work.context = replace(context, world=correcting.confirmed(world))
    edit = i.EditOrder(ref=command.ref, person=command.person, reason=command.reason, ship_to=there)
    return change.edit(work, edit)


def _stage(work: Work) -> str:
    state = work.state
    return "being cancelled" if state.cancel and state.stage not in FINAL else state.stage
