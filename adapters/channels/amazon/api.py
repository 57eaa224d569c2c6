"""Amazon's Selling Partner API as a transport: token, token buckets, and what its errors mean.

Each operation has a bucket of its own that refills slowly. We keep a bucket like it, so that a call
that would be refused is not made; the header `x-amzn-RateLimit-Limit` corrects our rate.
https://developer-docs.amazon.com/sp-api/docs/usage-plans-and-rate-limits
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from yarl import URL

from actors.runtime.errors import Rejected, Retryable
from actors.runtime.ports import Call, Clock
from adapters.kit.fitting import phrases
from adapters.kit.http_client import USER_AGENT, Answer, HttpClient, traced
from adapters.kit.oauth import ClientCredentials, TokenCache

PARTNER = "Amazon"
LWA_URL = "https://api.amazon.com/auth/o2/token"
ACCESS_HEADER = "x-amz-access-token"
RATE_HEADER = "x-amzn-RateLimit-Limit"
NOTIFICATIONS_SCOPE = "sellingpartnerapi::notifications"
MAX_RATE_PER_SECOND = 1_000.0
"""A rate above this in the header is a mistake, and is not learned."""


class Plan(msgspec.Struct, frozen=True):
    """An operation's usage plan: calls a second, and how many may be made at once."""

    rate_per_second: float
    burst: int


GET_ORDER = Plan(0.5, 30)
SEARCH_ORDERS = Plan(0.0056, 20)
CONFIRM_SHIPMENT = Plan(2.0, 10)
NOTIFICATIONS = Plan(1.0, 5)


class Bucket:
    """A token bucket that never waits: it says when to come again, to each caller another moment,
    so that a thousand who wait ask twice each and not every second."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self._rate, self._burst = plan.rate_per_second, float(plan.burst)
        self._clock = clock
        self._tokens = self._burst
        self._at = clock.monotonic()
        self._promised = self._at

    def take(self) -> None:
        """Take a token. Raises Retryable with the wait until there is one that no one before has
        been promised; other operations go on meanwhile."""
        self._refill()
        if self._tokens < 1:
            soonest = self._at + (1 - self._tokens) / self._rate
            self._promised = max(soonest, self._promised + 1 / self._rate)
            raise Retryable(
                f"{PARTNER} lets us ask this only {self._rate:g} times a second.",
                retry_after_seconds=self._promised - self._at,
                throttled=True,
                alone=True,
            )
        self._tokens -= 1

    def learn(self, answer: Answer) -> None:
        """Take the rate that an answer names, and the emptiness that a 429 proves."""
        self._refill()
        try:
            rate = float(answer.headers.get(RATE_HEADER, ""))
        except ValueError:
            rate = 0.0
        if 0 < rate <= MAX_RATE_PER_SECOND and rate != self._rate:
            self._rate, self._promised = rate, self._at
        if answer.status == 429:
            self._tokens = 0.0

    def _refill(self) -> None:
        now = self._clock.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now


class AmazonAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One seller's authorisation of our application. `base_url` is that of the region, such as
    https://sellingpartnerapi-eu.amazon.com."""

    base_url: str
    client_id: str
    client_secret: str
    refresh_token: str
    token_url: str = LWA_URL
    timeout_seconds: float = 15.0

    def __repr__(self) -> str:
        """Keep the secrets out of logs and tracebacks."""
        return f"AmazonAccount(base_url={self.base_url!r}, client_id={self.client_id!r})"


class _Error(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""


class _Errors(msgspec.Struct, frozen=True):
    errors: list[_Error] = []


_encode = msgspec.json.Encoder().encode
_errors = msgspec.json.Decoder(_Errors)


class AmazonApi:
    """The API for one seller. With `grantless`, for the application itself: its destinations."""

    def __init__(
        self, client: HttpClient, account: AmazonAccount, *, grantless: bool = False
    ) -> None:
        self._base = account.base_url.rstrip("/")
        self._timeout_seconds = account.timeout_seconds
        self._clock = client.clock
        self._buckets: dict[str, Bucket] = {}
        credentials = ClientCredentials(
            token_url=account.token_url,
            client_id=account.client_id,
            client_secret=account.client_secret,
            scope=NOTIFICATIONS_SCOPE if grantless else "",
            refresh_token="" if grantless else account.refresh_token,
            token_header=ACCESS_HEADER,
        )
        self._tokens = TokenCache(client, credentials, PARTNER)

    async def ask(
        self,
        operation: str,
        plan: Plan,
        method: str,
        path: str,
        *,
        call: Call | None = None,
        query: Mapping[str, str] | None = None,
        body: object = None,
        writes: bool = False,
    ) -> Answer:
        """Return the answer of an operation: 2xx, or 404. Raises the errors of
        `actors.runtime.errors`."""
        bucket = self._buckets.get(operation)
        if bucket is None:
            bucket = self._buckets[operation] = Bucket(plan, self._clock)
        bucket.take()
        headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = _encode(body)
        answer = await self._tokens.exchange(
            method,
            URL(self._base + path).with_query(query or {}),
            headers=headers if call is None else traced(headers, call),
            timeout_seconds=self._timeout_seconds,
            writes=writes,
            body=content,
            seen=bucket.learn,
        )
        if answer.status >= 400 and answer.status != 404:
            raise Rejected(f"{PARTNER} refused the request: {said(answer)}.")
        return answer

    async def close(self) -> None:
        """Stop a fetch of a token that is under way."""
        await self._tokens.close()


def said(answer: Answer) -> str:
    """Return what an answer's errors say, or its status."""
    try:
        found = [one.message or one.code for one in _errors.decode(answer.body).errors]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        found = []
    return phrases(found) if any(found) else f"HTTP {answer.status}"
