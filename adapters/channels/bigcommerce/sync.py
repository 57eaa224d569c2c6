"""BigCommerce: which orders changed, and the store's webhooks (V3 hooks).

BigCommerce switches a webhook off after 48 hours of failures or 90 days without an event, and
deletes it with the app. Only the token that made a webhook sees it.
https://developer.bigcommerce.com/docs/webhooks
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import msgspec
from msgspec import Struct

from actors.runtime.errors import PartnerError, Rejected
from adapters.channels.bigcommerce.api import MAX_PAGES, PAGE, PARTNER, BigCommerceApi
from adapters.channels.bigcommerce.scopes import SCOPES
from adapters.channels.bigcommerce.source import SECRET_HEADER
from adapters.kit.http_client import Answer, decoded, lost
from adapters.kit.sync import MAX_SENTENCES, Listed, ListedPage, Subscriptions

KEEP = 0.25
"""The share of the store's quota that comparisons leave to orders."""

WANTED = tuple(SCOPES)
"""The scopes that are subscribed: all with a meaning here."""

INCOMPLETE = 0
"""The status of a checkout that is not completed: not listed, for it is not an order yet."""

_SECOND = timedelta(seconds=1)


class _Order(Struct, frozen=True):
    id: int
    status_id: int
    date_modified: str


class _Hook(Struct, frozen=True):
    id: int
    scope: str
    destination: str
    is_active: bool = True
    headers: dict[str, str] | list[object] | None = None

    def bears(self, secret: str) -> bool:
        """Say whether it sends our header with this secret. Header names have any case."""
        told = self.headers if isinstance(self.headers, dict) else {}
        return any(
            name.lower() == SECRET_HEADER.lower() and value == secret
            for name, value in told.items()
        )


class _Hooks(Struct, frozen=True):
    data: list[_Hook] = []


_orders = msgspec.json.Decoder(list[_Order])
_hooks = msgspec.json.Decoder(_Hooks)


class BigCommerceSync:
    """One store, behind `adapters.kit.sync.ChannelSync`. `secret` is what webhooks are created
    with: the new one while it is rotated."""

    def __init__(self, api: BigCommerceApi, *, secret: str) -> None:
        self._api = api
        self._secret = secret

    async def changed_orders(self, since: datetime, until: datetime, cursor: str) -> ListedPage:
        """Return a page of the orders whose `date_modified` lies in the window, oldest first.

        Pages by number shift while orders change, so each page begins at the second where the one
        before ended, which that one left out; only a second with a whole page is read by numbers.
        """
        first, page = _position(cursor, since)
        query = {
            # A second more on both sides: whether these bounds are inclusive isn't documented.
            "min_date_modified": _iso(first - _SECOND),
            "max_date_modified": _iso(until + _SECOND),
            "sort": "date_modified:asc",
            "page": str(page),
            "limit": str(PAGE),
        }
        answer = await self._api.ask("GET", "/v2/orders", query=query)
        if answer.status == 204:
            return ListedPage(orders=())
        if answer.status == 404:
            raise lost(PARTNER, "knows no list of orders", writes=False)
        rows = decoded(_orders, answer, partner=PARTNER, writes=False)
        times = [_moment(one.date_modified) for one in rows]
        if times != sorted(times):
            raise lost(PARTNER, "lists orders in another order than was asked for", writes=False)
        end, after = until, ""
        if len(rows) >= PAGE and times[-1] < until:
            is_one_second = times[-1] <= first
            after = _cursor(first, page + 1) if is_one_second else _cursor(times[-1], 1)
            end = until if is_one_second else times[-1]
        listed = tuple(
            Listed(ref=str(one.id), updated_at=_iso(at))
            for one, at in zip(rows, times, strict=True)
            if first <= at < end and one.status_id != INCOMPLETE
        )
        return ListedPage(orders=listed, cursor=after)

    async def keep_subscriptions(self, address: str) -> Subscriptions:
        """Create a webhook for each scope with a meaning, switch those on that were switched off,
        and give them the secret of today."""
        ours = {one.scope: one for one in await self._all() if one.destination == address}
        faults, fixed = [], []
        for scope in WANTED:
            there = ours.get(scope)
            if there is not None and there.is_active and there.bears(self._secret):
                continue
            try:
                await self._fix(scope, there, address)
            except Rejected as error:
                what = "missing" if there is None else "not in order"
                faults.append(f"The webhook of {scope} is {what}: {error}")
            else:
                fixed.append(f"The webhook of {scope} {_what(there)}.")
        return Subscriptions(
            faults=tuple(faults[:MAX_SENTENCES]), fixed=tuple(fixed[:MAX_SENTENCES])
        )

    async def _all(self) -> list[_Hook]:
        found: list[_Hook] = []
        for page in range(1, MAX_PAGES + 1):
            query = {"page": str(page), "limit": str(PAGE)}
            answer = await self._api.ask("GET", "/v3/hooks", query=query)
            rows = decoded(_hooks, answer, partner=PARTNER, writes=False).data
            found += rows
            if len(rows) < PAGE:
                return found
        raise Rejected("The store has more webhooks than we read. Delete those of no use there.")

    async def _fix(self, scope: str, there: _Hook | None, address: str) -> None:
        wanted = {
            "scope": scope,
            "destination": address,
            "is_active": True,
            "headers": {SECRET_HEADER: self._secret},
        }
        if there is None:
            answer = await self._api.ask("POST", "/v3/hooks", body=wanted)
        else:
            answer = await self._api.ask("PUT", f"/v3/hooks/{there.id}", body=wanted)
        if answer.status == 404:
            raise _gone(answer)


def _what(there: _Hook | None) -> str:
    if there is None:
        return "is created"
    return "bears our secret again" if there.is_active else "was switched off and is on again"


def _gone(answer: Answer) -> PartnerError:
    # Somebody deleted it between the list and now: the next look creates it.
    return lost(PARTNER, f"has no such webhook any more (HTTP {answer.status})", writes=False)


def _position(cursor: str, since: datetime) -> tuple[datetime, int]:
    """Return from when on a page is read, to the second, and its number within that."""
    seconds, _, page = cursor.partition("/")
    if not page:
        return since, 1
    return datetime.fromtimestamp(int(seconds), UTC), int(page)


def _cursor(at: datetime, page: int) -> str:
    return f"{int(at.timestamp())}/{page}"


def _moment(text: str) -> datetime:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        raise lost(PARTNER, f"lists an order changed at {text[:40]!r}", writes=False) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
