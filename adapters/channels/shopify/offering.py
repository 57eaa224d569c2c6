"""Shopify: how many units of each SKU a shop may sell from each location (Admin GraphQL 2026-10).

What the shop shows is looked at first and named with each change (`changeFromQuantity`): where a
customer bought meanwhile, the change is refused, and made again later from the newer figure.
https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/inventorySetQuantities
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from actors.runtime.ports import Clock
from adapters.channels.shopify.graphql import PARTNER, ShopifyGraphql
from adapters.kit.fitting import phrases
from adapters.kit.http_client import lost
from adapters.kit.offering import Heard, Offered

LOOK_QUERY = """
query LookAtStock($query: String!, $location: ID!, $after: String) {
  inventoryItems(first: 200, query: $query, after: $after) {
    nodes {
      id
      sku
      tracked
      inventoryLevel(locationId: $location) { quantities(names: ["available"]) { quantity } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""

SET_MUTATION = """
mutation TellStock($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id }
    userErrors { code field message }
  }
}
"""

REASON = "correction"
MAX_SET = 250
"""Quantities of one change: as many as Shopify takes in one list."""
MAX_PAGES = 5
"""Pages of articles of one look: a hundred SKUs are hardly those of a thousand variants."""
TRIES = 3
"""A change is refused as a whole: what was refused is left out, and the rest is sent again."""

_STALE = frozenset({"CHANGE_FROM_QUANTITY_STALE", "COMPARE_QUANTITY_STALE"})


class _Quantity(Struct, frozen=True):
    quantity: int


class _Level(Struct, frozen=True):
    quantities: list[_Quantity] = []


class _Item(Struct, frozen=True, rename="camel"):
    id: str
    sku: str | None = None
    tracked: bool = True
    inventory_level: _Level | None = None


class _PageInfo(Struct, frozen=True, rename="camel"):
    has_next_page: bool = False
    end_cursor: str | None = None


class _Items(Struct, frozen=True, rename="camel"):
    nodes: list[_Item]
    page_info: _PageInfo = _PageInfo()


class _UserError(Struct, frozen=True):
    code: str | None = None
    field: list[str] | None = None
    message: str = ""


class _Set(Struct, frozen=True, rename="camel"):
    user_errors: list[_UserError] = []


class _Data(Struct, frozen=True, rename="camel"):
    inventory_items: _Items | None = None
    inventory_set_quantities: _Set | None = None


class _Change(Struct, frozen=True):
    """One article's figure that differs; `at` is the place of its figure in what was asked."""

    at: int
    item: str
    before: int
    units: int


_decoder = msgspec.json.Decoder(_Data)


class ShopifyOffering:
    """One shop, behind `adapters.kit.offering.StockTeller`. `locations` are the numbers of its
    locations by our places."""

    def __init__(self, graphql: ShopifyGraphql, clock: Clock, locations: Mapping[str, str]) -> None:
        self._graphql = graphql
        self._clock = clock
        self._locations = locations
        self._attempts = 0

    async def tell(self, figures: Sequence[Offered]) -> list[Heard]:
        """Tell figures, each location by itself. Raises PartnerError."""
        heard: dict[int, Heard] = {}
        for place in dict.fromkeys(one.place for one in figures):
            mine = {at: one for at, one in enumerate(figures) if one.place == place}
            location = self._locations.get(place)
            if location is None:
                why = f"The shop has no location for the place {place}: add it to stock_locations."
                heard |= dict.fromkeys(mine, Heard(outcome="unknown", why=why))
                continue
            heard |= await self._at(f"gid://shopify/Location/{location}", mine)
        return [heard[at] for at in range(len(figures))]

    async def _at(self, location: str, figures: Mapping[int, Offered]) -> dict[int, Heard]:
        items = await self._look(location, [one.sku for one in figures.values()])
        heard: dict[int, Heard] = {}
        changes: list[_Change] = []
        for at, one in figures.items():
            found = items.get(one.sku, [])
            shown = [(x.id, x.inventory_level.quantities) for x in found if x.inventory_level]
            levels = [(item, there[0].quantity) for item, there in shown if there]
            if not levels:
                heard[at] = Heard(outcome="unknown", why=_missing(one.sku, found))
                continue
            differ = [_Change(at, item, now, one.units) for item, now in levels if now != one.units]
            heard[at] = Heard(outcome="told" if differ else "same")
            changes += differ
        for start in range(0, len(changes), MAX_SET):
            heard |= await self._set(location, changes[start : start + MAX_SET])
        return heard

    async def _look(self, location: str, skus: Sequence[str]) -> dict[str, list[_Item]]:
        wish = " OR ".join(f'sku:"{_escaped(one)}"' for one in dict.fromkeys(skus))
        found: dict[str, list[_Item]] = {}
        after: str | None = None
        for _ in range(MAX_PAGES):
            variables = {"query": wish, "location": location, "after": after}
            data = await self._ask(LOOK_QUERY, variables, writes=False)
            if data.inventory_items is None:
                raise lost(PARTNER, "answered without its articles", writes=False)
            for item in data.inventory_items.nodes:
                # Its search is by words: what only resembles the SKU comes as well.
                found.setdefault(item.sku or "", []).append(item)
            after = data.inventory_items.page_info.end_cursor
            if not data.inventory_items.page_info.has_next_page or not after:
                break
        return found

    async def _set(self, location: str, changes: Sequence[_Change]) -> dict[int, Heard]:
        heard: dict[int, Heard] = {}
        left = list(changes)
        for _ in range(TRIES):
            if not left:
                return heard
            errors = await self._try(location, left)
            if not errors:
                return heard
            refused = {place: error for error in errors for place in _places(error, len(left))}
            heard |= {left[at].at: _outcome(error) for at, error in refused.items()}
            left = [one for at, one in enumerate(left) if at not in refused]
        return heard | {one.at: Heard(outcome="stale") for one in left}

    async def _try(self, location: str, changes: Sequence[_Change]) -> list[_UserError]:
        quantities = [
            {
                "inventoryItemId": one.item,
                "locationId": location,
                "quantity": one.units,
                "changeFromQuantity": one.before,
            }
            for one in changes
        ]
        wanted = {"name": "available", "reason": REASON, "quantities": quantities}
        # A key of this very attempt: the same change may be due again a minute later.
        self._attempts += 1
        attempt = self._clock.now().isoformat(), self._attempts
        key = hashlib.sha256(msgspec.json.encode([attempt, wanted])).hexdigest()
        variables = {"input": wanted, "key": key}
        data = await self._ask(SET_MUTATION, variables, writes=True)
        if data.inventory_set_quantities is None:
            raise lost(PARTNER, "answered without what it did to its stock", writes=True)
        return data.inventory_set_quantities.user_errors

    async def _ask(self, query: str, variables: object, *, writes: bool) -> _Data:
        return await self._graphql.ask(None, query, variables, _decoder, writes=writes)


def _places(error: _UserError, count: int) -> list[int]:
    """Return which of the quantities an error is about: all of them, where it does not say."""
    told = [int(one) for one in error.field or () if one.isascii() and one.isdigit()]
    return [one for one in told if one < count] or list(range(count))


def _outcome(error: _UserError) -> Heard:
    if error.code in _STALE:
        return Heard(outcome="stale")
    why = f"{PARTNER} says {phrases([error.message])}."
    return Heard(outcome="refused", why=why)


def _missing(sku: str, found: Sequence[_Item]) -> str:
    if not found:
        return f"{PARTNER} has no variant with the SKU {sku}."
    if not any(one.tracked for one in found):
        return f"{PARTNER} does not track the stock of {sku}: switch it on there."
    return f"{PARTNER} does not stock {sku} at this location: activate it there."


def _escaped(sku: str) -> str:
    return sku.replace("\\", "\\\\").replace('"', '\\"')
