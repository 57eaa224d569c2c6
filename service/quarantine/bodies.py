"""Request bodies of the quarantine API."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from msgspec import Meta, Struct

from adapters.postgres.quarantine_workflow import STATES
from schemas.order.canonical import LongText, ShortText
from service.http.requests import (
    IMPOSSIBLE,
    Moment,
    bad_query,
    is_possible,
    unprocessable,
)

ANY_STATE = "all"


class Decision(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a release or a discard."""

    reason: LongText


class Edit(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a check or a fix: the edited bytes, as text, or as base64 when they are not
    UTF-8. A check may leave out everything; it then checks the item as it is. A fix needs a
    reason."""

    content: str | None = None
    content_base64: str | None = None
    reason: LongText = ""


class Matching(Struct, frozen=True, forbid_unknown_fields=True):
    """Which items to release; at least one condition. `reason` is a refusal code."""

    group: ShortText | None = None
    channel: ShortText | None = None
    reason: ShortText | None = None
    since: Moment | None = None
    until: Moment | None = None

    def __post_init__(self) -> None:
        if not all(is_possible(one) for one in (self.since, self.until) if one is not None):
            raise ValueError(f"a time is {IMPOSSIBLE}")


class BulkRelease(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a bulk release. `preview` changes nothing; `after` continues where an earlier
    answer ended."""

    filter: Matching
    reason: LongText = ""
    preview: bool = False
    after: Annotated[int, Meta(ge=0, le=2**62)] = 0


def content_of(edit: Edit) -> bytes | None:
    """Return the edited bytes, None when there are none. Raises Problem 422."""
    if edit.content_base64 is None:
        return None if edit.content is None else edit.content.encode()
    try:
        return base64.b64decode(edit.content_base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise unprocessable("content-no-base64", "content_base64 is not valid base64.") from error


def state_of(text: str) -> str | None:
    """Return the requested state; None for `all`. Raises Problem 400."""
    if text in STATES or text == ANY_STATE:
        return None if text == ANY_STATE else text
    raise bad_query(f"state is one of {', '.join(STATES)} and {ANY_STATE}.")
