"""Where carriers tell people about a parcel: also of those that we buy no labels from."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote

PAGES: Mapping[str, str] = MappingProxyType(
    {
        "ups": "https://www.ups.com/track?tracknum=",
        "fedex": "https://www.fedex.com/fedextrack/?trknbr=",
        "usps": "https://tools.usps.com/go/TrackConfirmAction?tLabels=",
        "dhl": "https://www.dhl.com/global-en/home/tracking/tracking-parcel.html?tracking-id=",
    }
)
"""The pages of carriers, by the first word of their names; the number follows."""


def tracking_page(carrier: str, number: str) -> str:
    """Return the address of a parcel's page; "" where the carrier's is not known."""
    words = carrier.lower().replace("-", " ").split()
    page = PAGES.get(words[0], "") if words and number else ""
    return f"{page}{quote(number, safe='')}" if page else ""
