"""What both ways of sending must do alike: past aiohttp's session, and through it."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from actors.runtime.errors import LeaseLost, PartnerError, Retryable, Unknown
from adapters.kit import direct_http
from adapters.kit.direct_http import DirectHttp
from adapters.kit.http_client import Answer, HttpClient, Request, open_session
from tests.contract.http_server import EMPTY, Served, certificate, serving, told
from tests.contract.partner_calls import TestClock
from tests.waiting import eventually


@pytest.fixture(params=["direct", "session"])
async def session(request: pytest.FixtureRequest) -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session(connect_timeout_seconds=2.0, connections_per_host=2) as found:
        yield found


@pytest.fixture
async def client(session: aiohttp.ClientSession, request: pytest.FixtureRequest) -> HttpClient:
    way = request.node.callspec.params["session"]
    return HttpClient(session, TestClock(), direct=way == "direct")


async def ask(
    client: HttpClient,
    base: str,
    method: str = "POST",
    *,
    path: str = "/x",
    body: bytes | None = b"{}",
    timeout_seconds: float = 5.0,
    headers: dict[str, str] | None = None,
    before: Callable[[], None] | None = None,
) -> Answer:
    """One request to a partner called Acme."""
    return await client.send(
        Request(
            method=method,
            url=URL(base + path, encoded=True),
            headers={"User-Agent": "test", "Content-Type": "text/plain", **(headers or {})},
            body=None if method in ("GET", "HEAD") else body,
            timeout_seconds=timeout_seconds,
            partner="Acme",
            writes=method == "POST",
            before=before,
        )
    )


def is_idle(session: aiohttp.ClientSession) -> bool:
    """Whether no connection is in use, so that none can have been lost from the pool."""
    assert session.connector is not None
    return not session.connector._acquired


async def test_what_is_sent(client: HttpClient) -> None:
    """Method, target, host, headers and body arrive as they were given, in one request."""
    async with serving(told(EMPTY)) as server:
        await ask(client, server.url, "PUT", path="/a%20b/%C3%A4?q=1%2B2", body=b"caf\xc3\xa9")
        lines = server.heads[0].decode().split("\r\n")
    assert lines[0] == "PUT /a%20b/%C3%A4?q=1%2B2 HTTP/1.1"
    assert sorted(lines[1:-2]) == sorted(
        [
            f"Host: {server.url.removeprefix('http://')}",
            "User-Agent: test",
            "Content-Type: text/plain",
            "Content-Length: 5",
        ]
    )
    assert server.bodies == [b"caf\xc3\xa9"]


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b"])
async def test_a_header_stays_one(client: HttpClient, value: str) -> None:
    """A value with a line break is refused before anything is sent."""
    async with serving(told(EMPTY)) as server:
        with pytest.raises(ValueError, match=r"header|Newline|null"):
            await ask(client, server.url, headers={"X-Some": value})
    assert server.heads == []


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        ((b"HTTP/1.1 204 No Content\r\n\r\n",), 204, b""),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"ab", b"cd"), 200, b"abcd"),
        (
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                b"3\r\nabc\r\n",
                b"1\r\nd\r\n0\r\n\r\n",
            ),
            200,
            b"abcd",
        ),
        ((b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", EMPTY), 200, b""),
        ((b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",), 404, b"no"),
    ],
    ids=["204", "in pieces", "chunked", "early hints", "404"],
)
async def test_answers(
    client: HttpClient,
    session: aiohttp.ClientSession,
    answer: tuple[bytes, ...],
    status: int,
    body: bytes,
) -> None:
    """However an answer is framed it is whole, and its connection serves the next request."""
    async with serving(told(*answer)) as server:
        for _ in range(3):
            found = await ask(client, server.url)
            assert (found.status, found.body) == (status, body)
        assert server.connections == 1
    assert is_idle(session)


async def test_three_megabytes(client: HttpClient, session: aiohttp.ClientSession) -> None:
    """A large answer is read to its end."""
    large = b"x" * 3_000_000
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n"
    async with serving(told(head, large)) as server:
        for _ in range(2):
            assert (await ask(client, server.url)).body == large
        assert server.connections == 1
    assert is_idle(session)


async def test_a_compressed_answer(client: HttpClient) -> None:
    """What a server compresses unasked is unpacked."""
    packed = gzip.compress(b"hello")
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    async with serving(told(head % len(packed), packed)) as server:
        assert (await ask(client, server.url)).body == b"hello"


async def test_a_question_for_the_head(client: HttpClient) -> None:
    """HEAD has no body, whatever length its answer tells."""
    async with serving(told(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")) as server:
        for _ in range(2):
            assert (await ask(client, server.url, "HEAD")).body == b""
        assert server.connections == 1


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
)
async def test_a_connection_is_given_up_where_asked(client: HttpClient, head: bytes) -> None:
    """A partner that closes after each answer gets a new connection for each request."""
    async with serving(told(head)) as server:
        for _ in range(2):
            assert (await ask(client, server.url)).body == b"ok"
        assert server.connections == 2


async def test_an_answer_that_ends_with_the_connection(client: HttpClient) -> None:
    """Without a length the body is all until the partner closes."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        writer.close()

    async with serving(answer) as server:
        assert (await ask(client, server.url)).body == b"all of it"


