"""A message is read by its own channel's rounding rule, wherever that channel is configured."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from actors.runtime.ports import Message
from adapters.channels.shopify.settings import ShopifySettings
from adapters.kinds import kind_named
from adapters.kit.kind import example_of
from adapters.kit.rounding import Level, Mode
from adapters.kit.secret import Secret
from adapters.kit.settings import ChannelSettings
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.messages.inputs import PlaceOrder
from service.settings import Settings
from service.wiring.channels import Readers
from tests.shopify_payloads import a_payload, an_item, money


def a_shop(name: str, mode: Mode = "exact", level: Level = "line") -> ShopifySettings:
    """Return a shop's settings."""
    return ShopifySettings(
        kind="shopify",
        shop_domain=f"{name}.myshopify.com",
        access_token=Secret("any"),
        webhook_secrets=(Secret("any"),),
        rounding=mode,
        rounding_level=level,
    )


def a_message(channel: str) -> Message:
    """Return a placed order with a price that is finer than a cent."""
    item = an_item(1, "20.004", price_set=money("20.004"))
    return Message(
        partition=0,
        channel=channel,
        kind="place",
        source="shopify",
        topic="orders/create",
        delivery_id="1",
        raw=json.dumps(a_payload(line_items=[item])).encode(),
        headers={},
        received_at=datetime(2026, 11, 27, tzinfo=UTC),
        deliveries=1,
    )


def test_each_shop_is_read_by_its_own_rule() -> None:
    """One shop rounds and its order is taken; the exact one, and one that is gone, refuse it."""
    shops: dict[str, ChannelSettings] = {
        "rounds": a_shop("rounds", "half_up"),
        "exact": a_shop("exact"),
    }
    translate = Readers(Settings(channels=shops), {}).read
    taken = translate(a_message("rounds"))
    assert isinstance(taken, PlaceOrder)
    assert taken.order.lines[0].unit_price_minor == 2000
    for channel in ("exact", "gone"):
        with pytest.raises(Refused) as refused:
            translate(a_message(channel))
        assert refused.value.reason == refusals.MONEY_UNREADABLE


def test_a_kind_rounds_as_its_settings_say() -> None:
    """Nothing is rounded that no one declared; BigCommerce's four places are rounded half up and
    shared out, unless the store says otherwise."""
    shop = a_shop("a")
    assert (shop.rounding, shop.rounding_level) == ("exact", "line")
    store = example_of(kind_named("bigcommerce"))
    assert (store.rounding, store.rounding_level) == ("half_up", "order")
