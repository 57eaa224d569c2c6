"""The one HTTP client of all adapters: thin, bounded, and honest about what a failure tells.

What was lost before a request left us is Retryable. What was lost afterwards is Unknown when the
request writes, because the partner may have acted (`ops/decisions/0005-unknown-is-not-failed.md`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isnan
from typing import Protocol, TypeVar

import aiohttp
import msgspec
from yarl import URL

from actors.runtime.deadlines import Deadlines
from actors.runtime.errors import Rejected, Retryable, Unauthorised, Unknown
from actors.runtime.partner import Call
from actors.runtime.ports import Clock
from adapters.kit import direct_http
from adapters.kit.direct_http import DirectHttp
from adapters.kit.exchanges import Exchanges
from adapters.kit.unreachable import words_of
from schemas.contracts.strict_json import without_nulls

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""A label of several parcels is the largest thing a partner sends: some hundred kilobytes."""

MAX_RETRY_AFTER_SECONDS = 3600.0
"""A partner's wish counts up to an hour; a typing mistake of theirs must not park us for days."""

USER_AGENT = "orderwright"

T = TypeVar("T")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `partner` is what error messages call the partner. `writes`: the partner may act
    on it, so that a lost answer is Unknown. `timeout_seconds` bounds everything from connecting to
    the answer's last byte, to about a tenth of a second. `before` is called right before a request
    leaves that writes; what it raises is raised, and the request has not left."""

    method: str
    url: URL
    partner: str
    timeout_seconds: float
    writes: bool
    headers: Mapping[str, str]
    body: bytes | None = None
    before: Callable[[], None] | None = None


class Answer(msgspec.Struct, frozen=True):
    """A whole answer. `headers` finds names in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_json(self) -> bool:
        """Say whether the partner's own software wrote it; a gateway's page is HTML."""
        return "json" in self.headers.get("Content-Type", "")


def open_session(
    *, connections_per_host: int = 1_000, connect_timeout_seconds: float = 5.0
) -> aiohttp.ClientSession:
    """Open the pool of connections; call it inside the running loop, and close it at the end.

    A partner's `concurrency` says how many calls are under way, and may be as many as here. There
    is no cookie jar: one customer's call must leave no trace in the next. Time limits are
    the client's own, but for connecting, which tells "not sent" from "not answered".
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0,
            limit_per_host=connections_per_host,
            ttl_dns_cache=30,
            keepalive_timeout=15.0,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_seconds),
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
    )


class Sender(Protocol):
    """Whatever sends requests: the client, or a token cache in front of it."""

    async def exchange(
        self,
        request: Request,
        *,
        seen: Callable[[Answer], None] | None = None,
        wait_of: Callable[[Answer], float | None] | None = None,
    ) -> Answer:
        """Send one request and return its answer when the partner is well and lets us in; `seen`
        is called with every answer first. A remaining 4xx is the adapter's to word."""
        ...


