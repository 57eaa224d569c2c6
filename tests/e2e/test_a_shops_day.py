"""A day of a real-looking shop through the edge: each sort of order, all that its people do, and
every webhook that follows, of every topic to which we subscribe; then nothing is in quarantine that
is not broken, every hold has its reason, and each partner has the shop's money and units."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from adapters.channels.shopify.sync import WANTED
from ops.simulators.shop_book import FULFILMENT_ORDER_OFFSET
from ops.simulators.shop_statement import MAIN_LOCATION, SECOND_LOCATION
from ops.simulators.shop_totals import discount
from tests.conftest import Say
from tests.e2e.shop_day import CANADIAN, EUROS, Json, Sale, day, refunded
from tests.e2e.shop_news import NOT_OF_A_DAY, RETURN_OFFSET, news
from tests.e2e.world import SHOP, World, seed_of_run
from tests.integration.channels import BOOK, comparing, deliver
from tests.waiting import eventually

DOMAIN = f"{SHOP}.myshopify.com"
AT_ONCE = 8
QUIET_SECONDS = 25.0
"""No partner of this day is broken, so nothing rests for long."""
RECORDED = {"counter", "all at another location", "moved"}
"""Sorts of which nothing is ours to do."""
HELD_FIRST = {
    "held and released", "line removed", "paid in euros, line removed",
    "refund that puts nothing back", "cancelled",
}  # fmt: skip
"""Sorts that the shop holds until its people are ready."""
PAID_AS_SEEN = {"web", "draft order", EUROS, CANADIAN}
"""Sorts of which all is ours and nothing changes, so that mail and customs name the whole of it."""
HELD = {
    "refund that puts nothing back": "Shopify leaves the units to be fulfilled: a person decides",
}
"""Sorts that wait for a person in the end, and why that is right."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One service whose shop's fulfilment orders decide what is ours."""
    with comparing(backfill_seconds=0.0, routing="channel", locations=[str(MAIN_LOCATION)]) as made:
        yield made


class Staff:
    """The shop's people, and its webhooks."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sent = 0
        self.topics: Counter[str] = Counter()

    async def tell(self, topic: str, body: object) -> None:
        """Send one webhook."""
        self._sent += 1
        self.topics[topic] += 1
        raw = json.dumps(body).encode()
        assert await deliver(self._world, topic, raw, f"day-{self._sent}") == 200, topic

    async def put(self, sale: Sale, order: Json) -> None:
        """Have the shop's book say this of an order."""
        told = {"id": sale.number, "updated_at": order["updated_at"], "order": order}
        await self._world.ask(
            "POST", f"{BOOK}/orders", {"orders": [{**told, "locations": sale.locations}]}
        )

    async def does(self, sale: Sale, doing: str, **told: object) -> None:
        """Somebody does something in the shop, and its webhooks are sent."""
        path = f"{BOOK}/orders/{sale.number}/{doing}"
        found = await self._world.ask("POST", path, {**told, "tell": False})
        for one in found["webhooks"]:
            await self.tell(one["topic"], one["body"])

    async def stated(self, sale: Sale) -> Json:
        """The order as the shop has it now."""
        found: Json = (await self._world.ask("GET", f"{BOOK}/orders/{sale.number}"))["order"]
        return found

    async def opens_return(self, sale: Sale) -> None:
        """The shop knows of a return."""
        wish = {"id": sale.number + RETURN_OFFSET, "order": sale.number}
        await self._world.ask("POST", f"{BOOK}/returns", wish)

    async def refunds(self, sale: Sale, *, restocks: bool) -> None:
        """Give money back."""
        order, refund = refunded(await self.stated(sale), restocks=restocks)
        await self.put(sale, order)
        paid = {"order_id": sale.number, "kind": "refund", "status": "success", "amount": "1.00"}
        await self.tell("refunds/create", refund)
        await self.tell("order_transactions/create", paid)
        await self.tell("orders/updated", order)

    async def begins(self, sale: Sale) -> None:
        """A new order, with the webhooks that each one sends."""
        await self.put(sale, sale.order)
        number, goods = sale.number, FULFILMENT_ORDER_OFFSET + sale.number
        status = "closed" if sale.sort == "counter" else "open"
        routed = {"id": f"gid://shopify/FulfillmentOrder/{goods}", "status": status}
        paid = {"order_id": number, "kind": "sale", "status": "success", "gateway": "bogus"}
        if sale.sort in HELD_FIRST:
            await self.does(sale, "hold", reason="INCORRECT_ADDRESS")
        if sale.sort == "scheduled and due":
            await self.does(sale, "schedule", fulfill_at="2026-12-31T19:00:00-05:00")
        if sale.sort == "moved":
            await self.does(sale, "move", location=SECOND_LOCATION)
        await self.tell("orders/create", sale.order)
        if sale.sort != "scheduled and due":
            await self.tell(
                "fulfillment_orders/order_routing_complete", {"fulfillment_order": routed}
            )
        await self.tell("order_transactions/create", paid)
        await self.tell("orders/paid", sale.order)
        await self.tell("orders/updated", sale.order)
        await self._goes_on(sale)

    async def _goes_on(self, sale: Sale) -> None:
        lines = sale.order["line_items"]
        match sale.sort:
            case "line added":
                await self.does(sale, "edit", add_lines=[{"sku": lines[0]["sku"], "quantity": 1}])
            case "line removed" | "paid in euros, line removed":
                await self.does(sale, "edit", remove=[str(lines[1]["id"])])
                await self.does(sale, "release")
            case "money back":
                await self.refunds(sale, restocks=True)
            case "refund that puts nothing back":
                await self.refunds(sale, restocks=False)
                await self.does(sale, "release")
            case "cancelled":
                await self.does(sale, "cancel", reason="customer", refund=True)
            case "held and released":
                await self.does(sale, "release")
            case "scheduled and due":
                await self.does(sale, "due")


