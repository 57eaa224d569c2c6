"""Reads what a request asks: strict JSON bodies, reasons, channels, times and counts of a query."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta

from schemas.contracts import refusals, strict_json
from schemas.contracts.refusals import Refused
from service.http import problems
from service.http.auth import ANY_CHANNEL, Principal
from service.http.problems import Problem

Shape = TypeVar("Shape")
Moment = Annotated[datetime, Meta(tz=True)]

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
IMPOSSIBLE = "not between 1970 and 2200; send a time in which orders can be."

USUAL_PAGE = 50
"""Rows on a page when the request states no limit."""


def read_body(raw: bytes, shape: type[Shape]) -> Shape:
    """Read a body strictly. Raises Problem: 400 for invalid JSON, 422 for another shape."""
    try:
        strict_json.check(raw)
        return msgspec.json.decode(raw, type=shape)
    except Refused as error:
        raise Problem(
            400, error.reason, "Body not understood", str(error), sentences=error.sentences
        ) from error
    except msgspec.ValidationError as error:
        raise unprocessable(refusals.SCHEMA_MISMATCH, f"The body is wrong: {error}.") from error


def reason_of(reason: str) -> str:
    """Return the reason. Raises Problem 422 for an empty one."""
    if not reason.strip():
        raise unprocessable("reason-missing", "Say in `reason` why you do this; it is audited.")
    return reason


def unprocessable(slug: str, detail: str) -> Problem:
    """The body is valid JSON, but what it asks makes no sense."""
    return Problem(422, slug, "Not understood", detail)


def channel_refused() -> Problem:
    """The API key does not serve the channel that the request names."""
    return Problem(403, "channel-refused", "Channel refused", "This API key does not serve it.")


def channels_of(asked: str, principal: Principal) -> tuple[str, ...] | None:
    """Return the channels to look at: the one asked for, else all that the key serves (None: every
    channel). Raises Problem 403."""
    if asked:
        if not principal.serves(asked):
            raise channel_refused()
        return (asked,)
    return None if ANY_CHANNEL in principal.channels else tuple(sorted(principal.channels))


def moment_of(name: str, text: str) -> datetime | None:
    """Return a time of the query, None for "". Raises Problem 400."""
    if not text:
        return None
    try:
        found = msgspec.convert(text.replace(" ", "+"), type=Moment)
        if is_possible(found):
            return found
        raise bad_query(f"{name} is {IMPOSSIBLE}")
    except msgspec.ValidationError as error:
        told = f"{name} is a time with its zone, such as 2026-11-27T09:30:00Z."
        raise bad_query(told) from error


def is_possible(moment: datetime) -> bool:
    """Whether a time with a zone lies in years that Python, Postgres and partners can all count
    with, in every zone."""
    return EARLIEST <= moment <= LATEST


def whole_of(name: str, text: str, most: int) -> int:
    """Return a whole number of the query, from 1 to `most`. Raises Problem 400."""
    if text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= most:
        return int(text)
    raise bad_query(f"{name} is a whole number from 1 to {most}.")


def flag_of(request: web.Request, name: str) -> bool | None:
    """Return a parameter of the query that is `true` or `false`, None when it is not given. Raises
    Problem 400."""
    text = request.query.get(name, "")
    if text not in {"", "true", "false"}:
        raise bad_query(f"{name} is true or false.")
    return None if not text else text == "true"


def limit_of(request: web.Request, most: int) -> int:
    """Return how many rows a page may have. Raises Problem 400."""
    return whole_of("limit", request.query.get("limit", str(USUAL_PAGE)), most)


def before_of(request: web.Request) -> int | None:
    """Return the id that a page begins below, None for the first page. Raises Problem 400."""
    text = request.query.get("cursor")
    return whole_of("cursor", text, 2**62) if text else None


def next_page(request: web.Request, cursor: str | None) -> dict[str, str | None]:
    """Return what every page says about the one after it: its cursor and its address."""
    following = str(request.rel_url.update_query(cursor=cursor)) if cursor else None
    return {"next_cursor": cursor, "next": following}


def bad_query(detail: str) -> Problem:
    """A parameter of the query is malformed."""
    return problems.bad_request("query", "Query not understood", detail)
