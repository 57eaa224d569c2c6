"""What a simulated store has of each item at each location (Inventory, V3).

Whoever plays the store tells it: `POST /_sim/bigcommerce/HASH/inventory` takes `{"locations": [1],
"items": [{"sku", "levels": {"1": 5}, "safety": 2, "tracked_by_product"}]}`, and `GET` shows it with
how often it was set. An adjustment is carried out whole or not at all.
https://developer.bigcommerce.com/docs/rest-management/inventory
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from ops.simulators.partner import json_reply
from ops.simulators.shapes import (
    JsonObject,
    JsonValue,
    NotUnderstood,
    number,
    objects,
    parse_object,
    text,
)
from ops.simulators.wire import Reply, Request

PATHS: Final = re.compile(r"v3/inventory/(?:adjustments/absolute|locations/([0-9]+)/items)")
MAX_ITEMS: Final = 100_000
MAX_ADJUSTED: Final = 2_000
MAX_PAGE: Final = 1_000
_TYPE: Final = "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes"


@dataclass(slots=True)
class _Item:
    """`levels` are the pieces on hand by location."""

    variant: int
    levels: dict[str, int]
    safety: int = 0
    by_product: bool = False
    sets: int = 0


@dataclass(slots=True)
class Inventory:
    """One store's."""

    locations: set[str] = field(default_factory=lambda: {"1"})
    items: dict[str, _Item] = field(default_factory=dict)
    done: int = 0

    def control(self, request: Request) -> Reply:
        """What a test sets and sees."""
        told = parse_object(request.body) if request.method == "POST" else {}
        places = told.get("locations")
        if isinstance(places, list):
            self.locations |= {str(one) for one in places}
        for one in objects(told, "items"):
            sku, levels = text(one, "sku"), one.get("levels")
            if not sku or not isinstance(levels, dict) or len(self.items) >= MAX_ITEMS:
                raise NotUnderstood("Each of `items` has a `sku` and `levels`.")
            known = {str(at): int(number(levels, at)) for at in levels}
            by_product = one.get("tracked_by_product") is True
            safety = int(number(one, "safety"))
            self.items[sku] = _Item(100 + len(self.items), known, safety, by_product)
        shown: dict[str, JsonValue] = {
            sku: {"levels": dict(one.levels), "sets": one.sets} for sku, one in self.items.items()
        }
        return json_reply(200, shown)

    def answer(self, path: str, request: Request) -> Reply | None:
        """Answer a request of somebody who may ask; None for a method that is not there."""
        match = PATHS.fullmatch(path)
        if match is not None and match[1] and request.method == "GET":
            return self._list(match[1], request)
        if match is not None and not match[1] and request.method == "PUT":
            return self._adjust(parse_object(request.body))
        return None

    def _list(self, location: str, request: Request) -> Reply:
        if location not in self.locations:
            return _refused(404, "The requested location was not found.")
        given = request.params()
        wanted = given.get("sku:in", "").split(",")
        page, size = int(given.get("page", "1")), min(int(given.get("limit", "50")), MAX_PAGE)
        here = {sku: one for sku, one in self.items.items() if location in one.levels}
        found = [(sku, one) for sku, one in here.items() if sku in wanted]
        data: list[JsonValue] = [
            _shown(sku, one, location) for sku, one in found[(page - 1) * size : page * size]
        ]
        pages = {"total": len(found), "count": len(data), "per_page": size, "current_page": page}
        return json_reply(200, {"data": data, "meta": {"pagination": pages}})

    def _adjust(self, wish: JsonObject) -> Reply:
        wanted = objects(wish, "items")
        if not 0 < len(wanted) <= MAX_ADJUSTED:
            return _refused(422, "Payload contains invalid fields")
        for one in wanted:
            item, location = self.items.get(text(one, "sku")), text(one, "location_id")
            if item is None or location not in self.locations:
                return _refused(422, f"Item with sku {text(one, 'sku')} was not found")
            if item.by_product:
                words = f"Item with variant_id {item.variant} is tracked by product"
                return _refused(422, f"[{words}, please update stock by product id]")
            if number(one, "quantity") < 0:
                return _refused(422, "Payload contains invalid fields")
        for one in wanted:
            item = self.items[text(one, "sku")]
            item.levels[text(one, "location_id")] = int(number(one, "quantity"))
            item.sets += 1
        self.done += 1
        return json_reply(200, {"transaction_id": f"{self.done:032x}"})


def _shown(sku: str, one: _Item, location: str) -> JsonObject:
    on_hand = one.levels[location]
    return {
        "identity": {"sku": sku, "variant_id": one.variant, "product_id": one.variant},
        "available_to_sell": on_hand - one.safety,
        "total_inventory_onhand": on_hand,
        "settings": {"safety_stock": one.safety, "is_in_stock": True, "warning_level": 0},
    }


def _refused(status: int, title: str) -> Reply:
    told: JsonObject = {"status": status, "title": title, "type": _TYPE, "errors": {}}
    return json_reply(status, told)
