"""How many units of each item Business Central has (API v2.0, `items`).

`inventory` is the sum over all its locations: the API has no figure of one of them.
https://learn.microsoft.com/dynamics365/business-central/dev-itpro/api-reference/v2.0/resources/dynamics_item
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from yarl import URL

from actors.runtime.errors import Retryable
from adapters.kit.counting import MAX_COUNTED, MAX_FAULTS, Counted, CountsPage
from adapters.kit.fitting import printable
from adapters.kit.json_partner import JsonPartner

FIRST = "/items?$select=number,inventory&$filter=type%20eq%20'Inventory'"
_PAGES = {"Prefer": f"odata.maxpagesize={MAX_COUNTED}"}
MAX_UNITS = 1_000_000_000
"""Units of one item; a larger figure is a slip."""


class _Item(msgspec.Struct, frozen=True):
    number: str
    inventory: Decimal = Decimal(0)


class _Items(msgspec.Struct, frozen=True):
    value: list[_Item]
    next_link: str = msgspec.field(name="@odata.nextLink", default="")


_decoder = msgspec.json.Decoder(_Items)


class ItemCounts:
    """The items of one company, behind `adapters.kit.counting.StockCounter`."""

    in_capitals = True

    def __init__(self, api: JsonPartner) -> None:
        self._api = api

    async def counted(self, place: str, cursor: str) -> CountsPage:
        """Return a page of items with what is there. Raises PartnerError."""
        answer = await self._api.ask(None, "GET", cursor or FIRST, headers=_PAGES)
        if answer.status >= 400:
            raise self._api.refused("to show its items", answer)
        found = self._api.decoded(_decoder, answer, writes=False)
        counts: list[Counted] = []
        faults: list[str] = []
        for one in found.value:
            fault = _fault(self._api.title, one)
            if fault:
                faults.append(fault)
            else:
                counts.append(Counted(sku=one.number, units=max(0, int(one.inventory))))
        return CountsPage(
            counts=tuple(counts),
            cursor=self._following(found.next_link),
            faults=tuple(faults[:MAX_FAULTS]),
        )

    def _following(self, link: str) -> str:
        """Return the path of the next page. Its host may be another name of the same company: only
        what stands behind `/items` is taken from it. Raises Retryable for any other link."""
        if not link:
            return ""
        _, there, query = link.partition("/items?")
        if not there or URL("http://x/items?" + query, encoded=True).fragment:
            raise Retryable(f"{self._api.title} continues its items at an address of another kind.")
        return "/items?" + query


def _fault(title: str, one: _Item) -> str:
    if one.inventory > MAX_UNITS:
        return f"{title} has {one.inventory} of {printable(one.number)}: taken for a slip."
    if one.inventory != int(one.inventory):
        return f"{title} has {one.inventory} of {printable(one.number)}: not a whole number."
    return ""