async def test_a_day_of_a_shop(world: World, say: Say) -> None:
    """The shop's and the partners' books agree, order by order."""
    seed = seed_of_run()
    say(f"The day's seed is {seed}.")
    staff, sales = Staff(world), day(seed, DOMAIN)
    room = asyncio.Semaphore(AT_ONCE)

    async def begin(sale: Sale) -> None:
        async with room:
            await staff.begins(sale)

    wish = {"url": f"{world.url}/hooks/{SHOP}", "secret": world.partners.webhook_secret}
    await world.ask("POST", f"{BOOK}/webhooks", {**wish, "only_subscribed": True})
    await asyncio.gather(*(begin(sale) for sale in sales))
    await staff.tell("orders/create", {"admin_graphql_api_id": "gid://shopify/Order/1"})
    await world.until_final(QUIET_SECONDS)
    late = [sale for sale in sales if sale.sort == "exchange after the end"]
    for sale in late:
        await staff.does(sale, "edit", add_lines=[{"sku": "SKU-003", "quantity": 1}])
    await _until_sent(world, late)
    await world.until_final(QUIET_SECONDS)
    await _tell_the_rest(staff, next(one for one in sales if one.sort == "web"))
    await world.until_final(QUIET_SECONDS)
    assert {*staff.topics} == {*WANTED} - NOT_OF_A_DAY.keys()
    kept = [(item.ref, item.sentences) for item in await world.quarantined()]
    assert [ref for ref, _ in kept] == ["1"], kept
    entries = await world.ledger()
    told: dict[str, list[str]] = defaultdict(list)
    wrong: list[str] = []
    for sale in sales:
        row = await _row(world, sale)
        books = [one for one in entries if one["reference"][:20] == row["reference"][:20]]
        books += [one for one in entries if one["reference"].endswith(str(sale.number))]
        wrong += _wrong(sale, await staff.stated(sale), row, books)
        waits = [*row["holds"], *row["tasks"]]
        told[sale.sort] += [str(one) for one in waits]
        if bool(waits) != (sale.sort in HELD):
            wrong.append(f"{sale.sort}: it waits for {waits} ({row['waiting_for']}).")
    assert not wrong, "\n".join(wrong)
    for sort, reason in HELD.items():
        say(f"{sort}: {len(told[sort])} held. {reason}.")
    sent = sum(staff.topics.values())
    say(f"{len(sales)} orders, {sent} webhooks of {len(staff.topics)} topics.")


async def _tell_the_rest(staff: Staff, sale: Sale) -> None:
    """Send every other topic to which we subscribe, of an order at its end."""
    order = await staff.stated(sale)
    await staff.opens_return(sale)
    for topic, body in news(order):
        if topic in WANTED and topic not in staff.topics:
            await staff.tell(topic, body)


async def _until_sent(world: World, sales: list[Sale]) -> None:
    """Wait until what was added after the end has left."""

    async def sent() -> bool:
        rows = [await _row(world, sale) for sale in sales]
        return all(
            row["lines"] > len(sale.order["line_items"])
            for row, sale in zip(rows, sales, strict=True)
        )

    await eventually(sent, 30.0)


