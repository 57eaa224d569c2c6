"""The shared HTTP client tells what was sent from what was not, and keeps every bound."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from actors.runtime.errors import PartnerError, Rejected, Retryable, Unauthorised, Unknown
from adapters.kit.http_client import (
    MAX_RETRY_AFTER_SECONDS,
    Answer,
    HttpClient,
    Request,
    open_session,
)
from tests.certificates import self_signed
from tests.contract.partner_calls import TestClock, http_client, stubbed

HEADERS = {"User-Agent": "test"}
UNFINISHED = b"HTTP/1.1 200 OK\r\n"
DATE = "Fri, 27 Nov 2026 12:00:30 GMT"


@pytest.fixture(params=["direct", "session"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[HttpClient]:
    """Both ways of sending keep one contract."""
    async with http_client(direct=request.param == "direct") as found:
        yield found


async def send(
    client: HttpClient, base: str, *, writes: bool = True, timeout_seconds: float = 2.0
) -> Answer:
    """One exchange with a partner called Acme."""
    return await client.exchange(a_request(base, writes=writes, timeout_seconds=timeout_seconds))


def a_request(base: str, *, writes: bool = True, timeout_seconds: float = 2.0) -> Request:
    """A request to a partner called Acme."""
    return Request(
        method="POST" if writes else "GET",
        url=URL(f"{base}/x"),
        headers=HEADERS,
        body=b"{}" if writes else None,
        timeout_seconds=timeout_seconds,
        partner="Acme",
        writes=writes,
    )


@asynccontextmanager
async def raw_server(*answers: bytes, stays: bool = False) -> AsyncIterator[str]:
    """A server that sends these bytes, one a request, and then hangs up unless it stays."""
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            while left:
                try:
                    head = await reader.readuntil(b"\r\n\r\n")
                except (asyncio.IncompleteReadError, ConnectionError):
                    return
                if b"content-length: 2" in head.lower():
                    await reader.readexactly(2)
                writer.write(left.pop(0))
                await writer.drain()
            if stays:
                await reader.read()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_answers_come_whole(client: HttpClient) -> None:
    """Status, headers in any case and body arrive; no header is sent that no one asked for."""
    plain = web.Response(body=b"x" * 300_000, headers={"X-Some": "1"})
    async with stubbed(plain) as stub:
        answer = await send(client, stub.url)
        assert (answer.status, len(answer.body)) == (200, 300_000)
        assert answer.headers["x-some"] == "1"
        sent = stub.requests[0][2]
    assert set(sent) <= {"host", "user-agent", "content-length", "content-type"}


@pytest.mark.parametrize(("writes", "error"), [(True, Unknown), (False, Retryable)])
async def test_silence(writes: bool, error: type[PartnerError], client: HttpClient) -> None:
    """A time-out leaves a write unknown and a read to be repeated, and frees the connection."""
    async with raw_server(UNFINISHED, stays=True) as base:
        started = asyncio.get_running_loop().time()
        with pytest.raises(error, match=r"Acme did not answer within 0\.1 seconds"):
            await send(client, base, writes=writes, timeout_seconds=0.1)
        assert asyncio.get_running_loop().time() - started < 1.0


async def test_the_own_cancellation_of_a_task_is_not_a_timeout(client: HttpClient) -> None:
    """Whoever cancels a call gets CancelledError, and no partner's error."""
    async with raw_server(UNFINISHED, stays=True) as base:
        task = asyncio.create_task(send(client, base, timeout_seconds=5))
        done, _ = await asyncio.wait({task}, timeout=0.05)
        assert not done
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"220 smtp.example.com ESMTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    ],
)
async def test_broken_answers(answer: bytes, client: HttpClient) -> None:
    """A connection lost after sending, torn bodies, other protocols: Unknown for a write."""
    async with raw_server(answer) as base:
        with pytest.raises(Unknown):
            await send(client, base, timeout_seconds=1)


