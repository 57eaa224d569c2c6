"""Begins and stops batches, for API, console and command line."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct

from adapters.postgres.batches import Batch, Batches, BatchRefused, Preview, Wanted
from adapters.postgres.order_filter import Filter, FilterRefused, parse
from service.batches.targets import RELEASE, VERBS, target_in

USUAL_PER_SECOND, MAX_PER_SECOND = 50, 500
"""Orders told in a second. At the usual rate 10,000 orders take less than four minutes."""

MAX_PERSON, MAX_REASON, MAX_TARGET = 200, 4_000, 256


class Asked(Struct, frozen=True, kw_only=True):
    """What somebody wants. `filter` or `failures_of` says of which orders, `hold` which holds end
    ("": those that the filter names, else the only one), `per_second` is 1 to 500. `only` are the
    channels that whoever asks may see (None: all). `request` is as `Wanted` has it."""

    verb: str
    reason: str
    person: str
    filter: str = ""
    failures_of: Batch | None = None
    hold: str = ""
    per_second: int = USUAL_PER_SECOND
    only: Collection[str] | None = None
    request: str = ""


class BatchService:
    """Raises JournalUnavailable. `known` are the channels whose customers a filter finds by e-mail
    address; a reload changes it."""

    def __init__(self, batches: Batches, known: Collection[str]) -> None:
        self.batches = batches
        self._known = known

    async def preview(self, text: str, only: Collection[str] | None, now: datetime) -> Preview:
        """Return what a filter finds now. Raises BatchRefused."""
        return await self.batches.preview(_filter(text), now=now, known=self._known, only=only)

    async def start(self, asked: Asked, now: datetime) -> Batch:
        """Fix the orders and begin. Raises BatchRefused."""
        if asked.verb not in VERBS:
            raise BatchRefused(f"A batch can {', '.join(VERBS)}; it can't {asked.verb[:40]!r}.")
        if not asked.reason.strip():
            raise BatchRefused("Say why; it is kept with every order permanently.")
        if bool(asked.filter.strip()) == (asked.failures_of is not None):
            raise BatchRefused("Say a filter, or the batch whose failures are meant; one of both.")
        if not 1 <= asked.per_second <= MAX_PER_SECOND:
            raise BatchRefused(f"A batch tells 1 to {MAX_PER_SECOND} orders in a second.")
        which = _filter(asked.filter) if asked.failures_of is None else Filter()
        wanted = Wanted(
            verb=asked.verb,
            target=self._target(asked, which),
            filter_words=asked.filter,
            reason=asked.reason.strip()[:MAX_REASON],
            person=asked.person[:MAX_PERSON],
            per_second=asked.per_second,
            failures_of=asked.failures_of.id if asked.failures_of is not None else None,
            channels=None if asked.only is None else sorted(asked.only),
            request=asked.request,
        )
        batch_id = await self.batches.begin(
            wanted, which, now=now, known=self._known, only=asked.only
        )
        found = await self.batches.find(batch_id)
        assert found is not None, "it was made a moment ago"
        return found

    async def stop(self, batch: Batch, person: str, reason: str, now: datetime) -> Batch:
        """Tell no further order. Raises BatchRefused for a batch that does not run."""
        if not reason.strip():
            raise BatchRefused("Say why; it is audited.")
        why = reason.strip()[:MAX_REASON]
        if not await self.batches.stop(batch.id, person[:MAX_PERSON], why, now):
            raise BatchRefused(f"Batch {batch.id} does not run: nothing is to be stopped.")
        found = await self.batches.find(batch.id)
        assert found is not None, "it was there a moment ago"
        return found

    @staticmethod
    def _target(asked: Asked, which: Filter) -> str:
        if asked.verb != RELEASE:
            if asked.hold:
                raise BatchRefused("Which holds end is said of a release alone.")
            return ""
        kept = asked.failures_of.target if asked.failures_of is not None else ""
        found = asked.hold.strip() or target_in(which) or kept
        if len(found) > MAX_TARGET:
            raise BatchRefused(
                f"The holds to release have {len(found)} characters, and {MAX_TARGET} are kept: "
                "name fewer holds, or shorter beginnings of them."
            )
        return found


def _filter(text: str) -> Filter:
    try:
        found = parse(text)
    except FilterRefused as refused:
        raise BatchRefused(f"{refused}.") from refused
    if not found.terms:
        raise BatchRefused("Say which orders, such as is:attention hold:address.")
    return found
