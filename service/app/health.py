"""Liveness, readiness and metrics of the process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from aiohttp import web

from service.http.described import NO_KEY, Answered, described, object_of

_CHECK_SECONDS = 2.0
# Probes arrive about every second from several places; the servers behind need no more than this.
_REMEMBERED_SECONDS = 1.0

Check = Callable[[], Awaitable[str]]
"""Returns "" when healthy, else a sentence that says what is wrong."""


class Readiness:
    """Whether work may be sent here. `stop` turns it off permanently, after SIGTERM."""

    def __init__(self) -> None:
        self.started = False
        self.stopping = False

    def start(self) -> None:
        """Everything is up."""
        self.started = True

    def stop(self) -> None:
        """The process is about to end; load balancers should send no more work."""
        self.stopping = True

    def reason(self) -> str:
        """Return "" when ready, else why not."""
        if self.stopping:
            return "The process is stopping."
        return "" if self.started else "The process is starting."


READY = object_of("Ready", ready=bool, checks=dict[str, dict[str, bool | str]])


class Health:
    """`/livez`, `/readyz` (with `?verbose` each check by name) and `/metrics`."""

    def __init__(
        self,
        readiness: Readiness,
        checks: Mapping[str, Check],
        *,
        render_metrics: Callable[[], bytes],
        metrics_content_type: str,
    ) -> None:
        self._readiness = readiness
        self._checks = dict(checks)
        self._render = render_metrics
        # aiohttp wants the charset separately; a raw header keeps it in one piece.
        self._metrics_headers = {"Content-Type": metrics_content_type}
        self._found: dict[str, str] = {}
        self._found_at = float("-inf")
        self._looking = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """The paths of health."""
        return [
            web.get("/livez", self.livez),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
        ]

    @described(NO_KEY, str, media="text/plain")
    async def livez(self, request: web.Request) -> web.Response:
        """Answer as long as the event loop runs."""
        return web.Response(text="ok\n")

    @described(
        NO_KEY,
        str,
        media="text/plain",
        query={"verbose": str},
        also=(
            Answered(shape=str, status=503, media="text/plain"),
            Answered(shape=READY),
            Answered(shape=READY, status=503),
        ),
    )
    async def readyz(self, request: web.Request) -> web.Response:
        """Answer 200 when every check passes and the process is neither starting nor stopping, else
        503."""
        found = {"process": self._readiness.reason(), **await self._look()}
        ready = not any(found.values())
        status = 200 if ready else 503
        if "verbose" not in request.query:
            return web.Response(status=status, text="ok\n" if ready else "not ready\n")
        found.update(await self.also())
        body = {
            "ready": ready,
            "checks": {
                name: {"ok": not why, **({"why": why} if why else {})}
                for name, why in found.items()
            },
        }
        return web.Response(
            status=status, body=msgspec.json.encode(body), content_type="application/json"
        )

    @described(NO_KEY, str, media="text/plain")
    async def metrics(self, request: web.Request) -> web.Response:
        """Return the metrics for Prometheus."""
        return web.Response(body=self._render(), headers=self._metrics_headers)

    async def also(self) -> dict[str, str]:
        """Return further findings, by name, that say nothing of whether this process is ready."""
        return {}

    async def _look(self) -> dict[str, str]:
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if now - self._found_at > _REMEMBERED_SECONDS:
                answers = await asyncio.gather(*map(_ask, self._checks.values()))
                self._found = dict(zip(self._checks, answers, strict=True))
                self._found_at = asyncio.get_running_loop().time()
            return self._found


async def _ask(check: Check) -> str:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return await check()
    except TimeoutError:
        return f"No answer within {_CHECK_SECONDS:g} seconds."
    except Exception as error:  # noqa: BLE001 — any error is the result of the check
        return f"The check failed: {type(error).__name__}: {error}"
