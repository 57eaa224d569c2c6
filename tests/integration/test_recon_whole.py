"""Reconciliation through the whole service: errors planted in the books of the simulated shop, its
gateway and its ERP are found over their real APIs, each with its root cause, and no others."""

from __future__ import annotations

import asyncio
import json
import random
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import msgspec
import pytest

from ops.simulators.storefront import Moment, Recipe, payload
from service.demo.world import toml
from tests.conftest import Say
from tests.e2e.world import SHOP, World, seed_of_run
from tests.integration.channels import BOOK, cli, deliver
from tests.integration.servers import temporary_home
from tests.planted import EXPECTED, Errors, as_error, expected
from tests.waiting import eventually

DOMAIN = f"{SHOP}.myshopify.com"
ORDERS, REFUNDED, EACH = 240, 24, 3
SINCE = "2026-11-01"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One service whose channels are never compared by their sync, and its partners."""
    with temporary_home() as home, ExitStack() as stack:
        made = World(home, stack)

        async def start() -> None:
            await made.start_partners()
            await made.ask("POST", "/_sim/erp/settings", {"tax_as_told": True})
            table = tomllib.loads(made.config.read_text())
            for channel in table["channels"].values():
                channel["backfill_seconds"] = 0
            hours = dict.fromkeys(("grace_hours", "settle_hours", "payout_days"), 0)
            table["reconciliation"] = hours
            made.config.write_text(toml(table))
            made.start_service()
            await made.ready()
            await made.seed_stock()

        try:
            asyncio.run(start())
            yield made
        finally:
            asyncio.run(made.kill_all())


async def _trade(world: World) -> None:
    """A month's orders, of which some are refunded; everybody is told of everything."""
    recipe = Recipe(seed=seed_of_run(), shop=DOMAIN)
    bodies = [payload(recipe, number, Moment()) for number in range(1, ORDERS + 1)]
    numbers = [json.loads(body)["id"] for body in bodies]
    await world.book(DOMAIN, list(zip(numbers, bodies, strict=True)))
    limit = asyncio.Semaphore(20)

    async def send(number: int, body: bytes) -> None:
        async with limit:
            assert await deliver(world, "orders/create", body, f"create-{number}") == 200

    await asyncio.gather(*map(send, numbers, bodies))
    await _settled(world, ORDERS)
    for number in numbers[:REFUNDED]:
        told = {"amount": "1.00", "tell": False}
        found = await world.ask("POST", f"{BOOK}/orders/{number}/refund", told)
        for at, one in enumerate(found["webhooks"]):
            raw = json.dumps(one["body"]).encode()
            assert await deliver(world, one["topic"], raw, f"{number}-refund-{at}") == 200
    await _settled(world, ORDERS)


async def _settled(world: World, orders: int) -> None:
    async def booked() -> bool:
        rows = await world.rows(
            "SELECT (SELECT count(*) FROM events WHERE type LIKE 'erp%posted%') AS posted,"
            " (SELECT count(*) FROM effects WHERE status = 'open') AS open,"
            " (SELECT count(*) FROM orders) AS orders"
        )
        found = rows[0]
        return found["orders"] >= orders and not found["open"] and await world.messages() == 0

    await eventually(booked, 240.0)


def _run(world: World) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cli(world, "recon", "run", "--since", SINCE, "--json"))
    return found


def _differences(world: World, run: int, *, state: str = "open") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    more: list[str] = []
    while True:
        words = ("recon", "diff", "--run", str(run), "--state", state, "--limit", "200")
        page = json.loads(cli(world, *words, "--json", *more))
        found += page
        if len(page) < 200:
            return found
        more = ["--cursor", str(page[-1]["id"])]


class Planted(msgspec.Struct, frozen=True):
    """What was planted with a seed: each error's root cause and whose it is. `clean` is the report
    of a run before."""

    seed: int
    errors: Errors
    clean: dict[str, Any]


@pytest.fixture(scope="module")
def planted(world: World) -> Planted:
    """Books that agree, and then do not: some of each kind of error, several on one order."""

    async def make() -> Planted:
        await _trade(world)
        clean = await asyncio.to_thread(_run, world)
        seed = random.SystemRandom().randrange(10**9)
        told = {"shop": DOMAIN, "seed": seed, "each": EACH}
        found = (await world.ask("POST", "/_sim/plant", told))["planted"]
        assert Counter(one["kind"] for one in found) == dict.fromkeys(EXPECTED, EACH)
        assert max(Counter(one["order"] for one in found).values()) > 1, "several on one order"
        return Planted(seed, expected(found), clean)

    return asyncio.run(make())


