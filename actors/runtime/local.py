"""What an append does itself instead of leaving it to a partner's lane: one commit less.

A partner that keeps its books in the journal's own database can be served in the append's own
transaction. Then the expected reply is decided at once, on top of the decision that asks for the
effect, and both are one append. What is recorded is the same as if the partner had been called:
the effect, ended; the reply in the inbox; the events. When it can't be done so (`Outcome` is
`short`), nothing of the append is written: it is decided again without the reply, and the effect
goes to its lane as any other.

`Append.inside` names such effects: their numbers, one of a thing at most, each with the id of its
reply. A reply's id that the inbox holds already makes no duplicate of the append: a stale decision
numbers its effects as others are, and must come out as a conflict.
"""

from __future__ import annotations

from typing import Protocol

from actors.runtime.partner import Partner
from actors.runtime.ports import Append, RecordedEffect
from schemas.messages.effects import Effect, Result


class LocalPartner(Partner, Protocol):
    """A partner whose books the journal keeps too."""

    def expected(self, effect: Effect) -> Result | None:
        """Return what the effect leads to when an append carries it out; None when the partner is
        to be called: it is an effect of another kind, or not likely to succeed now."""
        ...


def done_inside(append: Append) -> tuple[RecordedEffect, ...]:
    """Return the effects that an append carries out itself."""
    if not append.inside:
        return ()
    numbers = dict(append.inside)
    return tuple([one for one in append.effects if one.number in numbers])
