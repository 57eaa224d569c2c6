"""What channels tell beside goods and totals, as `order.v1` takes it: what can't be read is left
out, for no order is refused for a part that matters little."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import parse_qs, urlsplit

from schemas.order.canonical import Acquisition

MAX_TEXT, MAX_NAME = 5_000, 256
"""Characters that `order.v1` takes."""
_MAX_PPM = 10_000_000
"""A rate of a thousand per cent: what `order.v1` takes."""


def time_or_none(text: str) -> str | None:
    """Return an ISO time with offset as RFC 3339 in UTC, None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return None
        return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    except (ValueError, OverflowError):
        return None


# A shop has a handful of rates, and an order states one for each line.
@lru_cache(maxsize=1_024)
def ppm(rate: str | float | None, *, percent: bool = False) -> int | None:
    """Return a tax rate in millionths, None for anything else. `percent`: 6.0 is 6 %."""
    if rate is None or rate == "":
        return None
    try:
        found = round(float(rate) * (10_000 if percent else 1_000_000))
    except (ValueError, OverflowError):  # no number, or none that ends
        return None
    return found if 0 <= found <= _MAX_PPM else None


def acquisition_of(landing_page: str, referrer: str, point_of_sale: str) -> Acquisition | None:
    """Return how a customer came, None where nothing says. The campaign's `utm_*` are those of the
    landing page's address."""
    if not (landing_page or referrer or point_of_sale):
        return None
    asked: dict[str, list[str]] = {}
    try:
        if "utm_" in landing_page:  # in few: reading an address costs as much as a line
            asked = parse_qs(urlsplit(landing_page).query, max_num_fields=100)
    except ValueError:  # an address like `//[`, or with more fields than any page has
        pass
    tags = {name: texts[0][:MAX_NAME] for name, texts in asked.items()}
    return Acquisition(
        landing_page=landing_page[:MAX_TEXT],
        referrer=referrer[:MAX_TEXT],
        point_of_sale=point_of_sale[:MAX_NAME],
        utm_source=tags.get("utm_source", ""),
        utm_medium=tags.get("utm_medium", ""),
        utm_campaign=tags.get("utm_campaign", ""),
        utm_term=tags.get("utm_term", ""),
        utm_content=tags.get("utm_content", ""),
    )
