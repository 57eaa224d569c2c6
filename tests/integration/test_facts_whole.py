"""What became of a message is told to whoever sent it: by every road that docs/contracts.md shows,
with the commands that stand there."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import nats
import nats.errors
import pytest
from nats.js import JetStreamContext

from schemas.contracts.validation import explain
from schemas.order.canonical import Order
from tests.e2e.processes import ROOT
from tests.integration.whole import AMAZON, CANARY, CHANNEL, OUTLET, Whole
from tests.waiting import eventually

PAGE = (ROOT / "docs" / "contracts.md").read_text()
READER = f"channel-{CHANNEL}"
NPM_NATS = "nats@2.29.3"

Json = dict[str, Any]


def shown(language: str, having: str) -> str:
    """Return the example of that language that has these words."""
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)
    (one,) = [text for text in found if having in text]
    return one


def environment(whole: Whole, order: Order, home: Path) -> dict[str, str]:
    """Return what the examples are told, with the order in files beside them."""
    plain = msgspec.json.encode(order)
    (home / "order.json").write_bytes(plain)
    (home / "place.json").write_bytes(b'{"type":"order.place.v2","order":' + plain + b"}")
    there = urlsplit(whole.nats_url(CHANNEL))
    return {
        **os.environ,
        "NATS_URL": f"nats://{there.hostname}:{there.port}",
        "NATS_USER": unquote(there.username or ""),
        "NATS_PASSWORD": unquote(there.password or ""),
        "ORDERWRIGHT": whole.world.url,
        "KEY": whole.token,
        "REF": order.ref,
    }


def run(words: list[str], home: Path, environ: dict[str, str]) -> str:
    """Run an example in its folder; return what it printed."""
    ran = subprocess.run(
        words, cwd=home, env=environ, capture_output=True, text=True, timeout=90, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def failed(words: list[str], home: Path) -> str:
    """Run a command; return "" or the end of what it complained about."""
    ran = subprocess.run(words, cwd=home, capture_output=True, text=True, timeout=90, check=False)
    return ran.stderr[-200:] if ran.returncode else ""


async def facts(whole: Whole, channel: str = CHANNEL) -> list[Json]:
    """Return everything that was published about a channel, over HTTP, page by page."""
    found: list[Json] = []
    after = ""
    while True:
        path = f"/api/v1/facts?channel={channel}&after={after}&limit=100"
        answer = await whole.api("GET", path)
        assert answer.status == 200, answer.body
        page: Any = answer.json()
        if not page["events"]:
            assert page["after"] == after or not after
            return found
        found += page["events"]
        after = page["after"]


async def told(whole: Whole, ref: str, channel: str = CHANNEL) -> list[Json]:
    """Return the facts about one order or message."""
    return [
        event["data"]
        for event in await facts(whole, channel)
        if event["subject"] == ref and ".fact." in event["type"]
    ]


def place(order: Order) -> bytes:
    """Return the message that places an order."""
    return b'{"type":"order.place.v2","order":' + msgspec.json.encode(order) + b"}"


async def test_a_publisher_learns_what_became_of_its_order(whole: Whole) -> None:
    """Placed, accepted, shipped and delivered: in order, with the publisher's own message id, by
    the published schema, without personal data, and each once in the stream."""
    order = whole.order()
    await whole.publish("place", order.ref, place(order))
    await whole.until(order.number, "closed")

    async def delivered() -> list[Json]:
        found = await told(whole, order.ref)
        return found if found and found[-1]["fact"] == "delivered" else []

    found = await eventually(delivered, 20.0)
    assert [one["fact"] for one in found] == ["placed", "accepted", "shipped", "delivered"]
    assert [one["sequence"] for one in found] == sorted(one["sequence"] for one in found)
    first, second, left, arrived = found
    assert first["messages"] == second["messages"]
    assert re.fullmatch(rf"{CHANNEL}/place/ORDERS-{CHANNEL}\.\d+\.\d+", first["messages"][0])
    (parcel,) = left["parcels"]
    assert parcel["tracking_number"].startswith("1Z")
    assert arrived["parcels"] == [parcel]
    events = [one for one in await facts(whole) if one["subject"] == order.ref]
    assert len({one["id"] for one in events}) == len(events)
    for one in events:
        assert explain(one["type"], one["data"]) == ()
        assert one["dataschema"] == f"{whole.world.url}/schemas/{one['type']}"
        assert CANARY.split()[0] not in json.dumps(one)


async def test_a_publisher_learns_of_changes_holds_and_cancellations(whole: Whole) -> None:
    """An order that waits for its payment is only placed; what is changed, held, released and
    cancelled is told with its reason and the message that did it."""
    order = whole.order(payment="pending")
    await whole.publish("place", order.ref, place(order))
    await whole.until(order.number, "placed")
    changed = msgspec.structs.replace(
        order, note="At the back door.", updated_at="2099-01-01T00:00:00Z"
    )
    body = b'{"type":"order.update.v2","order":' + msgspec.json.encode(changed) + b"}"
    await whole.publish("update", order.ref, body)
    noted = {
        "type": "order.note_report.v1",
        "ref": order.ref,
        "source": "crm",
        "topic": "call",
        "words": "Somebody rang.",
        "hold": "before_hand_over",
    }
    await whole.publish("note", order.ref, msgspec.json.encode(noted))

    async def names() -> list[str]:
        return [one["fact"] for one in await told(whole, order.ref)]

    async def held() -> list[str]:
        return [one for one in await names() if one == "held"]

    await eventually(held, 20.0)
    (hold,) = [one for one in await told(whole, order.ref) if one["fact"] == "held"]
    whole.cli("orders", "release", order.ref, "--hold", hold["hold"], "--reason", "rang back")
    cancel = {"type": "order.cancel.v1", "ref": order.ref, "reason": "gone off it"}
    await whole.publish("cancel", order.ref, msgspec.json.encode(cancel))

    async def cancelled() -> list[str]:
        return [one for one in await names() if one == "cancelled"]

    await eventually(cancelled, 20.0)
    assert await names() == ["placed", "changed", "held", "released", "cancelled"]
    by_name = {one["fact"]: one for one in await told(whole, order.ref)}
    assert by_name["changed"]["facets"] == ["note"]
    assert by_name["held"]["messages"][0].startswith(f"{CHANNEL}/note/")
    assert by_name["released"]["reason"] == "rang back"
    assert by_name["cancelled"]["messages"][0].startswith(f"{CHANNEL}/cancel/")


async def test_a_publisher_learns_what_became_of_a_bad_message(whole: Whole) -> None:
    """It is quarantined, under the publisher's id and with a code; a person's refusal is told, too.
    No fact quotes the message."""
    body = b'{"type":"order.place.v2","order":{"ref":"FACT-BAD","number":7,"note":"Canary"}}'
    name = f"{CHANNEL}/place/mine-1"
    client = await nats.connect(whole.nats_url(CHANNEL))
    try:
        subject, named = f"orders.in.{CHANNEL}.place.FACT-BAD", {"Nats-Msg-Id": name}
        await client.jetstream().publish(subject, body, headers=named, timeout=5)
    finally:
        await client.close()

    async def last() -> Json:
        found = await told(whole, name)
        return found[-1] if found else {}

    fact: Json = await eventually(last, 20.0)
    assert (fact["fact"], fact["kind"], fact["reason"]) == (
        "quarantined",
        "place",
        "schema_mismatch",
    )
    assert fact["message"] == name
    assert explain("message.fact.v1", fact) == ()
    assert "Canary" not in json.dumps(await told(whole, name))
    whole.cli("quarantine", "discard", str(fact["item"]), "--reason", "a test")

    async def refused() -> bool:
        return str((await last())["fact"]) == "refused"

    await eventually(refused, 20.0)
    assert [one["fact"] for one in await told(whole, name)] == ["quarantined", "refused"]


async def test_a_channel_can_be_without_facts(whole: Whole) -> None:
    """A storefront's orders have no facts unless its channel says so, and one that takes our
    contract has none when its channel says so."""
    assert await facts(whole, AMAZON) == []
    order = whole.order()
    await whole.publish("place", order.ref, place(order), OUTLET)
    await whole.until(order.number, "closed")
    with_facts = whole.order()
    await whole.publish("place", with_facts.ref, place(with_facts))

    async def one_is_told() -> list[Json]:
        return await told(whole, with_facts.ref)

    await eventually(one_is_told, 20.0)
    assert [one["type"] for one in await facts(whole, OUTLET)] == ["order.fulfilled.v2"]
    answer = await whole.api("GET", "/api/v1/facts")
    assert answer.status == 400
    answer = await whole.api("GET", f"/api/v1/facts?channel={CHANNEL}&after=5f3a-7")
    assert (answer.status, answer.json()["type"]) == (410, "urn:orderwright:problem:facts-gone")
    for wrong in ("channel=nowhere", f"channel={CHANNEL}&after=x", f"channel={CHANNEL}&limit=0"):
        assert (await whole.api("GET", f"/api/v1/facts?{wrong}")).status == 400


async def test_the_durable_consumer_remembers_and_is_its_channels_alone(whole: Whole) -> None:
    """What is published while no reader is connected is there for the next one; another channel's
    user neither reads nor acknowledges it."""
    order = whole.order()
    await whole.publish("place", order.ref, place(order))
    await whole.until(order.number, "closed")
    refused: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error).lower())

    stranger = await nats.connect(whole.nats_url(OUTLET), error_cb=note)
    try:
        for subject in (
            f"$JS.orderwright.API.CONSUMER.MSG.NEXT.EVENTS.{READER}",
            f"$JS.orderwright.API.CONSUMER.INFO.EVENTS.{READER}",
            f"$JS.ACK.EVENTS.{READER}.1.1.1.1.1",
            "$JS.API.STREAM.MSG.GET.EVENTS",
        ):
            with pytest.raises(nats.errors.Error):
                await stranger.request(subject, b"1", timeout=0.5)
        await eventually(lambda: len(refused) >= 4)
    finally:
        await stranger.close()
    client = await nats.connect(whole.nats_url(CHANNEL))
    try:
        assert "accepted" in await _caught_up(client.jetstream(domain="orderwright"), order.ref)
    finally:
        await client.close()


async def _caught_up(stream: JetStreamContext, ref: str) -> list[str]:
    """Take everything that the channel's readers have not had; return the facts of one order."""
    reader = await stream.pull_subscribe_bind(READER, "EVENTS")
    found = []
    while "delivered" not in found:
        for message in await reader.fetch(100, timeout=20):
            event = json.loads(message.data)
            if event["subject"] == ref and ".fact." in message.subject:
                found.append(event["data"]["fact"])
            await message.ack()
    return found


