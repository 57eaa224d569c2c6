"""What a person at the same machine may look at and decide about orders."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from actors.order.correcting import AddressCheck
from actors.order.stream import encode_state, is_of_others, replay
from adapters.postgres.exchanges import KeptExchange
from adapters.postgres.imported import Imported
from adapters.postgres.order_filter import parse
from adapters.postgres.replay import Stream, streams
from adapters.postgres.sealing import Damaged, KeyMissing
from adapters.postgres.timeline import Entry
from adapters.postgres.views import LabelFile, OrderView, Page
from schemas.contracts.edits import edit_of
from schemas.contracts.refusals import Refused
from schemas.contracts.returns import return_of
from schemas.messages.codec import encode
from schemas.messages.inputs import ActOnOrder, EditOrder
from schemas.messages.return_inputs import HandleReturn
from schemas.order.canonical import Address
from schemas.order.ids import OrderId
from schemas.order.money import MoneyRefused
from schemas.order.shares import as_paid
from service.app.clock import SystemClock, new_id
from service.app.errors import OperatorError
from service.app.local import LocalSession, open_local
from service.app.sessions import open_publisher
from service.orders.addresses import check_of
from service.orders.deciding import NotNow, refuse_action, refuse_edit, refuse_return
from service.orders.labels import valid_labels
from service.orders.refunding import Told
from service.orders.replaying import Past, past_of, until_of
from service.orders.waiting import Outcome, Sent, Waiting
from service.orders.what_if import WhatIf, what_if_of

MAX_DIFFERENT = 20
"""Orders that replay differently and are named; one is an alarm already."""


class WrittenLabel(msgspec.Struct, frozen=True, kw_only=True):
    """A label as the carrier sold it, and what it is in words."""

    words: str
    content_type: str
    content: bytes


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay of everything found."""

    orders: int
    events: int
    different: tuple[str, ...]


