"""Which master keys a database's personal data needs: no one with others may write to it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from adapters.postgres.pool import Pool
from adapters.postgres.sealing import KeyMissing, Sealing
from adapters.postgres.statements import parse


async def agree(pool: Pool, sealing: Sealing) -> None:
    """Note the loaded keys as those of this database. Raises KeyMissing when one that it needs
    is missing or is another one under the same id; then nothing is noted."""
    rows = await pool.fetch(_sql()["needed"])
    proofs = sealing.proofs()
    for row in rows:
        found = proofs.get(row["id"])
        which = "privacy.names_key" if row["id"] == "names" else f"the master key {row['id']!r}"
        if found is None:
            raise KeyMissing(
                f"This database's personal data needs {which}, which is missing here: bring back"
                " the data directory's `secrets`, or give privacy.keys as they were."
            )
        if found != row["proof"]:
            raise KeyMissing(
                f"This database's personal data was sealed with another secret than {which} has"
                " now: bring back the data directory's `secrets`, or give privacy.keys as they"
                " were. Nothing was changed."
            )
    wanted = {i: p for i, p in proofs.items() if i in ("names", sealing.active)}
    await pool.fetch(_sql()["note"], list(wanted), list(wanted.values()))


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("sealing.sql").read_text("utf-8"))
