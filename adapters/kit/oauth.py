"""OAuth 2.0 client credentials (RFC 6749 section 4.4) or a refresh token (section 6): one access
token, shared by all callers."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import urlencode

import msgspec
from msgspec.structs import replace
from yarl import URL

from actors.runtime.errors import PartnerError, Retryable, Unauthorised
from adapters.kit.fitting import phrases
from adapters.kit.http_client import USER_AGENT, Answer, HttpClient, Request, decoded

REFRESH_BEFORE_SECONDS = 120.0
"""A new token is fetched this long before the old one ends, while the old one still serves."""

RENEW_AGAIN_SECONDS = 10.0
TOKEN_TIMEOUT_SECONDS = 10.0


class ClientCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """Where a token is had, and by whom. `basic` sends id and secret as the Basic header, as UPS
    wants it; otherwise they go in the form, as Microsoft wants it. With a `refresh_token` it is a
    seller's, as Amazon wants it; it must be one that is not used up.

    `token_header` takes the bare token ("": `Authorization: Bearer`). `refusals` are the statuses
    that say that a token is not good any more: Amazon answers 403 to an old one.
    """

    token_url: str
    client_id: str
    client_secret: str
    scope: str = ""
    basic: bool = False
    refresh_token: str = ""
    token_header: str = ""
    refusals: tuple[int, ...] = (401,)

    def __repr__(self) -> str:
        """Keep the secret out of logs and tracebacks."""
        return f"ClientCredentials(token_url={self.token_url!r}, client_id={self.client_id!r})"


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float = 300.0


_decoder = msgspec.json.Decoder(_Token, strict=False)  # UPS writes the seconds as text.


class _Refusal(msgspec.Struct):
    """RFC 6749 section 5.2; some partners write objects instead."""

    error: object = ""
    error_description: object = ""


_refusal = msgspec.json.Decoder(_Refusal)


class TokenCache:
    """Keeps one token fresh; of many callers at once, one fetch serves all."""

    def __init__(self, client: HttpClient, credentials: ClientCredentials, partner: str) -> None:
        self._client = client
        self._credentials = credentials
        self._partner = partner
        self._url = URL(credentials.token_url)
        self._token = ""
        self._refresh_at = 0.0
        self._ends_at = 0.0
        self._fetch: asyncio.Task[str] | None = None
        self._users = 1

    async def exchange(
        self,
        request: Request,
        *,
        seen: Callable[[Answer], None] | None = None,
        wait_of: Callable[[Answer], float | None] | None = None,
    ) -> Answer:
        """Do as `HttpClient.exchange` does, with the token.

        A 401 is answered by one new token and one repeat (a 401 has not acted); a second one
        raises Unauthorised.
        """
        name = self._credentials.token_header
        for _ in range(2):
            token = self._token
            if not token or self._client.clock.monotonic() >= self._refresh_at:
                token = await self._fresh()
            headers = {**request.headers, **({name: token} if name else _bearer(token))}
            answer = await self._client.send(replace(request, headers=headers))
            if seen is not None:
                seen(answer)
            if answer.status not in self._credentials.refusals:
                if answer.status >= 300:
                    self._client.check(answer, request, wait_of=wait_of)
                return answer
            if self._token == token:
                self._token = ""
        refused = " or ".join(map(str, self._credentials.refusals))
        raise Unauthorised(
            f"{self._partner} refuses even a new token (HTTP {refused}). Check what the client "
            f"{self._credentials.client_id!r} may do there."
        )

    async def _fresh(self) -> str:
        if self._fetch is None:
            self._fetch = asyncio.create_task(self._ask(), name=f"token of {self._partner}")
            self._fetch.add_done_callback(self._fetched)
        usable = self._token and self._client.clock.monotonic() < self._ends_at
        if usable:
            return self._token
        # Shielded: one caller's time-out must not take the token from all the others.
        return await asyncio.shield(self._fetch)

    def _fetched(self, fetch: asyncio.Task[str]) -> None:
        self._fetch = None
        if not fetch.cancelled() and fetch.exception() is not None:
            # While the old token serves, its renewal is tried again, but not by every request.
            self._refresh_at = self._client.clock.monotonic() + RENEW_AGAIN_SECONDS

    async def _ask(self) -> str:
        wanted = self._credentials
        form = {"grant_type": "client_credentials"}
        if wanted.refresh_token:
            form = {"grant_type": "refresh_token", "refresh_token": wanted.refresh_token}
        if wanted.scope:
            form["scope"] = wanted.scope
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
        }
        if wanted.basic:
            pair = f"{wanted.client_id}:{wanted.client_secret}".encode()
            headers["Authorization"] = f"Basic {b64encode(pair).decode()}"
        else:
            form["client_id"] = wanted.client_id
            form["client_secret"] = wanted.client_secret
        request = Request(
            method="POST",
            url=self._url,
            headers=headers,
            body=urlencode(form).encode(),
            timeout_seconds=TOKEN_TIMEOUT_SECONDS,
            partner=f"{self._partner}'s token service",
            writes=False,
        )
        answer = await self._client.send(request)
        now = self._client.clock.monotonic()
        if answer.status in (400, 401, 403):
            raise Unauthorised(
                f"{self._partner} gives us no token for client {wanted.client_id!r} "
                f"(HTTP {answer.status}{_said(answer)}). Renew the client's secret"
                f"{' or the refresh token' if wanted.refresh_token else ''} in the settings."
            )
        self._client.check(answer, request)
        if answer.status != 200:
            raise Retryable(f"{request.partner} answered HTTP {answer.status}.")
        token = decoded(_decoder, answer, partner=self._partner, writes=False)
        self._token = token.access_token
        self._ends_at = now + token.expires_in
        # Short-lived tokens are renewed at half their time.
        self._refresh_at = now + max(
            token.expires_in - REFRESH_BEFORE_SECONDS, token.expires_in / 2
        )
        return token.access_token

    def also_used(self) -> TokenCache:
        """Count one user more."""
        self._users += 1
        return self

    async def close(self) -> None:
        """One user less. After the last one a fetch that is under way is stopped: another's must
        go on, because an adapter with other settings may have replaced this one."""
        self._users -= 1
        if self._users > 0:
            return
        if self._client.shared.get(self._credentials) is self:
            del self._client.shared[self._credentials]
        if self._fetch is not None:
            self._fetch.cancel()
            try:
                await self._fetch
            except (asyncio.CancelledError, PartnerError):
                return


def shared_tokens(client: HttpClient, credentials: ClientCredentials, partner: str) -> TokenCache:
    """Return the one cache for these credentials at this client, so that the parts of an instance
    (its calls, its comparing) renew one token and not each its own. There are as many as
    instances are configured."""
    found = client.shared.get(credentials)
    if isinstance(found, TokenCache):
        return found.also_used()
    made = client.shared[credentials] = TokenCache(client, credentials, partner)
    return made


def _said(answer: Answer) -> str:
    """Return what the token service says beside its status, as the end of a bracket."""
    try:
        found = _refusal.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    words = [one for one in (found.error, found.error_description) if isinstance(one, str) and one]
    return f": {phrases(words)}" if words else ""


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
