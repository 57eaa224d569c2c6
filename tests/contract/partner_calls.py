"""Calls of partners as the dispatcher makes them, adapters that call the simulators, and a stub."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from aiohttp import web

from actors.runtime.call_policy import CallPolicy
from actors.runtime.partner import Call
from adapters.carriers.fedex.partner import Fedex
from adapters.carriers.fedex.settings import FedexSettings
from adapters.carriers.ups.partner import Ups
from adapters.carriers.ups.settings import UpsSettings
from adapters.erp.business_central.partner import BusinessCentral
from adapters.erp.business_central.settings import BusinessCentralSettings
from adapters.kit.http_client import HttpClient, open_session
from adapters.kit.secret import Secret
from adapters.kit.settings import Origin
from adapters.messages.smtp.partner import SmtpMail
from adapters.messages.smtp.settings import SmtpSettings
from adapters.warehouses.http.partner import HttpWarehouse
from adapters.warehouses.http.settings import WarehouseSettings
from schemas.messages.effects import (
    VERBS,
    AmendSalesOrder,
    BuyLabel,
    CancelAtChannel,
    CancelSalesOrder,
    CancelTask,
    CapturePayment,
    CreateTask,
    Effect,
    FetchOrder,
    PostSalesOrder,
    PublishFulfilment,
    RefundPayment,
    SendMail,
    TellStanding,
    TrackParcel,
    Units,
    VoidLabel,
    digest_of,
)
from schemas.order.canonical import Order
from schemas.order.ids import order_id_for, sign_reference
from schemas.order.things import ORDER, Key
from tests.orders import an_order

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
KEYS = {"1": b"a key for tests"}
THINGS = {
    PostSalesOrder: "D1", AmendSalesOrder: "D1", CancelSalesOrder: "D1", CreateTask: "F1",
    CancelTask: "F1", BuyLabel: "L1", VoidLabel: "L1", TrackParcel: "K1", SendMail: "M1",
    PublishFulfilment: "F1", CancelAtChannel: "O", FetchOrder: "O", TellStanding: "F1",
    CapturePayment: "C1", RefundPayment: "R1",
}  # fmt: skip
SHOP = Origin(
    name="Acme", phone="5025550100", lines=("1 Dock Street",), city="Louisville", region="KY",
    country="US", postal_code="40201",
)  # fmt: skip


@dataclass
class TestClock:
    """Wall-clock time stands at noon unless moved; `ahead` moves both."""

    __test__ = False
    ahead: float = 0.0
    noon: datetime = NOON

    def now(self) -> datetime:
        return self.noon + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


def a_call(
    effect: Effect,
    order: Order | None = None,
    *,
    key: str = "",
    number: int = 3,
    trace: str = "",
) -> Call:
    """Return a call for this order (of the tests' usual one), for the usual thing of its effect."""
    order = order or an_order()
    order_id = order_id_for("acme-us", order.ref)
    thing = Key(key or THINGS[type(effect)])
    reference = sign_reference(order_id, thing, "1", KEYS)
    digest = digest_of(effect)
    return Call(
        order_id=order_id,
        channel="acme-us",
        ref=order.ref,
        key=thing,
        reference=reference,
        order_reference=sign_reference(order_id, ORDER, "1", KEYS),
        number=number,
        effect=effect,
        order=order,
        idempotency_key="-".join(part for part in (VERBS[type(effect)], reference, digest) if part),
        attempt=1,
        trace=trace,
    )


def all_units(order: Order | None = None) -> tuple[Units, ...]:
    """Return every unit of an order."""
    lines = (order or an_order()).lines
    return tuple(Units(line.line_id, line.sku, line.quantity) for line in lines)


@asynccontextmanager
async def http_client(
    clock: TestClock | None = None, *, direct: bool = True
) -> AsyncIterator[HttpClient]:
    """A client with connections of its own."""
    async with open_session(connect_timeout_seconds=2.0) as session:
        yield HttpClient(session, clock or TestClock(), direct=direct)


def patient(changes: Mapping[str, object]) -> dict[str, object]:
    """Settings with a short time limit, or with the `timeout_seconds` among the changes."""
    seconds = changes.get("timeout_seconds", 2.0)
    assert isinstance(seconds, float)
    others = {name: value for name, value in changes.items() if name != "timeout_seconds"}
    return {"calls": CallPolicy(timeout_seconds=seconds), **others}


def business_central(
    client: HttpClient, base: str, *, zones: Mapping[str, str] | None = None, **changes: object
) -> BusinessCentral:
    """The ERP at `base`, as its simulator serves it."""
    settings = {
        "kind": "business_central",
        "base_url": f"{base}/bc/api/v2.0",
        "token_url": f"{base}/bc/tenant/oauth2/v2.0/token",
        "company_id": "3e5f",
        "client_id": "id",
        "client_secret": Secret("secret"),
        "customer_number": "WEB",
        "shipping_account": "40100",
        **patient(changes),
    }
    return BusinessCentral(client, BusinessCentralSettings(**settings), zones=zones)  # type: ignore[arg-type]  # one dict of settings, for tests to change


def warehouse(
    client: HttpClient,
    base: str,
    *,
    timeout_seconds: float = 2.0,
    name: str = "",
    own_url: str = "",
    path: str = "/warehouse",
) -> HttpWarehouse:
    """The warehouse at `base`."""
    settings = WarehouseSettings(
        kind="warehouse",
        base_url=base + path,
        token=Secret("any"),
        callback_secrets=(Secret("x"),),
        calls=CallPolicy(timeout_seconds=timeout_seconds),
    )
    return HttpWarehouse(client, settings, name=name, own_url=own_url, keys=KEYS)


def ups(client: HttpClient, base: str, **changes: object) -> Ups:
    """UPS at `base`, believed at once when it has no label."""
    settings = {
        "kind": "ups",
        "base_url": f"{base}/ups",
        "client_id": "id",
        "client_secret": Secret("secret"),
        "account_number": "A1B2C3",
        "shipper": SHOP,
        "services": {"Next day": "01", "Next day > abroad": "07"},
        "default_service": "03",
        "default_service_abroad": "65",
        "recovery_lag_seconds": 0.0,
        **patient(changes),
    }
    return Ups(client, UpsSettings(**settings))  # type: ignore[arg-type]  # one dict of settings, for tests to change


def fedex(client: HttpClient, base: str, **changes: object) -> Fedex:
    """FedEx at `base`, believed at once when it has no label."""
    settings = {
        "kind": "fedex",
        "base_url": f"{base}/fedex",
        "client_id": "id",
        "client_secret": Secret("secret"),
        "account_number": "510087020",
        "shipper": SHOP,
        "services": {"Next day": "STANDARD_OVERNIGHT"},
        "recovery_lag_seconds": 0.0,
        **patient(changes),
    }
    return Fedex(client, FedexSettings(**settings))  # type: ignore[arg-type]  # one dict of settings, for tests to change


def mail(
    port: int,
    clock: TestClock | None = None,
    *,
    timeout_seconds: float = 2.0,
    connections: int = 8,
    security: Literal["none", "starttls", "tls"] = "none",
) -> SmtpMail:
    """The mail server on this port of this machine."""
    settings = SmtpSettings(
        kind="smtp",
        host="127.0.0.1",
        port=port,
        security=security,
        from_address="orders@acme.example",
        from_name="Acme, Inc.",
        domain="acme.example",
        calls=CallPolicy(timeout_seconds=timeout_seconds),
    )
    return SmtpMail(clock or TestClock(), settings, connections=connections)


Take = Callable[[web.Request, bytes], web.StreamResponse]


def items_asked_for(request: web.Request, *, blocked: str = "") -> web.Response:
    """Business Central's answer to a question for items: it has every one, some blocked."""
    numbers = re.findall(r"'([^']*)'", request.query["$filter"])
    found = [{"number": one, "blocked": one == blocked} for one in numbers]
    return web.json_response({"value": found})


@asynccontextmanager
async def served(take: Take) -> AsyncIterator[str]:
    """The address of a server that answers so, and gives tokens."""
    application = web.Application()

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/token"):
            return web.json_response({"access_token": "t", "expires_in": 3600})
        return take(request, await request.read())

    application.router.add_route("*", "/{anything:.*}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


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
        if request.path.endswith("/items"):
            return items_asked_for(request)
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
