"""The API of the mappings: read them, try new ones out, put them in place."""

from __future__ import annotations

import msgspec
from aiohttp import web
from msgspec import Struct

from schemas.contracts.mappings import Mappings, MappingsRefused, read_mappings
from schemas.order.canonical import LongText
from service.http import problems
from service.http.auth import ANY_CHANNEL, Keys, Principal, principal_of
from service.http.bodies import Bodies
from service.http.problems import Problem
from service.inbound.edge import EdgeClock
from service.mappings.keeper import MappingsKeeper

READ, WRITE = "mappings:read", "mappings:write"


class Put(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a change: the whole document, and why it changes (not needed for a preview)."""

    mappings: msgspec.Raw
    reason: LongText = ""


_read_put = msgspec.json.Decoder(Put).decode


class MappingsApi:
    """`GET`, `PUT` and `PUT …?preview=true` of `/api/v1/mappings`; `GET …/history`. The document is
    one for all channels, so only a key that serves all of them may read or change it."""

    def __init__(
        self, keeper: MappingsKeeper, bodies: Bodies, keys: Keys, clock: EdgeClock
    ) -> None:
        self._keeper = keeper
        self._bodies = bodies
        self._keys = keys
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """The paths about mappings."""
        return [
            web.get("/api/v1/mappings", self.show),
            web.get("/api/v1/mappings/history", self.history),
            web.put("/api/v1/mappings", self.put),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Answer the current version and its document; the ETag is the version."""
        await self._principal(request, READ)
        version, mappings = await self._keeper.store.current()
        return _json({"version": version, "mappings": mappings}, version)

    async def history(self, request: web.Request) -> web.Response:
        """Answer the newest fifty versions: who, when, why, from where."""
        await self._principal(request, READ)
        return _json({"versions": await self._keeper.store.history()})

    async def put(self, request: web.Request) -> web.Response:
        """Take a new document when no one was first, or with `preview=true` say what it would
        change."""
        preview = request.query.get("preview", "") == "true"
        principal = await self._principal(request, READ if preview else WRITE)
        with self._bodies.lease() as lease:
            raw = await lease.read(request)
        put, mappings = _document(raw)
        if preview:
            return _json(await self._keeper.preview(mappings))
        if self._keeper.file is not None:
            raise Problem(
                409,
                "mappings-from-file",
                "Mappings come from a file",
                f"The setting mappings_file names {self._keeper.file.name}: change that file, or "
                "take the setting out.",
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
            at=self._clock.now(),
            person=f"API key {principal.name}",
            reason=put.reason,
            source="api",
        )
        if saved is None:
            raise Problem(
                412,
                "mappings-changed",
                "Mappings changed meanwhile",
                "If-Match is not the current version: read the mappings again, and send your "
                "change with their version.",
            )
        told = {"version": saved, "unconfigured": self._keeper.unconfigured(mappings)}
        return _json(told, saved)

    async def _principal(self, request: web.Request, scope: str) -> Principal:
        principal = await principal_of(request, self._keys, scope, self._clock.now())
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
            'Send the version you saw as `If-Match: "3"`; `GET /api/v1/mappings` says it as ETag.',
        )
    return int(stated)


def _json(value: object, version: int | None = None) -> web.Response:
    response = web.Response(body=msgspec.json.encode(value), content_type="application/json")
    if version is not None:
        response.headers["ETag"] = f'"{version}"'
    return response
