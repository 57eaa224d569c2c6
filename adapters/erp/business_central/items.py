"""Which item numbers Business Central has, asked before anything is posted and remembered."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

import msgspec

from actors.runtime.errors import Rejected
from actors.runtime.partner import Call
from adapters.kit.json_partner import JsonPartner

MAX_KNOWN = 100_000
"""Some ten megabytes; then they are asked for again."""
_AT_ONCE = 20
"""Numbers in one question: twenty of twenty characters stay far below what an address may have."""


class _Item(msgspec.Struct, frozen=True):
    number: str
    blocked: bool = False


class _Items(msgspec.Struct, frozen=True):
    value: list[_Item]


_items = msgspec.json.Decoder(_Items)


class Items:
    """The items of one company. Only those that are there are remembered: a missing one may be
    created at any time, and one that was deleted since is refused when it is posted."""

    def __init__(self, api: JsonPartner) -> None:
        self._api = api
        self._known: set[str] = set()

    async def refuse_unknown(self, call: Call, numbers: Iterable[str]) -> None:
        """Raise Rejected with every number that is missing there or blocked. Where the credentials
        may not read items, Business Central itself says so of the first when it is posted."""
        asked = sorted({one.upper() for one in numbers} - self._known)
        there: set[str] = set()
        blocked: list[str] = []
        for start in range(0, len(asked), _AT_ONCE):
            some = asked[start : start + _AT_ONCE]
            found = await self._ask(call, some)
            if found is None:
                return
            blocked += [one.number for one in found if one.blocked]
            there |= {one.number.upper() for one in found if not one.blocked}
        self._remember(there)
        wrong = [one for one in asked if one not in there]
        if wrong:
            held = {one.upper() for one in blocked}
            raise Rejected(_words(self._api.title, wrong, held))

    async def _ask(self, call: Call, numbers: list[str]) -> list[_Item] | None:
        wish = quote(" or ".join(f"number eq {in_quotes(one)}" for one in numbers), safe="'")
        path = f"/items?$select=number,blocked&$filter={wish}"
        answer = await self._api.ask(call, "GET", path)
        if answer.status >= 400:
            return None
        return self._api.decoded(_items, answer, writes=False).value

    def _remember(self, numbers: Iterable[str]) -> None:
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known.update(numbers)


def in_quotes(text: str) -> str:
    """Return a text as OData writes it in a filter."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _words(title: str, wrong: list[str], blocked: set[str]) -> str:
    missing = [one for one in wrong if one not in blocked]
    told = []
    if missing:
        told.append(f"{title} has no item {', '.join(missing[:10])}")
    if len(missing) > 10:
        told.append(f"nor {len(missing) - 10} more of this order")
    if blocked:
        told.append(f"{title} has blocked the item {', '.join(sorted(blocked)[:10])}")
    return (
        f"{'; '.join(told)}. Nothing was posted. Create or unblock the item there, or give the SKU "
        "an alias in the SKU table, and retry."
    )
