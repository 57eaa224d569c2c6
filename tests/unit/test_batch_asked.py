"""A batch begins as it was asked for, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import pytest

from adapters.postgres.batches import Batches, BatchRefused
from service.batches.service import MAX_TARGET, Asked, BatchService

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def holds(count: int) -> str:
    """Return the beginnings of so many holds' ids, each of 37 characters."""
    return ",".join(f"rule-of-a-seller-with-a-long-name-{n:03d}" for n in range(count))


@pytest.mark.parametrize(("words", "hold"), [(f"hold:{holds(12)}", ""), ("is:open", holds(12))])
async def test_holds_are_not_named_by_half(words: str, hold: str) -> None:
    """More holds than are kept of a release are refused: the beginning of a name would release
    holds that no one meant."""
    assert len(holds(12)) > MAX_TARGET
    service = BatchService(cast(Batches, None), ())
    asked = Asked(verb="release", reason="checked", person="ann", filter=words, hold=hold)
    with pytest.raises(BatchRefused, match="name fewer holds"):
        await service.start(asked, NOW)
