"""Signed links by which a warehouse gets the labels of one fulfilment.

The path of a link is `/labels/<token>`: key id, order id, fulfilment key, expiry (Unix seconds) and
an HMAC. Whoever has the link may read these labels until it expires, and nothing else.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from schemas.order.ids import ORDER_ID_LENGTH, OrderId
from schemas.order.things import FULFILMENT, Key, is_key, kind_of

PATH = "/labels/"
VALID_FOR = timedelta(days=30)
"""Labels are printed within days; a parcel that waits for longer gets a new task."""

MAX_TOKEN = 200
"""Of characters; a token has about 65."""

_MAC_BYTES = 18


class LinkRefused(ValueError):
    """A link that is malformed, altered, or signed with an unknown key: answer 404."""


class LinkExpired(LinkRefused):
    """A link of ours whose time is over: answer 403."""


class LabelLink(Struct, frozen=True, kw_only=True):
    """What a link names."""

    order_id: OrderId
    fulfilment: Key


def label_token(
    order_id: OrderId, fulfilment: Key, *, key_id: str, key: bytes, now: datetime
) -> str:
    """Return the token of a link that is valid for VALID_FOR from `now` on."""
    expires = int((now + VALID_FOR).timestamp())
    named = f"{key_id}.{order_id}.{fulfilment}.{expires}"
    return f"{named}.{_mac(named, key)}"


def verify_label_token(token: str, keys: Mapping[str, bytes], now: datetime) -> LabelLink:
    """Return what a token names. Raises LinkExpired, and LinkRefused otherwise."""
    parts = token.split(".") if len(token) <= MAX_TOKEN and token.isascii() else []
    if len(parts) != 5:
        raise LinkRefused("The link is malformed.")
    key_id, order_id, fulfilment, expires, mac = parts
    key = keys.get(key_id)
    named = token[: -len(mac) - 1]
    if key is None or not hmac.compare_digest(_mac(named, key), mac):
        raise LinkRefused("The link's signature does not match.")
    known = is_key(fulfilment) and kind_of(Key(fulfilment)) == FULFILMENT
    if not known or len(order_id) != ORDER_ID_LENGTH or not expires.isdigit():
        raise LinkRefused("The link does not name a fulfilment.")
    if int(expires) <= now.timestamp():
        raise LinkExpired("The link has expired.")
    return LabelLink(order_id=OrderId(order_id), fulfilment=Key(fulfilment))


def _mac(named: str, key: bytes) -> str:
    digest = hmac.digest(key, f"orderwright label link 1:{named}".encode(), "sha256")
    return urlsafe_b64encode(digest[:_MAC_BYTES]).decode()
