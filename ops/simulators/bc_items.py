"""The items of a simulated Business Central with what is there of each, page by page.

Whoever plays the tenant tells it: `POST /_sim/erp/inventory` takes `{"items": [{"number",
"inventory", "type"}]}` instead of what was told before.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from ops.simulators.partner import json_reply
from ops.simulators.shapes import JsonObject, JsonValue, objects, text
from ops.simulators.wire import Reply, Request

_PAGE = re.compile(r"odata\.maxpagesize=([0-9]+)")
_FILTER = "type eq 'Inventory'"
MOST = 20_000


def listed(found: list[dict[str, JsonValue]], context: str, request: Request) -> Reply:
    """What was found, as OData shows a list: with the fields that were selected, as many as were
    asked for."""
    params = request.params()
    kept: list[JsonValue] = [*found]
    if chosen := params.get("$select"):
        names = {name.strip() for name in chosen.split(",")} | {"@odata.etag"}
        kept = [{k: v for k, v in one.items() if k in names} for one in found]
    if params.get("$top", "").isdecimal():
        kept = kept[: int(params["$top"])]
    return json_reply(200, {"@odata.context": context, "value": kept})


class Inventory:
    """What is there of each item of the tenant."""

    def __init__(self) -> None:
        self._items: list[dict[str, JsonValue]] = []

    def tell(self, given: JsonObject) -> None:
        """Have these items, and no others."""
        self._items = [
            {
                "@odata.etag": f'W/"{text(one, "number")}"',
                "number": text(one, "number").upper(),
                "type": text(one, "type") or "Inventory",
                "blocked": False,
                "inventory": one.get("inventory", 0),
            }
            for one in objects(given, "items")
        ]

    def page(self, context: str, request: Request) -> Reply | None:
        """A page of the list; None where it is not asked for."""
        params = request.params()
        if params.get("$filter") != _FILTER:
            return None
        wished = _PAGE.search(request.headers.get("prefer", ""))
        size = min(MOST, int(wished[1])) if wished else MOST
        there = [one for one in self._items if one["type"] == "Inventory"]
        after = params.get("$skiptoken", "")
        rest = [one for one in there if str(one["number"]) > after] if after else there
        rest.sort(key=lambda one: str(one["number"]))
        told: dict[str, JsonValue] = {"@odata.context": context, "value": [*rest[:size]]}
        if len(rest) > size:
            last = quote(str(rest[size - 1]["number"]))
            base = context.partition("/$metadata")[0]
            chosen = quote(params.get("$select", ""))
            told["@odata.nextLink"] = (
                f"{base}/companies(3e5f)/items?$select={chosen}&$filter={quote(_FILTER)}"
                f"&$skiptoken={last}"
            )
        return json_reply(200, told)
