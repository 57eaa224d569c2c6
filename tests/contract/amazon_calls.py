"""What the tests of the Amazon adapter say to the simulated account, and ask of it."""

from __future__ import annotations

from typing import Any

from actors.runtime.call_policy import CallPolicy
from adapters.channels.amazon.api import AmazonApi
from adapters.channels.amazon.order import input_of
from adapters.channels.amazon.settings import AmazonSettings
from adapters.channels.amazon.shapes import Fetched
from adapters.channels.amazon.storefront import AmazonStorefront
from adapters.kit.http_client import HttpClient
from adapters.kit.secret import Secret
from schemas.contracts.validation import read_foreign
from schemas.messages.effects import (
    PublishFulfilment,
    SentParcel,
    Units,
)
from schemas.messages.inputs import UpdateOrder
from schemas.order.canonical import Order
from schemas.order.things import Key
from tests.amazon_payloads import Json
from tests.contract.partner_calls import TestClock
from tests.contract.simulated import Client


def account(
    base: str,
    *,
    timeout_seconds: float = 2.0,
    refresh_token: str = "Atzr|1",
    **more: Any,  # Any: other settings, whatever their types
) -> AmazonSettings:
    """The seller's authorisation."""
    return AmazonSettings(
        kind="amazon",
        api_base_url=f"{base}/amazon",
        token_url=f"{base}/amazon/auth/o2/token",
        client_id="amzn1.application-oa2-client.1",
        client_secret=Secret("secret"),
        refresh_token=Secret(refresh_token),
        region="eu",
        marketplace_ids=("A1PA6795UKMFR9",),
        webhook_secrets=(Secret("x"),),
        calls=CallPolicy(timeout_seconds=timeout_seconds),
        **more,
    )


def amazon(client: HttpClient, base: str, *, timeout_seconds: float = 2.0) -> AmazonStorefront:
    """The storefront at `base`."""
    api = AmazonApi(client, account(base, timeout_seconds=timeout_seconds))
    return AmazonStorefront(
        api, TestClock(), marketplace_ids=("A1PA6795UKMFR9",), seller_id="A3TH9S8BH6GOGM"
    )


def parcel(key: str, number: str, *units: tuple[str, int]) -> SentParcel:
    """A parcel with so many pieces of these items."""
    held = tuple(Units(item, "", quantity) for item, quantity in units)
    return SentParcel(parcel=Key(key), units=held, carrier="UPS", tracking_number=number)


def publication(*parcels: SentParcel, earlier: tuple[SentParcel, ...] = ()) -> PublishFulfilment:
    """What is told of them."""
    return PublishFulfilment(fulfilment=Key("F1"), parcels=parcels, earlier=earlier)


def known(theirs: Json) -> Order:
    """Amazon's order as it stands here."""
    found = input_of(read_foreign({"order": theirs}, Fetched).order)
    assert isinstance(found, UpdateOrder)
    return found.order


def items_of(theirs: Json) -> list[str]:
    """The ids of its items."""
    return [one["orderItemId"] for one in theirs["orderItems"]]


async def put(simulators: Client, *orders: Json) -> None:
    """Put orders into the account."""
    answer = await simulators.call("POST", "/_sim/amazon/orders", {"orders": list(orders)})
    assert answer.status == 200, answer.text


def a_ref(number: int) -> str:
    """Return an order id of Amazon's."""
    return f"902-0000000-{number:07}"
