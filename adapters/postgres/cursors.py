"""Where a page of a list of orders ends, as a text that a client gives back for the next."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta

import msgspec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CursorRefused(ValueError):
    """A cursor that no page of this list gave out."""


def cursor_after(placed_at: datetime, order_id: str) -> str:
    """Return the cursor of what follows an order in the list."""
    microseconds = (placed_at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(msgspec.json.encode((microseconds, order_id))).decode()


def position_of(cursor: str) -> tuple[datetime, str]:
    """Return the order that a cursor stands after. Raises CursorRefused."""
    try:
        raw = base64.b64decode(cursor[:256], altchars=b"-_", validate=True)
        microseconds, order_id = msgspec.json.decode(raw, type=tuple[int, str])
        # NUL and lone surrogates are what Postgres can't compare with.
        plain = order_id.replace("\x00", "�").encode("utf-8", "replace").decode()
        return _EPOCH + timedelta(microseconds=microseconds), plain
    except (binascii.Error, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise CursorRefused(
            "The cursor is not one this list gave out; start again without one."
        ) from error
