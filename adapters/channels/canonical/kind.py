"""The kind `canonical`: a channel that speaks our own contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.channels.canonical.settings import CanonicalSettings
from adapters.kit.instance import Instance, Kit
from adapters.kit.kind import Channel, Kind
from adapters.kit.lineage import Carried, Example, Stated, one_parcel

if TYPE_CHECKING:
    from adapters.channels.canonical.source import Canonical
    from adapters.channels.canonical.storefront import CanonicalStorefront
    from adapters.kit.inbound import Translator
    from schemas.messages.privacy import Read


def _translator(settings: CanonicalSettings, instance: Instance) -> Canonical:
    from adapters.channels.canonical.source import Canonical

    return Canonical()


def _storefront(settings: CanonicalSettings, kit: Kit) -> CanonicalStorefront:
    from adapters.channels.canonical.storefront import CanonicalStorefront

    return CanonicalStorefront(kit.name, kit.events, kit.clock, kit.own_url)


async def _probe(settings: CanonicalSettings, kit: Kit) -> str:
    return "states its orders over POST /api/v1/orders or NATS; there is no API to ask."


def _examples() -> Sequence[Example]:
    from adapters.channels.canonical.example import examples

    return examples()


def _read(reader: Translator, raw: bytes) -> Read:
    from adapters.channels.canonical.example import read

    return read(reader, raw)


KIND = Kind(
    name="canonical",
    title="Any channel that speaks our contract",
    words="Orders come over `POST /api/v1/orders` or NATS; what shipped is published as an event.",
    roles=("storefront",),
    settings=CanonicalSettings,
    example={},
    partner=_storefront,
    probe=_probe,
    carried=Carried(effect=one_parcel),
    channel=Channel(
        transports=("api", "nats"),
        webhooks=None,
        translator=_translator,
        sync=None,
        fetches=False,
        statuses={
            "place": "a new order",
            "pay": "its payment is confirmed",
            "update": "how it looks now",
            "cancel": "it is to be cancelled",
            "note": "something happened to it",
        },
        mapped=("skus", "bundles", "tax_codes", "shipping_methods"),
        speaks=lambda settings: "",
        stated=Stated(examples=_examples, read=_read),
        hears=lambda settings: frozenset({"ready"}),
    ),
)
