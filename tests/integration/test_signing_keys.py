"""The secrets that sign correlation ids are known again by their database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.signing_keys import SigningKeyDiffers, agree_on_signing


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    await migrate(database)
    pool = Pool(database, deadline_seconds=10)
    yield pool
    await pool.close()


async def test_a_key_with_another_secret_is_told_before_any_work(pool: Pool) -> None:
    """Keys rotate and are retired freely; only another secret under a known id is refused, whether
    it signs or only verifies."""
    await agree_on_signing(pool, "k1", {"k1": b"one"})
    await agree_on_signing(pool, "k2", {"k1": b"one", "k2": b"two"})
    await agree_on_signing(pool, "k2", {"k2": b"two"})
    for active in ("k1", "k2"):
        with pytest.raises(SigningKeyDiffers, match="key k1 has now"):
            await agree_on_signing(pool, active, {"k1": b"another", "k2": b"two"})
    rows = await pool.fetch("SELECT id, proof FROM signing_keys ORDER BY id")
    assert [row["id"] for row in rows] == ["k1", "k2"]
    assert b"one" not in rows[0]["proof"]
