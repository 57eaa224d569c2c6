"""BigCommerce's REST API as a transport: token, the store's quota, and what its errors mean.

All apps of a store share its quota of calls (150 in 30 seconds on the smaller plans). Every answer
says how many are left and when the window ends; we stop before it is used up.
https://developer.bigcommerce.com/docs/start/best-practices/api-rate-limits
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from actors.runtime.errors import Retryable
from actors.runtime.partner import Call
from actors.runtime.ports import Clock
from adapters.channels.bigcommerce.settings import BigCommerceSettings
from adapters.kit.fitting import phrases
from adapters.kit.http_client import Answer, HttpClient
from adapters.kit.json_partner import JsonPartner

PARTNER = "BigCommerce"
LEFT_HEADER = "X-Rate-Limit-Requests-Left"
RESET_HEADER = "X-Rate-Limit-Time-Reset-Ms"
QUOTA_HEADER = "X-Rate-Limit-Requests-Quota"
MAX_WINDOW_SECONDS = 300.0
"""BigCommerce's windows have 30 seconds; one above this in a header is a mistake, not learned."""
PAGE = 250
"""Rows a page: the most that BigCommerce gives."""
MAX_PAGES = 20
"""Pages of one sub-resource: 5,000 lines, ten times what an order here may have."""


class Quota:
    """How many calls the store has left in this window, as its answers say. It never waits: it
    says when to come again. `keep` is the share of the quota left to others."""

    def __init__(self, clock: Clock, *, keep: float = 0.0) -> None:
        self._clock = clock
        self._keep = keep
        self._left: int | None = None
        self._quota = 0
        self._ends = 0.0

    def want(self, calls: int) -> None:
        """Count calls that are about to be made. Raises Retryable with the wait until the window
        ends when they would use up what is left, and counts none."""
        now = self._clock.monotonic()
        if now >= self._ends:
            self._left = None  # a new window, of which nothing is known yet
        if self._left is None:
            return
        if self._left - calls < self._keep * self._quota:
            raise Retryable(
                f"{PARTNER} lets this store make only {self._quota} calls in half a minute, and "
                "they are used up.",
                retry_after_seconds=self._ends - now,
                throttled=True,
            )
        self._left -= calls

    def learn(self, answer: Answer) -> None:
        """Take what an answer says of the window; what is counted already is not taken back."""
        left, quota = _number(answer, LEFT_HEADER), _number(answer, QUOTA_HEADER)
        wait = wait_of(answer)
        if answer.status == 429 and left is None:
            left = 0
        if left is None or wait is None or wait > MAX_WINDOW_SECONDS:
            return
        now = self._clock.monotonic()
        if self._left is None or now >= self._ends:
            self._left = left
        else:
            self._left = min(self._left, left)
        self._quota = quota or self._quota
        self._ends = now + wait


class _Error(msgspec.Struct, frozen=True):
    message: str = ""
    title: str = ""
    errors: dict[str, object] | list[object] = {}


_error = msgspec.json.Decoder(_Error)
_errors = msgspec.json.Decoder(list[_Error])


class BigCommerceApi:
    """The V2 and V3 API of one store; `name` is the instance's. `keep` is the share of its quota
    left to others."""

    def __init__(
        self,
        client: HttpClient,
        settings: BigCommerceSettings,
        *,
        name: str = "",
        keep: float = 0.0,
    ) -> None:
        self.clock = client.clock
        self.quota = Quota(client.clock, keep=keep)
        self._api = JsonPartner(
            client,
            name=name or "bigcommerce",
            title=PARTNER,
            base_url=f"{settings.api_base_url.rstrip('/')}/stores/{settings.store_hash}",
            timeout_seconds=settings.calls.timeout_seconds,
            headers={"X-Auth-Token": settings.access_token.reveal()},
            words=said,
            seen=self.quota.learn,
            wait_of=wait_of,
        )
        self.name = self._api.name

    async def ask(
        self,
        method: str,
        path: str,
        *,
        call: Call | None = None,
        query: Mapping[str, str] | None = None,
        body: object = None,
        counted: bool = False,
    ) -> Answer:
        """Return the answer: 2xx, or 404. Whatever isn't a GET writes. `counted`: the caller asked
        the quota for this call. Raises the errors of `actors.runtime.errors`."""
        if not counted:
            self.quota.want(1)
        where = f"{path}?{urlencode(query)}" if query else path
        answer = await self._api.ask(call, method, where, body=body)
        if answer.status >= 300 and answer.status != 404:
            raise self._api.refused("the request", answer)
        return answer


def wait_of(answer: Answer) -> float | None:
    """Return the seconds until the window of calls ends; None where an answer doesn't say."""
    found = _number(answer, RESET_HEADER)
    return None if found is None else found / 1_000


def said(answer: Answer) -> str:
    """Return what an answer's errors say, or its status. V2 sends a list, V3 an object."""
    try:
        found = (
            _errors.decode(answer.body) if answer.body[:1] == b"[" else [_error.decode(answer.body)]
        )
    except (msgspec.MsgspecError, UnicodeDecodeError):
        found = []
    told = [one.message or one.title for one in found if one.message or one.title]
    for one in found:
        if isinstance(one.errors, dict):
            told += [f"{name}: {why}" for name, why in one.errors.items()]
    return phrases(told) if told else f"HTTP {answer.status}"


def _number(answer: Answer, name: str) -> int | None:
    text = answer.headers.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
