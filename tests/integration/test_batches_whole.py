"""Batches as people meet them: one decision for hundreds of orders, on a service that is killed in
the middle of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import aiohttp
import asyncpg
import msgspec
import pytest
from msgspec.structs import replace

from service.app import running
from tests.integration.alone import CHANNEL, Alone
from tests.integration.servers import temporary_home
from tests.orders import an_order
from tests.waiting import eventually

SECONDS = 60.0


class Size(msgspec.Struct, frozen=True):
    """A batch: its orders, how many of them can't do what it asks, orders told in a second, and the
    currency that its filter knows them by."""

    orders: int
    ended: int
    per_second: int
    currency: str


QUICK, LONG = Size(300, 3, 40, "CAD"), Size(50_000, 500, 500, "EUR")
LONG_SECONDS = 3_600.0
"""Fifty thousand orders are placed, told and decided within it on two cores."""


class Shop:
    """A service by itself, which these tests may kill, and a key with every scope."""

    def __init__(self, alone: Alone) -> None:
        self.alone = alone
        self.key = alone.key()

    async def ask(self, method: str, path: str, *, key: str = "", **given: Any) -> tuple[int, Any]:
        """Ask the API; return the status and the body. Bodies go under `json`."""
        headers = {"Authorization": f"Bearer {key or self.key}", **given.pop("headers", {})}
        async with (
            aiohttp.ClientSession(self.alone.url, headers=headers) as session,
            session.request(method, f"/api/v1{path}", **given) as answer,
        ):
            return answer.status, json.loads(await answer.text())

    async def place(
        self,
        count: int,
        name: str,
        channel: str = CHANNEL,
        *,
        currency: str = "USD",
        seconds: float = SECONDS,
    ) -> list[str]:
        """Place so many orders that wait for their payment; return their references."""
        refs = [f"{name}-{number:05d}" for number in range(count)]
        limit = asyncio.Semaphore(20)

        async def put(ref: str) -> None:
            order = replace(an_order(ref=ref, number=ref), payment="pending", currency=currency)
            headers = {
                "Idempotency-Key": ref,
                "X-Orderwright-Channel": channel,
                "Content-Type": "application/json",
            }
            async with limit:
                body = msgspec.json.encode(order)
                code, said = await self.ask("POST", "/orders", data=body, headers=headers)
                assert code == 202, said

        await asyncio.gather(*map(put, refs))
        sql = "SELECT count(*) FROM orders WHERE ref LIKE $1 || '-%' AND stage = 'placed'"

        async def there() -> bool:
            return bool((await self.rows(sql, name))[0][0] == count)

        await eventually(there, seconds)
        return refs

    async def rows(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Ask the service's own database."""
        connection = await asyncpg.connect(running.read(self.alone.data).postgres_dsn)
        try:
            return await connection.fetch(sql, *arguments)
        finally:
            await connection.close()

    async def start(self, verb: str, words: str, **more: Any) -> dict[str, Any]:
        """Start a batch; return what the API says of it."""
        body = {"verb": verb, "filter": words, "reason": "a test", **more}
        headers = {"Idempotency-Key": f"{verb}-{words}".replace(" ", "-")[:200]}
        code, said = await self.ask("POST", "/batches", json=body, headers=headers)
        assert code == 201, said
        return dict(said)

    async def ended(self, batch_id: int, seconds: float = SECONDS) -> dict[str, Any]:
        """The batch at its end."""

        async def there() -> dict[str, Any]:
            found = (await self.ask("GET", f"/batches/{batch_id}"))[1]
            return found if found["ended_at"] else {}

        return await eventually(there, seconds)

    async def failures(self, batch_id: int) -> dict[str, str]:
        """Why orders failed, by their references, from all pages."""
        found: dict[str, str] = {}
        path = f"/batches/{batch_id}/failures?limit=200"
        while path:
            _, said = await self.ask("GET", path)
            found |= {one["ref"]: one["why"] for one in said["failures"]}
            path = (said["next"] or "").removeprefix("/api/v1")
        return found

    async def events(self, batch_id: int, kind: str) -> list[str]:
        """The references of orders with an event that names the batch, one for each event."""
        sql = """SELECT o.ref FROM events e JOIN orders o ON o.order_id = e.order_id
        WHERE e.type = $1 AND position($2::bytea in e.body) > 0 ORDER BY o.ref"""
        named = f", batch {batch_id}".encode()
        return [row["ref"] for row in await self.rows(sql, kind, named)]

    async def act(self, ref: str, verb: str) -> None:
        """Decide about one order."""
        given: dict[str, Any] = {
            "json": {"reason": "a test"},
            "headers": {"Idempotency-Key": f"{verb}-{ref}"},
        }
        code, said = await self.ask("POST", f"/orders/{ref}/actions/{verb}", **given)
        assert code == 202, said


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """The service."""
    with ExitStack() as stack:
        home = stack.enter_context(temporary_home())
        processes = stack.enter_context(ExitStack())
        alone = Alone(home, processes)
        asyncio.run(alone.ready())
        yield Shop(alone)
        assert asyncio.run(alone.process.terminated()) == 0, alone.process.last_words()