async def _row(world: World, sale: Sale) -> dict[str, Any]:
    rows = await world.rows(
        "SELECT reference, stage, waiting_for, convert_from(state, 'UTF8')::jsonb AS state"
        " FROM orders WHERE channel = $1 AND ref = $2", SHOP, str(sale.number),
    )  # fmt: skip
    assert len(rows) == 1, sale.sort
    state = json.loads(rows[0]["state"])
    return {
        **rows[0], "holds": state.get("holds", []), "tasks": state.get("tasks", []),
        "lines": len(state.get("lines", [])),
    }  # fmt: skip


def _wrong(sale: Sale, stated: Json, row: dict[str, Any], books: list[Json]) -> Iterator[str]:
    """Name what differs between the shop and the partners."""
    about = f"{sale.sort} {sale.number}"
    if row["stage"] != _end(sale) and sale.sort not in HELD:
        yield f"{about} is {row['stage']} and waits for {row['waiting_for']}."
    documents = {
        one["id"]: one for one in books if one["kind"] in ("erp_order", "erp_order_update")
    }
    for gone in [one["id"] for one in books if one["kind"] == "erp_order_delete"]:
        documents.pop(gone, None)
    # Of prices with tax in them the ERP is told the prices, and takes the tax out itself.
    with_tax = stated["taxes_included"]
    what = "total_including_tax" if with_tax else "total_excluding_tax"
    amounts = [Decimal(str(x["detail"][what])) for x in documents.values()]
    owed = Decimal(stated["current_total_price"])
    owed -= 0 if with_tax else Decimal(stated["current_total_tax"])
    due = [] if sale.sort in RECORDED or sale.sort == "cancelled" else [owed]
    if amounts != due:
        yield f"{about}: the shop says {due}, and the ERP {amounts}."
    if others := {x["detail"]["currency"] for x in documents.values()} - {"", stated["currency"]}:
        yield f"{about}: the ERP has it in {others}, which is not the shop's currency."
    yield from _wrong_for_the_customer(about, sale, stated, books)
    left, shown = (_units(books, kind) for kind in ("parcel_handed_over", "fulfilment"))
    if left != shown:
        yield f"{about}: {left} left, and the shop shows {shown}."
    wanted = _ours(sale, stated)
    if left != wanted and sale.sort not in HELD:
        yield f"{about}: {wanted} are ours to send, and {left} left."


def _wrong_for_the_customer(
    about: str, sale: Sale, stated: Json, books: list[Json]
) -> Iterator[str]:
    """Name what a mail or a customs form says that the customer did not pay: both are in the
    currency that he saw, whatever the shop's is."""
    if sale.sort not in PAID_AS_SEEN:
        return
    paid = stated["total_price_set"]["presentment_money"]
    total = f"{paid['amount']} {paid['currency_code']}"
    mails = [one for book in books if book["kind"] == "mail" for one in book["detail"]["totals"]]
    if mails != [total]:
        yield f"{about}: the customer paid {total}, and the mails say {mails}."
    worth, currency = _goods(stated), paid["currency_code"]
    told = [x["detail"]["customs"].split() for x in books if x["kind"] == "label"]
    if stated["shipping_address"]["country_code"] == stated["currency"][:2]:
        return
    if {one[1] for one in told if one} - {currency}:
        yield f"{about}: customs is told {told}, and the customer paid in {currency}."
    if sale.sort == CANADIAN and not (told and all(told)):
        yield f"{about}: customs of Canada is told {told}."
    if told and all(told) and sum(Decimal(one[0]) for one in told) != worth:
        yield f"{about}: the goods are worth {worth} {currency}, and customs is told {told}."


def _goods(stated: Json) -> Decimal:
    """What the customer paid for what travels."""
    found = Decimal(0)
    for line in stated["line_items"]:
        if line["requires_shipping"]:
            price = Decimal(line["price_set"]["presentment_money"]["amount"])
            found += price * line["quantity"] - discount(line, "presentment_money")
    return found


def _end(sale: Sale) -> str:
    return "cancelled" if sale.sort == "cancelled" else "closed"


def _ours(sale: Sale, stated: Json) -> Counter[str]:
    """The pieces that are ours to send, by the shop's line."""
    found: Counter[str] = Counter()
    if sale.sort in RECORDED or sale.sort == "cancelled":
        return found
    for line in stated["line_items"]:
        name = str(line["id"])
        is_ours = line["fulfillment_service"] == "manual" and name not in sale.locations
        if line["requires_shipping"] and is_ours:
            found[name] += line["current_quantity"]
    return +found


def _units(books: list[Json], kind: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in books:
        for line in one["detail"]["lines"] if one["kind"] == kind else ():
            found[str(line.get("line_id") or line["line_item_id"])] += line["quantity"]
    return found
