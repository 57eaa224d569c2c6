"""`GET /labels/{token}`: a warehouse fetches the labels that we bought for its task.

The answer is that of docs/warehouse-contract.md. Whoever has the link needs no other credential.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

import msgspec
from aiohttp import web
from msgspec import Struct

from actors.fulfilment.thing import CANCELLED, DONE, RECALLED
from actors.label.thing import BOUGHT
from actors.order.state import State
from actors.parcel.thing import UNPACKED
from actors.runtime.ports import Clock
from adapters.postgres.views import LabelFile, Views
from schemas.order.ids import OrderId
from schemas.order.label_links import PATH, LinkExpired, LinkRefused, verify_label_token
from schemas.order.things import Key
from service.http import problems
from service.http.described import NO_KEY, described
from service.http.problems import Problem

RETRY_SECONDS = 2
"""When a warehouse asks again before the first label exists: a carrier sells one in a second or
two, and a packer waits for it."""


class FetchedLabel(Struct, frozen=True, kw_only=True):
    """One label. `parcel_id` is the warehouse's own; `document` is base64."""

    parcel_id: str | None
    carrier: str
    tracking_number: str
    media_type: str
    document: str


class FetchedLabels(Struct, frozen=True, kw_only=True):
    """The labels of a task. `complete`: every parcel that it reported so far has its own."""

    complete: bool
    labels: tuple[FetchedLabel, ...]


class LabelLinks:
    """`keys` are those that sign references, by their ids."""

    def __init__(self, views: Views, keys: Mapping[str, bytes], clock: Clock) -> None:
        self._views = views
        self._keys = dict(keys)
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """The path of a link."""
        return [web.get(PATH + "{token}", self.fetch)]

    @described(NO_KEY, FetchedLabels, refuses=(403, 503))
    async def fetch(self, request: web.Request) -> web.Response:
        """Answer the labels there are. 403: the link has expired; 404: it is wrong, or its task has
        ended."""
        try:
            link = verify_label_token(request.match_info["token"], self._keys, self._clock.now())
        except LinkExpired as error:
            raise Problem(
                403, "link-expired", "Link expired", "The link to these labels has expired."
            ) from error
        except LinkRefused as error:
            raise problems.not_found("This link leads to no labels.") from error
        state = await self._views.state(link.order_id)
        thing = state.fulfilments.get(link.fulfilment)
        if thing is None or thing.stop or thing.stage in (CANCELLED, RECALLED, DONE):
            raise problems.not_found("The task of these labels has ended, or is being cancelled.")
        found = await self._labels(state, link.order_id, link.fulfilment)
        headers = {"Cache-Control": "no-store"}
        if not found.labels:
            headers["Retry-After"] = str(RETRY_SECONDS)
        return web.Response(
            body=msgspec.json.encode(found), content_type="application/json", headers=headers
        )

    async def _labels(self, state: State, order_id: OrderId, key: Key) -> FetchedLabels:
        parcels = {
            name: one
            for name, one in state.parcels.items()
            if one.fulfilment == key and one.stage != UNPACKED
        }
        labels = []
        done = set()
        for bought in valid_labels(state, await self._views.labels(order_id)):
            if bought.parcel not in parcels:
                continue
            file = await self._views.document(order_id, bought.file)
            if file is None:
                continue
            done.add(bought.parcel)
            labels.append(
                FetchedLabel(
                    parcel_id=parcels[bought.parcel].parcel_id or None,
                    carrier=bought.carrier,
                    tracking_number=bought.tracking_number,
                    media_type=file.content_type,
                    document=b64encode(file.content).decode(),
                )
            )
        return FetchedLabels(
            complete=bool(parcels) and done == parcels.keys(), labels=tuple(labels)
        )


def valid_labels(state: State, bought: tuple[LabelFile, ...]) -> list[LabelFile]:
    """Return the labels that are to be used: bought, neither voided nor to be voided, of an order
    under way or ended."""
    found = []
    for one in bought:
        thing, gone = state.labels.get(one.label), state.ended.get(one.label)
        stands = thing.stage == BOUGHT and not thing.stop if thing is not None else False
        if one.file and (stands or (gone is not None and gone.stage == BOUGHT)):
            found.append(one)
    return found
