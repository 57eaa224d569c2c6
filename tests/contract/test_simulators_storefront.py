"""The simulated shop sends orders as Shopify does: fields, sums, headers, retries."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from ops.simulators.storefront import Moment, Plan, Recipe, ShopRun, build_order, payload, sign
from ops.simulators.webhook_client import CallFailed
from tests.contract.simulated import ROOT, Json, Listener, listening, spec

NUMBERS = range(1001, 1001 + 256)
CANCELLED = Moment(paid=False, cancelled_at="2026-11-22T10:00:00-05:00")
STORY = Plan(
    recipe=Recipe(seed=5),
    orders=60,
    paid_later=0.3,
    paid_first=0.3,
    cancel=0.1,
    update=0.1,
    duplicate=0.2,
    concurrency=16,
    give_up_seconds=20,
)


def sample(topic: str) -> Json:
    """Shopify's own sample of that topic."""
    found: Json = json.loads(spec("shopify", "webhooks", f"{topic}.meta.json").read_text())
    response = found["response"]
    order: Json = json.loads(response) if isinstance(response, str) else response
    return order


def keys(order: Json) -> dict[str, set[str]]:
    """The field names of an order and of its main parts."""
    return {
        "order": set(order),
        "line": set(order["line_items"][0]),
        "shipping line": set(order["shipping_lines"][0]),
        "customer": set(order["customer"]),
        "customer's address": set(order["customer"]["default_address"]),
        "address": set(order["shipping_address"]),
    }


@pytest.mark.parametrize(
    ("topic", "moment"),
    [
        ("orders.create", Moment()),
        ("orders.paid", Moment()),
        ("orders.updated", Moment(note="x")),
        ("orders.cancelled", CANCELLED),
    ],
)
def test_an_order_has_shopifys_fields(topic: str, moment: Moment) -> None:
    """Every payload has exactly the fields of Shopify's sample, in the types of its schema."""
    schema = json.loads(spec("shopify", "webhooks", f"{topic}.schema.json").read_text())
    wanted = keys(sample(topic))
    for number in NUMBERS:
        order = build_order(1, number, moment=moment)
        assert keys(order) == wanted
        # The schema was made from one American sample; a German address has no province.
        errors = [
            error.message
            for error in Draft202012Validator(schema).iter_errors(order)
            if "province" not in str(error.path[-1])
        ]
        assert not errors


@pytest.mark.parametrize("money", ["shop_money", "presentment_money"])
def test_sums_are_right_to_the_cent(money: str) -> None:
    """Lines, discounts, shipping and taxes add up to the totals in both currencies."""

    def amount(value: Json) -> Decimal:
        return Decimal(value[money]["amount"])

    discounted = 0
    for number in NUMBERS:
        order = build_order(3, number)
        items, shipping = order["line_items"], order["shipping_lines"]
        lines = sum(amount(line["price_set"]) * line["quantity"] for line in items)
        taken = [part for line in items for part in line["discount_allocations"]]
        discounts = sum(amount(part["amount_set"]) for part in taken)
        taxes = [tax for line in (*items, *shipping) for tax in line["tax_lines"]]
        tax = sum(amount(one["price_set"]) for one in taxes)
        freight = sum(amount(line["price_set"]) for line in shipping)
        assert lines == amount(order["total_line_items_price_set"])
        assert discounts == amount(order["total_discounts_set"])
        assert tax == amount(order["total_tax_set"])
        assert tax == sum(amount(one["price_set"]) for one in order["tax_lines"])
        assert lines - discounts == amount(order["subtotal_price_set"])
        added = 0 if order["taxes_included"] else tax
        assert lines - discounts + freight + added == amount(order["total_price_set"])
        discounted += bool(discounts)
    assert discounted > 10


def test_orders_go_to_three_countries() -> None:
    """The basket is varied: three countries, two currencies, one to five lines, known SKUs."""
    orders = [build_order(1, number) for number in NUMBERS]
    assert {order["shipping_address"]["country_code"] for order in orders} == {"US", "CA", "DE"}
    assert {order["presentment_currency"] for order in orders} == {"USD", "EUR"}
    assert {len(order["line_items"]) for order in orders} == {1, 2, 3, 4, 5}
    skus = {line["sku"] for order in orders for line in order["line_items"]}
    assert skus <= {f"SKU-{number:03d}" for number in range(1, 201)}


def test_the_same_seed_builds_the_same_bytes() -> None:
    """Payloads depend on shop, seed and number alone; other shops and seeds have other ids."""
    recipe = Recipe(seed=4)
    assert payload(recipe, 1001, Moment()) == payload(Recipe(seed=4), 1001, Moment())
    ids = {Recipe(seed, shop).gid(1) for seed in (1, 2) for shop in ("a", "b")}
    assert len(ids) == 4


