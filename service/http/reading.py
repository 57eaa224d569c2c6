"""What a request says, read strictly: its body, its reason, and the usual parts of a query."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from schemas.contracts import refusals, strict_json
from schemas.contracts.refusals import Refused
from service.http import problems
from service.http.auth import ANY_CHANNEL, Principal
from service.http.problems import Problem

Shape = TypeVar("Shape")
Moment = Annotated[datetime, Meta(tz=True)]


def read_body(raw: bytes, shape: type[Shape]) -> Shape:
    """Read a body strictly. Raises Problem: 400 for no JSON, 422 for another shape."""
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
    """The body was read, and can't be meant."""
    return Problem(422, slug, "Not understood", detail)


def channels_of(asked: str, principal: Principal) -> tuple[str, ...] | None:
    """Return the channels to look at: the asked one, else all the caller's (None: every one).
    Raises Problem 403."""
    if asked:
        if not principal.serves(asked):
            raise Problem(
                403, "channel-refused", "Channel refused", "This API key does not serve it."
            )
        return (asked,)
    return None if ANY_CHANNEL in principal.channels else tuple(sorted(principal.channels))


def moment_of(name: str, text: str) -> datetime | None:
    """Return a time of the query. Raises Problem 400."""
    if not text:
        return None
    try:
        return msgspec.convert(text.replace(" ", "+"), type=Moment)
    except msgspec.ValidationError as error:
        told = f"{name} is a time with its zone, such as 2026-11-27T09:30:00Z."
        raise bad_query(told) from error


def whole_of(name: str, text: str, most: int) -> int:
    """Return a whole number of the query, from 1 to `most`. Raises Problem 400."""
    if text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= most:
        return int(text)
    raise bad_query(f"{name} is a whole number from 1 to {most}.")


def bad_query(detail: str) -> Problem:
    """The query was read, and can't be meant."""
    return problems.bad_request("query", "Query not understood", detail)
