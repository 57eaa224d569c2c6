"""Orders that wait to be asked for: many at once are found by `searchOrders`, a hundred a call.

`getOrder` refills one call in two seconds, `searchOrders` one in three minutes, of a hundred orders
each. So where dozens wait, a list of what changed since the oldest of them was told of answers most
of them at once; what it does not hold is asked for one by one, as always. A list is used for
whoever waited before it was made, so it is as new as an answer of its own.
https://developer-docs.amazon.com/sp-api/reference/searchorders
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from actors.runtime.errors import PartnerError, Retryable
from adapters.channels.amazon.api import PARTNER, SEARCH_ORDERS, AmazonApi, Bucket, Plan
from adapters.channels.amazon.shapes import API_VERSION, Fetched
from adapters.kit.http_client import decoded
from schemas.contracts.refusals import Refused
from schemas.contracts.validation import read_foreign

log = logging.getLogger(__name__)

LEAST = 25
"""So many must wait long enough: one by one they would take a minute."""
LAG = timedelta(minutes=2)
"""Amazon lists nothing younger."""
EARLIER = timedelta(minutes=15)
"""So long before we were told of it an order may have changed."""
PAGE, PAGES = 100, 10
"""Orders a page, the most that Amazon gives, and pages in a row."""
SHARE = Plan(SEARCH_ORDERS.rate_per_second / 2, SEARCH_ORDERS.burst // 2)
"""Half of what Amazon allows: the comparison for lost orders needs the other half."""
MAX_WAITING, MAX_FOUND = 5_000, 1_000
"""Orders that are remembered; what is beyond is asked for one by one. The second holds some ten
megabytes at most usual sizes."""
FORGOTTEN = timedelta(minutes=10)
"""Who has not asked for so long waits no more: a person went on without it."""
BETWEEN = timedelta(seconds=5)
"""Between two counts of who waits: each costs a millisecond for thousands."""
LONGEST_WAIT_SECONDS = 60.0
"""Until a waiting order looks whether it was found: what `getOrder` saves up meanwhile is used."""


class _Pages(Struct, frozen=True, rename="camel"):
    next_token: str = ""


class _List(Struct, frozen=True):
    orders: list[dict[str, object]]
    pagination: _Pages = _Pages()


_lists = msgspec.json.Decoder(_List)


class Waiting:
    """Those of one seller account. `marketplace_ids` are whose orders count (none: all)."""

    def __init__(self, api: AmazonApi, marketplace_ids: tuple[str, ...] = ()) -> None:
        self._api = api
        self._marketplaces = ",".join(marketplace_ids)
        self._since: dict[str, datetime] = {}
        self._asked: dict[str, datetime] = {}
        self._counted = api.clock.now() - BETWEEN
        self._found: dict[str, bytes] = {}
        self._share = Bucket(SHARE, api.clock)
        self._searching = False

    def take(self, ref: str) -> bytes | None:
        """Return an order that a list held since it began to wait, as `getOrder` answers; None for
        one that has to be asked for."""
        if ref not in self._found:
            return None
        found, asked = self._found[ref], self._asked[ref]
        self._forget(ref)
        return found if self._api.clock.now() - asked <= FORGOTTEN else None

    def ended(self, ref: str) -> None:
        """It was asked for, and waits no more."""
        self._forget(ref)

    def _forget(self, ref: str) -> None:
        for one in (self._since, self._asked, self._found):
            one.pop(ref, None)

    async def throttled(self, ref: str, error: Retryable, included: str) -> bytes:
        """Return the order out of a list, if enough others wait, too. Raises the error, with a wait
        after which a list may hold it."""
        now = self._api.clock.now()
        if ref not in self._since and len(self._since) < MAX_WAITING:
            self._since[ref] = now
        if ref in self._since:
            self._asked[ref] = now
        if now - self._counted >= BETWEEN and not self._searching:
            self._counted = now
            if self._is_worth_it(now):
                await self._search(now, included)
        if (found := self.take(ref)) is not None:
            return found
        wait = error.retry_after_seconds
        raise Retryable(
            str(error),
            retry_after_seconds=None if wait is None else min(wait, LONGEST_WAIT_SECONDS),
            throttled=error.throttled,
            alone=error.alone,
        ) from error

    def _is_worth_it(self, now: datetime) -> bool:
        for ref in [ref for ref, at in self._asked.items() if now - at > FORGOTTEN]:
            self._forget(ref)
        listed = (
            ref for ref, at in self._since.items() if now - at >= LAG and ref not in self._found
        )
        return sum(1 for _ in listed) >= LEAST

    async def _search(self, now: datetime, included: str) -> None:
        """Read what changed since the oldest began to wait, as far as our share goes. What fails is
        left to the usual way."""
        self._searching = True
        waiting = len(self._since) - len(self._found)
        query = {
            "lastUpdatedAfter": _utc(min(self._since.values()) - EARLIER),
            "lastUpdatedBefore": _utc(now - LAG),
            "fulfilledBy": "MERCHANT",
            "maxResultsPerPage": str(PAGE),
            "includedData": included,
        }
        if self._marketplaces:
            query["marketplaceIds"] = self._marketplaces
        listed = pages = 0
        try:
            for _ in range(PAGES):
                self._share.take()
                answer = await self._api.ask(
                    "searchOrders",
                    SEARCH_ORDERS,
                    "GET",
                    f"/orders/{API_VERSION}/orders",
                    query=query,
                )
                page = decoded(_lists, answer, partner=PARTNER, writes=False)
                pages, listed = pages + 1, listed + self._keep(page.orders)
                if not page.pagination.next_token or len(self._since) == len(self._found):
                    break
                query["paginationToken"] = page.pagination.next_token
        except PartnerError as error:
            log.info("%s: no further list of orders that wait: %s", self._api.name, error)
        finally:
            self._searching = False
        if pages:
            log.info(
                "%s: %d of %d orders that waited to be fetched stood in %d lists.",
                self._api.name,
                listed,
                waiting,
                pages,
            )

    def _keep(self, orders: list[dict[str, object]]) -> int:
        """Keep those that wait, in the form that a single answer has; return how many."""
        kept = 0
        for order in orders:
            ref = order.get("orderId")
            if (
                isinstance(ref, str)
                and ref in self._since
                and ref not in self._found
                and len(self._found) < MAX_FOUND
                and _is_whole(order)
            ):
                self._found[ref] = msgspec.json.encode({"order": order})
                kept += 1
        return kept


def _is_whole(order: dict[str, object]) -> bool:
    """Say whether it can be read; what can't is asked for by itself, and refused there by name."""
    try:
        read_foreign({"order": order}, Fetched)
    except Refused:
        return False
    return True


def _utc(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
