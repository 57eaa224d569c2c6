"""What keeps a channel whole: finding the orders that no webhook told of, and the subscriptions.

One small interface a storefront implements beside its `Source`. It only asks and fixes: what is
done with the orders it lists is decided in `service/channels/backfill.py`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct

MAX_LISTED = 250
"""At most so many orders a page: what Shopify and BigCommerce allow, and Amazon stays below."""

MAX_SENTENCES = 64
"""At most so many sentences of each kind in one `Subscriptions`."""


class Listed(Struct, frozen=True, kw_only=True):
    """An order as the channel lists it: its reference there, as in its webhooks, and when it last
    changed (RFC 3339 with a zone; "" when the channel does not say)."""

    ref: str
    updated_at: str = ""


class ListedPage(Struct, frozen=True, kw_only=True):
    """At most MAX_LISTED orders, sorted by the time of their last change, oldest first.

    `cursor` is given back to get the next page; "" says that there is none.
    """

    orders: tuple[Listed, ...]
    cursor: str = ""


class Subscriptions(Struct, frozen=True, kw_only=True):
    """How the channel's subscriptions stand after they were looked at: whole sentences.

    `fixed` tells what was missing or switched off and is right again, `faults` what could not be
    fixed and who must act. At most MAX_SENTENCES of each.
    """

    faults: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()


class ChannelSync(Protocol):
    """Somebody who can list a channel's orders and keep its subscriptions.

    Both raise what every call to a partner raises: `actors.runtime.errors.PartnerError` and its
    children.
    """

    async def changed_orders(self, since: datetime, until: datetime, cursor: str) -> ListedPage:
        """Return a page of the orders that changed in `since <= time < until`, from `cursor` on.

        The times have zones; `cursor` is "" for the first page.
        """
        ...

    async def keep_subscriptions(self, address: str) -> Subscriptions:
        """Make what is missing and fix what was switched off, so that every kind of webhook with
        a meaning here comes to `address` (an https URL, or whatever the channel delivers to)."""
        ...


@runtime_checkable
class Drifts(Protocol):
    """A ChannelSync that sees in which API version the channel answers."""

    @property
    def drift(self) -> str:
        """What is to be said of the version of the last answer: a sentence, or "" when it is the
        one that was asked for."""
        ...
