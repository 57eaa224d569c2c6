"""Problem details (RFC 9457): every refusal over HTTP says in plain words how to correct it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
from aiohttp import web

from actors.runtime.errors import JournalUnavailable, StreamUnavailable, TooLargeForStream

CONTENT_TYPE = "application/problem+json"

PLAIN = {"X-Content-Type-Options": "nosniff"}
"""With JSON that repeats what others sent: no browser may take it for a page."""

_JOURNAL_RETRY_SECONDS = 2

_log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Problem(Exception):
    """A refusal. `slug` names its type for programs, `detail` is one or more whole sentences.

    `sentences` lists several faults one by one; `close` ends the connection after the answer;
    `members` are further members of the body that a program may read.
    """

    def __init__(
        self,
        status: int,
        slug: str,
        title: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        sentences: Sequence[str] = (),
        close: bool = False,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.title = title
        self.detail = detail
        self.headers = headers or {}
        self.sentences = sentences
        self.close = close
        self.members = members or {}


def answer(problem: Problem, instance: str) -> web.Response:
    """Return a problem as a response; `instance` is the path of the request as it came."""
    body: dict[str, object] = {
        "type": f"urn:orderwright:problem:{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance[:200],
        **problem.members,
    }
    if problem.sentences:
        body["errors"] = list(problem.sentences)
    response = web.Response(
        status=problem.status,
        body=msgspec.json.encode(body),
        content_type=CONTENT_TYPE,
        headers={**PLAIN, **problem.headers},
    )
    if problem.close:
        response.force_close()
    return response


def of(error: Exception) -> Problem:
    """Return the problem for any error that a handler raises; unexpected ones are logged with their
    traceback."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, StreamUnavailable):
        return busy(str(error), error.retry_after_seconds)
    if isinstance(error, JournalUnavailable):
        return busy("The database does not answer.", _JOURNAL_RETRY_SECONDS)
    if isinstance(error, TooLargeForStream):
        return too_large(str(error))
    if isinstance(error, web.HTTPException):
        return _of_http(error)
    _log.error("A request failed with an unexpected error.", exc_info=error)
    return Problem(
        500,
        "unexpected",
        "Unexpected error",
        "An unexpected error occurred. It was logged; please try again.",
    )


def busy(detail: str, retry_after_seconds: int) -> Problem:
    """The request was not processed; the sender should repeat it after that time."""
    return Problem(
        503,
        "unavailable",
        "Temporarily unavailable",
        f"{detail} Send it again in {retry_after_seconds} seconds; a repeat does no harm.",
        headers={"Retry-After": str(retry_after_seconds)},
    )


def too_large(detail: str) -> Problem:
    """The body exceeds the limit; repeating the request won't help."""
    return Problem(413, "too-large", "Body too large", detail, close=True)


def not_found(detail: str) -> Problem:
    """Nothing is at this address, or nothing that the principal may see."""
    return Problem(404, "not-found", "Not found", detail)


def bad_request(slug: str, title: str, detail: str) -> Problem:
    """The request itself is malformed."""
    return Problem(400, slug, title, detail)


def _of_http(error: web.HTTPException) -> Problem:
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
    details = {
        404: "Nothing is at this address; the documentation lists the paths.",
        405: "This address does not support that method; the header Allow lists those it does.",
    }
    detail = details.get(error.status, f"The request was refused: {error.reason}.")
    slug = error.reason.lower().replace(" ", "-")
    return Problem(error.status, slug, error.reason, detail, headers=headers)


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error of the handlers with problem details."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return answer(of(error), request.rel_url.raw_path)
    except Exception as error:  # noqa: BLE001 — of() words each error and logs unexpected ones
        return answer(of(error), request.rel_url.raw_path)
