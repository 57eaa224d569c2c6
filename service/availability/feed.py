"""The feed as a shop takes it over: schema.org's `Offer` and `OfferShippingDetails`, in the shape
that Google reads."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec

from actors.runtime.ports import Clock
from adapters.postgres.availability import PAGE, Availability
from service.availability.measuring import Days, Measured, days_of
from service.settings import Settings
from service.settings.roles import setup_of

SCHEMA = "https://schema.org"
MEASURED_DAYS = 60
"""How far back parcels count."""
MEASURED_FOR_SECONDS = 3_600.0
"""How long a measurement is used."""
KEPT_SECONDS = 60.0
"""How long an answer is: anybody may ask, and as often as he likes."""
MAX_KEPT = 200
"""Answers that are kept, the newest."""
MAX_OFFERS = 5_000
"""Offers of one page."""

_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EVERY_DAY = {
    "@type": "OpeningHoursSpecification",
    "dayOfWeek": [f"{SCHEMA}/{day}" for day in _WEEK],
}
"""Measured days have nights and Sundays in them: without it they were read as business days."""


class Feed:
    """Answers from memory what it answered a moment ago, and asks the database once at a time.
    Raises JournalUnavailable."""

    def __init__(self, store: Availability, clock: Clock, settings: Settings) -> None:
        self.settings = settings  # a reload changes it
        self._store = store
        self._clock = clock
        self._kept: dict[tuple[str, str, int], tuple[float, bytes]] = {}
        self._measured: dict[str, tuple[float, list[dict[str, Any]]]] = {}
        self._turn = asyncio.Lock()

    def use(self, settings: Settings) -> None:
        """Answer by these settings from now on."""
        self.settings = settings
        self._kept.clear()

    def is_public(self, channel: str) -> bool:
        """Whether a channel's feed is for everybody."""
        found = self.settings.channels.get(channel)
        return found is not None and found.public_availability

    async def page(self, channel: str, after: str, limit: int) -> bytes:
        """Return a page of a public channel's offers, from the SKU after `after` on."""
        key = (channel, after, limit)
        if (found := self._fresh(key)) is not None:
            return found
        async with self._turn:
            if (found := self._fresh(key)) is not None:
                return found
            made = msgspec.json.encode(await self._made(channel, after, limit))
            while len(self._kept) >= MAX_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = self._clock.monotonic() + KEPT_SECONDS, made
            return made

    def _fresh(self, key: tuple[str, str, int]) -> bytes | None:
        until, found = self._kept.get(key, (0.0, b""))
        return found if until > self._clock.monotonic() else None

    async def _made(self, channel: str, after: str, limit: int) -> dict[str, Any]:
        buffer = self.settings.channels[channel].availability_buffer
        places = [one.name for one in setup_of(self.settings, channel).places]
        found = await self._store.free(places, after, buffer, limit)
        offers = [
            {
                "@type": "Offer",
                "sku": sku,
                "availability": f"{SCHEMA}/{'InStock' if units else 'OutOfStock'}",
            }
            for sku, units in found
        ]
        shipping = await self._shipping(channel)
        return {
            "@context": SCHEMA,
            "channel": channel,
            "shippingDetails": shipping,
            "offers": offers,
            "next_cursor": found[-1][0] if len(found) == limit else None,
        }

    async def _shipping(self, channel: str) -> list[dict[str, Any]]:
        until, found = self._measured.get(channel, (0.0, []))
        if until > self._clock.monotonic():
            return found
        measured = Measured()
        since = self._clock.now() - timedelta(days=MEASURED_DAYS)
        orders = await self._store.newest(channel, since)
        for first in range(0, len(orders), PAGE):
            measured.add(await self._store.ways(orders[first : first + PAGE]))
            await asyncio.sleep(0)  # others have their turn between two pages
        made = shipping_of(measured)
        self._measured[channel] = self._clock.monotonic() + MEASURED_FOR_SECONDS, made
        return made


def shipping_of(measured: Measured) -> list[dict[str, Any]]:
    """Return how long delivery takes, one `OfferShippingDetails` for each country of which enough
    is known."""
    handling = days_of(measured.handling)
    if handling is None:
        return []
    there = {to: days_of(hours) for to, hours in sorted(measured.transit.items())}
    return [_details(to, handling, days) for to, days in there.items() if days is not None]


def _details(country: str, handling: Days, transit: Days) -> dict[str, Any]:
    return {
        "@type": "OfferShippingDetails",
        "shippingDestination": {"@type": "DefinedRegion", "addressCountry": country},
        "deliveryTime": {
            "@type": "ShippingDeliveryTime",
            "businessDays": _EVERY_DAY,
            "handlingTime": _quantity(handling),
            "transitTime": _quantity(transit),
        },
    }


def _quantity(days: Days) -> dict[str, Any]:
    return {
        "@type": "QuantitativeValue",
        "minValue": days.low,
        "maxValue": days.high,
        "unitCode": "DAY",
    }