async def test_not_sent_at_all(client: HttpClient) -> None:
    """Refused connections, unknown hosts and strangers' TLS are Retryable even for a write."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Retryable, match="can't be reached: the connection is refused"):
            await send(client, f"http://127.0.0.1:{taken.getsockname()[1]}")
    with pytest.raises(Retryable, match="can't be reached: its name is not known"):
        await send(client, "http://nobody.invalid")
    async with stubbed() as stub:
        with pytest.raises(Retryable, match="can't be reached: TLS fails"):
            await send(client, stub.url.replace("http:", "https:"))


async def test_a_certificate_that_is_not_valid_is_named(client: HttpClient, tmp_path: Path) -> None:
    """A certificate of the partner's own making is refused, and the sentence says whose turn it
    is."""
    server = await asyncio.start_server(
        lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=self_signed(tmp_path)
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(
            Retryable, match=r"certificate .* is not valid for us \(self.signed"
        ) as e:
            await send(client, f"https://127.0.0.1:{port}")
    assert "have the partner renew it" in str(e.value)


async def test_a_time_limit_on_connecting() -> None:
    """A host that swallows the first packet was sent nothing: Retryable, not Unknown."""
    with socket.socket() as full, socket.socket() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting.setblocking(False)
        waiting.connect_ex(full.getsockname())
        with socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(full.getsockname())
            async with open_session(connect_timeout_seconds=0.2) as session:
                client = HttpClient(session, TestClock())
                with pytest.raises(Retryable):
                    await send(client, f"http://127.0.0.1:{full.getsockname()[1]}")


async def test_answers_have_a_bound() -> None:
    """An endless answer is cut off before it fills the memory."""
    async with open_session() as session, stubbed(web.Response(body=b"x" * 200_000)) as stub:
        client = HttpClient(session, TestClock(), max_answer_bytes=100_000)
        with pytest.raises(Unknown, match="more than 100,000 bytes"):
            await send(client, stub.url)


@pytest.mark.parametrize(
    ("status", "headers", "on_write", "on_read"),
    [
        (401, {}, Unauthorised, Unauthorised),
        (403, {"Content-Type": "application/json"}, Unauthorised, Unauthorised),
        (403, {"Content-Type": "text/html"}, Rejected, Retryable),
        (408, {}, Unknown, Retryable),
        (429, {}, Retryable, Retryable),
        (500, {}, Unknown, Retryable),
        (502, {}, Unknown, Retryable),
        (503, {"Retry-After": "7"}, Unknown, Retryable),
        (302, {"Location": "http://169.254.169.254/"}, Retryable, Retryable),
    ],
)
async def test_what_a_status_means(
    status: int,
    headers: dict[str, str],
    on_write: type[PartnerError],
    on_read: type[PartnerError],
    client: HttpClient,
) -> None:
    """The same status means the same at every partner; redirects are never followed."""
    answers = [web.Response(status=status, headers=headers) for _ in range(2)]
    async with stubbed(*answers) as stub:
        with pytest.raises(on_write):
            await send(client, stub.url)
        with pytest.raises(on_read):
            await send(client, stub.url, writes=False)
        assert len(stub.requests) == 2


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30.0),
        ({"Retry-After": " 1.5 "}, 1.5),
        ({"Retry-After": DATE}, 30.0),
        ({"Retry-After": DATE, "Date": "Fri, 27 Nov 2026 12:00:20 GMT"}, 10.0),
        ({"Retry-After": "Fri, 27 Nov 2020 12:00:00 GMT"}, 0.0),
        ({"Retry-After": "-5"}, 0.0),
        ({"Retry-After": "999999"}, MAX_RETRY_AFTER_SECONDS),
        ({"Retry-After": "inf"}, MAX_RETRY_AFTER_SECONDS),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
async def test_retry_after(
    headers: dict[str, str], seconds: float | None, client: HttpClient
) -> None:
    """Both formats are read; a date counts from the partner's own clock; nonsense is our choice."""
    assert client.retry_after(Answer(429, headers, b"")) == seconds


@pytest.mark.parametrize(
    ("told", "seconds"), [(12.5, 12.5), (None, 7.0), (-3.0, 0.0), (1e9, 3600.0)]
)
def test_a_partner_may_tell_its_wait_in_its_own_way(
    told: float | None, seconds: float, client: HttpClient
) -> None:
    """What it says so goes before Retry-After, and is bounded alike."""
    answer = Answer(429, {"Retry-After": "7"}, b"")
    with pytest.raises(Retryable) as waits:
        client.check(answer, a_request("http://acme.example"), wait_of=lambda _: told)
    assert waits.value.retry_after_seconds == seconds


async def test_connections_are_kept(client: HttpClient) -> None:
    """Several requests one after the other travel over one connection."""
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    async with raw_server(ok, ok, ok) as base:
        for _ in range(3):
            assert (await send(client, base)).status == 200


async def test_many_limits_hang_on_one_tick(client: HttpClient) -> None:
    """Twenty calls that time out together all get their own answer, and nothing stays behind."""
    async with raw_server(*[UNFINISHED] * 20, stays=True) as base:
        calls = [send(client, base, timeout_seconds=0.1) for _ in range(20)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(one) for one in ended] == [Unknown] * 20
    assert client._deadlines._running == {}