def test_a_cancelled_order_has_nothing_left_to_fulfil() -> None:
    """A cancel zeroes what is current and keeps what was ordered."""
    before, after = build_order(1, 1001), build_order(1, 1001, moment=CANCELLED)
    assert after["cancelled_at"] == CANCELLED.cancelled_at
    assert after["cancel_reason"] == "customer"
    assert after["financial_status"] == "voided"
    assert after["total_price"] == before["total_price"]
    assert after["current_total_price"] == "0.00"
    assert {line["fulfillable_quantity"] for line in after["line_items"]} == {0}


def topics(listener: Listener) -> Counter[str]:
    return Counter(headers["x-shopify-topic"] for headers, _ in listener.got)


async def test_webhooks_come_signed_and_are_repeated_until_taken() -> None:
    """Headers are Shopify's; a refused webhook comes again with the same id and bytes."""
    async with listening() as listener:
        listener.answers = [503] * 5
        run = ShopRun(STORY, listener.url + "/acme-us", "s3cret")
        await run.run()
        run.close()
        report = run.report()
        by_id: dict[str, set[bytes]] = {}
        for headers, body in listener.got:
            digest = hmac.digest(b"s3cret", body, hashlib.sha256)
            assert headers["x-shopify-hmac-sha256"] == base64.b64encode(digest).decode()
            assert headers["x-shopify-hmac-sha256"] == sign(body, "s3cret")
            assert headers["x-shopify-api-version"] == "2026-10"
            assert headers["x-shopify-shop-domain"] == "acme-us.myshopify.com"
            assert headers["x-shopify-triggered-at"].endswith("Z")
            by_id.setdefault(headers["x-shopify-webhook-id"], set()).add(body)
        assert all(len(bodies) == 1 for bodies in by_id.values())
        assert report["webhooks"] == len(listener.got) - 5
        assert report["retries"] == 5


async def test_the_report_tells_what_was_sent() -> None:
    """Each order's fate in the report is what a receiver saw."""
    async with listening() as listener:
        run = ShopRun(STORY, listener.url, "s")
        await run.run()
        run.close()
        report = run.report()
        refs = report["refs"]
        assert isinstance(refs, list)
        assert (report["sent"], report["accepted"], report["given_up"]) == (60, 60, 0)
        seen = topics(listener)
        assert seen["orders/create"] == 60 + sum(ref["duplicated"] for ref in refs)
        assert seen["orders/paid"] == sum(ref["paid_later"] for ref in refs)
        assert seen["orders/cancelled"] == sum(ref["cancelled"] for ref in refs)
        assert seen["orders/updated"] == sum(ref["updated"] for ref in refs)
        assert min(seen.values()) > 0
        sent = {json.loads(body)["admin_graphql_api_id"] for _, body in listener.got}
        assert sent == {ref["ref"] for ref in refs}
        first: dict[str, str] = {}
        for headers, body in listener.got:
            first.setdefault(json.loads(body)["name"], headers["x-shopify-topic"])
        early = {name for name, topic in first.items() if topic == "orders/paid"}
        assert early == {ref["name"] for ref in refs if ref["paid_first"]}
        assert early


async def test_a_story_that_breaks_off_fails_the_run() -> None:
    """A book that can't be reached leaves orders half told: the run says so instead of ending as if
    all had been sent."""
    async with listening() as gone:
        pass
    async with listening() as listener:
        run = ShopRun(STORY, listener.url, "s", gone.url)
        with pytest.raises(CallFailed):
            await run.run()
        run.close()


async def test_malformed_payloads_are_refused_once() -> None:
    """With --bad a share of the orders is broken; a 4xx for them is final and counted."""
    async with listening() as listener:
        listener.answers = [400] * 40
        plan = Plan(recipe=Recipe(seed=2), orders=40, bad=1.0, cancel=0, update=0)
        run = ShopRun(plan, listener.url, "s")
        await run.run()
        run.close()
        report = run.report()
        assert (report["accepted"], report["refused"], report["retries"]) == (0, 40, 0)
        torn = 0
        for _, body in listener.got:
            try:
                json.loads(body)
            except ValueError:
                torn += 1
        assert torn == 10


async def test_the_command_writes_its_report_also_when_stopped(tmp_path: Path) -> None:
    """SIGTERM ends an endless run; the report has what was sent until then."""
    file = tmp_path / "report.json"
    async with listening() as listener:
        command = ["-m", "ops.simulators.storefront", "--url", listener.url, "--secret", "s"]
        command += ["--rate", "200", "--report", str(file), "--quiet"]
        command += ["--parent-pid", str(os.getpid())]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, cwd=ROOT, stderr=asyncio.subprocess.DEVNULL
        )
        await listener.wait_for(20)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0
    report = json.loads(file.read_text())
    assert report["accepted"] >= 15
    assert report["webhook_ms"]["p99"] > 0
