"""A customer with a name of his own goes every way there is; then whatever is kept or published is
searched for him, and after he was forgotten nothing of him can be opened."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import stat
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import nats
import pytest
from msgspec import Struct
from nats.aio.msg import Msg

from adapters.nats.streams import EVENTS, UNROUTABLE
from schemas.order.canonical import Address, Customer
from service.demo.world import ERP, MAIL, PLACES
from tests.integration.whole import CHANNEL, Whole
from tests.waiting import eventually

ON_CHANNEL = {"X_Orderwright_Channel": CHANNEL}
NAME, EMAIL, PHONE, STREET = "Zaphod Qwxyz", "zaphod.q@example.com", "5559042424", "7 Wibble Row"
CANARIES = (NAME, "Qwxyz", EMAIL, "zaphod", PHONE, STREET, "Wibble")
CUSTOMER = Customer(name=NAME, email=EMAIL, phone=PHONE, reference="900042")
HOME = Address(
    name=NAME, lines=(STREET,), city="New York", region="NY", postal_code="10118", country="US",
    phone=PHONE,
)  # fmt: skip
SCOPES = ("privacy:read", "privacy:act", "orders:read", "labels:read")


def refuse_canaries(place: str, text: bytes) -> None:
    """Fail when a canary is in the text, in any case of letters."""
    folded = text.lower()
    for word in CANARIES:
        assert word.lower().encode() not in folded, f"{word} is in {place}"


def flat(value: object) -> Iterator[bytes]:
    """Every text and every bytes inside a column's value."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from flat(one)
    elif value is not None:
        yield str(value).encode("utf-8", "replace")


async def dumped(dsn: str) -> dict[str, bytes]:
    """Everything that the database holds, by table and column."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        found: dict[str, bytes] = {}
        for (table,) in tables:
            for row in await connection.fetch(f'SELECT * FROM "{table}"'):
                for column, value in row.items():
                    place = f"{table}.{column}"
                    found[place] = b"\n".join([found.get(place, b""), *flat(value)])
        return found
    finally:
        await connection.close()


class Heard(Struct):
    """Subjects and headers of everything that was published meanwhile."""

    said: list[bytes]

    async def note(self, message: Msg) -> None:
        """Write one message's envelope down."""
        headers: Mapping[str, str] = message.headers or {}
        told = " ".join(f"{name}: {value}" for name, value in headers.items())
        self.said.append(f"{message.subject} {told}".encode())


@asynccontextmanager
async def listening(whole: Whole) -> AsyncIterator[Heard]:
    """Hear everything that is published about orders."""
    client = await nats.connect(whole.world.runtime().nats_url)
    heard = Heard([])
    try:
        await client.subscribe("orders.>", cb=heard.note)
        await client.flush()
        yield heard
        await client.flush()
        for stream in (EVENTS, UNROUTABLE):
            state = (await client.jetstream().stream_info(stream)).state
            for number in range(state.first_seq, state.last_seq + 1) if state.messages else ():
                kept = await client.jetstream().get_msg(stream, seq=number)
                heard.said.append(f"{kept.subject} {kept.headers}".encode() + (kept.data or b""))
    finally:
        await client.close()


@pytest.fixture(scope="module")
def token(whole: Whole) -> str:
    """A key for what customers ask."""
    words = [word for scope in SCOPES for word in ("--scope", scope)]
    return whole.cli("keys", "create", "privacy", *words, "--channel", "*").strip()


async def ask(whole: Whole, token: str, method: str, path: str, body: object = None) -> Any:
    """Ask the API with that key; the answer's JSON, with its status."""
    raw = json.dumps(body).encode() if body is not None else None
    named = {"Authorization": f"Bearer {token}", "Idempotency_Key": secrets.token_hex(8)}
    answer = await whole.ask(method, f"/api/v1{path}", body=raw, **named)
    return answer.status, json.loads(answer.body) if answer.body else None


async def went_every_way(whole: Whole) -> list[str]:
    """Orders of the customer: one closed, one refused by an ERP that quotes it, one cancelled by a
    person who names him, and messages that did not pass the edge. Return their numbers."""
    names = []
    for quoting, reason in ((False, ""), (True, f"{NAME} rang")):
        order = whole.order(customer=CUSTOMER, ship_to=HOME, note=f"for {NAME}")
        names.append(order.number)
        whole.erp.quoting = quoting
        try:
            await whole.place(order, **ON_CHANNEL)
            await whole.until(order.number, "delivered" if quoting else "closed")
        finally:
            whole.erp.quoting = False
        if reason:
            await asyncio.to_thread(whole.cli, "orders", "skip", order.number, "--reason", reason)
            await whole.until(order.number, "closed")
    broken = whole.order(customer=CUSTOMER, ship_to=HOME)
    raw = json.loads(await asyncio.to_thread(_encoded, broken))
    raw["order"]["customer"]["nome"] = NAME
    original = json.dumps(raw).encode()
    await whole.publish("place", broken.ref, original)
    await eventually(lambda: kept(whole, original), 20.0)
    named = {"Idempotency_Key": "canary-edge", **ON_CHANNEL}
    answer = await whole.api(
        "POST", "/api/v1/orders", body=json.dumps(raw["order"]).encode(), **named
    )
    assert answer.status == 422
    return names


async def kept(whole: Whole, original: bytes) -> bool:
    """Whether the broken message is in quarantine."""
    connection = await asyncpg.connect(whole.world.runtime().postgres_dsn)
    try:
        query = "SELECT EXISTS (SELECT FROM quarantine WHERE digest = sha256($1))"
        return bool(await connection.fetchval(query, original))
    finally:
        await connection.close()