class HttpClient:
    """Sends requests to partners and translates what happened to them into
    `actors.runtime.errors`. `exchanges` keeps what adapters and partners said (None: nothing).
    `direct` sends past the session, at less than half the price (`adapters.kit.direct_http`).
    `shared` is what the parts of one instance share of the client, such as a token, by what it is
    for (`adapters.kit.oauth.shared_tokens`); it ends with the client."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        clock: Clock,
        *,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        exchanges: Exchanges | None = None,
        direct: bool = True,
    ) -> None:
        self._session = session
        is_tested = aiohttp.__version__ == direct_http.TESTED_WITH
        self._direct = DirectHttp(session) if direct and is_tested else None
        self._deadlines = Deadlines()
        self._max_answer_bytes = max_answer_bytes
        self.clock = clock
        self.exchanges = exchanges
        self.shared: dict[Hashable, object] = {}

    async def send(self, request: Request) -> Answer:
        """Send one request and return the answer, whatever its status; redirects are not followed.
        Raises Retryable or Unknown."""
        partner, writes = request.partner, request.writes
        deadline = self._deadlines.start(request.timeout_seconds)
        try:
            direct = self._direct
            if direct is not None and direct.takes(request.url, request.body):
                return Answer(
                    *await direct.send(
                        request.method,
                        request.url,
                        request.headers,
                        request.body,
                        self._max_answer_bytes,
                        request.before if writes else None,
                    )
                )
            return await self._by_session(request)
        except direct_http.TooLong:
            raise self._too_long(request) from None
        except asyncio.CancelledError:
            if not deadline.was_the_reason():
                raise
            raise lost(
                partner, f"did not answer within {request.timeout_seconds:g} seconds", writes
            ) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Retryable(words_of(partner, error)) from error
        except (aiohttp.ClientError, OSError) as error:
            what = f"broke the connection off ({type(error).__name__})"
            raise lost(partner, what, writes) from error
        finally:
            deadline.end()

    async def exchange(
        self,
        request: Request,
        *,
        seen: Callable[[Answer], None] | None = None,
        wait_of: Callable[[Answer], float | None] | None = None,
    ) -> Answer:
        """Send one request; see `Sender`. Raises what `send` and `check` raise."""
        answer = await self.send(request)
        if seen is not None:
            seen(answer)
        if answer.status >= 300:
            self.check(answer, request, wait_of=wait_of)
        return answer

    def check(
        self,
        answer: Answer,
        request: Request,
        *,
        wait_of: Callable[[Answer], float | None] | None = None,
    ) -> None:
        """Raise what a failing status means at every partner; return for 2xx and other 4xx.

        A 5xx after a write is Unknown, also 503 with Retry-After: gateways send it when the server
        behind them has acted and died. `wait_of` reads how long a partner asks us to wait who does
        not say so by Retry-After; its answer None leaves it to that header.
        """
        status, partner, writes = answer.status, request.partner, request.writes
        wait = self.retry_after(answer)
        if wait_of is not None and (told := wait_of(answer)) is not None:
            wait = min(max(told, 0.0), MAX_RETRY_AFTER_SECONDS)
        if status == 429:
            raise Retryable(
                f"{partner} asks us to slow down.",
                retry_after_seconds=wait,
                throttled=True,
            )
        if status == 401 or (status == 403 and answer.is_json):
            raise Unauthorised(
                f"{partner} refused our credential (HTTP {status}). Renew it in the settings."
            )
        if status == 403 and not writes:
            raise Retryable(f"A firewall in front of {partner} refused a question (HTTP 403).")
        if status == 403:
            raise Rejected(
                f"A firewall in front of {partner} refused this request (HTTP 403). Look for "
                "unusual characters in the order, or ask the partner to admit us."
            )
        if status >= 500 or status == 408:
            if writes:
                raise lost(partner, f"failed with HTTP {status}", writes)
            raise Retryable(
                f"{partner} failed with HTTP {status}.",
                retry_after_seconds=wait,
            )
        if 300 <= status < 400:
            raise Retryable(
                f"{partner} has moved (HTTP {status}) and redirects aren't followed. "
                "Correct its address in the settings."
            )

    def retry_after(self, answer: Answer) -> float | None:
        """Return the seconds that Retry-After asks for, given in seconds or as a date.

        A date is compared with the partner's own Date header where there is one, so that two
        clocks that differ don't matter. Bounded by MAX_RETRY_AFTER_SECONDS.
        """
        text = answer.headers.get("Retry-After", "").strip()
        if not text:
            return None
        try:
            wait = float(text)
        except ValueError:
            until = _date(text)
            if until is None:
                return None
            now = _date(answer.headers.get("Date", "")) or self.clock.now()
            wait = (until - now).total_seconds()
        return None if isnan(wait) else min(max(wait, 0.0), MAX_RETRY_AFTER_SECONDS)

    async def _by_session(self, request: Request) -> Answer:
        if request.before is not None and request.writes:
            request.before()  # the session gives no later moment: it connects afterwards
        # Awaited, not entered: an answer read to its end gives its connection back by itself, and
        # that is a tenth cheaper.
        response = await self._session.request(
            request.method,
            request.url,
            data=request.body,
            headers=request.headers,
            allow_redirects=False,
        )
        content, body = response.content, b""
        try:
            while not content.at_eof():
                body += await content.readany()
                if len(body) > self._max_answer_bytes:
                    raise direct_http.TooLong
        except BaseException:
            response.close()
            raise
        return Answer(response.status, response.headers, body)

    def _too_long(self, request: Request) -> Unknown | Retryable:
        what = f"sent more than {self._max_answer_bytes:,} bytes"
        return lost(request.partner, what, request.writes)


def lost(partner: str, what: str, writes: bool) -> Unknown | Retryable:
    """Return the error for an answer that never came or can't be read."""
    if writes:
        return Unknown(f"{partner} {what}, so it is not known whether it acted.")
    return Retryable(f"{partner} {what}.")


def decoded(decoder: msgspec.json.Decoder[T], answer: Answer, *, partner: str, writes: bool) -> T:
    """Return the answer's JSON, in which a null may stand for what is left out. An answer to a
    write that can't be read is Unknown: the partner may have acted."""
    try:
        return _read(decoder, answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        shown = answer.headers.get("Content-Type", "no content type")
        what = f"sent an answer that can't be understood (HTTP {answer.status}, {shown}: {error})"
        raise lost(partner, what, writes) from error


def _read(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        plain = without_nulls(msgspec.json.decode(body))
        return msgspec.convert(plain, decoder.type, strict=decoder.strict)


def traced(headers: dict[str, str], call: Call) -> dict[str, str]:
    """Return the headers with the trace of the call, when it is traced."""
    return {**headers, "traceparent": call.trace} if call.trace else headers


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
