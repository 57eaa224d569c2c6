"""Malformed callbacks of warehouses by the thousand: each is read or refused."""

from __future__ import annotations

import json
import random

from adapters.kit.inbound import SignatureRefused
from schemas.contracts.refusals import Refused
from tests.unit.test_warehouse_callbacks import HOUSE, NOW, a_body, sent


def test_malformed_callbacks_raise_nothing_but_refusals() -> None:
    """3,000 seeded bit flips, signed as they are: a receipt, a 401, an input or a Refused."""
    rng = random.Random(20261127)
    good = json.dumps(a_body()).encode()
    taken = 0
    for _ in range(3_000):
        malformed = bytearray(good)
        for _ in range(rng.randint(0, 2)):
            malformed[rng.randrange(len(malformed))] ^= 1 << rng.randrange(8)
        headers, raw = sent(bytes(malformed))
        try:
            receipt = HOUSE.receive(headers, raw, NOW)
            HOUSE.translate(receipt.kind, receipt.topic, raw)
        except (SignatureRefused, Refused):
            continue
        taken += 1
    assert 0 < taken < 3_000
