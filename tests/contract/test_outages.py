"""Each way in which a partner may be away is trouble within ten seconds, with its cause in words,
and ends by itself. Partners are real servers; the time that passes for the runtime is a test's."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

import pytest
from yarl import URL

from actors.runtime.call_policy import CallPolicy
from actors.runtime.partner import Call
from actors.runtime.standing import Watch
from adapters.kit.http_client import HttpClient, Request, open_session
from schemas.messages import effects as f
from service.app.troubles import look_at
from tests.certificates import self_signed
from tests.conftest import Say
from tests.contract.http_server import Served, serving, told
from tests.contract.partner_calls import TestClock, mail
from tests.contract.test_adapter_mail import scripted
from tests.counter import ERP, Begin
from tests.fakes import ScriptedPartner
from tests.house import House, turns
from tests.waiting import eventually

Reach = Callable[[], Awaitable[None]]

MOST_SECONDS = 10
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"


class Reaching(ScriptedPartner):
    """A partner that must be reached first."""

    def __init__(self, reach: Reach) -> None:
        super().__init__(ERP)
        self.reach = reach

    async def perform(self, call: Call) -> f.Result:
        """Reach it, and act."""
        await self.reach()
        return await super().perform(call)

    async def look_up(self, call: Call) -> f.Result | None:
        """Reach it, and look."""
        await self.reach()
        return await super().look_up(call)


def posting(stack: AsyncExitStack, url: str) -> Reach:
    """What an adapter does to reach a partner over HTTP."""
    session = open_session()
    stack.push_async_callback(session.close)
    client = HttpClient(session, TestClock())
    request = Request(
        method="POST",
        url=URL(url),
        partner="The ERP",
        timeout_seconds=60.0,
        writes=True,
        headers={},
    )

    async def reach() -> None:
        await client.exchange(request)

    return reach


async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
    """Read on, and say nothing until the client hangs up."""
    await reader.read()


@asynccontextmanager
async def answering(answer: Served, tls: ssl.SSLContext | None = None) -> AsyncIterator[Reach]:
    """A partner whose server answers like this."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(answer, tls))
        yield posting(stack, server.url)


@asynccontextmanager
async def refusing() -> AsyncIterator[Reach]:
    """A partner at a port where no one listens."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    async with AsyncExitStack() as stack:
        yield posting(stack, f"http://127.0.0.1:{port}")


@asynccontextmanager
async def mailing() -> AsyncIterator[Reach]:
    """A mail server that does not offer STARTTLS."""
    async with scripted(*["250 here"] * 100) as (port, _):
        post = mail(port, security="starttls")

        async def reach() -> None:
            await post.probe()

        yield reach


@asynccontextmanager
async def in_plain() -> AsyncIterator[Reach]:
    """A server that speaks no TLS where TLS is expected."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(await asyncio.start_server(serve, "127.0.0.1", 0))
        yield posting(stack, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")


async def seconds_to_trouble(house: House, partner: Reaching) -> int:
    """Let second after second pass until the partner is in trouble; return how many."""
    watch, lane = Watch(), house.lane()
    await eventually(lambda: lane.under_way or lane.standing.failing or lane.trouble)
    for second in range(61):
        look_at(watch, lane, house.clock.monotonic())
        if lane.trouble:
            return second
        await house.move(1.0)
        await turns(20)
        if partner.reach.__qualname__.startswith("posting") and lane.under_way:
            continue  # it may hang
        await eventually(lambda: not lane.under_way)
    raise AssertionError("It was in no trouble within a minute.")


async def see(reach: Reach, cause: str, say: Say) -> None:
    """Show that an outage is told with its cause in time, once, and ends when the partner is
    back."""
    partner = Reaching(reach)
    house = House(policy=CallPolicy(), partners={ERP: partner})
    house.dispatcher.start()
    await house.move(house.lane().policy.settle_seconds)
    house.post(Begin(lanes=(ERP,)), "d1")
    try:
        seconds = await seconds_to_trouble(house, partner)
        say(f"Trouble is told after {seconds} s: {house.lane().trouble}")
        assert cause in house.lane().trouble
        assert seconds <= MOST_SECONDS

        async def is_back() -> None:
            await asyncio.sleep(0)

        partner.reach = is_back
        await house.while_time_passes(lambda: not house.lane().trouble)
        await house.while_time_passes(lambda: house.state().is_done(ERP))
    finally:
        await house.close()


async def test_a_refused_credential(say: Say) -> None:
    """HTTP 401."""
    async with answering(told(REFUSED)) as reach:
        await see(reach, "refused our credential (HTTP 401)", say)


async def test_a_refused_connection(say: Say) -> None:
    """No one listens there; there is one order alone, so that the breaker stays closed."""
    async with refusing() as reach:
        await see(reach, "the connection is refused", say)


async def test_a_certificate_that_no_one_vouches_for(say: Say, tmp_path: Path) -> None:
    """TLS with another certificate than ours trusts."""
    async with answering(told(REFUSED), self_signed(tmp_path)) as reach:
        await see(reach, "TLS certificate", say)


async def test_no_tls_where_it_should_be(say: Say) -> None:
    """A port that does not speak TLS."""
    async with in_plain() as reach:
        await see(reach, "TLS fails", say)


async def test_a_mail_server_without_starttls(say: Say) -> None:
    """It is reached, and will not encrypt."""
    async with mailing() as reach:
        await see(reach, "does not offer STARTTLS", say)


async def test_a_partner_that_hangs(say: Say) -> None:
    """It takes the call and does not answer, long before the call's own time-out."""
    partner = Reaching(lambda: asyncio.sleep(0))
    house = House(policy=CallPolicy(), partners={ERP: partner})
    async with AsyncExitStack() as stack:
        answers = asyncio.Event()

        async def late(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
        ) -> None:
            await answers.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        server = await stack.enter_async_context(serving(late))
        partner.reach = posting(stack, server.url)
        stack.push_async_callback(house.close)
        stack.callback(answers.set)
        house.dispatcher.start()
        await house.move(house.lane().policy.settle_seconds)
        house.post(Begin(lanes=(ERP,)), "d1")
        seconds = await seconds_to_trouble(house, partner)
        say(f"Trouble is told after {seconds} s: {house.lane().trouble}")
        assert "has answered none for 5 seconds" in house.lane().trouble
        assert seconds <= MOST_SECONDS
        answers.set()
        await eventually(lambda: not house.lane().trouble)


@pytest.mark.parametrize("under_way", [0, 3])
def test_a_slow_partner_that_answers_is_in_no_trouble(under_way: int) -> None:
    """Each answer begins the wait again, also one that refuses; and without calls no one waits."""
    house = House()
    watch, standing = Watch(), house.lane().standing
    for second in range(60):
        assert watch.look("erp", standing, under_way, float(second)) == ""
        if second % 4 == 0:
            standing.answered()
