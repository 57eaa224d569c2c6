"""A message is read by its own channel's rounding rule, wherever that channel is configured."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from actors.runtime.ports import Message
from adapters.kit.rounding import EXACT, Level, Mode, Rounding
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.messages.inputs import PlaceOrder
from service.settings import Channel, Settings
from service.settings.bigcommerce import BigCommerceSettings
from service.settings.secret import Secret
from service.wiring.channels import rounding_of, sources, translator
from tests.shopify_payloads import a_payload, an_item, money


def a_shop(name: str, mode: Mode | None = None, level: Level = "line") -> Channel:
    """Return a shop's settings."""
    return Channel(
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
    shops = {"rounds": a_shop("rounds", "half_up"), "exact": a_shop("exact")}
    translate = translator(sources(Settings(channels=shops), {}))
    taken = translate(a_message("rounds"))
    assert isinstance(taken, PlaceOrder)
    assert taken.order.lines[0].unit_price_minor == 2000
    for channel in ("exact", "gone"):
        with pytest.raises(Refused) as refused:
            translate(a_message(channel))
        assert refused.value.reason == refusals.MONEY_UNREADABLE


def test_a_shop_is_exact_unless_its_settings_say_otherwise() -> None:
    """Nothing is rounded that no one declared."""
    assert rounding_of(a_shop("a")) == EXACT
    stated = a_shop("a", "down", "order")
    assert rounding_of(stated) == Rounding(mode="down", level="order")


def test_bigcommerce_rounds_the_order_as_its_kind_does() -> None:
    """Its four places are rounded half up and shared out; its settings may say otherwise."""
    store = BigCommerceSettings(store_hash="abc123")
    usual = Channel(kind="bigcommerce", access_token=Secret("any"), bigcommerce=store,
                    webhook_secrets=(Secret("a secret of the shop"),))  # fmt: skip
    assert rounding_of(usual) == Rounding(mode="half_up", level="order")
    own = msgspec.structs.replace(usual, rounding="down", rounding_level="line")
    assert rounding_of(own) == Rounding(mode="down", level="line")
