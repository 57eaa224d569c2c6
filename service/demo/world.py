"""The configuration of the demo: three shops, an ERP, two warehouses with a carrier each, and a
mail server, all simulated."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

SHOPS = ("acme-us", "acme-ca", "acme-eu")
ERP, MAIL = "bc", "mail"
PLACES = {"east": ("warehouse-east", "ups"), "west": ("warehouse-west", "fedex")}
"""Each place's warehouse and carrier; goods leave from the first that has them."""

CASH, TERMS = "Cash on Delivery (COD)", "Net 30"
"""Payment methods of the demo's shops whose orders are accepted before their money is there."""

Table = dict[str, Any]


class World(Struct, frozen=True, kw_only=True):
    """Where the simulated partners are, and the secrets made for this run."""

    http: str
    smtp_port: int
    webhook_secret: str
    callback_secret: str


class Pace(Struct, frozen=True, kw_only=True):
    """How fast the demo's world turns, in seconds; and the care for its partners."""

    first_track_seconds: float = 0.5
    track_every_seconds: float = 1.0
    stock_retry_seconds: float = 1.0
    timeout_seconds: float = 3.0
    retry_first_seconds: float = 0.3
    retry_most_seconds: float = 5.0
    retry_attempts: int = 100
    settle_seconds: float = 0.5
    breaker_failures: int = 20
    breaker_open_seconds: float = 2.0
    rate_per_second: float = 2_000.0
    concurrency: int = 128


def new_secret() -> str:
    """Return a secret that exists for this run only. Hex, for it also goes where a leading dash
    would be read as an option."""
    return secrets.token_hex(24)


def configuration(world: World, *, port: int, data_dir: str, pace: Pace | None = None) -> Table:
    """Return the settings as nested tables."""
    pace = pace or Pace()
    return {
        "data_dir": data_dir,
        "listen": {"host": "127.0.0.1", "port": port},
        "channels": {shop: _channel(shop, world, pace) for shop in SHOPS},
        "partners": partners(world, pace),
        "places": {
            name: {"warehouse": warehouse, "carrier": carrier}
            for name, (warehouse, carrier) in PLACES.items()
        },
        "policy": {
            "first_track_seconds": pace.first_track_seconds,
            "track_every_seconds": pace.track_every_seconds,
            "stock_retry_seconds": pace.stock_retry_seconds,
        },
        # Everything here is minutes old, and its partners know of it at once.
        "reconciliation": dict.fromkeys(("grace_hours", "settle_hours", "payout_days"), 0),
    }


def partners(world: World, pace: Pace) -> Table:
    """Return the partners by what the demo calls them."""
    (east, ups), (west, fedex) = PLACES.values()
    return {
        ERP: {
            "kind": "business_central",
            "base_url": f"{world.http}/bc/api/v2.0",
            "token_url": f"{world.http}/bc/oauth2/v2.0/token",
            "company_id": "6f9a2d3e-0000-4000-8000-00000000acbe",
            "client_id": "demo",
            "client_secret": new_secret(),
            "customer_number": "WEB",
            "gross_customer_number": "WEB-GROSS",
            "shipping_account": "40100",
            "duty_account": "40200",
            "gift_card_account": "22300",
            "tip_account": "40300",
            "fee_account": "40400",
            "service_account": "40500",
            "calls": _calls(pace),
        },
        east: _warehouse("east", world, pace),
        west: _warehouse("west", world, pace),
        ups: {
            "kind": "ups",
            "base_url": f"{world.http}/ups",
            "client_id": "demo",
            "client_secret": new_secret(),
            "account_number": "A1B2C3",
            "default_service": "03",
            "default_service_abroad": "65",
            "recovery_lag_seconds": pace.settle_seconds,
            "shipper": _shipper("Acme Warehouse East", "Louisville", "KY", "40201"),
            "calls": _calls(pace),
        },
        fedex: {
            "kind": "fedex",
            "base_url": f"{world.http}/fedex",
            "client_id": "demo",
            "client_secret": new_secret(),
            "account_number": "510087000",
            "recovery_lag_seconds": pace.settle_seconds,
            "country_of_manufacture": "US",
            "shipper": _shipper("Acme Warehouse West", "Reno", "NV", "89501"),
            "calls": _calls(pace),
        },
        MAIL: {
            "kind": "smtp",
            "host": "127.0.0.1",
            "port": world.smtp_port,
            "security": "none",
            "from_address": "orders@acme.example",
            "from_name": "Acme",
            "domain": "acme.example",
            "calls": {**_calls(pace), "concurrency": 16},
        },
    }


def toml(table: Mapping[str, Any]) -> str:
    """Write nested tables as TOML: each top-level key on its line, inner tables inline."""
    return "".join(f"{_key(name)} = {_value(value)}\n" for name, value in table.items())


def _channel(shop: str, world: World, pace: Pace) -> Table:
    return {
        "kind": "shopify",
        "shop_domain": f"{shop}.myshopify.com",
        "api_base_url": f"{world.http}/shopify/{shop}.myshopify.com",
        "webhook_secrets": [world.webhook_secret],
        "access_token": new_secret(),
        "promised_payment_methods": [TERMS],
        "collected_payment_methods": [CASH],
        "short_pick": "backorder",
        "calls": _calls(pace),
    }


def _warehouse(name: str, world: World, pace: Pace) -> Table:
    return {
        "kind": "warehouse",
        "base_url": f"{world.http}/warehouses/{name}",
        "token": new_secret(),
        "callback_secrets": [world.callback_secret],
        "calls": _calls(pace),
    }


def _shipper(name: str, city: str, region: str, postal_code: str) -> Table:
    return {
        "name": name,
        "phone": "5025550100",
        "lines": ["1 Warehouse Way"],
        "city": city,
        "region": region,
        "postal_code": postal_code,
        "country": "US",
    }


def _calls(pace: Pace) -> Table:
    return {
        "rate_per_second": pace.rate_per_second,
        "concurrency": pace.concurrency,
        "timeout_seconds": pace.timeout_seconds,
        "retry_first_seconds": pace.retry_first_seconds,
        "retry_most_seconds": pace.retry_most_seconds,
        "retry_attempts": pace.retry_attempts,
        "settle_seconds": pace.settle_seconds,
        "breaker_failures": pace.breaker_failures,
        "breaker_open_seconds": pace.breaker_open_seconds,
    }


def _key(name: str) -> str:
    return json.dumps(name)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=True)