def _encoded(order: Any) -> bytes:
    import msgspec

    return msgspec.json.encode({"type": "order.place.v2", "order": order})


async def test_no_one_is_named_anywhere_and_who_is_forgotten_stays_so(
    whole: Whole, token: str, tmp_path: Path
) -> None:
    """The whole database, every subject and header, facts, logs, metrics and lists: no name, mail,
    phone or street lies open. Handed over and then forgotten, his orders replay and are shown, and
    nothing of him can be opened."""
    async with listening(whole) as heard:
        closed, quoted = await went_every_way(whole)
        asked = ("--email", EMAIL, "--channel", CHANNEL)
        file = tmp_path / "his.json"
        words = ("--file", str(file), "--reason", "he asked", "--keep-open")
        whole.cli("privacy", "export", *asked, *words)
        for place, text in (await dumped(whole.world.runtime().postgres_dsn)).items():
            refuse_canaries(place, text)
    for said in heard.said:
        refuse_canaries("a subject, header or fact", said)
    assert len(heard.said) > 5
    for log in (whole.world.service.log, *sorted((whole.world.data / "logs").glob("*"))):
        refuse_canaries(log.name, log.read_bytes())
    refuse_canaries("the metrics", (await whole.ask("GET", "/metrics")).body)
    refuse_canaries("the traces", b"".join(list(whole.collector.bodies)))
    commands = (
        ("orders", "list", "--json"), ("orders", "timeline", quoted), ("orders", "show", quoted),
        ("incidents", "list", "--json"), ("privacy", "list", "--json"),
    )  # fmt: skip
    lists = await asyncio.gather(*(asyncio.to_thread(whole.cli, *one) for one in commands))
    for command, told in zip(commands, lists, strict=True):
        refuse_canaries(" ".join(command), told.encode())
    assert "***" in lists[1]
    _, lone = await ask(whole, token, "GET", "/privacy")
    refuse_canaries("the list of requests", json.dumps(lone).encode())
    _handed_over(whole, file, (closed, quoted))
    await _forgotten(whole, token, (closed, quoted), occurrences(lists[3]))


def _handed_over(whole: Whole, file: Path, numbers: tuple[str, ...]) -> None:
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    told = json.loads(file.read_bytes())
    assert {one["row"]["number"] for one in told["orders"]} >= set(numbers)
    assert {one["order"]["customer"]["name"] for one in told["orders"]} == {NAME}
    assert any(one["files"] for one in told["orders"])
    assert told["messages"]
    assert {ERP, *PLACES["east"], MAIL} <= set(told["given_to"])
    request = json.loads(
        whole.cli("privacy", "list", "--state", "open", "--channel", CHANNEL, "--json")
    )[0]
    shown = whole.cli("privacy", "show", str(request["id"]))
    assert EMAIL in shown
    assert "read by" in shown
    refused = whole.cli("privacy", "export", str(request["id"]), "--file", str(file), code=1)
    assert "can't be created" in refused
    again = file.with_name("again.json")
    whole.cli("privacy", "export", str(request["id"]), "--file", str(again))
    assert EMAIL not in whole.cli("privacy", "show", str(request["id"]))
    for one in (file, again):
        one.unlink()


def occurrences(listed: str) -> dict[str, int]:
    """How often each category occurred, as `incidents list --json` says."""
    return {one["category"]: one["occurrences"] for one in json.loads(listed)}


async def _forgotten(
    whole: Whole, token: str, numbers: tuple[str, ...], incidents: dict[str, int]
) -> None:
    subject = {"reference": CUSTOMER.reference, "email": EMAIL, "phone": PHONE}
    body = {"asks": "redact", "channel": CHANNEL, "subject": subject, "preview": True}
    status, found = await ask(whole, token, "POST", "/privacy", body)
    assert (status, found["under_way"], found["final"] >= 2) == (200, 0, True)
    body = {**body, "preview": False, "force": True, "now": True}
    body["reason"] = "he asked to be forgotten"
    status, kept = await ask(whole, token, "POST", "/privacy", body)
    assert status == 200

    async def done() -> bool:
        _, request = await ask(whole, token, "GET", f"/privacy/{kept['id']}")
        return bool(request["state"] == "done")

    await eventually(done, 20.0)
    _, request = await ask(whole, token, "GET", f"/privacy/{kept['id']}")
    assert (request["orders"], request["subject"]) == (found["final"], None)
    assert request["messages"] >= 1
    for number in numbers:
        _, timeline = await ask(whole, token, "GET", f"/orders/{number}/timeline")
        told = " ".join(entry["text"] for entry in timeline["entries"])
        assert "Closed: nothing is left to do." in told
        assert "The customer's data was erased" in told
        _, view = await ask(whole, token, "GET", f"/orders/{number}")
        assert view["erased_at"]
        for file in view["files"]:
            status, _ = await ask(whole, token, "GET", f"/orders/{number}/files/{file['name']}")
            assert status == 404
    assert "every one gives its stored state" in whole.cli("orders", "replay", "--verify")
    after = occurrences(whole.cli("incidents", "list", "--json"))
    assert all(after[category] >= count for category, count in incidents.items())
    status, nothing = await ask(whole, token, "POST", "/privacy", {**body, "preview": True})
    assert (nothing["final"], nothing["under_way"], nothing["messages"]) == (0, 0, 0)