async def test_the_example_for_curl(whole: Whole, tmp_path: Path) -> None:
    """The two commands place an order and read what became of it."""
    if shutil.which("curl") is None:
        pytest.skip("curl is missing")
    order = whole.order()
    environ = environment(whole, order, tmp_path)
    script = shown("sh", "curl").replace("7001-a", order.ref)
    said = run(["bash", "-euc", script], tmp_path, environ)
    assert '"order_id"' in said
    assert '"after"' in said
    await whole.until(order.number, "closed")
    again = "curl" + script.split("curl")[-1]
    said = run(["bash", "-euc", again.replace("limit=200", "limit=3")], tmp_path, environ)
    assert "order.fact.v1" in said
    page = json.loads(said)
    more = again.replace("limit=200", f"limit=3&after={page['after']}")
    known = {event["id"] for event in page["events"]}
    rest = json.loads(run(["bash", "-euc", more], tmp_path, environ))["events"]
    assert known.isdisjoint(event["id"] for event in rest)


async def test_the_example_for_the_nats_command_line(whole: Whole, tmp_path: Path) -> None:
    """The two commands publish an order and read events."""
    if shutil.which("nats") is None:
        pytest.skip("the command line `nats` is missing")
    order = whole.order()
    script = shown("sh", "consumer next").replace("7001-a", order.ref)
    said = run(["bash", "-euc", script], tmp_path, environment(whole, order, tmp_path))
    assert "CloudEvent" in said or "specversion" in said
    await whole.until(order.number, "closed")


