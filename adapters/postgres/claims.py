"""Which order has what only one may have, for the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from actors.runtime.ports import Append, Outcome
from adapters.postgres.pool import Reads
from adapters.postgres.statements import statements
from schemas.order.claims import Claimed

CLAIMED = "claimed_by_another"
"""The check of `claims` that refuses an append which claims what another order has."""


def wants(append: Append) -> bool:
    """Whether an append is only written if its order may have what it claims."""
    return append.claim is not None and append.claim.wants


def apart(batch: Sequence[Append]) -> list[int]:
    """Return the places of appends that speak of the same claim as an earlier one of the batch."""
    seen: set[str] = set()
    later = []
    for place, append in enumerate(batch):
        if append.claim is None:
            continue
        if append.claim.name in seen:
            later.append(place)
        seen.add(append.claim.name)
    return later


async def owners_of(reads: Reads, batch: Sequence[Append]) -> dict[str, Claimed]:
    """Return who has what a batch claims. Raises JournalUnavailable."""
    names = [append.claim.name for append in batch if wants(append) and append.claim is not None]
    rows = await reads.fetch(statements()["owners"], names)
    return {
        row["claim"]: Claimed(
            name=row["claim"],
            order_id=row["order_id"],
            channel=row["channel"],
            ref=row["ref"],
            number=row["number"],
            stage=row["stage"],
        )
        for row in rows
    }


def refused_of(batch: Sequence[Append], owners: Mapping[str, Claimed]) -> dict[int, Outcome]:
    """Return by place what is told of appends that can't have what they claim."""
    refused = {}
    for place, append in enumerate(batch):
        owner = owners.get(append.claim.name) if append.claim is not None else None
        if append.claim is None or not append.claim.wants:
            continue
        if owner is None or owner.order_id == append.order_id:
            continue
        if not (append.claim.person and owner.stage == "cancelled"):
            refused[place] = Outcome(kind="claimed", claimed=owner)
    return refused
