"""Versions of the rules at a real Postgres: one after the other, with a second person, and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from actors.order.policy import Policy
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.rules import PostgresRules
from schemas.contracts.rules import Rule, Rules, Table
from service.rules.keeper import RulesKeeper
from service.rules.publishing import NotPublished, Published, Publishing, differences
from service.telemetry.metrics import Metrics
from service.wiring.order_stream import OrderStream
from tests.given import NOON

ONE = Rules(review=(Rule(name="many", when="units > 5", hold="many"),))
TWO = Rules(
    review=(Rule(name="many", when="units > 9", hold="many"),),
    route=(Rule(name="all", when="true", place="east"),),
    tables={"t": Table(columns=("a", "b"), rows=(("x", "y"),))},
)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """A pool of a migrated database."""
    await migrate(database)
    opened = Pool(database)
    yield opened
    await opened.close()


def publishing(pool: Pool, person: str = "ann", *, second: bool = False) -> Publishing:
    """Return what a person may do."""
    return Publishing(PostgresRules(pool), second=second, person=person, now=NOON)


async def test_versions_follow_one_another_and_are_returned_to(pool: Pool) -> None:
    """Each stays with who and why; a return uses the earlier version under its own number."""
    store = PostgresRules(pool)
    assert (await store.in_use()).version == 0
    await publishing(pool).publish(ONE, "first")
    await publishing(pool, "bob").publish(TWO, "more")
    assert (await store.in_use()).rules == TWO
    with pytest.raises(NotPublished, match="in use already"):
        await publishing(pool).publish(TWO, "again")
    await publishing(pool).rollback(1, "that was wrong")
    found = await store.in_use()
    assert (found.position, found.version, found.rules) == (3, 1, ONE)
    assert [(x.version, x.person, x.reason, x.used, x.in_use) for x in await store.versions()] == [
        (2, "bob", "more", "published by bob", False),
        (1, "ann", "first", "rolled back by ann", True),
    ]
    (row,) = await pool.fetch("SELECT count(*) AS n FROM audit WHERE action = 'rules.use'")
    assert row["n"] == 3


async def test_a_second_person_has_to_approve(pool: Pool) -> None:
    """The one who stored a version can't have it used; what was never used is not returned to."""
    store = PostgresRules(pool)
    told = await publishing(pool, second=True).publish(ONE, "first")
    assert not told.in_use
    assert "`orderwright rules approve 1`" in told.told
    assert (await store.in_use()).version == 0
    with pytest.raises(NotPublished, match="another person has to approve it"):
        await publishing(pool, second=True).approve(1, "mine")
    with pytest.raises(NotPublished, match="was never in use"):
        await publishing(pool, second=True).rollback(1, "round about")
    await publishing(pool, "bob", second=True).approve(1, "looked at it")
    assert (await store.in_use()).version == 1
    with pytest.raises(NotPublished, match="There is no version 7"):
        await publishing(pool, "bob").approve(7, "what?")
    with pytest.raises(NotPublished, match="Say why with --reason"):
        await publishing(pool).publish(TWO, " ")


async def test_of_two_writers_at_once_one_is_next(pool: Pool) -> None:
    """The other hears of it, and nothing is half stored."""
    tries = (publishing(pool).publish(x, "now") for x in (ONE, TWO, ONE, TWO))
    ends = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(x, Published) for x in ends) >= 1
    assert all(isinstance(x, Published | NotPublished) for x in ends), ends
    store = PostgresRules(pool)
    positions = [x["position"] for x in await pool.fetch("SELECT position FROM rules_in_use")]
    assert len(positions) == len(set(positions))
    assert (await store.in_use()).version > 0


async def test_the_keeper_takes_another_version_over(pool: Pool) -> None:
    """Decisions use it from the next one on; a version that can't be used changes nothing."""
    stream = OrderStream(policy=Policy(), setups={})
    keeper = RulesKeeper(stream, SimpleNamespace(reports=pool), Metrics())  # type: ignore[arg-type]  # of the store only this
    await keeper.round()
    assert stream.rules.count == 0
    await publishing(pool).publish(ONE, "first")
    await keeper.round()
    assert (stream.rules.version, stream.rules.count) == (1, 1)
    broken = Rules(review=(Rule(name="x", when="nonsense ==", hold="x"),))
    await publishing(pool).publish(broken, "by hand, past the check")
    await keeper.round()
    assert stream.rules.version == 1
    await publishing(pool).rollback(1, "back")
    await keeper.round()
    assert stream.rules.version == 1


def test_differences_name_each_rule() -> None:
    """What a publication changes is said rule by rule, and for tables by rows."""
    assert list(differences(ONE, TWO)) == [
        "~ review many: when units > 5 → units > 9",
        "+ route all: when true",
        "+ table t",
    ]
    more = Rules(route=TWO.route, tables={"t": Table(columns=("a", "b"), rows=(("x", "z"),))})
    assert list(differences(TWO, more)) == [
        "- review many: removed",
        "~ table t: 1 rows added or changed, 1 removed or changed",
    ]
