"""Random bytes, flips, cuts and odd values among good ones, at every edge of a running service: no
crash, no 500, and nothing that an edge took is dropped: it is in its order's inbox, or in
quarantine whole."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import random
import re
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import aiohttp
import nats
import pytest
from msgspec import Struct
from nats.js import JetStreamContext

from adapters.channels.shopify.bearing import names_one_event
from adapters.kit.inbound import digest_ref
from adapters.postgres.keys import ApiKeys
from adapters.postgres.pool import Pool
from ops.simulators.storefront import sign
from schemas.messages.inputs import KINDS
from schemas.order.ids import order_id_for, ref_token, sign_reference
from schemas.order.things import FULFILMENT, key_of
from service.app.sessions import CORRELATION_SECRET, OWN_KEY
from service.demo.world import PLACES, toml
from tests.conftest import Say
from tests.csv_files import a_file, a_row, another
from tests.e2e.world import SHOP, World, seed_of_run, world_in
from tests.integration.servers import temporary_home
from tests.properties.test_malformed import (
    CANONICAL,
    GOOD,
    NEWS,
    TOPIC_NAMES,
    WHOLE,
    malformed,
    oddly_filled,
)
from tests.waiting import eventually

CHANNEL = "wholesale"
EDGES = ("shop", "house", "api", "csv", "nats")
AT_ONCE = 32
BUSY = 503
REF = "820982911946154508"
WAREHOUSE = PLACES["east"][0]
FILE = a_file(a_row("S-1", total="37.95"), another("S-1"), a_row("S-2"))

# What each edge may say. A callback whose reference was corrupted is a stranger's: 401.
ANSWERS = {
    "shop": {200}, "house": {200, 401}, "api": {202, 400, 422}, "csv": {200, 400, 422},
    "nats": {200},
}  # fmt: skip


class Piece(Struct, frozen=True):
    """One thing to send. Its name is part of its delivery id."""

    name: str
    edge: str
    raw: bytes
    topic: str


def drawn(count: int, seed: int, callback: bytes) -> Iterator[Piece]:
    """Yield so many pieces for all edges in turn."""
    rng = random.Random(seed)
    good = {"shop": GOOD, "house": callback, "api": CANONICAL, "csv": FILE, "nats": CANONICAL}
    for number in range(count):
        edge = EDGES[number % len(EDGES)]
        topic = {
            "shop": rng.choice(["orders/create", "orders/updated", *TOPIC_NAMES]),
            "nats": rng.choice(["place", "place", *sorted(KINDS)]),
        }.get(edge, "")
        match rng.randrange(6):
            case 0:
                raw = rng.randbytes(rng.randrange(300))
            case 1:
                raw = good[edge][: rng.randrange(len(good[edge]))]
            case 2 if edge == "shop":
                raw = rng.choice([oddly_filled(rng, WHOLE), malformed(rng, NEWS)])
            case 3:
                raw = good[edge]
            case _:
                raw = malformed(rng, good[edge])
        yield Piece(f"s{seed}-{number}", edge, raw, topic)


class Sender:
    """Sends pieces, each to its edge."""

    def __init__(self, world: World, token: str, stream: JetStreamContext) -> None:
        self.answers: dict[str, Counter[int]] = {edge: Counter() for edge in EDGES}
        self.busy: Counter[str] = Counter()
        self.faults: list[str] = []
        self.promised: set[str] = set()
        self._world = world
        self._token = token
        self._stream = stream

    async def all_of(self, pieces: Iterator[Piece]) -> None:
        """Send them, some at once. One that is answered 503 is sent again."""
        timeout = aiohttp.ClientTimeout(total=60.0)

        async def sender(session: aiohttp.ClientSession) -> None:
            for piece in pieces:
                status = BUSY

                async def answered(piece: Piece = piece) -> bool:
                    nonlocal status
                    status = await self._send(session, piece)
                    self.busy[piece.edge] += status == BUSY
                    return status != BUSY

                await eventually(answered, 60.0)
                self.answers[piece.edge][status] += 1

        async with aiohttp.ClientSession(timeout=timeout) as session:
            await asyncio.gather(*(sender(session) for _ in range(AT_ONCE)))

    async def _send(self, session: aiohttp.ClientSession, piece: Piece) -> int:
        if piece.edge == "nats":
            subject = f"orders.in.{CHANNEL}.{piece.topic}.{ref_token(REF)}"
            named = {"Nats-Msg-Id": f"{CHANNEL}/{piece.topic}/{piece.name}"}
            await self._stream.publish(subject, piece.raw, headers=named, timeout=10)
            return 200
        path, headers = self._request(piece)
        async with session.post(
            f"{self._world.url}{path}", data=piece.raw, headers=headers
        ) as answer:
            told = await answer.read()
        if piece.edge == "api" and answer.status == 202:
            self.promised.add(json.loads(told)["order_id"])
        if piece.edge == "csv" and answer.status == 200:
            for one in json.loads(told)["orders"]:
                if one["outcome"] == "accepted":
                    self.promised.add(one["order_id"])
        if answer.status >= 400 and answer.status != 401 and not json.loads(told)["detail"]:
            self.faults.append(piece.name)
        return answer.status

    def _request(self, piece: Piece) -> tuple[str, dict[str, str]]:
        partners = self._world.partners
        if piece.edge == "shop":
            return f"/hooks/{SHOP}", {
                "Content-Type": "application/json",
                "X-Shopify-Topic": piece.topic,
                "X-Shopify-Hmac-SHA256": sign(piece.raw, partners.webhook_secret),
                "X-Shopify-Shop-Domain": f"{SHOP}.myshopify.com",
                "X-Shopify-API-Version": "2026-10",
                "X-Shopify-Webhook-Id": piece.name,
            }
        if piece.edge == "house":
            stamp = str(int(time.time()))
            signed = f"{piece.name}.{stamp}.".encode() + piece.raw
            digest = hmac.digest(partners.callback_secret.encode(), signed, "sha256")
            return f"/hooks/{WAREHOUSE}", {
                "webhook-id": piece.name,
                "webhook-timestamp": stamp,
                "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
            }
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Idempotency-Key": piece.name,
            "X-Orderwright-Channel": CHANNEL,
        }
        if piece.edge == "csv":
            return "/api/v1/orders/import", {**headers, "Content-Type": "text/csv"}
        return "/api/v1/orders", headers


def name_in(delivery_id: str) -> str:
    """Return the sender's own id inside a delivery id."""
    return re.split(r"[:/]", delivery_id)[-1]


