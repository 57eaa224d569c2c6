"""`python -m ops.bench.hot_paths [NAME ...]`: the paths whose instructions are counted.

`ops.bench.instructions` runs this under callgrind. Each path is prepared and warmed up; then this
process writes `ready` with the names, waits for a line, and walks each path REPEATS and twice
REPEATS times. A call of `getpgid` separates the parts: callgrind writes what it counted whenever
that function is entered, and nothing else here calls it. Everything is in this process: a partner's
answers come from memory, so that no kernel and no scheduling is in the figures.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import aiohttp
import msgspec
import uvloop
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from multidict import CIMultiDict

from actors.rules.compiled import Compiled
from actors.runtime.partner import Call
from adapters.carriers.ups.partner import Ups
from adapters.carriers.ups.settings import UpsSettings
from adapters.channels.shopify.source import Shopify
from adapters.kit.exchanges import Exchange
from adapters.kit.http_client import HttpClient
from adapters.kit.secret import Secret
from adapters.kit.settings import Origin
from ops.bench import ingress
from ops.bench.steps import Life
from ops.simulators.shapes import JsonObject
from ops.simulators.ups_shipments import Package, Shipment, shipped, tracking_number
from schemas.messages.effects import BuyLabel, LabelBought, PackedParcel, Units
from schemas.messages.inputs import PlaceOrder
from schemas.order.canonical import Order
from schemas.order.ids import OrderId, Reference
from schemas.order.things import FULFILMENT, LABEL, PARCEL, key_of
from service.app.clock import SystemClock
from service.rules.bench import rules_of

LINES = 5
RULES = 20
Walk = Callable[[int], object]
"""Walks a path so many times."""


class Path(msgspec.Struct, frozen=True):
    """One path. `words` say what one repeat is; `repeats` of the shorter loop, enough that what
    differs between two runs of the same code stays under a tenth of a percent."""

    words: str
    repeats: int
    prepare: Callable[[], Walk]


def webhook() -> Walk:
    """A fulfilment order was routed: every order sends this, and nothing follows from it."""
    shop, headers, now = _shop(), ingress.signed(NEWS), datetime.now(UTC)
    given = CIMultiDict({**headers, "X-Shopify-Topic": "fulfillment_orders/order_routing_complete"})
    if not shop.receive(given, NEWS, now).ignored:
        raise SystemExit("The webhook without consequence has one: choose another.")

    def walk(count: int) -> None:
        for _ in range(count):
            shop.receive(given, NEWS, now)

    return walk


NEWS = json.dumps(
    {"fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/1046000778", "status": "open"}}
).encode()


def shopify_order() -> Walk:
    """A webhook with an order of five lines, from its bytes to the canonical order."""
    shop, bodies = _shop(), ingress.payloads()[:10]

    def walk(count: int) -> None:
        for number in range(count):
            shop.translate("place", "orders/create", bodies[number % len(bodies)])

    return walk


def order_life() -> Walk:
    """An order of five lines from one place: placed, reserved, posted, packed, labelled, handed
    over, tracked, published and closed. Each step decides, folds its events and encodes."""

    def walk(count: int) -> None:
        for _ in range(count):
            one_life()

    return walk


def one_life() -> Life:
    """Live an ordinary order's life, and return it closed."""
    life = Life(LINES, places=1)
    life.begin()
    for key in list(life.state.fulfilments):
        life.send(key)
    life.deliver()
    if life.state.stage != "closed":
        raise SystemExit(f"The ordinary order ended as {life.state.stage}, not closed.")
    return life


def partner_call() -> Walk:
    """A label bought: request written, answer parsed and read, exchange kept for the timeline."""
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    partner = loop.run_until_complete(_ups())
    call = _label_call(_an_order())

    async def several(count: int) -> None:
        for _ in range(count):
            bought = await partner.perform(call)
            if not isinstance(bought, LabelBought):
                raise SystemExit("The partner in memory sold no label.")

    return lambda count: loop.run_until_complete(several(count))


def rules() -> Walk:
    """Twenty rules of all sets decided about an order of five lines, of which none matches."""
    compiled, order = Compiled(rules_of(RULES), 1), _an_order()

    def walk(count: int) -> None:
        for _ in range(count):
            compiled.decide(order, "acme-us", "home")

    return walk


PATHS: Mapping[str, Path] = {
    "webhook": Path("a webhook without consequence, from bytes to answer", 400, webhook),
    "shopify_order": Path("a Shopify order of 5 lines, bytes to canonical", 20, shopify_order),
    "order_life": Path("the steps of an ordinary order, placed to closed", 3, order_life),
    "partner_call": Path("a label bought: request, answer, exchange kept", 100, partner_call),
    "rules": Path("20 rules decided about an order", 200, rules),
}


