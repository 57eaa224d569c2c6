"""What one storefront sends in the hour everything goes wrong: each webhook three times, in no
order at all, some broken, some forged.

Everything is drawn from a seed, so that whoever counts afterwards knows what must have become of
each of them.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import aiohttp
from msgspec import Struct

from ops.simulators.storefront import Moment, payload, sign
from tests.e2e.hooks import EARLY, LATER, RECIPE
from tests.e2e.world import SHOP
from tests.waiting import eventually

GOOD, BROKEN, FORGED = "good", "broken", "forged"
SHARE = 100
"""One of so many webhooks is broken and one is forged; in a short run one of each kind at least."""
PAID_LATER_EVERY, UPDATED_EVERY = 20, 25
AT_ONCE = 96
GIVE_UP_SECONDS = 60.0
BUSY = 503
"""The edge's "not now, come again": a storefront sends such a webhook once more."""


class Delivery(Struct, frozen=True, kw_only=True):
    """One webhook. `what` is good, broken or forged; `why` says how it was corrupted, or signed."""

    hook_id: str
    topic: str
    body: bytes
    number: int
    what: str = GOOD
    why: str = ""
    signature: str | None = ""  # "": the right one; None: the header is left out


Corruption = Callable[[random.Random, bytes], bytes]


def _truncated(rng: random.Random, body: bytes) -> bytes:
    return body[: rng.randrange(len(body) // 5, len(body) - 1)]


def _flipped(rng: random.Random, body: bytes) -> bytes:
    """The highest bit of one byte of plain ASCII: no UTF-8 any more, wherever it stands."""
    plain = [at for at in rng.sample(range(len(body)), 50) if body[at] < 0x80]
    raw = bytearray(body)
    raw[plain[0]] ^= 0x80
    return bytes(raw)


def _with(**changes: object) -> Corruption:
    return lambda _, body: json.dumps({**json.loads(body), **changes}).encode()


def _after_the_brace(text: bytes) -> Corruption:
    return lambda _, body: b"{" + text + b"," + body[1:]


def _a_cent_more(_: random.Random, body: bytes) -> bytes:
    order = json.loads(body)
    both = order["current_total_price_set"]
    cents = round(float(both["shop_money"]["amount"]) * 100) + 1
    more = f"{cents // 100}.{cents % 100:02d}"
    both["shop_money"]["amount"] = order["current_total_price"] = more
    return json.dumps(order).encode()


MALFORMED: Mapping[str, tuple[Corruption, str]] = MappingProxyType(
    {
        "truncated": (_truncated, "json_malformed"),
        "bit flipped": (_flipped, "json_not_utf8"),
        "wrong type": (_with(line_items="none"), "schema_mismatch"),
        "wrong type inside": (_with(shipping_address=[1, 2]), "schema_mismatch"),
        "NUL": (_after_the_brace(b'"odd": "a\\u0000b"'), "json_nul"),
        "lone surrogate": (_after_the_brace(b'"odd": "\\ud800"'), "json_lone_surrogate"),
        "nested deeply": (_after_the_brace(b'"odd": ' + b"[" * 200 + b"]" * 200), "json_too_deep"),
        "a key twice": (_after_the_brace(b'"currency": "EUR"'), "json_duplicate_key"),
        "number too large": (
            _after_the_brace(b'"odd": ' + b"9" * 400),
            "json_number_out_of_range",
        ),
        "totals off": (_a_cent_more, "total_mismatch"),
        "nothing at all": (lambda _, __: b"", "json_malformed"),
        "of no order": (lambda _, body: b'{"hello": "%d"}' % len(body), "ref_missing"),
    }
)
"""How bytes are corrupted that are signed rightly, and the reason they must be kept for."""

MISSING, GARBAGE, OTHER_SECRET, OTHER_BODY = "missing", "garbage", "other secret", "other body"
FORGERIES = (MISSING, GARBAGE, OTHER_SECRET, OTHER_BODY)


def drawn(count: int, seed: int, secret: str) -> list[Delivery]:
    """Return so many different webhooks of one shop. Two of a hundred are broken or forged; of the
    others each order has one or two, its create and perhaps that it was paid or changed later.

    A forged one tells of an order that is genuine, under the id of its genuine webhook, with
    another body: were anything of it kept, the genuine one would be taken for its repeat.
    """
    rng = random.Random(seed)
    each = max(len(MALFORMED), count // SHARE)
    found = list(_genuine(count - 2 * each))
    kinds = list(MALFORMED)
    last = found[-1].number
    for place in range(each):
        kind = kinds[place % len(kinds)]
        number = last + 1 + place
        found.append(
            Delivery(
                hook_id=f"broken-{number}", topic="orders/create", number=number, what=BROKEN,
                why=kind, body=MALFORMED[kind][0](rng, _body(number)),
            )
        )  # fmt: skip
    for place in range(each):
        genuine = found[rng.randrange(count - 2 * each)]
        kind = FORGERIES[place % len(FORGERIES)]
        body = _with(email="thief@example.com", note=f"{place}: to another address")(
            rng, genuine.body
        )
        signature = {
            MISSING: None,
            GARBAGE: "AAAA",
            OTHER_SECRET: sign(body, "a guess"),
            OTHER_BODY: sign(genuine.body, secret),
        }[kind]
        found.append(
            Delivery(
                hook_id=genuine.hook_id, topic=genuine.topic, number=genuine.number, what=FORGED,
                why=kind, body=body, signature=signature,
            )
        )  # fmt: skip
    assert len(found) == count
    return found


def _genuine(count: int) -> Sequence[Delivery]:
    found: list[Delivery] = []
    number = 0
    while len(found) < count:
        number += 1
        later = number % PAID_LATER_EVERY == 0 and len(found) + 1 < count
        found.append(_delivery(number, "create", _body(number, paid=not later)))
        if later:
            found.append(_delivery(number, "paid", _body(number, updated_at=LATER)))
        elif number % UPDATED_EVERY == 0 and len(found) < count:
            note = "Ring twice"
            found.append(_delivery(number, "updated", _body(number, updated_at=LATER, note=note)))
    return found


def _delivery(number: int, topic: str, body: bytes) -> Delivery:
    return Delivery(hook_id=f"{topic}-{number}", topic=f"orders/{topic}", number=number, body=body)


def _body(
    number: int, *, paid: bool = True, updated_at: str = EARLY, note: str | None = None
) -> bytes:
    return payload(
        RECIPE, number, Moment(created_at=EARLY, updated_at=updated_at, paid=paid, note=note)
    )


class Sent(Struct):
    """What was answered, by what the webhook was; and how often the edge asked to come again."""

    answers: dict[str, Counter[int]]
    come_again: int = 0


async def send_all(url: str, secret: str, deliveries: Sequence[Delivery]) -> Sent:
    """Send each, 96 at once, in this order; one that is answered 503 is sent again soon."""
    sent = Sent({what: Counter() for what in (GOOD, BROKEN, FORGED)})
    waiting = iter(deliveries)

    async def sender(session: aiohttp.ClientSession) -> None:
        for each in waiting:
            answer = 0

            async def answered(each: Delivery = each) -> bool:
                nonlocal answer
                answer = await _send(session, f"{url}/hooks/{SHOP}", secret, each)
                sent.come_again += answer == BUSY
                return answer != BUSY

            await eventually(answered, GIVE_UP_SECONDS)
            sent.answers[each.what][answer] += 1

    timeout = aiohttp.ClientTimeout(total=30.0)
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        await asyncio.gather(*(sender(session) for _ in range(AT_ONCE)))
    return sent


async def _send(session: aiohttp.ClientSession, url: str, secret: str, each: Delivery) -> int:
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": each.topic,
        "X-Shopify-Shop-Domain": RECIPE.shop,
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": each.hook_id,
    }
    if each.signature is not None:
        headers["X-Shopify-Hmac-SHA256"] = each.signature or sign(each.body, secret)
    async with session.post(url, data=each.body, headers=headers) as answer:
        await answer.read()
        return answer.status
