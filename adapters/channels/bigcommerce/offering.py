"""BigCommerce: how many units of each SKU a store may sell from each location (Inventory, V3).

What the store shows is looked at first, and what differs is set by an absolute adjustment, which
has no condition: a purchase in between is undone until its order has reserved here and the figure
is told again. The buffer is for that.
https://developer.bigcommerce.com/docs/rest-management/inventory/adjustments#absolute-adjustment
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from actors.runtime.errors import Rejected
from adapters.channels.bigcommerce.api import PARTNER, BigCommerceApi
from adapters.kit.http_client import Answer, lost
from adapters.kit.offering import Heard, Offered

REASON = "Orderwright: what is free there"
PAGE = 1_000
"""Items of one page: the most that BigCommerce gives. SKUs are unique in a store."""
MAX_TRIES = 20
"""An adjustment is refused as a whole: it is halved until what is refused stands alone, in so many
calls at most; what is left then is told later."""

STALE = Heard(outcome="stale")


class _Identity(Struct, frozen=True):
    sku: str | None = None


class _Settings(Struct, frozen=True):
    safety_stock: int | None = 0


class _Item(Struct, frozen=True):
    identity: _Identity = _Identity()
    available_to_sell: int | None = None
    settings: _Settings | None = None


class _Items(Struct, frozen=True):
    data: list[_Item]


class _Change(Struct, frozen=True):
    """A figure that differs; `at` is its place in what was asked, `quantity` what is on hand then,
    the store's own safety stock included."""

    at: int
    sku: str
    quantity: int


_decoder = msgspec.json.Decoder(_Items)


class BigCommerceOffering:
    """One store, behind `adapters.kit.offering.StockTeller`. `locations` are the numbers of its
    locations by our places."""

    def __init__(self, api: BigCommerceApi, locations: Mapping[str, int]) -> None:
        self._api = api
        self._locations = locations

    async def tell(self, figures: Sequence[Offered]) -> list[Heard]:
        """Tell figures, each location by itself. Raises PartnerError."""
        heard: dict[int, Heard] = {}
        for place in dict.fromkeys(one.place for one in figures):
            mine = {at: one for at, one in enumerate(figures) if one.place == place}
            location = self._locations.get(place)
            if location is None:
                why = f"The store has no location for the place {place}: add it to stock_locations."
                heard |= dict.fromkeys(mine, Heard(outcome="unknown", why=why))
                continue
            heard |= await self._at(location, mine)
        return [heard[at] for at in range(len(figures))]

    async def _at(self, location: int, figures: Mapping[int, Offered]) -> dict[int, Heard]:
        heard = {at: _unlisted(one.sku) for at, one in figures.items() if "," in one.sku}
        asked = {at: one for at, one in figures.items() if at not in heard}
        if not asked:
            return heard
        items = await self._look(location, [one.sku for one in asked.values()])
        if items is None:
            why = f"{PARTNER} has no location {location} in this store: correct stock_locations."
            return heard | dict.fromkeys(asked, Heard(outcome="unknown", why=why))
        changes: list[_Change] = []
        for at, one in asked.items():
            item = items.get(one.sku)
            if item is None or item.available_to_sell is None:
                heard[at] = Heard(outcome="unknown", why=_missing(one.sku))
            elif item.available_to_sell == one.units:
                heard[at] = Heard(outcome="same")
            else:
                kept = item.settings.safety_stock if item.settings is not None else 0
                changes.append(_Change(at, one.sku, one.units + max(0, kept or 0)))
        return heard | await self._set(location, changes)

    async def _look(self, location: int, skus: Sequence[str]) -> dict[str, _Item] | None:
        """Return what the store shows at a location; None where there is no such location."""
        query = {"sku:in": ",".join(dict.fromkeys(skus)), "limit": str(PAGE)}
        path = f"/v3/inventory/locations/{location}/items"
        answer = await self._api.ask("GET", path, query=query)
        if answer.status == 404:
            return None
        found = _read(answer)
        return {one.identity.sku: one for one in found if one.identity.sku}

    async def _set(self, location: int, changes: Sequence[_Change]) -> dict[int, Heard]:
        heard: dict[int, Heard] = {}
        left, tries = [list(changes)] if changes else [], 0
        while left and tries < MAX_TRIES:
            some, tries = left.pop(), tries + 1
            try:
                await self._adjust(location, some)
            except Rejected as error:
                if len(some) == 1:
                    heard[some[0].at] = Heard(outcome="refused", why=str(error))
                else:
                    half = len(some) // 2
                    left += [some[half:], some[:half]]
            else:
                heard |= {one.at: Heard(outcome="told") for one in some}
        return heard | {one.at: STALE for some in left for one in some}

    async def _adjust(self, location: int, changes: Sequence[_Change]) -> None:
        items = [
            {"location_id": location, "sku": one.sku, "quantity": one.quantity} for one in changes
        ]
        body = {"reason": REASON, "items": items}
        answer = await self._api.ask("PUT", "/v3/inventory/adjustments/absolute", body=body)
        if answer.status == 404:
            raise Rejected(f"{PARTNER} has no inventory to adjust in this store.")


def _read(answer: Answer) -> list[_Item]:
    try:
        return _decoder.decode(answer.body).data
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise lost(PARTNER, "answered without its inventory", writes=False) from None


def _unlisted(sku: str) -> Heard:
    why = f"{PARTNER} separates SKUs by commas, and {sku} has one: give it another SKU there."
    return Heard(outcome="refused", why=why)


def _missing(sku: str) -> str:
    return f"{PARTNER} has no item with the SKU {sku} at this location whose stock it tracks."
