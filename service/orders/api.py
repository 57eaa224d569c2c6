"""The API's writing side: orders in, and people's decisions about them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

import msgspec
from aiohttp import web
from msgspec import Struct

from adapters.postgres.views import OrderRow
from schemas.contracts import refusals, strict_json
from schemas.contracts.edits import edit_of
from schemas.contracts.refusals import Refused
from schemas.contracts.returns import STEPS, return_of
from schemas.messages.inputs import ActOnOrder, EditOrder, Input, PlaceOrder
from schemas.messages.return_inputs import HandleReturn
from schemas.order.canonical import LongText, Order, ShortText
from schemas.order.ids import OrderId, Reference, order_id_for
from service.http import problems
from service.http.auth import CHANNEL_HEADER, Principal, channel_of, digest_of, idempotency_key_of
from service.http.base import Api
from service.http.described import NAME, described, object_of
from service.http.etags import require_match
from service.http.problems import Problem
from service.http.refusals import COUNTED_AS, refusal
from service.http.scopes import ORDERS_WRITE
from service.inbound.edge import Stream
from service.orders.deciding import VERBS, NotNow, refuse_action, refuse_edit, refuse_return
from service.orders.reading import WHOSE, Finder, etag_of
from service.orders.sending import SOURCE, Decisions
from service.telemetry.context import traceparent_of

ACT, RETURNS = "orders:act", "returns:act"
_log = logging.getLogger(__name__)


class Action(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an action: why, and on which hold or effect (see
    `schemas.messages.inputs.ActOnOrder`)."""

    reason: LongText
    target: ShortText = ""


_read_action = msgspec.json.Decoder(Action).decode


