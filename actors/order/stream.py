"""The order as a stream type: all that a runtime, a replay and readers need of it.

The order is a family of machines (`actors.order.family`): the order itself, fulfilments, parcels,
labels, ERP documents and messages, one stream, one state and one commit for all of them.

- `decide(state, input, context)`: what an input means (`actors.order.decide`).
- `evolve(state, event)` and `replay(events)`: how a state comes about.
- `encode_state`, `decode_state`: a stored state is a cache. One that another version of a machine
  made raises StateOutdated; it is rebuilt with `replay`.
- `row_of`, `waiting_for`, `stage_of`, `progress`: what readers are told.
"""

from __future__ import annotations

import re

from msgspec import json

from actors.order.decide import decide
from actors.order.decision import Context, Decision, Intended, LabelImage
from actors.order.family import INITIAL, VERSIONS, evolve, replay
from actors.order.redaction import redacted
from actors.order.state import State
from actors.order.words import OrderSummary, progress, row_of, stage_of, waiting_for


class StateOutdated(Exception):
    """A stored state was made by other versions of the machines: rebuild it from the events."""


encode_state = json.Encoder().encode
_decode = json.Decoder(State).decode
_FAMILY = re.compile(rb'\{(?:"version":[0-9]+,)?"family":"([A-Z0-9]+)"')


def decode_state(stored: bytes) -> State:
    """Return a stored state. Raises StateOutdated for one that these machines did not make."""
    if _family_of(stored) != VERSIONS:
        raise StateOutdated("The stored state was not made by these versions of the machines.")
    return _decode(stored)


def is_of_others(stored: bytes) -> bool:
    """Whether other versions of the machines made a stored state; what is not a state at all was
    made by none."""
    return _family_of(stored) not in ("", VERSIONS)


def _family_of(stored: bytes) -> str:
    found = _FAMILY.match(stored)
    return found[1].decode() if found else ""


__all__ = [
    "INITIAL",
    "VERSIONS",
    "Context",
    "Decision",
    "Intended",
    "LabelImage",
    "OrderSummary",
    "State",
    "StateOutdated",
    "decide",
    "decode_state",
    "encode_state",
    "evolve",
    "is_of_others",
    "progress",
    "redacted",
    "replay",
    "row_of",
    "stage_of",
    "waiting_for",
]
