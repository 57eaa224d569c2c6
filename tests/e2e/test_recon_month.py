"""A seeded month through the matcher of reconciliation: the books of the simulated shops, their
gateway and their ERP, as their APIs answer, written to files and read from there."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from msgspec.structs import replace

from actors.documents.thing import POSTED, Document
from actors.kernel.setup import Setup
from actors.order.state import LineState, State
from adapters.channels.shopify.books import BALANCE_QUERY, ORDERS_QUERY, balance_page, orders_page
from adapters.channels.shopify.books import decoder as shop_decoder
from adapters.channels.shopify.kind import KIND as SHOPIFY
from adapters.erp.business_central.books import decoder as erp_decoder
from adapters.erp.business_central.books import entries as erp_entries
from adapters.erp.business_central.books import first_page
from adapters.erp.business_central.kind import KIND as BUSINESS_CENTRAL
from adapters.erp.business_central.sales_order import Booking, sales_order
from adapters.kit.books import Booked
from adapters.kit.instance import Instance
from adapters.kit.kind import example_of
from adapters.kit.lineage import all_units
from adapters.postgres.recon import Entered, Run
from ops.simulators.bc import BusinessCentral
from ops.simulators.faults import Fate, FaultBook, Plan
from ops.simulators.ledger import Ledger
from ops.simulators.partner import World
from ops.simulators.planting import plant
from ops.simulators.shapes import dump
from ops.simulators.shopify import Shopify
from ops.simulators.storefront import Moment, Recipe, payload
from ops.simulators.wire import Request
from schemas.messages.inputs import PlaceOrder
from schemas.order.canonical import Order
from schemas.order.ids import order_id_for, sign_reference
from schemas.order.things import key_of
from service.recon.cases import Terms
from service.recon.ours import our_order
from service.recon.reading import numbered
from service.recon.run import compared, verifier
from tests.conftest import Say
from tests.planted import EXPECTED, Errors, as_error, expected

KEYS: Final = {"0": b"k" * 32}
NOW: Final = datetime(2026, 12, 1, tzinfo=UTC)
SINCE: Final = datetime(2026, 11, 1, tzinfo=UTC)
COMPANY: Final = "6f9a2d3e-0000-4000-8000-00000000acbe"
PART: Final = 100
Json = dict[str, Any]


class Size(msgspec.Struct, frozen=True):
    """A month: channels, the orders of each, how many of these are refunded, and how many of each
    kind of error are planted in each."""

    channels: int
    orders: int
    refunded: int
    each: int


QUICK, LONG = Size(2, 150, 20, 2), Size(40, 2_500, 100, 5)


class Clock:
    """The time of the simulated world: payments are made in the middle of the month."""

    at = datetime(2026, 11, 20, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.at


class Channel:
    """One channel's month: every side's books as lines of a file, and what was planted."""

    def __init__(self, name: str, size: Size, folder: Path, rng: random.Random) -> None:
        self.name, self.size, self.folder, self.rng = name, size, folder, rng
        self.planted: list[Json] = []

    def file(self, side: str) -> Path:
        """Where the pages of a side are."""
        return self.folder / f"{self.name}-{side}.jsonl"

    def make(self) -> None:
        """Trade for a month, tell everyone, plant, and write the books down."""
        clock = Clock()
        world = World(Ledger(clock), FaultBook(1, 0.0, clock), clock, 1_700_000_000_000)
        shop, erp = Shopify(world), BusinessCentral(world)
        domain = f"{self.name}.myshopify.com"
        erp.control(_request("POST", "/_sim/erp/settings", {"tax_as_told": True}))
        numbers = self._sell(shop, domain)
        with self.file("ours").open("wb") as ours:
            for number in numbers:
                stated = shop.books.of(domain).statement(number)
                assert stated is not None
                ours.write(self._book(erp, stated) + b"\n")
        seed = self.rng.randrange(10**9)
        told = _request("POST", "", {"shop": domain, "seed": seed, "each": self.size.each})
        planted = plant(told, shop.books.of, erp.book, shop.control, clock)
        self.planted = [dict(one) for one in planted]
        self._write(shop, domain, erp)

    def _sell(self, shop: Shopify, domain: str) -> list[int]:
        recipe = Recipe(seed=self.rng.randrange(10**6), shop=domain)
        numbers = []
        for serial in range(1, self.size.orders + 1):
            at = SINCE + timedelta(seconds=self.rng.randrange(18 * 86_400))
            moment = Moment(created_at=at.isoformat(), updated_at=at.isoformat())
            order = json.loads(payload(recipe, serial, moment))
            one = {"id": order["id"], "updated_at": order["updated_at"], "order": order}
            shop.books.of(domain).tell({"orders": [one]})
            numbers.append(order["id"])
        for number in numbers[: self.size.refunded]:
            path = f"/_sim/shops/{domain}/orders/{number}/refund"
            reply = shop.control(_request("POST", path, {"amount": "1.00", "tell": False}))
            assert reply.status == 200, reply.body
        return numbers

    def _book(self, erp: BusinessCentral, stated: Json) -> bytes:
        """Book an order as the service does; return our side of it."""
        order = _canonical(self.name, stated)
        order_id = order_id_for(self.name, order.ref)
        mark = sign_reference(order_id, key_of("D", 1), "0", KEYS)
        booking = Booking(channel=self.name, reference=mark)
        body = sales_order(order, all_units(order), booking=booking, settings=_SETTINGS).body()
        path = f"/bc/api/v2.0/companies({COMPANY})/salesOrders"
        made = _ask(erp, Request("POST", path, "", _BEARER, msgspec.json.encode(body)))
        state = State(
            stage="accepted",
            channel=self.name,
            ref=order.ref,
            number=order.number,
            lines=tuple(LineState(x.line_id, x.sku, "", {"q": x.quantity}) for x in order.lines),
            documents={key_of("D", 1): Document(POSTED, "bc", made["id"], made["number"], 1)},
        )
        setup = Setup(channel=self.name, erp="bc")
        ours = our_order(order_id, state, order, setup, None, stated=order)
        return msgspec.json.encode(ours)

    def _write(self, shop: Shopify, domain: str, erp: BusinessCentral) -> None:
        path = f"/shopify/{domain}/admin/api/2026-10/graphql.json"
        headers = {"x-shopify-access-token": "a token"}
        for side, query, bound in (
            ("orders", ORDERS_QUERY, "created_at"),
            ("balance", BALANCE_QUERY, "processed_at"),
        ):
            with self.file(side).open("wb") as lines:
                after = None
                while True:
                    wish = f"{bound}:>='2026-10-31T00:00:00Z'"
                    sent: Json = {"query": query, "variables": {"query": wish, "after": after}}
                    data = _ask(shop, Request("POST", path, "", headers, dump(sent)))["data"]
                    lines.write(msgspec.json.encode(data) + b"\n")
                    part = (
                        data.get("orders") or data["shopifyPaymentsAccount"]["balanceTransactions"]
                    )
                    after = part["pageInfo"]["endCursor"]
                    if not part["pageInfo"]["hasNextPage"]:
                        break
        for source in ("salesOrders", "salesInvoices", "salesCreditMemos"):
            first, _, query = first_page(source, SINCE).partition("?")
            path = f"/bc/api/v2.0/companies({COMPANY}){first}"
            with self.file(source).open("wb") as lines:
                answered = _ask(erp, Request("GET", path, query, _BEARER, b""))
                lines.write(msgspec.json.encode(answered) + b"\n")


_BEARER: Final = {"authorization": "Bearer any"}
_SETTINGS: Final = replace(
    example_of(BUSINESS_CENTRAL), customer_number="WEB", gross_customer_number="WEB-GROSS"
)


def _request(method: str, path: str, body: Mapping[str, Any]) -> Request:
    return Request(method, path, "", {}, dump(body))


def _ask(partner: Shopify | BusinessCentral, request: Request) -> Json:
    call = partner.recognise(request)
    assert call is not None, request.path
    reply = call.act(Plan(Fate.NORMAL, 0.0, None))
    assert reply.status < 300, reply.body
    found: Json = json.loads(reply.body)
    return found


_READERS: dict[str, Any] = {}


def _canonical(channel: str, stated: Json) -> Order:
    if channel not in _READERS:
        part = SHOPIFY.channel
        assert part is not None
        settings = replace(example_of(SHOPIFY), shop_domain=f"{channel}.myshopify.com")
        _READERS[channel] = part.reader(settings, Instance(name=channel, keys=KEYS))
    found = _READERS[channel].translate("place", "orders/create", msgspec.json.encode(stated))
    assert isinstance(found, PlaceOrder), found
    return found.order


def _read(channel: Channel) -> Iterator[Entered]:
    """Read a channel's books from their files, as a run does from the partners."""
    name, verify = channel.name, verifier(KEYS)
    by_number: dict[str, str] = {}
    known: set[str] = set()
    for line in _lines(channel, "ours"):
        ours = msgspec.json.decode(line)
        by_number[ours["number"]] = ours["order_id"]
        known.add(ours["order_id"])
        yield Entered(ours["order_id"], name, line)
    for side in ("orders", "balance"):
        for line in _lines(channel, side):
            data = shop_decoder.decode(line)
            if data.orders is not None:
                page = orders_page(data.orders)
            else:
                assert data.shopify_payments_account is not None
                page = balance_page(data.shopify_payments_account.balance_transactions)
            for one in page.entries:
                assert not isinstance(one, Booked)
                order_id = order_id_for(name, one.ref)
                key = order_id if order_id in known else f"shop:{name}:{one.ref}"
                key = key if one.ref else f"pay:{name}:{one.id}"  # type: ignore[union-attr]  # an order has a ref
                yield Entered(key, name, msgspec.json.encode(one))
    for source in ("salesOrders", "salesInvoices", "salesCreditMemos"):
        for line in _lines(channel, source):
            for booked in erp_entries(source, erp_decoder.decode(line), _SETTINGS):
                owners = [x for x in map(verify, booked.marks) if x in known]
                named = numbered(booked.external, [name])
                by = by_number.get(named[1]) if named is not None else None
                key = (owners and owners[0]) or by or f"erp:bc:{booked.id}"
                yield Entered(key, name, msgspec.json.encode(booked))


