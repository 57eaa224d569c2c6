"""The documents that describe the service, held against a running one by programs of others."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import nats

from schemas.contracts.published import all_schemas
from schemas.contracts.validation import explain
from tests.conftest import Say
from tests.integration.alone import CHANNEL, Alone, alone
from tests.orders import an_order
from tests.waiting import eventually

__all__ = ["alone"]

Json = Any


WHY = {"reason": "to see what happens"}
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
)
"""Left out: what follows a created thing to its end; keys and methods (`test_scopes_whole` gives
every route every key); and the check that takes every request of the right shape for a good one:
totals, states and reasons are judged beyond the shape."""
BOUNDED = """
[phases.coverage]
unexpected-methods = []
generate-duplicate-query-parameters = false
"""
"""That a path refuses the methods it does not have is the router's work."""


class Begun(msgspec.Struct):
    """What the service holds before it is told everything at random."""

    order: str
    item: str
    asked: str


async def begun(service: Alone, token: str) -> Begun:
    """Place an order, have a message refused, and ask for a customer's data."""
    async with aiohttp.ClientSession() as session:

        async def ask(method: str, path: str, body: Json = None) -> tuple[int, Json]:
            headers = {
                "Authorization": f"Bearer {token}",
                "Idempotency-Key": secrets.token_hex(8),
                "X-Orderwright-Channel": CHANNEL,
            }
            url = f"{service.url}/api/v1{path}"
            async with session.request(method, url, json=body, headers=headers) as answer:
                return answer.status, await answer.json()

        status, placed = await ask("POST", "/orders", msgspec.to_builtins(an_order()))
        assert status == 202, placed
        client = await nats.connect(service.nats_url())
        try:
            await client.jetstream().publish(f"orders.in.{CHANNEL}.place.Q-1", b'{"type": "x"}')
        finally:
            await client.close()

        async def held() -> str:
            _, told = await ask("GET", "/quarantine")
            return str(told["items"][0]["id"]) if told["items"] else ""

        async def there() -> bool:
            return (await ask("GET", f"/orders/{placed['order_id']}"))[0] == 200

        await eventually(there, 20.0)
        subject = {"channel": CHANNEL, "subject": {"email": "x@example.com"}}
        status, asked = await ask("POST", "/privacy", {"asks": "export", **subject, **WHY})
        assert status == 200, asked
        return Begun(placed["order_id"], await eventually(held, 20.0), str(asked["id"]))


def narrowed(document: Json, there: Begun) -> Json:
    """Return the document whose paths name what is there, so that its requests reach something."""
    named = {
        "/api/v1/orders/{id}": there.order,
        "/api/v1/quarantine/{id": there.item,
        "/api/v1/privacy/{id": there.asked,
        "/api/v1/channels/{name}": CHANNEL,
        "/schemas/{name}": "order.v1",
    }
    # Each bound of each field of an order, twice, would be two thirds of all requests:
    # tests/properties breaks orders in more ways.
    body = document["paths"]["/api/v1/orders"]["post"]["requestBody"]
    del body["content"]["application/json"]["schema"]["anyOf"][1:]
    order = document["components"]["schemas"]["Order"]
    order["properties"] = {name: order["properties"][name] for name in order["required"]}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] != "path":
                    continue
                found = next((one for start, one in named.items() if path.startswith(start)), None)
                if parameter["name"] == "verb":
                    parameter["schema"]["enum"] = ["cancel", "release"]
                elif found is not None and parameter["name"] in {"id", "name"}:
                    parameter["schema"]["enum"] = [found]
    return document


