"""One OAuth token serves all callers: fetched once, renewed in time, replaced when refused."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import web
from msgspec.structs import replace
from yarl import URL

from actors.runtime.errors import Retryable, Unauthorised
from adapters.kit.http_client import Answer, HttpClient, Request
from adapters.kit.oauth import ClientCredentials, TokenCache, shared_tokens
from tests.contract.partner_calls import Stub, TestClock, http_client, stubbed
from tests.waiting import eventually


def tokens(client: HttpClient, stub: Stub) -> TokenCache:
    """A cache whose tokens come from `/grant` of the stub."""
    wanted = ClientCredentials(
        token_url=f"{stub.url}/grant", client_id="me", client_secret="hidden"
    )
    return TokenCache(client, wanted, "Acme")


def grant(token: str, seconds: int = 3600) -> web.Response:
    """A new token."""
    return web.json_response({"access_token": token, "expires_in": str(seconds)})


async def use(cache: TokenCache, stub: Stub) -> Answer:
    """One call with the token."""
    request = Request(
        method="GET",
        url=URL(f"{stub.url}/use"),
        partner="Acme",
        timeout_seconds=2.0,
        writes=False,
        headers={},
    )
    return await cache.exchange(request)


def used(stub: Stub) -> list[str]:
    """What was sent as authorisation, call by call; `-` for asking for a token."""
    return [one[2].get("authorization", "-").removeprefix("Bearer ") for one in stub.requests]


async def test_many_clients_one_fetch() -> None:
    """Twenty calls at once ask for one token."""
    answers = [grant("a"), *(web.Response() for _ in range(20))]
    async with http_client() as client, stubbed(*answers) as stub:
        cache = tokens(client, stub)
        await asyncio.gather(*(use(cache, stub) for _ in range(20)))
        assert used(stub) == ["-"] + ["a"] * 20


async def test_one_task_s_end_leaves_the_token_to_the_others() -> None:
    """A caller that gives up while the token is fetched does not take it from who waits with it."""
    async with http_client() as client, stubbed(grant("a"), web.Response()) as stub:
        cache = tokens(client, stub)
        first = asyncio.create_task(use(cache, stub))
        second = asyncio.create_task(use(cache, stub))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).status == 200
        assert first.cancelled()


async def test_renewed_before_it_ends() -> None:
    """Two minutes before its end a token is renewed, and the old one still serves meanwhile."""
    clock = TestClock()
    async with http_client(clock) as client, stubbed(grant("a"), web.Response()) as stub:
        cache = tokens(client, stub)
        await use(cache, stub)
        clock.ahead += 3600 - 100
        renewing: list[web.Response] = []

        def answer(request: web.Request) -> web.StreamResponse:
            if request.path == "/grant":
                renewing.append(grant("b"))
                return renewing[-1]
            return web.Response()

        stub.answers += [answer, answer, answer]
        await use(cache, stub)
        assert used(stub)[2:].count("a") == 1
        await eventually(lambda: cache._token == "b")
        clock.ahead += 50
        await use(cache, stub)
        assert used(stub)[-1] == "b"
        assert len(renewing) == 1


async def test_a_refused_token_is_replaced_once() -> None:
    """A 401 fetches one new token; a second 401 is Unauthorised, and no third is tried."""
    refused = [web.Response(status=401) for _ in range(3)]
    answers = [grant("a"), refused[0], grant("b"), web.Response()]
    answers += [refused[1], grant("c"), refused[2]]
    async with http_client() as client, stubbed(*answers) as stub:
        cache = tokens(client, stub)
        assert (await use(cache, stub)).status == 200
        with pytest.raises(Unauthorised, match="'me'"):
            await use(cache, stub)
        assert used(stub) == ["-", "a", "-", "b", "b", "-", "c"]


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_no_token_for_us(status: int) -> None:
    """A refused client is Unauthorised for every caller, and its secret stays out of the words."""
    async with http_client() as client, stubbed() as stub:
        stub.answers = [
            web.json_response({"error": "invalid_client"}, status=status) for _ in range(2)
        ]
        cache = tokens(client, stub)
        with pytest.raises(Unauthorised) as caught:
            await use(cache, stub)
        assert "hidden" not in str(caught.value)
        assert "hidden" not in repr(cache._credentials)


@pytest.mark.parametrize(
    "answer", [(500, "{}"), (200, "<html>"), (200, json.dumps({"expires_in": 1})), (404, "{}")]
)
async def test_a_sick_token_service(answer: tuple[int, str]) -> None:
    """While the token service fails, calls are Retryable: none of them was sent."""
    status, text = answer
    async with http_client() as client, stubbed(web.Response(status=status, text=text)) as stub:
        with pytest.raises(Retryable):
            await use(tokens(client, stub), stub)
        assert len(stub.requests) == 1


async def test_a_failed_renewal_waits_while_the_old_token_serves() -> None:
    """A token service that is down near a token's end neither stops calls nor is hammered."""
    clock = TestClock()
    async with http_client(clock) as client, stubbed(grant("a"), web.Response()) as stub:
        cache = tokens(client, stub)
        await use(cache, stub)
        clock.ahead += 3600 - 100

        def answer(request: web.Request) -> web.StreamResponse:
            return web.Response(status=500 if request.path == "/grant" else 200)

        stub.answers += [answer] * 6
        for _ in range(5):
            assert (await use(cache, stub)).status == 200
        await cache.close()
        assert used(stub)[2:].count("-") == 1


async def test_the_parts_of_an_instance_share_the_tokens_of_their_client() -> None:
    """The same credentials have one cache at one client; another client has its own, and keeps it
    no longer than itself."""
    wanted = ClientCredentials(
        token_url="https://acme.test/grant", client_id="me", client_secret=""
    )
    async with http_client() as one, http_client() as other:
        cache = shared_tokens(one, wanted, "Acme")
        assert shared_tokens(one, replace(wanted), "Acme") is cache
        assert shared_tokens(one, replace(wanted, client_id="you"), "Acme") is not cache
        assert shared_tokens(other, wanted, "Acme") is not cache
        assert list(one.shared) == [wanted, replace(wanted, client_id="you")]


async def test_a_replaced_part_leaves_the_tokens_to_the_others() -> None:
    """An adapter that is closed stops no fetch that another one waits for; after the last one they
    are forgotten, so that changed credentials leave nothing behind."""
    async with http_client() as client, stubbed(grant("a"), web.Response()) as stub:
        wanted = ClientCredentials(
            token_url=f"{stub.url}/grant", client_id="me", client_secret="hidden"
        )
        former, following = (shared_tokens(client, wanted, "Acme") for _ in range(2))
        assert former is following
        call = asyncio.create_task(use(following, stub))
        await asyncio.sleep(0)
        await former.close()
        assert (await call).status == 200
        assert client.shared == {wanted: following}
        await following.close()
        assert client.shared == {}
