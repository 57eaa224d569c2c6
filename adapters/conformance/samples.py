"""What a kind hands to the conformance kit, and how good messages become malformed ones."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

ODD: Sequence[object] = (
    None, True, -1, 1.5, 2**63, "", "x" * 6000, "-1", "1e400000", [], {}, [[]], [{}], {"": {}},
)  # fmt: skip
"""Values of every type and size, to be put where they don't belong."""

PIECES = (b"\\u0000", b"\xff", b"\\ud800", b"9" * 30, b"1e999", b"[" * 99, b'"', b"null,")


class Sample(Struct, frozen=True, kw_only=True):
    """A message of the sender's. `kind` is what it is at the edge (a key of
    `schemas.messages.inputs.KINDS`, or `unknown`, `unreadable`, `privacy`), `ref` the order it is
    about. `headers` are those that the sender sets beside the signature, such as the topic. `units`
    are the pieces of each line by its `line_id` that the message orders, counted by you and not by
    the translation; None for a message without a whole order."""

    raw: bytes
    topic: str = ""
    kind: str = "place"
    ref: str = ""
    headers: Mapping[str, str] = {}
    units: Mapping[str, int] | None = None


def malformed(sample: bytes, seed: int, count: int) -> Iterator[bytes]:
    """Yield messages that were damaged: bytes flipped, cut, put in, and values of other types. The
    same seed gives the same."""
    rng = random.Random(seed)
    yield from (b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b"{}" * 2)
    for number in range(count):
        yield _flipped(rng, sample) if number % 2 else _odd(rng, sample)


def _flipped(rng: random.Random, sample: bytes) -> bytes:
    raw = bytearray(sample)
    for _ in range(rng.randint(1, 3)):
        if not raw:
            break
        at = rng.randrange(len(raw))
        match rng.randrange(4):
            case 0:
                raw[at] ^= 1 << rng.randrange(8)
            case 1:
                del raw[at:]
            case 2:
                raw[at:at] = rng.choice(PIECES)
            case _:
                del raw[at]
    return bytes(raw)


def _odd(rng: random.Random, sample: bytes) -> bytes:
    try:
        tree = msgspec.json.decode(sample)
    except msgspec.DecodeError:
        return _flipped(rng, sample)
    for _ in range(rng.randint(1, 2)):
        _replace_one(rng, tree)
    return msgspec.json.encode(tree)


def _replace_one(rng: random.Random, tree: object) -> None:
    inner = tree
    while True:
        places: list[object] = []
        if isinstance(inner, dict):
            places = list(inner)
        elif isinstance(inner, list):
            places = list(range(len(inner)))
        if not places:
            return
        place = rng.choice(places)
        below = inner[place]  # type: ignore[index]  # the place was read from it
        if not isinstance(below, dict | list) or not below or rng.random() < 0.2:
            inner[place] = copy.deepcopy(rng.choice(ODD))  # type: ignore[index]  # the same
            return
        inner = below
