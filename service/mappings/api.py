"""The mappings API: read, preview and replace the document."""

from __future__ import annotations

from typing import Literal

import msgspec
from aiohttp import web
from msgspec import Struct

from adapters.postgres.mappings import Kept
from schemas.contracts.mappings import MAPPINGS_SCHEMA, Mappings, MappingsRefused, read_mappings
from schemas.order.canonical import LongText
from service.http import problems
from service.http.auth import ANY_CHANNEL, Principal
from service.http.base import Api, json_answer, person_of
from service.http.described import FLAG, NAME, described, object_of
from service.http.problems import Problem
from service.http.requests import flag_of
from service.mappings.keeper import MappingsKeeper
from service.mappings.preview import Preview

READ, WRITE = "mappings:read", "mappings:write"


# That it is this schema goes without saying, in a file as in a request.
_GIVEN = object_of(
    "GivenMappings",
    Mappings,
    closed=True,
    schema=(Literal["orderwright.mappings.v1"], MAPPINGS_SCHEMA),
)


class Put(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a change: the whole document, and the reason (not needed for a preview)."""

    mappings: msgspec.Raw
    reason: LongText = ""


_read_put = msgspec.json.Decoder(Put).decode


class MappingsApi:
    """`GET`, `PUT` and `PUT …?preview=true` of `/api/v1/mappings`; `GET …/history`. One document
    covers all channels, so only a key that serves all of them may read or change it."""

    def __init__(self, keeper: MappingsKeeper, api: Api) -> None:
        self._keeper = keeper
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        """The paths of the mappings API."""
        return [
            web.get("/api/v1/mappings", self.show),
            web.get("/api/v1/mappings/history", self.history),
            web.put("/api/v1/mappings", self.put),
        ]

    @described(READ, object_of("Current", version=int, mappings=Mappings), tagged=True)
    async def show(self, request: web.Request) -> web.Response:
        """Return the current version and its document; the ETag is the version."""
        await self._principal(request, READ)
        version, mappings = await self._keeper.store.current()
        told = {"version": version, "mappings": mappings}
        return json_answer(told, headers=_tag(version))

    @described(READ, object_of("History", versions=list[Kept]))
    async def history(self, request: web.Request) -> web.Response:
        """Return the newest fifty versions: who, when, why, and from where."""
        await self._principal(request, READ)
        return json_answer({"versions": await self._keeper.store.history()})

    @described(
        WRITE,
        (
            object_of("Saved", version=int, unconfigured=list[str]),
            object_of("MappingsPreview", Preview),
        ),
        takes=object_of("MappingsChange", Put, without=("mappings",), closed=True, mappings=_GIVEN),
        query={"preview": FLAG},
        headers={"If-Match": NAME},
        refuses=(409, 412, 428),
    )
    async def put(self, request: web.Request) -> web.Response:
        """Store a new document unless the version has changed since; with `preview=true` return
        what it would change."""
        preview = flag_of(request, "preview") is True
        principal = await self._principal(request, READ if preview else WRITE)
        put, mappings = _document(await self._api.raw(request))
        if preview:
            return json_answer(await self._keeper.preview(mappings))
        if self._keeper.file is not None:
            raise Problem(
                409,
                "mappings-from-file",
                "Mappings come from a file",
                f"The setting mappings_file names {self._keeper.file.name}: change that file, or "
                "remove the setting.",
            )
        if not put.reason.strip():
            raise Problem(
                422,
                "reason-missing",
                "Reason missing",
                "Say in `reason` why the mappings change; it is kept with the version.",
            )
        saved = await self._keeper.store.save(
            mappings,
            seen=_seen(request),
            at=self._api.clock.now(),
            person=person_of(principal),
            reason=put.reason,
            source="api",
        )
        if saved is None:
            raise Problem(
                412,
                "mappings-changed",
                "Mappings have changed",
                "If-Match is not the current version: read the mappings again, and send your "
                "change with their version.",
            )
        told = {"version": saved, "unconfigured": self._keeper.unconfigured(mappings)}
        return json_answer(told, headers=_tag(saved))

    async def _principal(self, request: web.Request, scope: str) -> Principal:
        principal = await self._api.principal(request, scope)
        if ANY_CHANNEL not in principal.channels:
            raise Problem(
                403,
                "channel-refused",
                "Channel refused",
                "The mappings are one document for all channels: use a key that serves every "
                "channel (`--channel '*'`).",
            )
        return principal


def _document(raw: bytes) -> tuple[Put, Mappings]:
    try:
        put = _read_put(raw)
        return put, read_mappings(bytes(put.mappings))
    except MappingsRefused as error:
        raise Problem(
            422,
            "mappings-refused",
            "Mappings refused",
            str(error),
            sentences=error.sentences,
        ) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise problems.bad_request(
            "body", "Body not understood", f"Send `mappings` and `reason` as JSON: {error}."
        ) from error


def _seen(request: web.Request) -> int:
    stated = request.headers.get("If-Match", "").strip().strip('"')
    if not stated.isascii() or not stated.isdigit() or len(stated) > 9:
        raise Problem(
            428,
            "if-match-missing",
            "If-Match missing",
            'Send the version you read as `If-Match: "3"`; `GET /api/v1/mappings` has it as ETag.',
        )
    return int(stated)


def _tag(version: int) -> dict[str, str]:
    return {"ETag": f'"{version}"'}