def _lines(channel: Channel, side: str) -> Iterator[bytes]:
    with channel.file(side).open("rb") as lines:
        yield from lines


def _compare(channel: Channel) -> tuple[Errors, int]:
    terms = Terms(
        now=NOW,
        since=SINCE,
        until=NOW,
        shop=True,
        gateway=True,
        erp=True,
        grace_seconds=7_200,
        settle_seconds=48 * 3_600,
        payout_seconds=7 * 86_400,
    )
    by_key: dict[str, list[Entered]] = {}
    for one in _read(channel):
        by_key.setdefault(one.key, []).append(one)
    found: Errors = Counter()
    orders = 0
    keys = sorted(by_key)
    for begin in range(0, len(keys), PART):
        entered = [one for key in keys[begin : begin + PART] for one in by_key[key]]
        part = compared(_run_of(channel.name), entered, {channel.name: terms})
        orders += sum(one.orders for one in part.gross)
        found.update(as_error(x.cause, x.ref, x.number, x.about) for x in part.found)
    return found, orders


def _run_of(channel: str) -> Run:
    return Run(
        id=1,
        channels=(channel,),
        since=SINCE,
        until=NOW,
        person="a test",
        reason="",
        state="matching",
        steps=(),
        step=0,
        cursor="",
        matched="",
        absent={},
        tries=0,
        fault="",
        entries=0,
        created_at=NOW,
        ended_at=None,
    )


