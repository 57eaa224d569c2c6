"""Mappings as people meet them: an order waits for one, visibly, and goes on by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.integration.whole import CHANNEL, Whole
from tests.waiting import eventually

ON_CHANNEL = {"X_Orderwright_Channel": CHANNEL}
TABLES = {"skus": {"known": ["SKU-001", "SKU-002"]}}


@pytest.fixture
def closed(whole: Whole, tmp_path: Path) -> Iterator[Path]:
    """A table of SKUs holds for the channel until the test ends; yields its file."""
    file, empty = tmp_path / "mappings.json", tmp_path / "empty.toml"
    file.write_text(json.dumps({"channels": {CHANNEL: TABLES}}))
    empty.write_text("")
    whole.cli("mappings", "load", str(file), "--reason", "a test begins")
    yield file
    whole.cli("mappings", "load", str(empty), "--reason", "a test ends")


async def in_use(whole: Whole) -> int:
    """Wait until the running service has the version that is kept; return it."""
    kept = json.loads(whole.cli("mappings", "show"))["version"]

    async def there() -> bool:
        metrics = (await whole.ask("GET", "/metrics")).body.decode()
        return f"orderwright_mappings_version {kept}.0" in metrics

    await eventually(there, 20.0)
    return int(kept)


async def waiting_of(whole: Whole, category: str) -> int:
    """How many orders an incident's category waits with; -1 while it never occurred."""
    answer = await whole.api("GET", f"/api/v1/incidents/{category}")
    if answer.status == 404:
        return -1
    incident = answer.json()["incident"]
    assert isinstance(incident, dict)
    return int(incident["waiting"])


async def test_an_unmapped_order_waits_and_goes_on(whole: Whole, closed: Path) -> None:
    """It is held, seen, counted; adding the SKU lets it go on to closed, and no one waits."""
    version = await in_use(whole)
    order = whole.order()
    lines = (replace(order.lines[0], sku="WH-1"), *order.lines[1:])
    order = replace(order, lines=lines)
    await whole.place(order, **ON_CHANNEL)
    await whole.until(order.number, "placed")
    shown = whole.cli("orders", "show", order.number)
    assert f"the tables of {CHANNEL} lack the SKU 'WH-1'" in shown
    assert order.number in whole.cli("mappings", "waiting")

    async def counted(wanted: int) -> None:
        async def there() -> bool:
            return await waiting_of(whole, "sku_unmapped") == wanted

        await eventually(there, 20.0)

    await counted(1)
    words = ("sku", CHANNEL, "WH-1", "SKU-001", "--reason", "a new name")
    assert f"Version {version + 1} " in whole.cli("mappings", "add", *words)
    await whole.until(order.number, "closed", seconds=60.0)
    await counted(0)
    assert json.loads(whole.cli("mappings", "waiting", "--json"))["count"] == 0
    words = ("sku", f"{CHANNEL}s", "WH-1", "SKU-001", "--reason", "a slip of the pen")
    assert f"No channel is configured as {CHANNEL}s:" in whole.cli("mappings", "add", *words)
    whole.cli("mappings", "load", str(closed), "--reason", "fixed")
    newest = json.loads(whole.cli("mappings", "history", "--json"))[2]
    assert (newest["reason"], newest["source"]) == ("a new name", "command line")
    timeline = whole.cli("orders", "timeline", order.number)
    assert f"version {version + 1} of the mappings" in timeline


async def test_mappings_over_the_api(whole: Whole, closed: Path) -> None:
    """Read, tried out, and put in place on the version that was seen; each refusal says why."""
    version = await in_use(whole)
    order = replace(whole.order(), shipping_method="Express")
    order = replace(order, lines=(replace(order.lines[0], sku="WH-2"), order.lines[1]))
    await whole.place(order, **ON_CHANNEL)
    await whole.until(order.number, "placed")
    scopes = ("--scope", "mappings:read", "--scope", "mappings:write", "--channel", "*")
    key = f"Bearer {whole.cli('keys', 'create', 'tables', *scopes).strip()}"

    async def put(body: object, query: str = "", **headers: str) -> tuple[int, str]:
        answer = await whole.ask(
            "PUT",
            f"/api/v1/mappings{query}",
            body=json.dumps(body).encode(),
            Authorization=key,
            **headers,
        )
        return answer.status, answer.body.decode()

    answer = await whole.ask("GET", "/api/v1/mappings", Authorization=key)
    assert answer.headers["etag"] == f'"{version}"'
    mappings = answer.json()["mappings"]
    assert isinstance(mappings, dict)
    skus = mappings["channels"][CHANNEL]["skus"]
    skus["aliases"] = {"WH-2": "SKU-002"}
    body = {"mappings": mappings, "reason": "they sell it too"}
    status, told = await put(body, "?preview=true")
    assert status == 200
    assert order.number in json.loads(told)["frees"]
    assert (await put(body))[0] == 428
    assert (await put(body, If_Match=f'"{version + 7}"'))[0] == 412
    assert (await put({**body, "reason": ""}, If_Match=f'"{version}"'))[0] == 422
    skus["aliases"]["A"] = "WH-2"
    status, told = await put(body, If_Match=f'"{version}"')
    assert (status, "which becomes" in told) == (422, True)
    del skus["aliases"]["A"]
    status, told = await put(body, If_Match=f'"{version}"')
    assert (status, json.loads(told)["unconfigured"]) == (200, [])
    await whole.until(order.number, "closed", seconds=60.0)
    assert (await whole.api("GET", "/api/v1/mappings")).status == 403
    one = whole.cli("keys", "create", "one channel", *scopes[:4], "--channel", CHANNEL).strip()
    for method, path in (
        ("GET", "/api/v1/mappings"),
        ("GET", "/api/v1/mappings/history"),
        ("PUT", "/api/v1/mappings"),
        ("PUT", "/api/v1/mappings?preview=true"),
    ):
        refused = await whole.ask(method, path, body=b"{}", Authorization=f"Bearer {one}")
        assert (refused.status, b"every channel" in refused.body) == (403, True)
    history = await whole.ask("GET", "/api/v1/mappings/history", Authorization=key)
    assert "they sell it too" in history.body.decode()
    assert "is valid" in whole.cli("mappings", "check", str(closed))


def test_a_wrong_file_is_told(whole: Whole, tmp_path: Path) -> None:
    """`check` and `load` say what is wrong, and nothing is kept."""
    file = tmp_path / "wrong.toml"
    file.write_text('[channels.wholesale.skus.aliases]\nA = "B"\nB = "C"\n')
    assert "which becomes" in whole.cli("mappings", "check", str(file), code=1)
    assert "which becomes" in whole.cli("mappings", "load", str(file), "--reason", "x", code=1)
    file.write_text("[[")
    assert "is not valid TOML" in whole.cli("mappings", "check", str(file), code=1)
    assert "can't be read" in whole.cli("mappings", "check", str(tmp_path / "none"), code=1)
