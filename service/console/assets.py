"""`/assets/…`: the console's own style and script, and what of others it ships. Nothing is fetched
from anywhere else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).with_name("assets")

TYPES: Mapping[str, str] = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
"""What is served; other files in the folder are for people who read it."""


class Assets:
    """Serves the folder from memory: some 60 kB."""

    def __init__(self) -> None:
        self._files = {
            path.name: (path.read_bytes(), TYPES[path.suffix])
            for path in sorted(FOLDER.iterdir())
            if path.suffix in TYPES
        }
        self._tags = {
            name: f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            for name, (body, _) in self._files.items()
        }

    def routes(self) -> list[web.RouteDef]:
        """The files' path."""
        return [web.get("/assets/{name}", self.file)]

    async def file(self, request: web.Request) -> web.Response:
        """Answer a file; no one needs to be signed in for it."""
        name = request.match_info["name"]
        if name not in self._files:
            raise web.HTTPNotFound
        body, kind = self._files[name]
        headers = {
            "ETag": self._tags[name],
            "Cache-Control": "no-cache",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        if self._tags[name] in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)
