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

from msgspec import json

from actors.kernel.decision import Context, Decision, Intended, LabelImage
from actors.order.decide import decide
from actors.order.family import INITIAL, VERSIONS, evolve, replay
from actors.order.redaction import redacted
from actors.order.state import State
from actors.order.words import Facts, progress, row_of, stage_of, waiting_for


class StateOutdated(Exception):
    """A stored state was made by other versions of the machines: rebuild it from the events."""


encode_state = json.Encoder().encode
_decode = json.Decoder(State).decode


def decode_state(stored: bytes) -> State:
    """Return a stored state. Raises StateOutdated when machines have changed since, and
    msgspec.ValidationError for what is no state at all."""
    if f'"family":"{VERSIONS}"'.encode() not in stored[:64]:
        raise StateOutdated("The stored state was made by other versions of the machines.")
    return _decode(stored)


__all__ = [
    "INITIAL",
    "VERSIONS",
    "Context",
    "Decision",
    "Facts",
    "Intended",
    "LabelImage",
    "State",
    "StateOutdated",
    "decide",
    "decode_state",
    "encode_state",
    "evolve",
    "progress",
    "redacted",
    "replay",
    "row_of",
    "stage_of",
    "waiting_for",
]
