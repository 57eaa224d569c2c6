"""Health and metrics of all workers of this machine, whichever of them is asked: they share a port,
and no one can choose who answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import aiohttp
from aiohttp import web

from service.app.health import Check, Health, Readiness
from service.http.described import NO_KEY, described

ASK_SECONDS = 2.0
"""A worker that does not answer within this counts as down."""

MOST_BYTES = 16 * 1024 * 1024
"""Of one worker's metrics page; an ordinary one has some 200 kB."""

UP = "orderwright_worker_up"


class Together(Health):
    """As `Health`, for worker `number` of `count`. `siblings` returns the ports on which each
    worker answers for itself. Ready is who is asked and can work; `?verbose` names every worker."""

    def __init__(
        self,
        readiness: Readiness,
        checks: Mapping[str, Check],
        *,
        render_metrics: Callable[[], bytes],
        metrics_content_type: str,
        number: int,
        count: int,
        siblings: Callable[[], Mapping[int, int]],
    ) -> None:
        super().__init__(
            readiness,
            checks,
            render_metrics=render_metrics,
            metrics_content_type=metrics_content_type,
        )
        self._number = number
        self._count = count
        self._siblings = siblings

    @described(NO_KEY, str, media="text/plain")
    async def metrics(self, request: web.Request) -> web.Response:
        """Return the metrics of all workers, each with its number as the label `worker`."""
        others = [number for number in range(self._count) if number != self._number]
        async with aiohttp.ClientSession() as session:
            found = await asyncio.gather(*[self._ask(session, n, "/metrics") for n in others])
        pages = {self._number: self._render()}
        pages.update((n, page) for n, page in zip(others, found, strict=True) if page is not None)
        body = merged(pages, self._count)
        return web.Response(body=body, headers=self._metrics_headers)

    async def also(self) -> dict[str, str]:
        """Say of each other worker why it is not ready."""
        others = [number for number in range(self._count) if number != self._number]
        async with aiohttp.ClientSession() as session:
            found = await asyncio.gather(*[self._ask(session, n, "/readyz") for n in others])
        return {
            f"worker-{number}": "" if answer is not None else "It is not ready, or does not answer."
            for number, answer in zip(others, found, strict=True)
        }

    async def _ask(self, session: aiohttp.ClientSession, number: int, path: str) -> bytes | None:
        """Return what a worker answers; None when it does not, or with an error."""
        port = self._siblings().get(number)
        if port is None:
            return None
        try:
            async with (
                asyncio.timeout(ASK_SECONDS),
                session.get(f"http://127.0.0.1:{port}{path}") as answer,
            ):
                if answer.status >= 300:
                    return None
                return await answer.content.read(MOST_BYTES)
        except (TimeoutError, aiohttp.ClientError, OSError):
            return None


def merged(pages: Mapping[int, bytes], count: int) -> bytes:
    """Return one page of the samples of all, each with its worker's number, a family's together.
    What its `# HELP` and `# TYPE` say is taken from the first that has it."""
    families: dict[str, tuple[list[str], list[str]]] = {}
    for number, page in sorted(pages.items()):
        samples: list[str] = []
        for line in page.decode().splitlines():
            if line.startswith("# "):
                _, what, name, *_ = line.split(" ", 3)
                heads, samples = families.setdefault(name, ([], []))
                if not any(head.startswith(f"# {what} ") for head in heads):
                    heads.append(line)
            elif line:
                samples.append(labelled(line, number))
    lines = [line for heads, samples in families.values() for line in (*heads, *samples)]
    lines += [f"# HELP {UP} Whether a worker of this machine answers.", f"# TYPE {UP} gauge"]
    lines += [f'{UP}{{worker="{number}"}} {int(number in pages)}' for number in range(count)]
    return ("\n".join(lines) + "\n").encode()


def labelled(sample: str, number: int) -> str:
    """Return a line of a metrics page with the worker's number as its first label."""
    name, brace, rest = sample.partition("{")
    if brace and " " not in name:
        return f'{name}{{worker="{number}",{rest}'
    name, _, value = sample.partition(" ")
    return f'{name}{{worker="{number}"}} {value}'
