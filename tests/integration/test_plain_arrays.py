"""The driver's arrays: flat ones of any type arrive as they were; anything else is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from adapters.postgres.plain_arrays import use_plain_arrays
from adapters.postgres.pool import Pool


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    pool = Pool(database, deadline_seconds=10)
    yield pool
    await pool.close()


def test_driver_can_be_told() -> None:
    """The installed driver names what it asks of each element as we expect."""
    assert use_plain_arrays()


@pytest.mark.parametrize("container", [list, tuple], ids=["list", "tuple"])
async def test_arrays_arrive(pool: Pool, container: type[list[object]]) -> None:
    """Texts, numbers, bytes, truth values, NULL and no elements at all come back as they went."""
    columns: tuple[list[object], ...] = (
        ["a", None, "{1,\x1f}"],
        [1, None, -3],
        [0.5, 2.0],
        [b"\0", b""],
        [True, None],
        [],
    )
    (row,) = await pool.fetch(
        "SELECT $1::text[], $2::bigint[], $3::float8[], $4::bytea[], $5::bool[], $6::text[]",
        *(container(column) for column in columns),
    )
    assert tuple(row) == columns


async def test_sets_arrive(pool: Pool) -> None:
    """A set is an array, too, and so are a range and the keys and values of a map."""
    (row,) = await pool.fetch("SELECT $1::text[] @> ARRAY['a', 'b']", {"a", "b"})
    assert row[0] is True
    (row,) = await pool.fetch("SELECT $1::int[], $2::text[]", range(3), {"a": 1}.keys())
    assert tuple(row) == ([0, 1, 2], ["a"])
    (row,) = await pool.fetch("SELECT $1::int[]", {"a": 1}.values())
    assert tuple(row) == ([1],)


@pytest.mark.parametrize("wrong", ["abc", 7, [["a"], "b"], {"a": 1}], ids=str)
async def test_no_array_is_refused(pool: Pool, wrong: object) -> None:
    """A text, a number, a map or uneven depth is refused before it is sent."""
    with pytest.raises(asyncpg.DataError):
        await pool.fetch("SELECT $1::text[]", wrong)
    assert (await pool.fetch("SELECT 1"))[0][0] == 1
