"""Orders of Amazon's that an app imports into the shop: by which of Amazon's ids they are known.

`source_identifier` is Shopify's own field for it, "the ID of the order placed on the originating
platform", beside `source_url`, a link to the original order
(https://shopify.dev/docs/api/admin-graphql/latest/input-objects/OrderCreateOrderInput). Apps that
fill neither give the order Amazon's id as its name, or write it into a tag or a note attribute.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from adapters.channels.shopify.lines import CHECKOUTS
from adapters.channels.shopify.shapes import ShopifyOrder

MARKETPLACE = "amazon"

_ID = re.compile(r"(?<![0-9-])[0-9]{3}-[0-9]{7}-[0-9]{7}(?![0-9-])", re.ASCII)
"""Amazon's ids have 3, 7 and 7 digits."""


def marketplace_ref(source: ShopifyOrder) -> str:
    """Return the marketplace's id of an order that was made on one, "" for any other.

    The shop's own checkouts make none: no app may use their names
    (https://shopify.dev/changelog/channel-attribution-is-now-available-in-beta), and what customers
    type there must not look like an id.
    """
    if source.source_name in CHECKOUTS:
        return ""
    for text in _told(source):
        found = set(_ID.findall(text))
        if len(found) == 1:
            return f"{MARKETPLACE}:{found.pop()}"
    return ""


def _told(source: ShopifyOrder) -> Iterator[str]:
    """Yield the fields that may have the id, the surest first."""
    yield source.source_identifier or ""
    yield source.source_url or ""
    yield source.name or ""
    yield source.tags or ""
    if source.landing_site:
        return  # a customer came by a page of the shop, and may have written the attributes
    for one in source.note_attributes:
        if MARKETPLACE in one.name.lower() and isinstance(one.value, str):
            yield one.value
