"""What the API of the quarantine is asked: its bodies and queries, read strictly."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from schemas.contracts import refusals, strict_json
from schemas.contracts.refusals import Refused
from schemas.order.canonical import LongText, ShortText
from service.http import problems
from service.http.auth import ANY_CHANNEL, Principal
from service.http.problems import Problem
from service.wiring.quarantine import STATES

_ANY_STATE = "all"

Shape = TypeVar("Shape")
Moment = Annotated[datetime, Meta(tz=True)]


class Decision(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a release or a discard: why."""

    reason: LongText


class Edit(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a check (all may be left out: the item as it is) or a fix: the new bytes, as text
    or, when they are no UTF-8, as base64; and why, for a fix."""

    content: str | None = None
    content_base64: str | None = None
    reason: LongText = ""


class Matching(Struct, frozen=True, forbid_unknown_fields=True):
    """Which items to release; one condition at least. `reason` is a code."""

    group: ShortText | None = None
    channel: ShortText | None = None
    reason: ShortText | None = None
    since: Moment | None = None
    until: Moment | None = None


class BulkRelease(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a release of many. `preview` only says what would happen; `after` goes on where
    an earlier answer ended."""

    filter: Matching
    reason: LongText = ""
    preview: bool = False
    after: Annotated[int, Meta(ge=0, le=2**62)] = 0


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


def content_of(edit: Edit) -> bytes | None:
    """Return the bytes of an edit, None when there are none. Raises Problem 422."""
    if edit.content_base64 is None:
        return None if edit.content is None else edit.content.encode()
    try:
        return base64.b64decode(edit.content_base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise unprocessable("content-no-base64", "content_base64 is no base64.") from error


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


def state_of(text: str) -> str | None:
    """Return the asked state; None for `all`. Raises Problem 400."""
    if text in STATES or text == _ANY_STATE:
        return None if text == _ANY_STATE else text
    raise _bad_query(f"state is one of {', '.join(STATES)} and {_ANY_STATE}.")


def moment_of(name: str, text: str) -> datetime | None:
    """Return a time of the query. Raises Problem 400."""
    if not text:
        return None
    try:
        return msgspec.convert(text.replace(" ", "+"), type=Moment)
    except msgspec.ValidationError as error:
        told = f"{name} is a time with its zone, such as 2026-11-27T09:30:00Z."
        raise _bad_query(told) from error


def whole_of(name: str, text: str, most: int) -> int:
    """Return a whole number of the query, from 1 to `most`. Raises Problem 400."""
    if text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= most:
        return int(text)
    raise _bad_query(f"{name} is a whole number from 1 to {most}.")


def _bad_query(detail: str) -> Problem:
    return problems.bad_request("query", "Query not understood", detail)
