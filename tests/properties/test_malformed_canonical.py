"""Malformed messages of our own contract by the thousand: each is read or refused."""

from __future__ import annotations

import random

from schemas.contracts.refusals import REASONS, Refused
from schemas.messages.codec import encode
from tests.unit.test_canonical import EDGE, EXAMPLES


def test_malformed_messages_raise_nothing_but_refusals() -> None:
    """4,000 seeded bit flips and cuts over all kinds: an input or a Refused, nothing else."""
    rng = random.Random(20261127)
    for _ in range(4_000):
        kind = rng.choice(sorted(EXAMPLES))
        raw = bytearray(encode(EXAMPLES[kind]))
        for _ in range(rng.randint(1, 3)):
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        if rng.random() < 0.2:
            del raw[rng.randrange(len(raw)) :]
        try:
            EDGE.translate(kind, "", bytes(raw))
        except Refused as refused:
            reason = refused.reason
        else:
            continue
        assert reason in REASONS
