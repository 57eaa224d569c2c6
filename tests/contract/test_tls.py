"""What `doctor` says of partners' TLS certificates, by real handshakes."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from adapters.kit.secret import Secret
from adapters.messages.smtp.settings import SmtpSettings
from adapters.warehouses.http.settings import WarehouseSettings
from service.app.clock import SystemClock
from service.app.tls import Certificate, addresses, certificates
from tests.certificates import HOST, self_signed


async def seen(folder: Path, days: float, *, trusted: bool) -> Certificate:
    """Return what a server with a certificate of so many days shows."""
    server = await asyncio.start_server(
        lambda reader, writer: writer.close(), HOST, 0, ssl=self_signed(folder, days)
    )
    context = ssl.create_default_context()
    if trusted:
        context.load_verify_locations(folder / "server.pem")
    async with server:
        port = server.sockets[0].getsockname()[1]
        (found,) = await certificates([(HOST, port)], context)
    return found


@pytest.mark.parametrize(("days", "soon"), [(13.0, True), (15.0, False)])
async def test_a_certificate_that_ends_soon_is_found(
    days: float, soon: bool, tmp_path: Path
) -> None:
    """It says when it ends, and two weeks before it is a fault."""
    found = await seen(tmp_path, days, trusted=True)
    now = SystemClock().now()
    assert found.ends_soon(now) is soon
    assert f"in {days:.0f} days" in found.words(now)
    assert "TLSv1.3" in found.words(now)


async def test_a_certificate_that_is_not_valid_is_said(tmp_path: Path) -> None:
    """A strange certificate, and a place where no one listens, are said in words."""
    found = await seen(tmp_path, 30.0, trusted=False)
    assert "is not valid for us" in found.words(SystemClock().now())
    (nothing,) = await certificates([(HOST, found.port)])
    assert "refused" in nothing.words(SystemClock().now())


def test_addresses_are_those_of_the_settings() -> None:
    """Every `https://` address, and a mail server that is spoken to in TLS from the start."""
    warehouse = WarehouseSettings(
        kind="warehouse",
        base_url="https://warehouse.example.com/api",
        token=Secret("t"),
        callback_secrets=(Secret("s"),),
    )
    assert addresses(warehouse) == [("warehouse.example.com", 443)]
    settings = SmtpSettings(
        kind="smtp",
        host="mail.example.com",
        port=465,
        security="tls",
        from_address="a@example.com",
        domain="example.com",
    )
    assert addresses(settings) == [("mail.example.com", 465)]