def _found(world: World, run: int) -> Errors:
    rows = _differences(world, run)
    return Counter(as_error(one["cause"], one["ref"], one["number"], one["about"]) for one in rows)


def test_books_that_agree_have_no_difference(world: World, planted: Planted) -> None:
    """Every order of the window is compared with every side, and nothing is invented."""
    run = planted.clean["run"]
    assert (run["state"], run["absent"], run["fault"]) == ("ended", {}, "")
    (total,) = planted.clean["totals"]
    assert (total["orders"], total["differences"], total["off_minor"]) == (ORDERS, 0, 0)
    assert total["gross_minor"] > 0
    assert total["variance_percent"] == 0
    assert _found(world, run["id"]) == Counter()


def test_planted_errors_are_found_and_no_others(world: World, planted: Planted, say: Say) -> None:
    """Each error is found with its root cause, and nothing else; the variance says by how much
    the books are off."""
    say(f"errors planted with the seed {planted.seed}: {planted.errors.total()}")
    report = _run(world)
    found = _found(world, report["run"]["id"])
    assert found == planted.errors, {
        "invented": found - planted.errors,
        "not found": planted.errors - found,
        "seed": planted.seed,
    }
    total = next(one for one in report["totals"] if one["currency"] == "USD")
    assert total["off_minor"] > 0
    assert total["variance_percent"] == pytest.approx(
        100 * total["off_minor"] / total["gross_minor"], abs=0.0001
    )


async def test_a_run_goes_on_after_a_kill(world: World, planted: Planted) -> None:
    """Killed while it reads or compares, it ends all the same, and finds the same."""
    begun = json.loads(cli(world, "recon", "run", "--since", SINCE, "--no-wait", "--json"))
    number = begun["run"]["id"]

    async def reads() -> bool:
        rows = await world.rows("SELECT step FROM recon_runs WHERE id = $1", number)
        return bool(rows[0]["step"] >= 1)

    await eventually(reads, 60.0)
    await world.kill_all()
    world.start_service()
    await world.ready()

    async def ended() -> bool:
        rows = await world.rows("SELECT state FROM recon_runs WHERE id = $1", number)
        return bool(rows[0]["state"] == "ended")

    await eventually(ended, 120.0)
    assert _found(world, number) == planted.errors
    (left,) = await world.rows("SELECT count(*) AS entries FROM recon_runs WHERE state = 'failed'")
    assert left["entries"] == 0


def test_a_difference_is_accepted_or_corrected_with_a_reason(
    world: World, planted: Planted
) -> None:
    """Both are audited. What is accepted stays so and counts no more; what is said to be corrected
    and is not is open again after the next run."""
    first, second = _differences(world, _run(world)["run"]["id"])[:2]
    one, other = str(first["id"]), str(second["id"])
    said = cli(world, "recon", "show", one)
    assert first["type"] in said
    assert "accepted" in cli(world, "recon", "accept", one, "--reason", "a rounding of the bank's")
    assert "corrected" in cli(world, "recon", "correct", other, "--reason", "changed in the ERP")
    assert "nothing is to be decided" in cli(
        world, "recon", "accept", one, "--reason", "twice", code=11
    )
    report = _run(world)
    states = {
        str(row["id"]): row["state"] for row in _differences(world, report["run"]["id"], state="")
    }
    assert (states[one], states[other]) == ("accepted", "open")
    assert sum(one["count"] for one in report["causes"]) == planted.errors.total() - 1
    assert _audit(world, f"recon-difference:{one}") == [
        ("recon.accept", "a rounding of the bank's")
    ]
    assert _audit(world, f"recon-difference:{other}") == [("recon.correct", "changed in the ERP")]


def test_a_run_is_stopped_with_a_reason(world: World, planted: Planted) -> None:
    """It ends before its end; lists and status say so, and a window that is none is refused."""
    begun = json.loads(cli(world, "recon", "run", "--since", SINCE, "--no-wait", "--json"))
    number = str(begun["run"]["id"])
    assert "stopped" in cli(world, "recon", "stop", number, "--reason", "not now")
    assert "stopped" in cli(world, "recon", "status", number)
    newest = json.loads(cli(world, "recon", "list", "--limit", "1", "--json"))[0]
    assert (str(newest["id"]), newest["state"]) == (number, "stopped")
    words = ("recon", "run", "--since", "2026-11-02", "--until", "2026-11-01")
    assert "window is empty" in cli(world, *words, code=11)


def _audit(world: World, target: str) -> list[tuple[str, str]]:
    async def rows() -> list[tuple[str, str]]:
        asked = "SELECT action, reason FROM audit WHERE target = $1 ORDER BY id"
        return [(row["action"], row["reason"]) for row in await world.rows(asked, target)]

    return asyncio.run(rows())
