"""Shopify's Admin GraphQL as a transport: one request, and what its errors mean.

Errors come with HTTP 200. The limit is on the calculated cost of queries, not on their number.
https://shopify.dev/docs/api/usage/limits
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from actors.runtime.errors import PartnerError, Rejected, Retryable, Unauthorised
from actors.runtime.partner import Call
from adapters.channels.shopify.settings import ShopifySettings
from adapters.kit.fitting import phrases, printable
from adapters.kit.http_client import Answer, HttpClient, lost
from adapters.kit.json_partner import JsonPartner
from adapters.kit.oauth import ClientCredentials, TokenCache, shared_tokens

PARTNER = "Shopify"
ACCESS_HEADER = "X-Shopify-Access-Token"
VERSION_HEADER = "X-Shopify-API-Version"
_GID = "gid://shopify/Order/"


class AccessDenied(Unauthorised):
    """The credential is good, and what was asked for is not shown to it."""


class _Extensions(msgspec.Struct, frozen=True):
    code: str = ""


class _Error(msgspec.Struct, frozen=True):
    message: str = ""
    extensions: _Extensions = _Extensions()


class _Throttle(msgspec.Struct, frozen=True, rename="camel"):
    currently_available: float = 0.0
    restore_rate: float = 50.0


class _Cost(msgspec.Struct, frozen=True, rename="camel"):
    requested_query_cost: float = 0.0
    throttle_status: _Throttle = _Throttle()


class _AnswerExtensions(msgspec.Struct, frozen=True):
    cost: _Cost = _Cost()


class _Answer(msgspec.Struct, frozen=True):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[_Error] | str = []
    extensions: _AnswerExtensions = _AnswerExtensions()


_decoder = msgspec.json.Decoder(_Answer)

T = TypeVar("T")


class ShopifyGraphql:
    """The Admin API of one shop; `name` is the instance's. `answered_in` is the API version of the
    last answer where that is not the one asked for ("": it is): Shopify answers in its oldest
    version when the one asked for has ended.
    """

    def __init__(self, client: HttpClient, settings: ShopifySettings, *, name: str = "") -> None:
        self.version = settings.api_version
        self.answered_in = ""
        self._tokens = _tokens(client, settings)
        static = settings.access_token
        self._path = f"/admin/api/{settings.api_version}/graphql.json"
        self._api = JsonPartner(
            client,
            name=name or "shopify",
            title=PARTNER,
            base_url=settings.base_url,
            timeout_seconds=settings.calls.timeout_seconds,
            sender=self._tokens,
            headers={ACCESS_HEADER: static.reveal()} if static is not None else {},
            seen=self._see,
        )
        self.name = self._api.name

    async def ask(
        self,
        call: Call | None,
        query: str,
        variables: object,
        decoder: msgspec.json.Decoder[T],
        *,
        writes: bool,
    ) -> T:
        """Return the answer's `data`; `call` is None for what is about no single order. Raises the
        errors of `actors.runtime.errors`."""
        answer = await self._api.ask(
            call, "POST", self._path, writes=writes, body={"query": query, "variables": variables}
        )
        if answer.status == 423:
            raise Retryable(f"{PARTNER} has locked this shop (HTTP 423).")
        if answer.status >= 400:
            raise Rejected(f"{PARTNER} refused the request (HTTP {answer.status}).")
        said = self._api.decoded(_decoder, answer, writes=writes)
        if said.errors:
            raise _failure(said, writes=writes)
        inner = Answer(answer.status, answer.headers, bytes(said.data))
        return self._api.decoded(decoder, inner, writes=writes)

    async def close(self) -> None:
        """Stop a fetch of a token that is under way."""
        if self._tokens is not None:
            await self._tokens.close()

    def _see(self, answer: Answer) -> None:
        told = answer.headers.get(VERSION_HEADER, "")[:20]
        if told and answer.status < 400:
            self.answered_in = "" if told == self.version else printable(told)


def _tokens(client: HttpClient, settings: ShopifySettings) -> TokenCache | None:
    """Return what fetches the tokens of an app; None where a token is configured.
    https://shopify.dev/docs/apps/build/authentication-authorization/client-credentials-grant"""
    if settings.client_secret is None:
        return None
    credentials = ClientCredentials(
        token_url=f"{settings.base_url.rstrip('/')}/admin/oauth/access_token",
        client_id=settings.client_id,
        client_secret=settings.client_secret.reveal(),
        token_header=ACCESS_HEADER,
    )
    return shared_tokens(client, credentials, PARTNER)


def _failure(said: _Answer, *, writes: bool) -> PartnerError:
    """Return the error for GraphQL errors, which come with HTTP 200."""
    if isinstance(said.errors, str):
        return Rejected(f"{PARTNER} refused the request: {phrases([said.errors])}.")
    codes = {error.extensions.code for error in said.errors}
    words = phrases([error.message for error in said.errors])
    if "THROTTLED" in codes:
        cost = said.extensions.cost
        missing = cost.requested_query_cost - cost.throttle_status.currently_available
        rate = max(cost.throttle_status.restore_rate, 1.0)
        return Retryable(
            f"{PARTNER} asks us to slow down.",
            retry_after_seconds=max(missing, 0.0) / rate,
            throttled=True,
        )
    if "ACCESS_DENIED" in codes:
        return AccessDenied(
            f"{PARTNER} lacks a permission for this: {words}. Grant it to the app in the shop."
        )
    if "UNAUTHORIZED" in codes:
        return Unauthorised(f"{PARTNER} refused our credential: {words}. Renew it in the settings.")
    if "INTERNAL_SERVER_ERROR" in codes or bytes(said.data) != b"null":
        return lost(PARTNER, f"failed: {words}", writes)
    return Rejected(f"{PARTNER} refused the request: {words}.")


def order_gid(ref: str) -> str:
    """Return what GraphQL calls the order with this number. Raises Rejected for what is none."""
    number = ref.removeprefix(_GID)
    if not (number.isascii() and number.isdigit() and len(number) <= 20):
        raise Rejected(
            f"{printable(ref)[:40]!r} is not an order id of {PARTNER}: those are numbers."
        )
    return _GID + number