def _made(channel: Channel) -> Channel:
    channel.make()
    return channel


def _planted(channels: list[Channel]) -> list[Channel]:
    """Make the channels' months, each for itself: those of a long run by a process for each core,
    for to trade and to plant takes thirty times as long as to read and compare."""
    if len(channels) <= QUICK.channels:
        return [_made(one) for one in channels]
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as processes:
        return list(processes.map(_made, channels))


def _month(size: Size, folder: Path, say: Say) -> None:
    seed = random.SystemRandom().randrange(10**9)
    say(f"the month is planted with the seed {seed}")
    rng, began = random.Random(seed), time.monotonic()
    names = [f"acme-{at}" for at in range(size.channels)]
    seeds = [rng.randrange(10**9) for _ in names]
    channels = [
        Channel(name, size, folder, random.Random(own))
        for name, own in zip(names, seeds, strict=True)
    ]
    channels = _planted(channels)
    say(f"trading and planting took {time.monotonic() - began:.0f} s")
    for channel in channels:
        assert Counter(one["kind"] for one in channel.planted) == dict.fromkeys(EXPECTED, size.each)
        assert max(Counter(one["order"] for one in channel.planted).values()) > 1
    began, clock, orders, errors = time.process_time(), time.monotonic(), 0, 0
    for channel in channels:
        found, compared_orders = _compare(channel)
        wanted = expected(channel.planted)
        assert found == wanted, {"invented": found - wanted, "missed": wanted - found, "seed": seed}
        orders, errors = orders + compared_orders, errors + found.total()
    took, passed = time.process_time() - began, time.monotonic() - clock
    say(
        f"{orders:,} orders with {errors:,} errors were read and compared in {took:.1f} s of CPU, "
        f"{passed:.1f} s by the clock"
    )
    assert orders > size.channels * size.orders * 9 // 10


def test_a_month_in_files_is_told_as_it_is(tmp_path: Path, say: Say) -> None:
    """Everything planted is found with its root cause, and nothing is invented."""
    _month(QUICK, tmp_path, say)


@pytest.mark.soak
def test_a_month_of_a_hundred_thousand_orders_is_told_as_it_is(tmp_path: Path, say: Say) -> None:
    """The same over a hundred thousand orders, with 5,800 errors of 29 kinds."""
    _month(LONG, tmp_path, say)