def kept_as(piece: Piece) -> str:
    """Return the name under which a piece is known in the store: its own, or its digest's."""
    if piece.edge == "shop" and names_one_event(piece.topic):
        return digest_ref(piece.topic.encode() + b" " + piece.raw)
    return piece.name


async def flood(count: int, seed: int, say: Say) -> None:
    """The whole test: send, count the answers, and look for each in the store."""
    with temporary_home() as home:
        async with world_in(home) as world:
            await world.start_partners(seed=seed)
            table = tomllib.loads(world.config.read_text())
            table["channels"][CHANNEL] = {"kind": "canonical"}
            table["limits"] = {"drain_seconds": 2.0}
            world.config.write_text(toml(table))
            service = world.start_service()
            await world.ready()
            callback = a_callback(world)
            client = await nats.connect(world.runtime().nats_url)
            try:
                sender = Sender(world, await api_key_of(world), client.jetstream())
                await sender.all_of(drawn(count, seed, callback))
            finally:
                await client.close()
            taken, kept = await everything_kept(world, sender, count, seed, callback)
            answered = "; ".join(
                f"{edge} " + ", ".join(f"{status} × {n:,}" for status, n in sorted(found.items()))
                for edge, found in sender.answers.items()
            )
            say(
                f"{count:,} malformed payloads at {len(EDGES)} edges "
                f"(ORDERWRIGHT_TEST_SEED={seed}): "
                f"{answered}; sent again after a 503: {sender.busy.total():,}; {taken:,} in an "
                f"order's inbox, {kept:,} in quarantine with their bytes, none dropped."
            )
            assert {edge: set(found) for edge, found in sender.answers.items()} == {
                edge: ANSWERS[edge] & set(sender.answers[edge]) for edge in EDGES
            }
            assert sender.faults == []
            assert service.pid == world.runtime().pid, "the service was started again: it crashed"
            assert await service.terminated() == 0


def a_callback(world: World) -> bytes:
    """What the warehouse says about the shop's order, with a reference that we signed."""
    key = (world.data / "secrets" / CORRELATION_SECRET).read_text().strip().encode()
    order_id, first = order_id_for(SHOP, REF), key_of(FULFILMENT, 1)
    body = {
        "type": "task.packed",
        "reference": sign_reference(order_id, first, OWN_KEY, {OWN_KEY: key}),
        "channel": SHOP,
        "order_ref": REF,
        "task_id": "WT-1",
        "occurred_at": "2026-11-27T12:00:00Z",
        "parcels": [
            {"parcel_id": "p1", "weight_grams": 900, "lines": [{"line_id": "1", "quantity": 1}]}
        ],
    }
    return json.dumps(body).encode()


async def api_key_of(world: World) -> str:
    """Make an API key."""
    pool = Pool(world.runtime().postgres_dsn, by_key=False)
    try:
        keys = ApiKeys(pool, monotonic=time.monotonic)
        _, token = await keys.create("malformed", ["orders:write"], ["*"], now=datetime.now(UTC))
    finally:
        await pool.close()
    return token


async def everything_kept(
    world: World, sender: Sender, count: int, seed: int, callback: bytes
) -> tuple[int, int]:
    """Wait until what was answered well is in the store, and compare the bytes in quarantine with
    those that were sent. Return how many were taken and how many are kept."""
    digests = {
        kept_as(one): hashlib.sha256(one.raw).digest()
        for one in drawn(count, seed, callback)
        if one.edge in {"shop", "house", "nats"}
    }
    strangers = sender.answers["house"][401]

    async def found() -> tuple[set[str], dict[str, bytes]]:
        inbox = await world.rows("SELECT input_id FROM inbox")
        aside = await world.rows("SELECT delivery_id, digest FROM quarantine")
        taken = {name_in(row["input_id"]) for row in inbox} & digests.keys()
        return taken, {name_in(row["delivery_id"]): row["digest"] for row in aside}

    async def complete() -> bool:
        taken, kept = await found()
        return len(taken | (kept.keys() & digests.keys())) >= len(digests) - strangers

    await eventually(complete, 120.0)
    taken, kept = await found()
    assert len(taken | kept.keys()) == len(digests) - strangers, "a stranger's callback was kept"
    assert {name: kept[name] for name in kept} == {name: digests[name] for name in kept}

    async def placed() -> bool:
        rows = await world.rows("SELECT order_id FROM orders")
        return sender.promised <= {row["order_id"] for row in rows}

    await eventually(placed, 60.0)
    return len(taken), len(kept)


async def test_nothing_malformed_crashes_an_edge_or_is_dropped(say: Say) -> None:
    """600 at five edges: only the answers that each edge has for such things."""
    await flood(600, seed_of_run(), say)


@pytest.mark.soak
async def test_a_hundred_thousand_malformed_at_the_edge(say: Say) -> None:
    """The long form."""
    await flood(100_000, seed_of_run(), say)
