"""Shopify's Admin GraphQL as a transport: one request, and what its errors mean.

Errors come with HTTP 200. The limit is on the calculated cost of queries, not on their number.
https://shopify.dev/docs/api/usage/limits
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from yarl import URL

from actors.runtime.errors import PartnerError, Rejected, Retryable, Unauthorised
from actors.runtime.ports import Call
from adapters.kit.fitting import phrases, printable
from adapters.kit.http_client import USER_AGENT, Answer, HttpClient, decoded, lost, traced

PARTNER = "Shopify"
API_VERSION = "2026-10"
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


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(_Answer)

T = TypeVar("T")


class ShopifyGraphql:
    """The Admin API of one shop. `base_url` is `https://<shop>.myshopify.com`."""

    def __init__(
        self, client: HttpClient, *, base_url: str, access_token: str, timeout_seconds: float
    ) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds
        self._url = URL(
            f"{base_url.rstrip('/')}/admin/api/{API_VERSION}/graphql.json", encoded=True
        )
        self._headers = {
            "X-Shopify-Access-Token": access_token,
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
        }

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
        answer = await self._client.exchange(
            "POST",
            self._url,
            headers=self._headers if call is None else traced(self._headers, call),
            body=_encode({"query": query, "variables": variables}),
            timeout_seconds=self._timeout_seconds,
            partner=PARTNER,
            writes=writes,
        )
        if answer.status == 423:
            raise Retryable(f"{PARTNER} has locked this shop (HTTP 423).")
        if answer.status >= 400:
            raise Rejected(f"{PARTNER} refused the request (HTTP {answer.status}).")
        said = decoded(_decoder, answer, partner=PARTNER, writes=writes)
        if said.errors:
            raise _failure(said, writes=writes)
        inner = Answer(answer.status, answer.headers, bytes(said.data))
        return decoded(decoder, inner, partner=PARTNER, writes=writes)


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