def _shop() -> Shopify:
    return Shopify(
        "bench",
        shop_domain="bench.myshopify.com",
        secrets=(ingress.SECRET,),
        api_version="2026-10",
    )


def _an_order() -> Order:
    placed = _shop().translate("place", "orders/create", ingress.payloads()[0])
    if not isinstance(placed, PlaceOrder):
        raise SystemExit("The bench's own order was refused; fix that first.")
    return placed.order


class _Kept:
    """Wants every exchange, as the service does unless told otherwise; the newest is kept."""

    last: Exchange | None = None

    def wants(self, order_id: OrderId, status: int) -> bool:
        return True

    def record(self, exchange: Exchange) -> None:
        self.last = exchange


class _Answering(asyncio.Transport):
    """A connection's other end in memory: each request is answered in the loop's next round."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: ResponseHandler) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        answer = TOKEN if b"/oauth/token" in bytes(data[:200]) else _label_answer()
        self._loop.call_soon(self._protocol.data_received, answer)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self._loop.call_soon(self._protocol.connection_lost, None)


class _InMemory(aiohttp.BaseConnector):
    """The connector's pool as it is, over connections in memory."""

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[aiohttp.tracing.Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the connector's own name for it
    ) -> ResponseHandler:
        protocol = ResponseHandler(self._loop)
        protocol.connection_made(_Answering(self._loop, protocol))
        return protocol


async def _ups() -> Ups:
    connector = _InMemory(limit=0, keepalive_timeout=3600.0)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5.0)
    session = aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout
    )
    client = HttpClient(session, SystemClock(), exchanges=_Kept())
    settings = UpsSettings(
        kind="ups",
        base_url="http://partner.invalid",
        client_id="bench",
        client_secret=Secret("secret of the bench"),
        account_number="A1B2C3",
        default_service="03",
        shipper=SHIPPER,
    )
    return Ups(client, settings)


SHIPPER = Origin(
    name="Acme", phone="5025550100", lines=("1 Dock Street",), city="Louisville", region="KY",
    country="US", postal_code="40201",
)  # fmt: skip


def _label_call(order: Order) -> Call:
    units = tuple(Units(line_id=x.line_id, sku=x.sku, quantity=x.quantity) for x in order.lines)
    parcel = PackedParcel(parcel=key_of(PARCEL, 1), units=units, weight_grams=500)
    reference = Reference("1" + "0" * 34)
    return Call(
        order_id=OrderId("0" * 20),
        channel="bench",
        ref=order.ref,
        key=key_of(LABEL, 1),
        reference=reference,
        order_reference=reference,
        number=4,
        effect=BuyLabel(fulfilment=key_of(FULFILMENT, 1), place="main", parcels=(parcel,)),
        order=order,
        idempotency_key=f"label-{reference}",
        attempt=1,
    )


def _http(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Server: UPS\r\nDate: Fri, 27 Nov 2026 12:00:00 GMT\r\n\r\n".encode() + body


TOKEN = _http(b'{"access_token":"of the bench","expires_in":"14399","token_type":"Bearer"}')
_answer: list[bytes] = []


def _label_answer() -> bytes:
    """Return what the simulated UPS answers to one parcel."""
    if not _answer:
        number = tracking_number("A1B2C3", "03", 1)
        shipment = Shipment(
            packages=[Package(number)], shipper="A1B2C3", references=(), bought_at=0.0,
            city="Lexington", country="US", postal_code="40502", service="03", cost="12.34",
        )  # fmt: skip
        package: JsonObject = {
            "PackageWeight": {"Weight": "1.1", "UnitOfMeasurement": {"Code": "LBS"}}
        }
        told = shipped(shipment, [package], "a reference")
        _answer.append(_http(json.dumps(told).encode()))
    return _answer[0]


def main(names: Sequence[str], paths: Mapping[str, Path] = PATHS) -> None:
    """Walk these paths, or all. What cleans up at the end is left out: it would be counted."""
    chosen = {name: paths[name] for name in names or paths}
    walks = {name: path.prepare() for name, path in chosen.items()}
    for name, walk in walks.items():
        walk(max(8, chosen[name].repeats))
    gc.collect()
    gc.freeze()
    gc.disable()
    print("ready", *chosen, flush=True)
    sys.stdin.readline()
    for name, walk in walks.items():
        repeats = chosen[name].repeats
        os.getpgid(0)
        walk(repeats)
        os.getpgid(0)
        walk(2 * repeats)
        os.getpgid(0)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
