"""A backup under load, a machine that is lost, and a restore: nothing is lost or doubled by what
the partners wrote down, and mails that may have been sent wait for a person, all at once."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.backup.archive import read_header
from tests.conftest import Say
from tests.e2e.audit import audit_restored
from tests.e2e.processes import Process
from tests.e2e.world import SHOP, World, seed_of_run, world_in
from tests.integration.servers import temporary_home
from tests.waiting import eventually

ORDERS, RATE = 120, 12.0
PASSPHRASE = "a passphrase of the test"
HABITS = (
    "--cancel 0 --split 0.1 --multi-parcel 0.15 --cod 0.05 --terms 0.05 --echo-ms 20-200".split()
)


async def _command(world: World, *words: str) -> Process:
    done = world.process(words[0], "service.cli", list(words))
    assert await done.ended(60) == 0, done.last_words()
    return done


async def _things(world: World, kind: str) -> int:
    summary = await world.ask("GET", "/_sim/ledger/summary")
    return int(summary["counts"].get(kind, 0))


async def _backup_under_load(world: World, seed: int) -> tuple[Path, Path, Path]:
    """Take it in the middle of a shop's orders, and lose the machine when all of them are sent and
    most are on their way. Returns the shop's report, the backup and the passphrase's file."""
    word = world.home / "passphrase"
    word.write_text(f"{PASSPHRASE}\n")
    shop, report = world.start_shop(*HABITS, orders=ORDERS, rate=RATE, seed=seed, first_number=1001)

    async def some_left() -> bool:
        return await _things(world, "parcel_handed_over") >= ORDERS // 8

    await eventually(some_left, 40)
    assert shop.running
    taken = world.home / "orders.backup"
    words = ["backup", str(taken), "--passphrase-file", str(word), "--data", str(world.data)]
    await _command(world, *words)
    assert await shop.ended(60) == 0

    async def most_left() -> bool:
        return await _things(world, "parcel_handed_over") >= 3 * ORDERS // 4

    await eventually(most_left, 40)
    await world.kill_all()
    return report, taken, word


async def _catch_up(world: World, since: datetime) -> None:
    """Have the shop's orders since the backup fetched now: the comparison that runs by itself
    leaves the last two minutes to webhooks."""
    words = ["channels", "backfill", SHOP, "--from", f"{since:%Y-%m-%dT%H:%M:%SZ}"]
    await _command(world, *words, "--reason", "a backup was restored", "--data", str(world.data))


def _taken_at(taken: Path) -> datetime:
    with taken.open("rb") as file:
        header, _ = read_header(file)
    return datetime.fromisoformat(header.taken_at)


async def _back(world: World, orders: int) -> dict[str, Any]:
    """Wait until the service knows so many orders, then have the warehouses report again."""

    async def all_are_back() -> bool:
        world.service.must_run()
        (row,) = await world.rows("SELECT count(*) FROM orders WHERE stage <> 'expected'")
        return bool(row["count"] >= orders)

    await eventually(all_are_back, 150)
    again = await world.ask("POST", "/_sim/callbacks/again")
    await world.until_final()
    if await world.quarantined():  # reports that were under way came before their orders
        words = ["quarantine", "release", "--fault", "order_unknown", "--data", str(world.data)]
        await _command(world, *words, "--reason", "the orders are back")
        await world.until_final()
    return again


@pytest.mark.timeout(400)
async def test_a_restored_service_loses_nothing_and_does_nothing_twice(say: Say) -> None:
    """Backup under load, kill, restore elsewhere: all orders end once, held mails are listed."""
    seed = seed_of_run()
    say(f"Restore test with ORDERWRIGHT_TEST_SEED={seed}:")
    with temporary_home() as home:
        async with world_in(home) as world:
            await world.start_partners(seed=seed)
            world.start_service()
            await world.ready()
            await world.seed_stock()
            report, taken, word = await _backup_under_load(world, seed)
            assert taken.stat().st_mode & 0o777 == 0o600
            mails = await _things(world, "mail")

            world.configure(home / "elsewhere")
            words = ["restore", str(taken), "--passphrase-file", str(word)]
            await _command(world, *words, "--config", str(world.config))
            world.start_service()
            await world.ready()
            known = (await world.rows("SELECT count(*) FROM orders"))[0]["count"]
            await _catch_up(world, _taken_at(taken) - timedelta(minutes=1))
            again = await _back(world, ORDERS)
            found = await audit_restored(world, json.loads(report.read_bytes()))
            listed = await _held(world)
            say(
                f"  {ORDERS} orders, {known} of them in the backup; {again['sent']} reports sent"
                f" again; {mails} mails had been sent, {len(listed)} are held; {found.closed}"
                f" orders closed, {found.cancelled} cancelled, for a person: {dict(found.persons)};"
                f" {len(found.wrong)} lost, doubled or wrong."
            )
            assert not found.wrong, "\n".join(found.wrong[:30])
            assert found.orders == ORDERS
            assert found.closed + found.cancelled + sum(found.persons.values()) >= ORDERS
            assert 0 < known < ORDERS
            assert {one["kind"] for one in listed} == {"mail.send.v2"}
            assert len(listed) == found.mails_unknown > 0
            await _decided(world, listed[0]["order_number"])
            assert await world.service.terminated() == 0


async def _held(world: World) -> list[dict[str, Any]]:
    words = ["restored", "list", "--json", "--limit", "10000", "--data", str(world.data)]
    found: list[dict[str, Any]] = json.loads((await _command(world, *words)).last_words(1))
    return found


async def _decided(world: World, number: str) -> None:
    """Have one held mail sent and all others dropped: one more is sent, and none is left."""
    before = await _things(world, "mail")
    why = ["--reason", "the mail server's log was read", "--data", str(world.data)]
    await _command(world, "restored", "send", "--order", number, *why)

    async def is_sent() -> bool:
        return all(one["order_number"] != number for one in await _held(world))

    await eventually(is_sent, 30)
    await _command(world, "restored", "drop", *why)

    async def none_is_held() -> bool:
        return not await _held(world)

    await eventually(none_is_held, 30)

    async def one_more() -> bool:
        return await _things(world, "mail") > before

    await eventually(one_more, 20)
    assert await _things(world, "mail") == before + 1


@pytest.mark.timeout(400)
async def test_a_database_older_than_the_streams_does_nothing_twice(say: Say) -> None:
    """The database's files are put back by hand under the streams of later: the start says so, and
    no order is lost or worked on twice; then the streams are wiped, which is said as well."""
    seed = seed_of_run()
    say(f"Older database with ORDERWRIGHT_TEST_SEED={seed}:")
    few = 20
    with temporary_home() as home:
        async with world_in(home) as world:
            await world.start_partners(seed=seed)
            world.start_service()
            await world.ready()
            await world.seed_stock()
            since = datetime.now(UTC) - timedelta(minutes=1)
            shop, first = world.start_shop(
                *HABITS, orders=few, rate=RATE, seed=seed, first_number=1001
            )
            assert await shop.ended(60) == 0
            marked = await _marked(world, 0)
            assert await world.service.terminated() == 0
            _copy(world.data / "postgres", home / "older")
            world.start_service()
            await world.ready()
            shop, second = world.start_shop(
                *HABITS, orders=few, rate=RATE, seed=seed, first_number=1001 + few
            )
            assert await shop.ended(60) == 0
            await world.until_final()
            await _marked(world, marked)
            assert await world.service.terminated() == 0
            shutil.rmtree(world.data / "postgres")
            _copy(home / "older", world.data / "postgres")
            world.start_service()
            await world.ready()
            assert "The database was put back to" in world.service.log.read_text()
            await _catch_up(world, since)
            await _back(world, 2 * few)
            sent = json.loads(first.read_bytes())
            sent["refs"] += json.loads(second.read_bytes())["refs"]
            found = await audit_restored(world, sent)
            say(f"  {found.orders} orders, {found.closed} closed, {len(found.wrong)} wrong.")
            assert not found.wrong, "\n".join(found.wrong[:30])
            assert found.orders == 2 * few
            await _marked(world, 0)
            assert await world.service.terminated() == 0
            shutil.rmtree(world.data / "nats")
            world.start_service()
            await world.ready()
            assert "The streams are empty" in world.service.log.read_text()


async def _marked(world: World, more_than: int) -> int:
    """Wait until the streams were told of the database more often than that; return how often."""

    async def number() -> int:
        rows = await world.rows("SELECT number FROM stream_marks WHERE number > $1", more_than)
        return int(rows[0]["number"]) if rows else 0

    return await eventually(number, 30)


def _copy(folder: Path, to: Path) -> None:
    """Copy a server's files with their owners."""
    subprocess.run(["cp", "-a", str(folder), str(to)], check=True)
