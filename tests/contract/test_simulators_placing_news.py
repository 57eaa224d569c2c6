"""The further webhooks of a placed order: Shopify's fields, and none that changes the order."""

from __future__ import annotations

import json

from ops.simulators.shop_placing import placing_news
from ops.simulators.storefront import Moment, Plan, Recipe, ShopRun, payload
from tests.contract.simulated import Json, listening, spec


def sample(topic: str) -> Json:
    """Shopify's own sample of that topic."""
    name = f"{topic.replace('/', '.')}.meta.json"
    response = json.loads(spec("shopify", "webhooks", name).read_text())["response"]
    found: Json = json.loads(response) if isinstance(response, str) else response
    return found


def test_they_have_no_field_that_shopifys_samples_lack() -> None:
    """The payment's and the routing's payloads are parts of the official ones."""
    news = list(placing_news(payload(Recipe(), 1001, Moment()), paid=True))
    payment = json.loads(dict(news)["order_transactions/create"])
    assert set(payment) <= set(sample("order_transactions/create"))
    routed = json.loads(dict(news)["fulfillment_orders/order_routing_complete"])
    wanted = sample("fulfillment_orders/order_routing_complete")
    assert set(routed["fulfillment_order"]) == set(wanted["fulfillment_order"])


def test_those_with_the_order_say_what_its_create_said() -> None:
    """They repeat the placed order byte for byte; one that is not paid yet tells of no payment."""
    body = payload(Recipe(), 1001, Moment(paid=False))
    news = list(placing_news(body, paid=False))
    assert [told for topic, told in news if topic.startswith("orders/")] == [body, body]
    assert "orders/paid" not in dict(news)
    assert "order_transactions/create" not in dict(news)


async def test_a_shop_sends_them_after_the_orders_create() -> None:
    """Each paid order has its create and five more, each with an id of its own."""
    plan = Plan(orders=5, paid_later=0, cancel=0, update=0, duplicate=0, news=True)
    async with listening() as listener:
        run = ShopRun(plan, listener.url, "s")
        await run.run()
        run.close()
    by_order: dict[str, list[str]] = {}
    for headers, _ in listener.got:
        number, _, what = headers["x-shopify-webhook-id"].partition("-")
        by_order.setdefault(number, []).append(what)
    assert len(by_order) == 5
    for sent in by_order.values():
        assert sent == ["create", *(f"news-{place}" for place in range(1, 6))]
