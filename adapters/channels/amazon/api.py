"""Amazon's Selling Partner API as a transport: token, token buckets, and what its errors mean.

Each operation has a bucket of its own that refills slowly. We keep a bucket like it, so that a call
that would be refused is not made; the header `x-amzn-RateLimit-Limit` corrects our rate.
https://developer-docs.amazon.com/sp-api/docs/usage-plans-and-rate-limits
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec
from yarl import URL

from actors.runtime.errors import Retryable
from actors.runtime.partner import Call
from actors.runtime.ports import Clock
from adapters.channels.amazon.settings import AmazonSettings
from adapters.kit.fitting import phrases
from adapters.kit.http_client import USER_AGENT, Answer, HttpClient, Request, lost
from adapters.kit.json_partner import JsonPartner
from adapters.kit.oauth import ClientCredentials, TokenCache

PARTNER = "Amazon"
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
UPDATE_STATUS = Plan(5.0, 15)
NOTIFICATIONS = Plan(1.0, 5)
CREATE_DOCUMENT = Plan(0.5, 15)
CREATE_FEED = Plan(0.0083, 15)
GET_FEED = Plan(2.0, 15)
GET_DOCUMENT = Plan(0.0222, 10)


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


class _Error(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""


class _Errors(msgspec.Struct, frozen=True):
    errors: list[_Error] = []


_errors = msgspec.json.Decoder(_Errors)


class AmazonApi:
    """The API for one seller; `name` is the instance's. With `grantless`, for the application
    itself: its destinations."""

    def __init__(
        self,
        client: HttpClient,
        settings: AmazonSettings,
        *,
        name: str = "",
        grantless: bool = False,
    ) -> None:
        self.name = name or "amazon"
        self.clock = client.clock
        self._client = client
        self._settings = settings
        credentials = ClientCredentials(
            token_url=settings.token_url,
            client_id=settings.client_id,
            client_secret=settings.client_secret.reveal(),
            scope=NOTIFICATIONS_SCOPE if grantless else "",
            refresh_token="" if grantless else settings.refresh_token.reveal(),
            token_header=ACCESS_HEADER,
            refusals=(401, 403),
        )
        self._tokens = TokenCache(client, credentials, PARTNER)
        self._operations: dict[str, tuple[Bucket, JsonPartner]] = {}

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
        bucket, api = self._operations.get(operation) or self._begin(operation, plan)
        bucket.take()
        where = f"{path}?{urlencode(query)}" if query else path
        answer = await api.ask(call, method, where, writes=writes, body=body)
        if answer.status >= 400 and answer.status != 404:
            raise api.refused("the request", answer)
        return answer

    async def upload(self, url: str, content: bytes, content_type: str) -> None:
        """Put a feed's document where Amazon wants it, which has no effect by itself."""
        await self._exchange("PUT", url, {"Content-Type": content_type}, content)

    async def download(self, url: str) -> bytes:
        """Return a feed's report."""
        return (await self._exchange("GET", url, {}, None)).body

    async def close(self) -> None:
        """Stop a fetch of a token that is under way."""
        await self._tokens.close()

    def _begin(self, operation: str, plan: Plan) -> tuple[Bucket, JsonPartner]:
        bucket = Bucket(plan, self.clock)
        api = JsonPartner(
            self._client,
            name=self.name,
            title=PARTNER,
            base_url=self._settings.base_url,
            timeout_seconds=self._settings.calls.timeout_seconds,
            sender=self._tokens,
            words=said,
            seen=bucket.learn,
        )
        self._operations[operation] = bucket, api
        return bucket, api

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send a request to an address that holds its own permission, without our token."""
        request = Request(
            method=method,
            url=URL(url, encoded=True),
            partner=PARTNER,
            timeout_seconds=self._settings.calls.timeout_seconds,
            writes=False,
            headers={"User-Agent": USER_AGENT, **headers},
            body=body,
        )
        answer = await self._client.exchange(request)
        if answer.status >= 400:
            raise lost(PARTNER, f"answered HTTP {answer.status} to a document", writes=False)
        return answer


def said(answer: Answer) -> str:
    """Return what an answer's errors say, or its status."""
    try:
        found = [one.message or one.code for one in _errors.decode(answer.body).errors]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        found = []
    return phrases(found) if any(found) else f"HTTP {answer.status}"