async def test_a_batch_goes_on_after_a_kill_and_does_nothing_twice(shop: Shop) -> None:
    """Three of three hundred orders are cancelled. The preview counts all, the service is killed
    while orders are told, and afterwards each has decided once: the three are listed with their
    sentence. Orders that match only later are not touched, and the failures can be tried again."""
    await killed_in_the_middle(shop, QUICK, SECONDS)


@pytest.mark.soak
async def test_a_batch_of_fifty_thousand_goes_on_after_a_kill(shop: Shop) -> None:
    """The same, with fifty thousand orders of which one in a hundred fails."""
    await killed_in_the_middle(shop, LONG, LONG_SECONDS)


async def killed_in_the_middle(shop: Shop, size: Size, seconds: float) -> None:
    """Hold orders by a batch, kill the service in the middle of it, and look at every order."""
    alone, named = shop.alone, f"currency:{size.currency}"
    refs = await shop.place(size.orders, size.currency, currency=size.currency, seconds=seconds)
    gone = refs[:: size.orders // size.ended][: size.ended]
    for ref in gone:
        await shop.act(ref, "cancel")
    await eventually(lambda: cancelled(shop, size), seconds)
    found = json.loads(alone.cli("batch", "preview", named, "--json"))
    assert found["orders"] == size.orders
    assert found["progress"]["cancelled"] == size.ended
    words = ("batch", "start", "hold", named, "--rate", str(size.per_second), "--json")
    begun = json.loads(alone.cli(*words, "--reason", "a recall"))
    assert (begun["orders"], begun["filter"]) == (size.orders, named)
    batch_id = begun["id"]
    sql = "SELECT state, count(*) FROM batch_orders WHERE batch_id = $1 GROUP BY state"

    async def in_the_middle() -> bool:
        counts = dict(map(tuple, await shop.rows(sql, batch_id)))
        assert counts["waiting"], "it must be killed before it has told all"
        return "sent" in counts

    await eventually(in_the_middle, seconds)
    alone.process.kill()
    alone.start()
    await alone.ready()
    late = await shop.place(3, f"late-{size.currency}", currency=size.currency)
    end = await shop.ended(batch_id, seconds)
    done = size.orders - size.ended
    assert (end["state"], end["done"], end["failed"]) == ("ended", done, size.ended)
    held = await shop.events(batch_id, "order.held.v2")
    assert held == sorted(set(refs) - set(gone)), "each once, and no other"
    assert not set(late) & set(held)
    assert await shop.events(batch_id, "order.action_refused.v2") == gone
    why = "An order that is cancelled can't be held."
    assert await shop.failures(batch_id) == dict.fromkeys(gone, why)
    again = ("batch", "start", "hold", "--failures-of", str(batch_id), "--reason", "again")
    more = await shop.ended(json.loads(alone.cli(*again, "--json"))["id"])
    assert (more["orders"], more["failed"]) == (size.ended, size.ended)
    assert more["failures_of"] == batch_id


async def cancelled(shop: Shop, size: Size) -> bool:
    """Whether those of its orders are cancelled that should be."""
    sql = "SELECT count(*) FROM orders WHERE stage = 'cancelled' AND currency = $1"
    return bool((await shop.rows(sql, size.currency))[0][0] == size.ended)


async def test_a_release_ends_the_holds_that_its_filter_names(shop: Shop) -> None:
    """What has no such hold fails with a sentence; each end names the batch."""
    refs = await shop.place(2, "free")
    await shop.act(refs[0], "hold")
    shop.alone.cli("orders", "hold", refs[1], "--reason", "a test")
    named = f"number:{','.join(refs)}"
    held = f"{named} hold:person"

    async def both() -> bool:
        asked = await shop.ask("GET", "/batches/preview", params={"filter": held})
        return asked[0] == 200 and asked[1]["orders"] == len(refs)

    await eventually(both, SECONDS)
    wrong = await shop.start("release", named, hold="address")
    assert (await shop.ended(wrong["id"]))["failed"] == len(refs)
    why = "No hold of the order begins with address."
    assert await shop.failures(wrong["id"]) == dict.fromkeys(refs, why)
    right = await shop.start("release", held)
    assert right["target"] == "person"
    assert (await shop.ended(right["id"]))["done"] == len(refs)
    assert await shop.events(right["id"], "order.hold_released.v2") == refs


async def test_a_key_reaches_the_orders_and_batches_of_its_channels_alone(shop: Shop) -> None:
    """A key of one channel begins a batch over its own orders, whatever the filter says; it does
    not see the others' batches, and a repeated request begins nothing more."""
    mine, theirs = await shop.place(2, "mine", "outlet"), await shop.place(1, "theirs")
    hidden = (await shop.start("hold", f"number:{theirs[0]}"))["id"]
    words = ("keys", "create", "y", "--scope", "orders:read", "--scope", "orders:act")
    key = shop.alone.cli(*words, "--channel", "outlet").strip()
    body = {"verb": "hold", "filter": "is:open", "reason": "all that is open"}
    told: dict[str, Any] = {"json": body, "headers": {"Idempotency-Key": "one"}, "key": key}
    answers = [await shop.ask("POST", "/batches", **told) for _ in range(2)]
    assert [code for code, _ in answers] == [201, 201]
    begun = answers[0][1]
    assert begun["orders"] == len(mine)
    assert answers[1][1]["id"] == begun["id"]
    _, listed = await shop.ask("GET", "/batches", key=key)
    assert [one["id"] for one in listed["batches"]] == [begun["id"]]
    for path in ("", "/failures"):
        assert (await shop.ask("GET", f"/batches/{hidden}{path}", key=key))[0] == 404
    stop: dict[str, Any] = {"json": {"reason": "x"}, "key": key}
    assert (await shop.ask("POST", f"/batches/{hidden}/stop", **stop))[0] == 404
    code, said = await shop.ask("GET", "/batches/preview", params={"filter": "age:>2x"}, key=key)
    assert code == 422
    assert "at character 6" in said["detail"]
    wrong: dict[str, Any] = {
        "json": {**body, "verb": "tag"},
        "headers": {"Idempotency-Key": "two"},
        "key": key,
    }
    assert (await shop.ask("POST", "/batches", **wrong))[0] == 422
    assert (await shop.ended(begun["id"]))["done"] == len(mine)
    assert await shop.events(begun["id"], "order.held.v2") == mine


async def test_a_repeat_after_a_kill_begins_nothing_more(shop: Shop) -> None:
    """A process that ended between a batch's beginning and its answer leaves a claimed key without
    an answer. A repeat finds the batch that was begun; with another key it is another batch."""
    (ref,) = await shop.place(1, "once")
    first = await shop.start("redecide", f"number:{ref}")
    unanswered = """UPDATE idempotency SET status = NULL, body = NULL,
        begun_at = begun_at - interval '1 minute' WHERE idempotency_key = $1"""
    await shop.rows(unanswered, f"redecide-number:{ref}")
    assert (await shop.start("redecide", f"number:{ref}"))["id"] == first["id"]
    body = {"verb": "redecide", "filter": f"number:{ref}", "reason": "a test"}
    told: dict[str, Any] = {"json": body, "headers": {"Idempotency-Key": "another-time"}}
    code, said = await shop.ask("POST", "/batches", **told)
    assert code == 201
    assert said["id"] != first["id"]


async def test_a_stopped_batch_tells_no_further_order(shop: Shop) -> None:
    """At one order a second it is stopped at once; what was not told is left as it is, and the
    audit has who stopped it and why. No e-mail address is kept with the filter."""
    refs = await shop.place(20, "stop")
    words = f"email:{an_order().customer.email} number:{','.join(refs)}"
    begun = await shop.start("redecide", words, per_second=1)
    said = shop.alone.cli("batch", "stop", str(begun["id"]), "--reason", "a mistake")
    assert "of 20 orders were not told" in said
    end = await shop.ended(begun["id"])
    assert end["state"] == "stopped"
    assert end["waiting"] > 0
    assert end["filter"].startswith("email:… number:")
    sql = "SELECT action, reason FROM audit WHERE target = $1 ORDER BY id"
    audited = await shop.rows(sql, f"batch:{begun['id']}")
    stopped = ("batch.stop", "a mistake")
    assert [tuple(row) for row in audited] == [("batch.start", "a test"), stopped]
    path = f"/batches/{begun['id']}/stop"
    assert (await shop.ask("POST", path, json={"reason": "again"}))[0] == 409


async def test_the_command_line_shows_what_became_of_orders(shop: Shop) -> None:
    """Nothing of an order waits to be tried again: that is its failure in a batch. What the rules
    in use say as before leaves no trace, and fetching says that it was asked for."""
    (ref,) = await shop.place(1, "shown")
    batch_id = (await shop.start("retry", f"number:{ref}"))["id"]
    assert (await shop.ended(batch_id))["failed"] == 1
    assert "1 failed" in shop.alone.cli("batch", "status", str(batch_id))
    why = "No effect of the order waits for a person."
    assert why in shop.alone.cli("batch", "failures", str(batch_id))
    assert f"number:{ref}" in shop.alone.cli("batch", "list")
    for command in (("orders", "redecide", ref), ("orders", "refetch", ref)):
        assert "is on its way" in shop.alone.cli(*command, "--reason", "a test")
    sql = """SELECT e.type FROM events e JOIN orders o ON o.order_id = e.order_id
    WHERE o.ref = $1 AND e.type LIKE 'order.re%' ORDER BY e.version"""

    async def told() -> list[str]:
        return [row["type"] for row in await shop.rows(sql, ref)]

    assert await eventually(told, SECONDS) == ["order.refetch_asked.v1"]