class LocalOrders:
    """Reads orders from the store, and publishes decisions for the service to carry out.

    `channel`: whose orders are meant; "" for any, as long as a name is that of one order only.
    """

    def __init__(self, session: LocalSession, channel: str = "") -> None:
        self._session = session
        self._channel = channel

    async def list_orders(
        self,
        *,
        stage: str | None,
        channel: str | None,
        attention: bool,
        cursor: str | None,
        limit: int,
        progress: str | None = None,
    ) -> Page:
        """Return a page of orders, newest first. Raises OperatorError for a wrong stage, progress
        or cursor, and for a channel that neither is configured nor has orders."""
        try:
            page = await self._session.views.list_orders(
                stage=stage, progress=progress, channel=channel, attention=attention or None,
                cursor=cursor, limit=limit,
            )  # fmt: skip
        except ValueError as error:
            raise OperatorError(str(error)) from error
        known = self._session.channels
        if channel is not None and channel not in known and not page.rows:
            raise OperatorError(
                f"There is no channel {channel!r} with such orders. The channels are:"
                f" {', '.join(known)}."
            )
        return page

    async def matching(self, text: str, *, cursor: str | None, limit: int) -> Page:
        """Return a page of the orders that a filter finds, newest first. Raises OperatorError for
        a filter that says nothing that can be looked for, and a wrong cursor."""
        session = self._session
        try:
            return await session.views.matching(
                parse(text), now=SystemClock().now(), known=session.channels, cursor=cursor,
                limit=limit,
            )  # fmt: skip
        except ValueError as error:
            raise OperatorError(f"{str(error).removesuffix('.')}.") from error

    async def show(self, which: str) -> OrderView:
        """Return one order with what is under way."""
        return await self._session.show(which, self._channel)

    async def show_addressed(
        self, which: str
    ) -> tuple[OrderView, Address | None, AddressCheck | None]:
        """Return one order and where its goods go, while they may still have to be sent: somebody
        who packs by hand needs it; and how an address service writes it otherwise. None when it is
        not kept or can't be opened."""
        view = await self.show(which)
        if view.row.final:
            return view, None, None
        views = self._session.views
        try:
            order, check = await views.order(view.row.order_id), await check_of(views, view)
        except (KeyMissing, Damaged):
            return view, None, None
        at = order.ship_to if order is not None else None
        return view, at, None if check is None or check.written == at else check

    async def _find(self, which: str) -> OrderId:
        return (await self.show(which)).row.order_id

    async def timeline(self, which: str) -> tuple[Entry, ...]:
        """Return everything that happened to an order."""
        return await self._session.views.timeline(await self._find(which))

    async def exchange(self, which: str, number: int) -> KeptExchange:
        """Return what we and a partner said in one exchange. Raises OperatorError."""
        found = await self._session.views.exchange(await self._find(which), number)
        if found is None:
            raise OperatorError(
                f"The order has no exchange {number}, or it is not kept any more; `orderwright"
                " orders timeline` shows those there are."
            )
        if not found.readable:
            raise OperatorError("What was said can't be opened any more: its key is gone.")
        return found

    async def label(self, which: str, parcel: str) -> WrittenLabel:
        """Return the label of a parcel, "" for the only one. Raises OperatorError."""
        order_id = await self._find(which)
        state = await self._session.views.state(order_id)
        bought = valid_labels(state, await self._session.views.labels(order_id))
        one = _only(bought, parcel)
        file = await self._session.views.document(order_id, one.file)
        if file is None:
            raise OperatorError(
                f"The label of parcel {one.parcel} is not kept any more: the order's personal data"
                " was erased."
            )
        words = f"The label of parcel {one.parcel}, {one.carrier} {one.tracking_number}"
        return WrittenLabel(words=words, content_type=file.content_type, content=file.content)

    async def act(self, which: str, verb: str, target: str, person: str, reason: str) -> Sent:
        """Publish a person's decision; the order carries it out, or says why not (see `end_of`).
        Raises OperatorError for what it surely can't do."""
        view = await self.show(which)
        try:
            refuse_action(view, verb, target)
        except NotNow as error:
            raise OperatorError(str(error)) from error
        decision = ActOnOrder(
            ref=view.row.ref, verb=verb, person=person[:256], reason=reason[:5000], target=target
        )
        return Sent(view, verb, await self._publish(view, "act", decision))

    async def end_of(self, sent: Sent) -> Outcome:
        """Wait for the end of a decision. Raises OperatorError when it is refused."""
        return await Waiting(self._session.views, Imported(self._session.pool)).end_of(sent)

    async def edit(
        self,
        which: str,
        changes: Mapping[str, Any],
        address: Mapping[str, Any],
        person: str,
        reason: str,
    ) -> Sent:
        """Publish a person's changes of an order. `address` has single fields of the shipping
        address: they change the one in `changes`, else the order's own. Raises OperatorError."""
        view = await self.show(which)
        told = {**changes, "reason": reason[:5000]}
        if address:
            told["ship_to"] = {**await self._address(view, changes.get("ship_to")), **address}
        try:
            edit = edit_of(msgspec.json.encode(told), view.row.ref, person)
            refuse_edit(view, edit)
        except (Refused, NotNow) as error:
            raise OperatorError(str(error)) from error
        return Sent(view, "edit", await self._publish(view, "edit", edit))

    async def refund(self, which: str, told: Told, person: str, reason: str) -> Sent:
        """Publish that a person gives money back. Raises OperatorError for what the order surely
        can't give, and for an amount that is none of the customer's currency."""
        view = await self.show(which)
        order = await self._session.views.order(view.row.order_id)
        try:
            ask = told.ask(view.row.currency if order is None else as_paid(order).currency)
            edit = edit_of(
                msgspec.json.encode({"refund": ask, "reason": reason[:5000]}), view.row.ref, person
            )
            refuse_edit(view, edit)
        except (MoneyRefused, Refused, NotNow) as error:
            raise OperatorError(str(error)) from error
        return Sent(view, "refund", await self._publish(view, "edit", edit))

    async def take_back(
        self, which: str, step: str, told: Mapping[str, object], person: str, reason: str
    ) -> Sent:
        """Publish a step of a return. Raises OperatorError for what the order surely can't take."""
        view = await self.show(which)
        try:
            raw = msgspec.json.encode({**told, "reason": reason[:5000]})
            decision = return_of(raw, view.row.ref, person, step)
            refuse_return(view, decision)
        except (Refused, NotNow) as error:
            raise OperatorError(str(error)) from error
        return Sent(view, f"return {step}", await self._publish(view, "return", decision))

    async def _address(self, view: OrderView, stated: object) -> dict[str, Any]:
        if isinstance(stated, dict):
            return stated
        order = await self._session.views.order(view.row.order_id)
        if order is None or order.ship_to is None:
            return {}
        found: dict[str, Any] = msgspec.to_builtins(order.ship_to)
        return found

    async def _publish(
        self, view: OrderView, kind: str, decision: ActOnOrder | EditOrder | HandleReturn
    ) -> str:
        """Publish; return the id that the order knows the delivery by."""
        delivery_id = f"local:{new_id()}"
        session = self._session
        async with open_publisher(session.nats_url, session.settings, session.folder) as publisher:
            await publisher.publish(
                view.row.channel,
                kind,
                view.row.ref,
                encode(decision),
                delivery_id=delivery_id,
                source="canonical",
                topic=kind,
            )
        return f"{view.row.channel}/{kind}/{delivery_id}"

    async def past(self, which: str, until: str) -> Past:
        """Return an order as it was at a version or a time. Raises OperatorError."""
        moment = until_of(until)
        return await past_of(self._session.pool, await self._find(which), moment)

    async def what_if(self, which: str) -> WhatIf:
        """Return what today's code, settings, mappings and rules would make of an order's past.
        Raises OperatorError."""
        return await what_if_of(self._session, (await self.show(which)).row)

    async def verify(self, progress: Callable[[int], None]) -> Verified:
        """Replay every stream and compare it with the stored state, byte for byte. Raises
        OperatorError, naming the order, when an event can't be read."""
        try:
            return await self._verify(progress)
        except ValueError as error:
            raise OperatorError(f"{error} Was it written by a newer version?") from error

    async def _verify(self, progress: Callable[[int], None]) -> Verified:
        orders = events = 0
        different: list[str] = []
        async for stream in streams(self._session.pool):
            if not _agrees(stream):
                different.append(stream.order_id)
                if len(different) >= MAX_DIFFERENT:
                    break
            orders += 1
            events += len(stream.events)
            if orders % 1000 == 0:
                progress(orders)
        return Verified(orders=orders, events=events, different=tuple(different))


def _agrees(stream: Stream) -> bool:
    """Whether events give the stored state. One that other versions of the machines made is a cache
    that is out of date, and says nothing of the events."""
    state = replay(stream.events)
    agrees = is_of_others(stream.state) or encode_state(state) == stream.state
    return agrees and state.version == stream.version


def _only(bought: Sequence[LabelFile], parcel: str) -> LabelFile:
    """Return the label that is meant. Raises OperatorError."""
    found = [one for one in bought if not parcel or one.parcel == parcel.upper()]
    if len(found) == 1:
        return found[0]
    told = ", ".join(f"{one.parcel} ({one.carrier} {one.tracking_number})" for one in bought)
    if not bought:
        raise OperatorError("No label of the order is bought, or its carrier keeps the image.")
    if not found:
        raise OperatorError(f"The order has no label for parcel {parcel}; it has: {told}.")
    raise OperatorError(f"The order has several labels; choose one with --parcel: {told}.")


@asynccontextmanager
async def open_orders(data: Path | None = None, channel: str = "") -> AsyncIterator[LocalOrders]:
    """Open the orders of the service that runs in a data directory, or those of one channel. Raises
    as `open_local` does."""
    async with open_local(data) as session:
        yield LocalOrders(session, channel)
