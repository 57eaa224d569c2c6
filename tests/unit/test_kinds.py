"""Kinds: whole or refused in sentences, and found by their name alone."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from adapters.carriers.ups.kind import KIND as UPS
from adapters.carriers.ups.settings import UpsSettings
from adapters.channels.shopify.kind import KIND as SHOPIFY
from adapters.kinds import KindRefused, channels, kind_named, kinds, names, ours
from adapters.kit.kind import Kind, example_of, faults_of
from adapters.warehouses.http.kind import KIND as WAREHOUSE


def test_a_kind_is_found_by_its_name() -> None:
    """The registry gives the very KIND that its folder exports."""
    assert kind_named("ups") is UPS
    assert "ups" in names()
    with pytest.raises(KindRefused, match=r"no kind 'upx'; there are: amazon, "):
        kind_named("upx")


def test_kinds_are_found_by_the_roles_they_play() -> None:
    """A warehouse may be a 3PL as well; a channel is a storefront."""
    assert {kind.name for kind in kinds("carrier")} >= {"ups"}
    assert {kind.name for kind in kinds("3pl", "warehouse")} >= {"warehouse"}
    assert {kind.name for kind in channels()} >= {"amazon", "bigcommerce", "canonical", "shopify"}


def test_every_kind_of_ours_is_whole() -> None:
    """None has a fault, and the example of each is accepted by its own settings."""
    for kind in ours():
        assert faults_of(kind) == [], kind.name
        assert example_of(kind).kind == kind.name


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        (UPS, {"roles": ()}, "plays no role that is asked for"),
        (UPS, {"roles": ("carier",)}, "Its role 'carier' is unknown."),
        (UPS, {"roles": ("storefront",)}, "`channel` belongs to the role storefront"),
        (UPS, {"title": " "}, "`title` is empty."),
        (UPS, {"settings": dict}, "must be a struct that derives from PartnerSettings"),
        (UPS, {"settings": SHOPIFY.settings}, "but it plays no storefront"),
        (UPS, {"example": {}}, "`example` is refused by its own settings"),
        (UPS, {"partner": None}, "`partner` must be callable."),
        (UPS, {"probe": None}, "`probe` must be callable."),
        (UPS, {"carried": None}, "`carried` is missing"),
        (WAREHOUSE, {"reports": None}, "`reports` is missing"),
        (SHOPIFY, {"channel": None}, "`channel` belongs to the role storefront"),
        (SHOPIFY, {"settings": UpsSettings}, "must be a struct that derives from ChannelSettings"),
    ],
)
def test_what_is_missing_is_told(kind: Kind[Any], change: dict[str, Any], words: str) -> None:
    """Each required part has its own sentence, and no other takes its place."""
    assert any(words in fault for fault in faults_of(replace(kind, **change)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"webhooks": None}, "who reads its messages?"),
        ({"translator": lambda *_: None}, "who reads its messages?"),
        ({"transports": ("api",)}, "the transport `webhook` belong together"),
        ({"transports": ()}, "`channel.transports` is empty"),
        ({"statuses": {}}, "`channel.statuses` is empty"),
        ({"stated": None}, "`channel.stated` is missing"),
    ],
)
def test_what_a_channel_lacks_is_told(change: dict[str, Any], words: str) -> None:
    """A channel is a storefront with everything around it."""
    assert SHOPIFY.channel is not None
    kind = replace(SHOPIFY, channel=replace(SHOPIFY.channel, **change))
    assert any(words in fault for fault in faults_of(kind))
