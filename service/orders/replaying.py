"""One order as it was: its events replayed up to a version or a moment, without side effects."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from actors.order.state import State
from actors.order.stream import progress, replay, waiting_for
from adapters.postgres.pool import Pool
from adapters.postgres.replay import events_until
from schemas.order.ids import OrderId
from service.app.errors import OperatorError

MAX_VERSION = 2**31 - 1
"""As the database counts."""


class Part(Struct, frozen=True, kw_only=True):
    """A thing of the order by its key, what it is, and its stage."""

    key: str
    kind: str
    stage: str


class Past(Struct, frozen=True, kw_only=True):
    """An order after its event `version` at `at` (UTC). `last` is that event's type, `state` all
    that the machines knew."""

    version: int
    at: datetime
    last: str
    stage: str
    progress: str
    waiting_for: str
    parts: tuple[Part, ...]
    state: State


def until_of(text: str) -> int | datetime | None:
    """Return what `--until` names: a version from 1 on, a moment (UTC unless it has a zone), or
    None for "". Raises OperatorError."""
    if not text:
        return None
    if text.isdecimal() and 1 <= len(text) <= 10 and 1 <= int(text) <= MAX_VERSION:
        return int(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise OperatorError(
            f"{text!r} is not a version such as 12, or a time such as 2026-11-20T10:15:00; "
            "`orderwright orders timeline` shows the times."
        ) from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


async def past_of(pool: Pool, order_id: OrderId, until: int | datetime | None) -> Past:
    """Return the order as it was. Raises OperatorError for a moment before its first event, and for
    an event that this version can't read."""
    try:
        found = await events_until(pool, order_id, until)
    except ValueError as error:
        raise OperatorError(f"{error} Was it written by a newer version?") from error
    if not found:
        raise OperatorError("Nothing was known of the order then; name a later time.")
    version, at, last = found[-1]
    state = replay([event for _, _, event in found])
    return Past(
        version=version,
        at=at,
        last=type(last).__struct_config__.tag or "",  # type: ignore[arg-type]  # tags are texts
        stage=state.stage,
        progress=progress(state),
        waiting_for=waiting_for(state),
        parts=_parts(state),
        state=state,
    )


def _parts(state: State) -> tuple[Part, ...]:
    kinds = {
        "fulfilment": state.fulfilments,
        "parcel": state.parcels,
        "label": state.labels,
        "ERP document": state.documents,
        "message": state.messages,
    }
    found = [
        Part(key=key, kind=kind, stage=thing.stage)
        for kind, things in kinds.items()
        for key, thing in things.items()  # type: ignore[attr-defined]  # each a table of things
    ]
    gone = [Part(key=key, kind="ended", stage=one.stage) for key, one in state.ended.items()]
    return (*found, *gone)
