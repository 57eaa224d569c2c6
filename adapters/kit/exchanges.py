"""What we and a partner said to each other, call by call, for the order's timeline.

An exchange never decides anything: recording one may be skipped, and must not delay or fail a call.
Header fields are not recorded, because credentials travel in them.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from msgspec import Meta, Struct

from schemas.order.ids import OrderId
from schemas.order.things import Key

if TYPE_CHECKING:  # settings hold the policy, and every command reads them
    from yarl import URL

MAX_BODY_BYTES = 8 * 1024
"""Of a request's or answer's body, after redaction: orders of a dozen lines are whole."""

MAX_READ_BYTES = 64 * 1024
"""What redaction reads of a body: a label's image before the rest must not hide all of it."""

MAX_ERROR_CHARACTERS = 500
"""Our own sentences are shorter; a partner's words in them are cut at as much."""

_SECRET_WORDS = (
    *("access_token", "refresh_token", "client_secret", "client_id", "token", "secret"),
    *("password", "api_key", "apikey", "authorization", "signature", "label_url"),
)
_SECRET = "|".join(_SECRET_WORDS)
_SECRETS = re.compile(rb'("(?:%b)"\s*:\s*)"(?:[^"\\]|\\.)*"?' % _SECRET.encode(), re.IGNORECASE)
_SECRET_NAMES = re.compile(_SECRET, re.IGNORECASE)
_NAMES = frozenset(word.encode() for word in _SECRET_WORDS)

MIN_IMAGE_BYTES = 256
"""A longer text in base64 is a document; a signature or token is shorter."""

_IMAGES = re.compile(rb'"([A-Za-z0-9+/=\\]{%d,})"?' % MIN_IMAGE_BYTES)


class Exchange(Struct, frozen=True, kw_only=True):
    """One request and its answer. `partner` is the instance's name; `status` is 0 when no answer
    came, and `error` then says why. Bodies are redacted, and cut at MAX_BODY_BYTES."""

    order_id: OrderId
    key: Key
    effect: int
    partner: str
    method: str
    url: str
    at: datetime
    duration_ms: int
    status: int = 0
    error: str = ""
    request: bytes = b""
    response: bytes = b""


class ExchangePolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which exchanges are kept, how many, and for how long."""

    keep: Annotated[
        Literal["all", "failed", "none"],
        Meta(description="Which exchanges with partners are kept for the order's timeline."),
    ] = "all"
    sample: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="With `all`, the share of orders whose successful exchanges are kept; "
            "failed ones always are.",
        ),
    ] = 1.0
    per_order: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000,
            description="Exchanges kept of one order, the latest; up to 50 more between two looks.",
        ),
    ] = 200
    days: Annotated[
        int, Meta(ge=1, le=400, description="Days after which an exchange is deleted.")
    ] = 30

    def wants(self, order_id: OrderId, status: int) -> bool:
        """Say whether an exchange is kept. Sampling goes by order, so that what is kept is a whole
        story."""
        if self.keep == "none":
            return False
        if status == 0 or status >= 400:
            return True
        return self.keep == "all" and _drawn(order_id) < self.sample


class Exchanges(Protocol):
    """Where exchanges are kept."""

    def wants(self, order_id: OrderId, status: int) -> bool:
        """Say whether an exchange of this order with this status is kept; asked before anything is
        redacted."""
        ...

    def record(self, exchange: Exchange) -> None:
        """Keep an exchange, or drop it where there is no room. Returns at once, raises nothing."""
        ...


def redacted(body: bytes | None, limit: int = MAX_BODY_BYTES) -> bytes:
    """Return a body without secrets and images, at most `limit` bytes long."""
    if not body:
        return b""
    told = body if len(body) <= MAX_READ_BYTES else body[:MAX_READ_BYTES]
    if _may_have_image(told):
        told = _IMAGES.sub(_measured, told)
    # What is between quotes: a third of the pattern's price.
    if not _NAMES.isdisjoint(told.lower().split(b'"')):
        told = _SECRETS.sub(rb'\1"(redacted)"', told)
    if len(told) <= limit and len(body) <= MAX_READ_BYTES:
        return told
    end = f" (cut; {len(body):,} bytes)".encode()
    return told[: limit - len(end)] + end


def shown_url(url: URL) -> str:
    """Return an address without credentials: no user, and secret query values masked."""
    if not url.raw_query_string and "@" not in url.raw_authority:  # as nearly all are
        return str(url)
    query = [
        (name, "(redacted)" if _SECRET_NAMES.search(name) else value)
        for name, value in url.query.items()
    ]
    return url.with_user(None).with_query(query).human_repr() if query else str(url.with_user(None))


def _drawn(order_id: OrderId) -> float:
    """A number from 0 to below 1 that belongs to the order: its id is a hash."""
    digits = order_id[-4:]
    return int(digits, 36) / 36 ** len(digits) if digits else 0.0


def _may_have_image(told: bytes) -> bool:
    """Say whether some text is long enough: then no quote is in one half of its length, wherever
    it begins."""
    half = MIN_IMAGE_BYTES // 2
    find = told.find
    for at in range(0, len(told) - half + 1, half):  # noqa: SIM110 - a generator costs more
        if find(b'"', at, at + half) < 0:
            return True
    return False


def _measured(found: re.Match[bytes]) -> bytes:
    return b'"(%s characters)"' % f"{len(found[1]):,}".encode()