async def test_what_the_nats_command_line_is_told_works(whole: Whole, tmp_path: Path) -> None:
    """Also where that program is missing: its two commands, word by word, done by another client.
    They name the server, the user, the subject, the message's id, the stream and its reader."""
    order = whole.order()
    environ = environment(whole, order, tmp_path)
    script = shown("sh", "consumer next").replace("7001-a", order.ref).replace("\\\n", " ")
    for name, value in environ.items():
        script = script.replace(f"${name}", value)
    publish, read = (shlex.split(line) for line in script.splitlines() if line.strip())

    def option(words: list[str], name: str) -> str:
        return words[words.index(f"--{name}") + 1]

    login = {"user": option(publish, "user"), "password": option(publish, "password")}
    client = await nats.connect(option(publish, "server"), **login)
    try:
        name, _, value = option(publish, "header").partition(":")
        body = (tmp_path / publish[publish.index("<") + 1]).read_bytes()
        subject = publish[publish.index("pub") + 1]
        await client.request(subject, body, timeout=5, headers={name: value})
        await whole.until(order.number, "closed")
        stream, reader = read[read.index("next") + 1 :][:2]
        there = client.jetstream(domain=option(read, "js-domain"))
        events = await (await there.pull_subscribe_bind(reader, stream)).fetch(
            int(option(read, "count")), timeout=20
        )
        assert all("specversion" in json.loads(event.data) for event in events)
        for event in events:
            await event.ack()
    finally:
        await client.close()


async def test_the_example_for_python(whole: Whole, tmp_path: Path) -> None:
    """The program publishes an order and ends when it is accepted."""
    order = whole.order()
    environ = environment(whole, order, tmp_path)
    said = run([sys.executable, "-c", shown("python", "asyncio")], tmp_path, environ)
    assert f"orders.out.{CHANNEL}.fact.accepted" in said
    await whole.until(order.number, "closed")


async def test_the_example_for_javascript(whole: Whole, tmp_path: Path) -> None:
    """The program publishes an order with the npm client `nats` and ends when it is accepted."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node is missing")
    words = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", NPM_NATS]
    if why := failed(words, tmp_path):
        pytest.skip(f"npm does not get the package {NPM_NATS}: {why}")
    order = whole.order()
    environ = environment(whole, order, tmp_path)
    (tmp_path / "example.js").write_text(shown("js", "require"))
    said = run(["node", "example.js"], tmp_path, environ)
    assert f"orders.out.{CHANNEL}.fact.accepted" in said
    await whole.until(order.number, "closed")
