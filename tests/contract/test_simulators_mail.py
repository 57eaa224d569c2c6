"""The simulated mail server counts messages by their references and knows whom it serves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage

import aiosmtplib
import pytest

from tests.contract.simulated import Client, Running, calling, started

ORDER = "1" + "A" * 19


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


@pytest.fixture
async def sim(running: Running) -> AsyncIterator[Client]:
    async with calling(running) as client:
        await client.call("DELETE", "/_sim/credentials")
        yield client


async def sent(
    running: Running, thing: str, user: str | None = None, password: str | None = None
) -> None:
    """Sends the message of that thing."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "shop@acme.example", "ada@customer.example", "s"
    mail["X-Orderwright-Reference"] = f"{ORDER}{thing}ABCDEFGHJK"
    await aiosmtplib.send(
        mail,
        hostname="127.0.0.1",
        port=running.smtp_port,
        start_tls=False,
        username=user,
        password=password,
    )


async def test_a_message_is_sent_at_most_once_by_its_reference(
    sim: Client, running: Running
) -> None:
    """Two messages of one order are ordinary; the same one twice is a duplicate."""
    for thing in ("M0001", "M0002", "M0002"):
        await sent(running, thing)
    (duplicate,) = (await sim.call("GET", "/_sim/ledger/summary")).json["duplicates"]
    assert duplicate["reference"] == f"{ORDER}M0002ABCDEFGHJK"
    (order,) = (await sim.call("GET", f"/_sim/ledger/orders?prefix={ORDER}")).json["orders"]
    assert len(order["entries"]) == 3
    assert order["entries"][0]["detail"]["domain"] == "customer.example"


async def test_a_configured_account_must_log_in(sim: Client, running: Running) -> None:
    """No one sends without the right password once an account is configured."""
    account = {"partner": "mail", "client_id": "shop", "client_secret": "s3cret"}
    await sim.call("POST", "/_sim/credentials", account)
    with pytest.raises(aiosmtplib.SMTPAuthenticationError):
        await sent(running, "M0001", "shop", "guessed")
    with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
        await sent(running, "M0001")
    assert refused.value.code == 530
    await sent(running, "M0001", "shop", "s3cret")
    assert len(await sim.ledger("mail")) == 1
