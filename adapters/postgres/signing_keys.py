"""Which secrets sign the correlation ids of a database's orders: no one with others may begin."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse

_PROOF = b"orderwright signing proof"


class SigningKeyDiffers(Exception):
    """A key has another secret than the one that signed this database's correlation ids."""


async def agree_on_signing(pool: Pool, active: str, keys: Mapping[str, bytes]) -> None:
    """Note the active key as one of this database. Raises SigningKeyDiffers when one of the keys at
    hand is another one than was noted under its id; then nothing is noted. A key that is retired
    and left out is not missed."""
    proofs = {i: hmac.digest(key, _PROOF, "sha256") for i, key in keys.items()}
    for row in await pool.fetch(_sql()["known"], sorted(proofs)):
        if proofs[row["id"]] != row["proof"]:
            raise SigningKeyDiffers(
                f"The correlation ids of this database's orders were signed with another secret"
                f" than the key {row['id']} has now: bring back the data directory's `secrets`, or"
                " give correlation.keys as they were. Nothing was changed."
            )
    await pool.fetch(_sql()["note"], active, proofs[active])


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("signing_keys.sql").read_text("utf-8"))
