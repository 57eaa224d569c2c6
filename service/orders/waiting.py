"""Waits until an order has carried out what a person decided, or says why it can't."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from adapters.postgres.imported import Imported
from adapters.postgres.timeline import Entry
from adapters.postgres.views import OrderView, Views
from schemas.messages.effects import tag_of
from schemas.messages.events import ActionRefused, CancelRefused
from service.app.errors import OperatorError
from service.orders.deciding import CANCEL

PATIENCE_SECONDS = 300.0
"""A cancellation waits for partners, which answer within minutes or need a person."""

EVERY_SECONDS = 0.2

REFUSED = frozenset({tag_of(ActionRefused), tag_of(CancelRefused)})


class Sent(Struct, frozen=True):
    """A decision on its way: what the order was like before it, the verb, and its delivery."""

    before: OrderView
    verb: str
    delivery_id: str


class Outcome(Struct, frozen=True):
    """What became of a decision: the events since, and how the order stands."""

    entries: tuple[Entry, ...]
    view: OrderView


class Waiting:
    """Raises JournalUnavailable when Postgres does not answer."""

    def __init__(self, views: Views, imported: Imported) -> None:
        self._views = views
        self._imported = imported

    async def end_of(self, sent: Sent, *, patience_seconds: float = PATIENCE_SECONDS) -> Outcome:
        """Wait until the order has decided, and for a cancellation until it is carried out or needs
        a person. Raises OperatorError when it is refused, or nothing is known in time."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + patience_seconds
        while (outcome := await self._outcome(sent)) is None:
            if loop.time() > give_up:
                raise OperatorError(
                    f"{sent.verb} has not ended after {patience_seconds:g} s; it goes on by itself."
                    " `orders timeline` shows what it waits for."
                )
            await asyncio.sleep(EVERY_SECONDS)
        return outcome

    async def _outcome(self, sent: Sent) -> Outcome | None:
        before = sent.before.row
        view = await self._view(sent)
        known = await self._imported.known([before.order_id], [sent.delivery_id])
        if not known[before.order_id].delivered:
            await self._must_come(sent, view)
            return None
        timeline = await self._views.timeline(before.order_id)
        entries = tuple(one for one in timeline if one.version > before.version)
        for one in entries:
            if one.type in REFUSED:
                raise OperatorError(one.text)
        view = await self._view(sent)
        if sent.verb == CANCEL and not view.row.final:
            under_way = any(one.status == "open" and not one.error for one in view.effects)
            if under_way or not view.row.attention:
                return None
        return Outcome(entries, view)

    async def _must_come(self, sent: Sent, view: OrderView) -> None:
        """Raise OperatorError for a delivery that the order will never decide on."""
        aside = await self._imported.quarantined([sent.delivery_id])
        if found := aside.get(sent.delivery_id):
            raise OperatorError(
                f"{sent.verb} is in quarantine ({found.reason}); `orderwright quarantine show"
                f" {found.id}` says why."
            )
        # Read before it was asked whether the decision has come: so it came after the end. One that
        # was at its end before takes what can be decided there.
        if view.row.final and not sent.before.row.final:
            raise OperatorError(f"The order came to its end meanwhile: it is {view.row.stage}.")

    async def _view(self, sent: Sent) -> OrderView:
        view = await self._views.show(sent.before.row.order_id)
        assert view is not None, "it was found before, and orders are never deleted"
        return view
