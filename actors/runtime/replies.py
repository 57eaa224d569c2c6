"""What partners answer, as inputs with ids of their own."""

from __future__ import annotations

from schemas.messages.inputs import EffectDone, EffectGivenUp, EffectRefused

Reply = EffectDone | EffectRefused | EffectGivenUp

_ENDS: dict[type[Reply], str] = {
    EffectDone: "done",
    EffectRefused: "refused",
    EffectGivenUp: "given-up",
}
"""The first word of a reply's input id. Each end has its own: what a partner did is heard also when
the effect had been refused or given up before, and so is that a search for it ended."""


def input_id_of(reply: Reply) -> str:
    """Return the id under which a stream hears a reply once, such as `done:3`."""
    is_search = isinstance(reply, EffectGivenUp) and reply.sought
    return f"{'sought' if is_search else _ENDS[type(reply)]}:{reply.number}"
