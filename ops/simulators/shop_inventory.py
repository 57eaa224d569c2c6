"""What a simulated shop has of each article at each location (Admin GraphQL 2026-10).

Whoever plays the shop tells it: `POST inventory` takes `{"items": [{"sku", "levels": {"1001": 5},
"tracked", "sells_after_look"}]}`, and `GET inventory` shows it with how often it was set. What
`sells_after_look` pieces are bought right after somebody looked, as customers do.
https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/inventorySetQuantities
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from ops.simulators.graphql import Json, Mistake, Query
from ops.simulators.shapes import JsonObject, JsonValue, NotUnderstood, objects, text
from ops.simulators.shop_graphql import connection

MAX_ITEMS: Final = 100_000
MAX_KEYS: Final = 100_000
MAX_QUANTITIES: Final = 250
MAX_QUANTITY: Final = 1_000_000_000
_SKU = re.compile(r'sku:"((?:[^"\\]|\\.)*)"')
_REASONS: Final = frozenset(
    {
        "correction", "cycle_count_available", "damaged", "movement_canceled", "movement_created",
        "movement_received", "movement_updated", "other", "promotion", "quality_control",
        "received", "reservation_created", "reservation_deleted", "reservation_updated", "restock",
        "safety_stock", "shrinkage",
    }
)  # fmt: skip


@dataclass(slots=True)
class Item:
    """An article; `levels` are the available pieces by location."""

    gid: str
    sku: str
    tracked: bool
    levels: dict[str, int] = field(default_factory=dict)
    sells_after_look: int = 0
    sets: int = 0


class Inventory:
    """One shop's."""

    def __init__(self, next_number: Callable[[], int]) -> None:
        self._next_number = next_number
        self._items: dict[str, Item] = {}
        self._keys: dict[str, tuple[str, Json]] = {}

    def tell(self, told: JsonObject) -> None:
        """Know these articles from now on. Raises NotUnderstood."""
        for one in objects(told, "items"):
            sku, levels = text(one, "sku"), one.get("levels")
            if not sku or not isinstance(levels, dict) or len(self._items) >= MAX_ITEMS:
                raise NotUnderstood("Each of `items` has a `sku` and `levels`.")
            gid = f"gid://shopify/InventoryItem/{self._next_number()}"
            item = Item(gid, sku, one.get("tracked") is not False)
            item.levels = {at: int(units) for at, units in levels.items()}
            sold = one.get("sells_after_look", 0)
            item.sells_after_look = sold if isinstance(sold, int) else 0
            self._items[gid] = item

    def shown(self) -> JsonObject:
        """Every article as it is."""
        items: list[JsonValue] = [
            {"sku": x.sku, "tracked": x.tracked, "sets": x.sets, "levels": dict(x.levels)}
            for x in self._items.values()
        ]
        return {"items": items}

    def looked(self, given: Json) -> Json:
        """The connection `inventoryItems`."""
        wanted = {x.replace('\\"', '"') for x in _SKU.findall(str(given.get("query") or ""))}
        found = [x for x in self._items.values() if x.sku in wanted]
        nodes = [_node(x) for x in found]
        answer: Json = connection("InventoryItem", lambda: nodes)(given)
        return answer

    def sell(self) -> None:
        """Customers buy what they buy after a look."""
        for one in self._items.values():
            if one.sells_after_look and one.levels:
                at = next(iter(one.levels))
                one.levels[at] -= one.sells_after_look
                one.sells_after_look = 0

    def set(self, wish: Json, key: str | None) -> Json:
        """Carry out `inventorySetQuantities`: all of it, or nothing. Raises Mistake."""
        if not key:
            words = "The @idempotent directive is required for this mutation."
            raise Mistake(words, "BAD_REQUEST")
        earlier = self._keys.get(key)
        if earlier is not None:
            if earlier[0] != repr(wish):
                return _errors([_error("IDEMPOTENCY_KEY_PARAMETER_MISMATCH", [])])
            return earlier[1]
        errors = self._faults(wish)
        if errors:
            return _errors(errors)
        for one in wish["quantities"]:
            item = self._items[one["inventoryItemId"]]
            item.levels[_digits(one["locationId"])] = one["quantity"]
            item.sets += 1
        gid = f"gid://shopify/InventoryAdjustmentGroup/{self._next_number()}"
        group = {"__typename": "InventoryAdjustmentGroup", "id": gid, "reason": wish["reason"]}
        answer: Json = {"inventoryAdjustmentGroup": group, "userErrors": []}
        while len(self._keys) >= MAX_KEYS:
            del self._keys[next(iter(self._keys))]
        self._keys[key] = repr(wish), answer
        return answer

    def _faults(self, wish: Json) -> list[Json]:
        if wish.get("name") not in ("available", "on_hand"):
            return [_error("INVALID_NAME", ["name"])]
        if wish.get("reason") not in _REASONS:
            return [_error("INVALID_REASON", ["reason"])]
        quantities = wish.get("quantities") or []
        if len(quantities) > MAX_QUANTITIES:
            raise Mistake("The input array size is too large.", "MAX_INPUT_SIZE_EXCEEDED")
        pairs = [(one["inventoryItemId"], one["locationId"]) for one in quantities]
        if len(pairs) != len(set(pairs)):
            return [_error("NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR", ["quantities"])]
        return [
            _error(code, ["quantities", str(at), where])
            for at, one in enumerate(quantities)
            for code, where in [self._fault(one)]
            if code
        ]

    def _fault(self, one: Json) -> tuple[str, str]:
        item, at = self._items.get(one["inventoryItemId"]), _digits(one["locationId"])
        if item is None:
            return "INVALID_INVENTORY_ITEM", "inventoryItemId"
        if at not in item.levels:
            return "INVALID_LOCATION", "locationId"
        if "changeFromQuantity" not in one:
            raise Mistake("changeFromQuantity must be given explicitly.", "BAD_REQUEST")
        if not 0 <= one["quantity"] <= MAX_QUANTITY:
            return "INVALID_QUANTITY_TOO_HIGH", "quantity"
        expected = one["changeFromQuantity"]
        if expected is not None and expected != item.levels[at]:
            return "CHANGE_FROM_QUANTITY_STALE", "changeFromQuantity"
        return "", ""


def query_of(inventory: Inventory, query: Query) -> Json:
    """The `data` of a look at articles. Raises Mistake."""
    root = {"__typename": "QueryRoot", "inventoryItems": inventory.looked}
    found = query.answer(root)
    inventory.sell()
    return found


def _node(item: Item) -> Json:
    def level(given: Json) -> Json | None:
        at = _digits(given.get("locationId"))
        if at not in item.levels:
            return None

        def quantities(asked: Json) -> list[Json]:
            return [
                {"__typename": "InventoryQuantity", "name": name, "quantity": item.levels[at]}
                for name in asked.get("names") or ()
                if name == "available"
            ]

        return {"__typename": "InventoryLevel", "isActive": True, "quantities": quantities}

    return {
        "__typename": "InventoryItem",
        "id": item.gid,
        "sku": item.sku,
        "tracked": item.tracked,
        "inventoryLevel": level,
    }


def _digits(gid: Any) -> str:  # Any: see graphql.Json
    return str(gid).rpartition("/")[2]


def _error(code: str, at: list[str]) -> Json:
    words = f"The {at[-1] if at else 'request'} is refused: {code}."
    return {
        "__typename": "InventorySetQuantitiesUserError",
        "code": code,
        "field": ["input", *at] if at else None,
        "message": words,
    }


def _errors(errors: list[Json]) -> Json:
    return {"inventoryAdjustmentGroup": None, "userErrors": errors}
