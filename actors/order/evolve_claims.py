"""How it follows from events which of the orders of one marketplace's id is worked on."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from actors.order.draft import Draft, stays
from actors.order.state import Twin
from schemas.messages import events as e

IMPORTED = "imported-twice"
"""The id of the task about a copy whose other order is cancelled."""
COPY_CANCELLED = "copy-cancelled"
"""The id of the task about a copy that its channel cancelled while the other order goes on."""


def _accepted(draft: Draft, event: e.Accepted) -> None:
    stays(draft, event)
    if event.person:
        draft.set(accepted_by=event.person)
    if event.claim:
        draft.set(claim=event.claim)


def _duplicate(draft: Draft, event: e.Duplicate) -> None:
    """Its holds stay: they matter again when a person takes it over."""
    stays(draft, event)
    twin = Twin(event.claim, event.order_id, event.channel, event.ref, event.number)
    draft.set(twin=twin, overdue=())


def _taken_over(draft: Draft, event: e.TakenOver) -> None:
    stays(draft, event)
    draft.set(twin=None, claim=event.claim)


def _twin_cancelled(draft: Draft, event: e.TwinCancelled) -> None:
    stays(draft, event)
    twin = draft.state.twin
    if twin is not None:
        draft.set(twin=replace(twin, cancelled=True, unsure=not event.known))


def asked(draft: Draft) -> None:
    """A person was asked about the other order's end, and need not be asked again."""
    twin = draft.state.twin
    if twin is not None:
        draft.set(twin=replace(twin, asked=True))


CLAIMS: dict[type[e.Event], Any] = {
    e.Accepted: _accepted,
    e.Duplicate: _duplicate,
    e.TakenOver: _taken_over,
    e.TwinCancelled: _twin_cancelled,
}
"""What these events do to the order itself."""
