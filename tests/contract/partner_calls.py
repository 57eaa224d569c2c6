"""Calls of partners as the dispatcher makes them, adapters that call the simulators, and a stub."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web

from actors.runtime.ports import Call
from adapters.carriers.ups.partner import Ups, UpsSettings
from adapters.carriers.ups.shipment import Shipper
from adapters.channels.bigcommerce.api import BigCommerceApi, BigCommerceStore
from adapters.channels.bigcommerce.storefront import BigCommerceStorefront
from adapters.channels.shopify.fulfilment import ShopifyFulfilment, ShopifyFulfilmentSettings
from adapters.channels.shopify.sync import ShopifySync
from adapters.erp.business_central.partner import BusinessCentral, BusinessCentralSettings
from adapters.kit.http_client import HttpClient, open_session
from adapters.kit.oauth import ClientCredentials
from adapters.messages.smtp.partner import MailSettings, SmtpMail
from adapters.messages.smtp.pool import SmtpServer
from adapters.warehouses.http.partner import HttpWarehouse, HttpWarehouseSettings
from schemas.messages.effects import Effect
from schemas.order.canonical import Address, Order
from schemas.order.ids import order_id_for, sign_correlation_id
from tests.given import an_order

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
KEYS = {"k1": b"a key for tests"}
SHOP = Address(
    name="Dispatch", lines=("1 Dock Street",), city="Louisville", region="KY", country="US",
    postal_code="40201",
)  # fmt: skip


@dataclass
class TestClock:
    """Wall-clock time stands at noon unless moved; `ahead` moves both."""

    __test__ = False
    ahead: float = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


def a_call(effect: Effect, order: Order | None = None, *, number: int = 3, trace: str = "") -> Call:
    """Return a call for this order (of the tests' usual one)."""
    order = order or an_order()
    order_id = order_id_for("acme-us", order.ref)
    reference = sign_correlation_id(order_id, "k1", KEYS)
    return Call(
        order_id=order_id,
        channel="acme-us",
        ref=order.ref,
        correlation_id=reference,
        number=number,
        effect=effect,
        order=order,
        idempotency_key=f"{reference}-{number}",
        attempt=1,
        trace=trace,
    )


@asynccontextmanager
async def http_client(clock: TestClock | None = None) -> AsyncIterator[HttpClient]:
    """A client with connections of its own."""
    async with open_session(connect_timeout_seconds=2.0) as session:
        yield HttpClient(session, clock or TestClock())


def business_central(client: HttpClient, base: str, **changes: object) -> BusinessCentral:
    """The ERP at `base`, as its simulator serves it."""
    settings = {
        "api_url": f"{base}/bc/api/v2.0",
        "company_id": "3e5f",
        "customer_number": "WEB",
        "credentials": ClientCredentials(
            token_url=f"{base}/bc/tenant/oauth2/v2.0/token",
            client_id="id",
            client_secret="secret",
            scope="https://api.businesscentral.dynamics.com/.default",
        ),
        "timeout_seconds": 2.0,
        **changes,
    }
    return BusinessCentral(client, BusinessCentralSettings(**settings))  # type: ignore[arg-type]  # one dict of settings, for tests to change


def warehouse(client: HttpClient, base: str, **changes: object) -> HttpWarehouse:
    """The warehouse at `base`."""
    settings = {
        "base_url": f"{base}/warehouse",
        "token": "any",
        "place": "main",
        "timeout_seconds": 2.0,
        **changes,
    }
    return HttpWarehouse(client, HttpWarehouseSettings(**settings))  # type: ignore[arg-type]  # one dict of settings, for tests to change


def ups(client: HttpClient, base: str, **changes: object) -> Ups:
    """UPS at `base`, believed at once when it has no label."""
    settings = {
        "base_url": f"{base}/ups",
        "credentials": ClientCredentials(
            token_url=f"{base}/ups/security/v1/oauth/token",
            client_id="id",
            client_secret="secret",
            basic=True,
        ),
        "shipper": Shipper(number="A1B2C3", name="Acme", phone="502 555 0100", address=SHOP),
        "services": {"Next day": "01"},
        "recovery_lag_seconds": 0.0,
        "timeout_seconds": 2.0,
        **changes,
    }
    return Ups(client, UpsSettings(**settings))  # type: ignore[arg-type]  # one dict of settings, for tests to change


def shopify(client: HttpClient, base: str, **changes: object) -> ShopifyFulfilment:
    """The shop at `base`."""
    settings = {
        "base_url": f"{base}/shopify/acme-us.myshopify.com",
        "access_token": "any",
        "timeout_seconds": 2.0,
        **changes,
    }
    return ShopifyFulfilment(client, ShopifyFulfilmentSettings(**settings))  # type: ignore[arg-type]  # one dict of settings, for tests to change


def shopify_sync(client: HttpClient, base: str) -> ShopifySync:
    """The same shop's orders and subscriptions."""
    url = f"{base}/shopify/acme-us.myshopify.com"
    return ShopifySync(client, base_url=url, access_token="any", timeout_seconds=5.0)


def bigcommerce(client: HttpClient, base: str, seconds: float = 2.0) -> BigCommerceStorefront:
    """The BigCommerce store at `base`."""
    told = BigCommerceStore(
        store_hash="abc123",
        access_token="the token",
        base_url=f"{base}/bigcommerce",
        timeout_seconds=seconds,
    )
    return BigCommerceStorefront(BigCommerceApi(client, told))


def mail(port: int, clock: TestClock | None = None, **changes: object) -> SmtpMail:
    """The post office on this port of this machine."""
    settings = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "timeout_seconds": 2.0,
        **changes,
    }
    server = SmtpServer(**settings)  # type: ignore[arg-type]  # one dict of settings, for tests to change
    return SmtpMail(
        clock or TestClock(),
        MailSettings(server=server, sender="orders@acme.example", shop_name="Acme, Inc."),
    )


@dataclass
class Stub:
    """A partner of which a test decides every answer, and sees every request."""

    url: str = ""
    answers: list[web.StreamResponse | Callable[[web.Request], web.StreamResponse]] = field(
        default_factory=list
    )
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        self.requests.append((request.method, request.path_qs, headers, body))
        if request.path.endswith("/token"):
            return web.json_response({"access_token": "t", "expires_in": "3600"})
        answer = self.answers.pop(0)
        return answer(request) if callable(answer) else answer

    def sent(self, part: str) -> tuple[str, str, dict[str, str], bytes]:
        """The last request whose address holds this part."""
        return [one for one in self.requests if part in one[1]][-1]


@asynccontextmanager
async def stubbed(*answers: web.StreamResponse) -> AsyncIterator[Stub]:
    """A stub on a free port that gives these answers in turn."""
    stub = Stub(answers=list(answers))
    application = web.Application()
    application.router.add_route("*", "/{anything:.*}", stub.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        stub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield stub
    finally:
        await runner.cleanup()
