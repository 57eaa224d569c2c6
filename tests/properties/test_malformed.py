"""Malformed payloads by the thousand: whatever arrives, the edge answers in sentences."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from adapters.channels.amazon.source import Amazon
from adapters.channels.bigcommerce.scopes import SCOPES
from adapters.channels.canonical.source import Canonical
from adapters.channels.shopify.topics import TOPICS
from adapters.kit.fetching import FETCHED
from adapters.kit.inbound import SignatureRefused
from schemas.contracts.refusals import REASONS, Refused
from schemas.messages.codec import encode
from schemas.messages.inputs import KINDS
from schemas.messages.privacy import Read
from tests.amazon_payloads import NOW as AMAZON_NOW
from tests.amazon_payloads import SECRET, a_notification, signed
from tests.amazon_payloads import an_order as amazon_order
from tests.bigcommerce_payloads import SHOP as BIGCOMMERCE
from tests.bigcommerce_payloads import a_bundle, a_hook
from tests.bigcommerce_payloads import headers as secret_headers
from tests.conftest import Say
from tests.given import an_order
from tests.shopify_payloads import NOW, SHOP, Json, a_payload, headers

WHOLE = a_payload()
GOOD = json.dumps(WHOLE).encode()
CANONICAL = encode(an_order())
AMAZON = Amazon("amazon-de", secrets=(SECRET,))
NOTICE = a_notification()
NOTICES = [json.dumps(NOTICE).encode(), json.dumps({"Body": json.dumps(NOTICE)}).encode()]
FETCHED_ORDER = json.dumps({"order": amazon_order()}).encode()
TOPIC_NAMES = sorted(TOPICS)
BUNDLE = a_bundle()
HOOKED = json.dumps(a_hook()).encode()
SCOPE_NAMES = sorted(SCOPES)
NEWS = json.dumps(
    {"order_id": 7, "kind": "capture", "status": "success", "order": {"id": 1}, "line_items": [{}]}
).encode()
HOSTILE: list[Callable[[random.Random, bytearray], object]] = [
    lambda rng, raw: raw.__setitem__(rng.randrange(len(raw)), rng.randrange(256)),
    lambda rng, raw: raw.__setitem__(at := rng.randrange(len(raw)), raw[at] ^ 1),
    lambda rng, raw: raw.__delitem__(slice(rng.randrange(len(raw)), None)),
    lambda rng, raw: raw.__delitem__(rng.randrange(len(raw))),
    lambda rng, raw: raw.__setitem__(
        slice(at := rng.randrange(len(raw)), at),
        rng.choice(
            [b"\\u0000", b"\xff", b"\\ud800", b"9" * 30, b"1e999", b"[" * 99, b'"', b"null,"]
        ),
    ),
    lambda rng, raw: raw.__setitem__(slice(at := rng.randrange(len(raw)), at + 9), b'"a":"a",'),
]  # fmt: skip
# Any: values of every type, to be put where they don't belong.
ODD: list[Any] = [
    None, True, -1, 1.5, 2**63, "", "x" * 6000, "-1", "1e400000", [], {}, [[]], [{}], {"": {}},
]  # fmt: skip


def malformed(rng: random.Random, good: bytes) -> bytes:
    """Return the bytes with one to three hostile changes: flips, cuts, pieces put in."""
    raw = bytearray(good)
    for _ in range(rng.randint(1, 3)):
        if raw:
            rng.choice(HOSTILE)(rng, raw)
    return bytes(raw)


def oddly_filled(rng: random.Random, whole: Json) -> bytes:
    """Return a payload in which two values are of another type or size."""
    payload = copy.copy(whole)
    payload[rng.choice(list(payload))] = rng.choice(ODD)
    item = dict(whole["line_items"][0])
    item[rng.choice(list(item))] = rng.choice(ODD)
    payload["line_items"] = [item, whole["line_items"][1]]
    return json.dumps(payload).encode()


def oddly_told(rng: random.Random, whole: Json) -> bytes:
    """Return what a look brings, in which two values of its parts are of another type or size."""
    told = copy.deepcopy(whole)
    parts = [told, told["order"], told["products"][0], told["shipping_addresses"][0]]
    for part in (rng.choice(parts), rng.choice(parts)):
        part[rng.choice(list(part))] = rng.choice(ODD)
    return json.dumps(told).encode()


def oddly_hooked(rng: random.Random) -> Json:
    """Return a light webhook of any scope, with a value of another type or size."""
    told = a_hook(rng.choice(SCOPE_NAMES))
    part = rng.choice([told, told["data"]])
    part[rng.choice(list(part))] = rng.choice(ODD)
    return told


def hooked(raw: bytes) -> Read:
    """Deliver a light webhook. One of another store is answered 401, which is not a crash."""
    try:
        receipt = BIGCOMMERCE.receive(secret_headers(), raw, NOW)
    except SignatureRefused as refused:
        raise Refused("channel_disconnected", (str(refused),)) from refused
    return BIGCOMMERCE.translate(receipt.kind, receipt.topic, raw)


def sent(rng: random.Random, number: int) -> Callable[[], Read]:
    """Return one delivery to one of our edges, told by its number and the dice."""
    match number % 10:
        case 0:
            raw, topic = rng.randbytes(rng.randrange(200)), rng.choice(TOPIC_NAMES)
        case 1:
            raw, topic = malformed(rng, GOOD), "orders/create"
        case 2:
            raw, topic = oddly_filled(rng, WHOLE), "orders/updated"
        case 3:
            raw, topic = malformed(rng, NEWS), rng.choice(TOPIC_NAMES)
        case 4:
            raw, topic = GOOD[: rng.randrange(len(GOOD))], "orders/paid"
        case 5:
            raw = malformed(rng, rng.choice(NOTICES))
            return lambda: notified(raw)
        case 6:
            raw = malformed(rng, FETCHED_ORDER)
            return lambda: AMAZON.translate("update", FETCHED, raw)
        case 7:
            raw = rng.choice([malformed(rng, json.dumps(BUNDLE).encode()), oddly_told(rng, BUNDLE)])
            return lambda: BIGCOMMERCE.translate("update", FETCHED, raw)
        case 8:
            raw = rng.choice([malformed(rng, HOOKED), json.dumps(oddly_hooked(rng)).encode()])
            return lambda: hooked(raw)
        case _:
            raw, kind = malformed(rng, CANONICAL), rng.choice(sorted(KINDS))
            return lambda: Canonical().translate(rng.choice(["place", kind]), "", raw)

    def delivered() -> Read:
        receipt = SHOP.receive(headers(raw, X_Shopify_Topic=topic), raw, NOW)
        return SHOP.translate(receipt.kind, receipt.topic, raw)

    return delivered


def notified(raw: bytes) -> Read:
    """Have the forwarder deliver a notification, and read it."""
    receipt = AMAZON.receive(signed(raw), raw, AMAZON_NOW)
    return AMAZON.translate(receipt.kind, receipt.topic, raw)


def send_all(count: int, seed: int) -> Counter[str]:
    """Send so many; return how often each outcome came. Nothing but Refused may be raised."""
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    for number in range(count):
        try:
            sent(rng, number)()
        except Refused as refused:
            reason, sentences = refused.reason, refused.sentences
        else:
            counts["taken"] += 1
            continue
        told = reason in REASONS and all(one.endswith(".") for one in sentences)
        assert told, (seed, number, sentences)
        counts[reason] += 1
    return counts


def test_malformed_payloads_raise_nothing_but_refusals() -> None:
    """Random bytes, flips, cuts, odd values: an input or a Refused with sentences, 4,000 times."""
    counts = send_all(4_000, seed=20261127)
    assert sum(counts.values()) == 4_000
    assert len(counts) > 10


@pytest.mark.soak
def test_a_hundred_thousand_malformed_payloads(say: Say) -> None:
    """The long form: 0 crashes in 100,000; the outcomes are printed."""
    counts = send_all(100_000, seed=31)
    told = ", ".join(f"{name} {number:,}" for name, number in counts.most_common())
    say(f"100,000 malformed payloads, 0 crashes: {told}.")
    assert sum(counts.values()) == 100_000