@pytest.mark.parametrize(
    ("method", "error"), [("POST", Unknown), ("GET", None)], ids=["write", "question"]
)
async def test_a_connection_that_was_dropped_while_idle(
    client: HttpClient,
    session: aiohttp.ClientSession,
    method: str,
    error: type[PartnerError] | None,
) -> None:
    """A partner that hangs up at the second request: a question is asked again over a new
    connection, a write is not, because it may have been read."""

    def twice() -> Served:
        seen = 0

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> None:
            nonlocal seen
            seen += 1
            if seen == 2:
                writer.close()
            else:
                writer.write(EMPTY)

        return answer

    async with serving(twice()) as server:
        await ask(client, server.url, method)
        if error is None:
            assert (await ask(client, server.url, method)).status == 200
            assert len(server.heads) == 3
        else:
            with pytest.raises(error):
                await ask(client, server.url, method)
            assert len(server.heads) == 2
    assert is_idle(session)


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (b"HTTP/1.1 200 OK\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"half"),
    ],
    ids=["before the answer", "in the head", "in the body"],
)
async def test_a_time_limit_in_each_phase(
    client: HttpClient, session: aiohttp.ClientSession, parts: tuple[bytes, ...]
) -> None:
    """Wherever a partner stops, the call ends in time and its connection is not used again."""
    async with serving(told(*parts)) as server:
        with pytest.raises(Unknown, match="did not answer"):
            await ask(client, server.url, timeout_seconds=0.1)
        assert is_idle(session)
        assert session.connector is not None
        assert not session.connector._conns


async def test_the_pool_is_bounded(client: HttpClient, session: aiohttp.ClientSession) -> None:
    """Six calls at once over two connections at the most; a call that is cancelled while it waits
    for one takes none."""
    gate = asyncio.Event()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> None:
        await gate.wait()
        writer.write(EMPTY)

    async with serving(answer) as server:
        calls = [asyncio.create_task(ask(client, server.url)) for _ in range(6)]

        async def both_wait() -> bool:
            return len(server.heads) == 2

        await eventually(both_wait)
        calls[-1].cancel()
        gate.set()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(one) for one in ended] == [*[Answer] * 5, asyncio.CancelledError]
        assert server.connections == 2
    assert is_idle(session)


async def test_a_cancelled_call_leaves_nothing(
    client: HttpClient, session: aiohttp.ClientSession
) -> None:
    """Cancelled while the partner thinks: its connection is closed, and the next call works."""
    seen = asyncio.Event()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> None:
        if not seen.is_set():
            seen.set()
            return
        writer.write(EMPTY)

    async with serving(answer) as server:
        call = asyncio.create_task(ask(client, server.url))
        await seen.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert is_idle(session)
        assert (await ask(client, server.url)).status == 200
        assert server.connections == 2


async def test_a_large_request(client: HttpClient) -> None:
    """A body of a megabyte arrives whole."""
    body = bytes(range(256)) * 4096
    async with serving(told(EMPTY)) as server:
        await ask(client, server.url, body=body)
    assert server.bodies == [body]


async def test_credentials_in_an_address(client: HttpClient) -> None:
    """They go as Basic authorization, and not into the request's line."""
    async with serving(told(EMPTY)) as server:
        await ask(client, server.url.replace("http://", "http://me:word@"))
        head = server.heads[0].decode()
    assert "Authorization: Basic bWU6d29yZA==" in head
    assert head.startswith("POST /x HTTP/1.1\r\n")


@pytest.mark.parametrize("direct", [True, False], ids=["direct", "session"])
async def test_tls(direct: bool, tmp_path: Path) -> None:
    """A trusted certificate is served over one kept connection; a stranger's is Retryable, because
    nothing was sent."""
    server_side, client_side = certificate(tmp_path)
    async with serving(told(EMPTY), server_side) as server:
        connector = aiohttp.TCPConnector(ssl=client_side)
        async with aiohttp.ClientSession(connector=connector) as session:
            client = HttpClient(session, TestClock(), direct=direct)
            for _ in range(2):
                assert (await ask(client, server.url)).status == 200
            assert server.connections == 1
        async with open_session() as session:
            client = HttpClient(session, TestClock(), direct=direct)
            with pytest.raises(Retryable, match="can't be reached"):
                await ask(client, server.url)
        assert len(server.heads) == 2


async def test_another_aiohttp_goes_through_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """The undocumented calls are made with the version alone that was tested."""
    async with open_session() as session:
        assert HttpClient(session, TestClock())._direct is not None
        monkeypatch.setattr(direct_http, "TESTED_WITH", "0.0")
        assert HttpClient(session, TestClock())._direct is None


async def test_origins_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses of a process that sees ever new ones do not gather without end."""
    monkeypatch.setattr(direct_http, "MAX_ORIGINS", 3)
    async with open_session() as session:
        direct = DirectHttp(session)
        for number in range(10):
            direct._origin(URL(f"http://host-{number}.example/x"))
            assert len(direct._origins) <= 3


async def test_what_must_not_leave_does_not(
    client: HttpClient, session: aiohttp.ClientSession
) -> None:
    """A request that writes is stopped before its first byte, also on a kept connection; one that
    only asks is not in question, and the next one goes its way."""

    def forbid() -> None:
        raise LeaseLost("Another process owns this order now.")

    async with serving(told(EMPTY)) as server:
        await ask(client, server.url)
        for _ in range(2):
            with pytest.raises(LeaseLost):
                await ask(client, server.url, before=forbid)
        await ask(client, server.url, "GET", before=forbid)
        await ask(client, server.url, before=lambda: None)
        assert [head.split()[0] for head in server.heads] == [b"POST", b"GET", b"POST"]
    assert is_idle(session)