class Writing:
    """`POST /api/v1/orders`, and of one order `/edit`, `/actions/{verb}` and `/returns/{step}`.

    All end in the same stream as webhooks and are answered 202 once it has them on disk. A repeat
    with the same Idempotency-Key gets the same answer for a day. After that its message has the
    same delivery id all the same, and nothing is done twice. `translate` reads our own shape
    strictly (kind, topic, bytes) and raises Refused.
    """

    def __init__(
        self,
        stream: Stream,
        api: Api,
        finder: Finder,
        *,
        channels: Collection[str],
        translate: Callable[[str, str, bytes], Input],
        sign: Callable[[OrderId], Reference],
        refused: Callable[[str, str], None] = lambda category, channel: None,
    ) -> None:
        self._refused = refused
        self._stream = stream
        self._decisions = Decisions(stream)
        self._api = api
        self._finder = finder
        self._channels = channels  # a reload changes it
        self._translate = translate
        self._sign = sign

    def routes(self) -> list[web.RouteDef]:
        """The writing paths."""
        return [
            web.post("/api/v1/orders", self.place),
            web.post("/api/v1/orders/{id}/edit", self.edit),
            web.post("/api/v1/orders/{id}/actions/{verb}", self.act),
            web.post("/api/v1/orders/{id}/returns/{step}", self.take_back),
        ]

    @described(
        ORDERS_WRITE,
        object_of(
            "OrderTaken", order_id=str, reference=str, channel=str, ref=str, links=dict[str, str]
        ),
        status=202,
        takes=(Order, PlaceOrder),
        headers={CHANNEL_HEADER: NAME},
        repeats=True,
    )
    async def place(self, request: web.Request) -> web.Response:
        """Take a canonical order; 400 or 422 says everything that is wrong with it."""
        try:
            return await self._place(request)
        except Problem as problem:
            if problem.slug in COUNTED_AS:
                self._refused(COUNTED_AS[problem.slug], "api")
            raise

    async def _place(self, request: web.Request) -> web.Response:
        principal = await self._api.principal(request, ORDERS_WRITE)
        key = idempotency_key_of(request)
        channel = channel_of(request, principal, self._channels)
        with self._api.bodies.lease() as lease:
            raw = await lease.read(request)
            try:
                placed = self._translate("place", "", raw)
            except Refused as error:
                self._refused(error.reason, channel)
                raise refusal(error) from error
            assert isinstance(placed, PlaceOrder)
            order = placed.order
            order_id = order_id_for(channel, order.ref)
            answer = {
                "order_id": order_id,
                "reference": self._sign(order_id),
                "channel": channel,
                "ref": order.ref,
                "links": _links(order_id),
            }

            async def put(delivery_id: str) -> None:
                await self._stream.publish(
                    channel,
                    "place",
                    order.ref,
                    raw,
                    delivery_id=delivery_id,
                    source=SOURCE,
                    topic="",
                    trace=traceparent_of(request.headers),
                )

            digest = digest_of(request, channel, raw)
            place = _links(order_id)["self"]
            return await self._once(principal, key, digest, answer, put, location=place)

    @described(
        ACT,
        object_of("ActionTaken", order_id=str, verb=str, links=dict[str, str]),
        status=202,
        takes=Action,
        query=WHOSE,
        headers={"If-Match": NAME},
        repeats=True,
        refuses=(412,),
    )
    async def act(self, request: web.Request) -> web.Response:
        """Take a person's decision about an order. It is decided when the order's turn comes: the
        timeline says what became of it."""
        principal = await self._api.principal(request, ACT)
        verb = request.match_info["verb"]
        if verb not in VERBS:
            raise problems.not_found(
                f"An order can be told to {', '.join(VERBS)}; not this. Edits go to "
                "POST /api/v1/orders/{id}/edit."
            )
        key = idempotency_key_of(request)
        found = await self._finder.find(request, principal)
        raw = await self._api.raw(request)
        action = _action(raw)
        act = ActOnOrder(
            ref=found.row.ref,
            verb=verb,
            person=f"API key {principal.name}"[:256],
            reason=action.reason,
            target=action.target,
        )
        answer = {"order_id": found.row.order_id, "verb": verb, "links": _links(found.row.order_id)}

        async def put(delivery_id: str) -> None:
            with _possible():
                refuse_action(found, verb, action.target)
            await self._put(request, found.row, "act", act, delivery_id)

        digest = digest_of(request, found.row.channel, raw)
        place = _links(found.row.order_id)["timeline"]
        return await self._once(principal, key, digest, answer, put, location=place)

    @described(
        ACT,
        object_of("EditTaken", order_id=str, links=dict[str, str]),
        status=202,
        takes=object_of("OrderEdit", EditOrder, without=("ref", "person"), closed=True),
        query=WHOSE,
        headers={"If-Match": NAME},
        repeats=True,
        refuses=(412,),
    )
    async def edit(self, request: web.Request) -> web.Response:
        """Take a person's changes of an order. They are compared with the order when its turn
        comes: the timeline says what became of them."""
        principal = await self._api.principal(request, ACT)
        key = idempotency_key_of(request)
        found = await self._finder.find(request, principal)
        raw = await self._api.raw(request)
        try:
            edit = edit_of(raw, found.row.ref, f"API key {principal.name}")
        except Refused as error:
            raise refusal(error) from error
        _require_reason(edit.reason)
        answer = {"order_id": found.row.order_id, "links": _links(found.row.order_id)}

        async def put(delivery_id: str) -> None:
            with _possible():
                refuse_edit(found, edit)
            await self._put(request, found.row, "edit", edit, delivery_id)

        digest = digest_of(request, found.row.channel, raw)
        place = _links(found.row.order_id)["timeline"]
        return await self._once(principal, key, digest, answer, put, location=place)

    @described(
        RETURNS,
        object_of("ReturnStepTaken", order_id=str, step=str, links=dict[str, str]),
        status=202,
        takes=object_of("ReturnStep", HandleReturn, without=("ref", "person", "step"), closed=True),
        query=WHOSE,
        headers={"If-Match": NAME},
        repeats=True,
        refuses=(412,),
    )
    async def take_back(self, request: web.Request) -> web.Response:
        """Take a step of a return. It is decided when the order's turn comes: the timeline says
        what became of it."""
        principal = await self._api.principal(request, RETURNS)
        step = request.match_info["step"]
        if step not in STEPS:
            raise problems.not_found(f"The steps of a return are {', '.join(STEPS)}; not this.")
        key = idempotency_key_of(request)
        found = await self._finder.find(request, principal)
        raw = await self._api.raw(request)
        try:
            told = return_of(raw, found.row.ref, f"API key {principal.name}", step)
        except Refused as error:
            raise refusal(error) from error
        _require_reason(told.reason)
        answer = {"order_id": found.row.order_id, "step": step, "links": _links(found.row.order_id)}

        async def put(delivery_id: str) -> None:
            with _possible():
                refuse_return(found, told)
            await self._put(request, found.row, "return", told, delivery_id)

        digest = digest_of(request, found.row.channel, raw)
        place = _links(found.row.order_id)["timeline"]
        return await self._once(principal, key, digest, answer, put, location=place)

    async def _put(
        self,
        request: web.Request,
        row: OrderRow,
        kind: str,
        decision: ActOnOrder | EditOrder | HandleReturn,
        delivery_id: str,
    ) -> None:
        # Compared only now: the repeat of an accepted decision must not meet a changed order.
        require_match(request, etag_of(row), "The order")
        await self._decisions.send(
            row, kind, decision, delivery_id=delivery_id, trace=traceparent_of(request.headers)
        )

    async def _once(
        self,
        principal: Principal,
        key: str,
        digest: bytes,
        answer: Mapping[str, object],
        put: Callable[[str], Awaitable[None]],
        *,
        location: str,
    ) -> web.Response:
        """Answer a new request with 202 after `put`, and a repeat the same; `location` is where to
        see what becomes of it."""

        async def work() -> bytes:
            # The body's digest is part of the id: another body is never taken for a repeat, even
            # if the record of the first was lost. A repeat after that is published under the same
            # id, which the stream and the inbox recognise.
            named = b"\0".join((principal.id.encode(), key.encode(), digest))
            await put(f"api:{hashlib.sha256(named).hexdigest()}")
            return msgspec.json.encode(answer)

        return await self._api.answered_once(
            principal, key, digest, work, status=202, location=location
        )


def _action(raw: bytes) -> Action:
    try:
        strict_json.check(raw)
        action = _read_action(raw)
    except Refused as error:
        raise refusal(error) from error
    except msgspec.ValidationError as error:
        raise Problem(
            422, refusals.SCHEMA_MISMATCH, "Action not understood", f"The action is wrong: {error}."
        ) from error
    _require_reason(action.reason)
    return action


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise Problem(
            422,
            "reason-missing",
            "Reason missing",
            "Say in `reason` why you do this; it is kept with the order.",
        )


@contextmanager
def _possible() -> Iterator[None]:
    """Word what the order can't do now as 409."""
    try:
        yield
    except NotNow as error:
        raise Problem(409, "not-now", "Not possible now", str(error)) from error


def _links(order_id: str) -> dict[str, str]:
    place = f"/api/v1/orders/{order_id}"
    return {"self": place, "timeline": f"{place}/timeline"}