async def test_requests_at_random_are_answered_as_described(
    alone: Alone, tmp_path: Path, say: Say
) -> None:
    """schemathesis sends thousands of right and wrong requests to every route, the same ones in
    every run: each answer has a status, a content type and a shape that /openapi.json names, and
    none is an error of ours."""
    token = alone.key()
    there = await begun(alone, token)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{alone.url}/openapi.json") as answer,
    ):
        document = tmp_path / "openapi.json"
        document.write_text(json.dumps(narrowed(await answer.json(), there)))
    (tmp_path / "schemathesis.toml").write_text(BOUNDED)
    words = ["run", str(document), "--url", alone.url, "-H", f"Authorization: Bearer {token}"]
    words += ["--seed", "1", "--max-examples", "3", "--phases", "coverage,fuzzing", "--no-shrink"]
    words += ["--checks", ",".join(CHECKS), "--continue-on-failure", "--warnings", "off"]
    # It keeps what it found beside the document; a run begins as if there were nothing.
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "schemathesis.cli", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    told = ran.stdout + ran.stderr
    assert ran.returncode == 0, told[-20_000:]
    (tested,) = re.findall(r"Tested: (\d+)", told)
    assert int(tested) == sum(
        len(one) for one in json.loads(document.read_text())["paths"].values()
    )
    (cases,) = re.findall(r"(\d+) generated", told)
    assert int(cases) > 1_000
    say(f"schemathesis: {cases} requests to {tested} routes, none answered otherwise.")


async def test_the_service_says_what_the_command_line_says(alone: Alone) -> None:
    """Both documents are answered without a key, are those that `spec` prints, and each route that
    the server has is in them."""
    async with aiohttp.ClientSession() as session:
        documents = (
            ("openapi", alone.cli("spec", "openapi")),
            ("asyncapi", alone.cli("spec", "asyncapi")),
        )
        for name, said in documents:
            async with session.get(f"{alone.url}/{name}.json") as answer:
                assert answer.status == 200
                assert answer.content_type == "application/json"
                served = await answer.json()
            assert served == json.loads(said)
        # A route that is described and does not exist would be answered by the router itself.
        async with session.get(f"{alone.url}/openapi.json") as answer:
            paths = (await answer.json())["paths"]
        for path, operations in paths.items():
            for method in operations:
                there = re.sub(r"{\w+}", "1", path)
                async with session.request(method, f"{alone.url}{there}") as answer:
                    told = await answer.text()
                assert answer.status != 405, (method, path)
                assert "Nothing is at this address" not in told, (method, path)


async def test_where_to_look_is_said_with_every_202(alone: Alone) -> None:
    """The Location of an accepted order, edit or action answers 200 once its turn has come, and a
    repeat has it as well; the `dataschema` of what is told of it is an address that has it."""
    token = alone.key()
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {token}", "X-Orderwright-Channel": CHANNEL}
    ) as session:
        order = an_order(ref="LOC-1", number="LOC1", payment="pending")
        asked = (
            ("orders", msgspec.to_builtins(order)),
            ("orders/LOC1/edit", {"note": "Ring twice.", **WHY}),
            ("orders/LOC1/actions/cancel", WHY),
        )
        for path, body in asked:
            url, key = f"{alone.url}/api/v1/{path}", {"Idempotency-Key": secrets.token_hex(8)}
            async with session.post(url, json=body, headers=key) as answer:
                assert answer.status == 202, await answer.text()
                place = answer.headers["Location"]
            async with session.post(url, json=body, headers=key) as answer:
                assert (answer.status, answer.headers["Location"]) == (202, place)

            async def there(place: str = place) -> bool:
                async with session.get(f"{alone.url}{place}") as answer:
                    return answer.status == 200

            await eventually(there, 20.0)

        async def told() -> Json:
            url = f"{alone.url}/api/v1/facts?channel={CHANNEL}&limit=200"
            async with session.get(url) as answer:
                events = (await answer.json())["events"]
            return [one for one in events if one["subject"] == "LOC-1"]

        event = (await eventually(told, 20.0))[0]
        async with session.get(event["dataschema"]) as answer:
            schema = await answer.json(content_type="application/schema+json")
        here = json.dumps(all_schemas()[event["type"]], indent=1)
        assert json.dumps(schema, indent=1) == here  # as text: JSON has no tuples
        assert explain(event["type"], event["data"]) == ()
