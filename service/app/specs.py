"""`/openapi.json` and `/asyncapi.json`: what the service takes and tells, for programs."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from typing import Any

import msgspec
from aiohttp import web

from service.app import asyncapi
from service.http import openapi
from service.http.base import json_answer
from service.http.described import NO_KEY, described


class Specs:
    """Describes all routes, its own among them. Each document is made when it is first asked for,
    in some 30 ms."""

    def __init__(self, routes: Sequence[web.RouteDef]) -> None:
        self._routes = [*routes, *self.routes()]
        self._made: dict[str, msgspec.Raw] = {}

    def routes(self) -> list[web.RouteDef]:
        """The paths of the documents."""
        return [web.get("/openapi.json", self.openapi), web.get("/asyncapi.json", self.asyncapi)]

    def openapi_document(self) -> dict[str, Any]:
        """Return the OpenAPI document of all paths."""
        return openapi.document(self._routes, installed_version())

    @described(NO_KEY, dict[str, Any])
    async def openapi(self, request: web.Request) -> web.Response:
        """Answer the OpenAPI document of all paths; no key is needed."""
        if "openapi" not in self._made:
            self._made["openapi"] = _encoded(self.openapi_document())
        return json_answer(self._made["openapi"])

    @described(NO_KEY, dict[str, Any])
    async def asyncapi(self, request: web.Request) -> web.Response:
        """Answer the AsyncAPI document of what goes over NATS; no key is needed."""
        if "asyncapi" not in self._made:
            self._made["asyncapi"] = _encoded(asyncapi.document(installed_version()))
        return json_answer(self._made["asyncapi"])


def installed_version() -> str:
    """Return the version that is installed, 0 where it runs from its source."""
    try:
        return metadata.version("orderwright")
    except metadata.PackageNotFoundError:
        return "0"


def _encoded(document: dict[str, Any]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(document))
