"""What a page of failures changes, added up in memory before it is written at once."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from actors.incidents.incidents import (
    Incident,
    categories_of,
    matter_of,
    occur,
    resolve,
    settles,
    wait,
)
from schemas.messages.events import OrderEvent

MAX_CHANNELS = 100
"""Channels of one category that are told apart; more are counted under OTHER."""

OTHER = "other"

_CHANNEL = re.compile(r"[A-Za-z0-9_.-]{1,64}")

Columns = tuple[list[Any], ...]
"""The arrays of one statement, by column: as many types as columns."""


class Occurrence(Struct, frozen=True, kw_only=True):
    """One failure, or `count` of them at about the same time."""

    category: str
    channel: str
    at: datetime
    count: int = 1


class Affected(Struct, kw_only=True):
    """An order that a category affects or affected."""

    category: str
    order_id: str
    channel: str
    matter: str
    is_open: bool
    first_at: datetime
    last_at: datetime
    occurrences: int


class Sum(Struct, kw_only=True):
    """New occurrences at one channel."""

    first_at: datetime
    last_at: datetime
    occurrences: int = 0


class Fold:
    """Give it what is stored about the categories and orders concerned, let things happen in their
    order, then write `columns`. `undecided` are categories of which items of the quarantine wait:
    they are not resolved."""

    def __init__(self, quiet: timedelta) -> None:
        self.incidents: dict[str, Incident] = {}
        self.counted: dict[str, int] = {}
        self.undecided: set[str] = set()
        self._quiet = quiet
        self._changed: set[str] = set()
        self._episodes: dict[tuple[str, datetime], Incident] = {}
        self._orders: dict[str, dict[str, Affected]] = {}
        self._touched: dict[tuple[str, str], Affected] = {}
        self._hours: dict[tuple[str, str, datetime], int] = {}
        self._sums: dict[tuple[str, str], Sum] = {}
        self._channels: dict[str, set[str]] = {}

    def know(self, **stored: Any) -> None:
        """Take in what is stored about one order and category."""
        one = Affected(**stored)
        self._orders.setdefault(one.order_id, {})[one.category] = one

    def channel_known(self, category: str, channel: str) -> None:
        """Take in that a channel has a count of its own."""
        self._channels.setdefault(category, set()).add(channel)

    def happened(self, order_id: str, channel: str, at: datetime, event: OrderEvent) -> None:
        """Take in an event: it may settle what its order waited for, and may be a failure."""
        for one in self._orders.get(order_id, {}).values():
            if one.is_open and settles(event, one.matter):
                one.is_open = False
                self._touch(one)
                self._put(wait(self.incidents[one.category], -1, at))
        for category in categories_of(event):
            self.occur(Occurrence(category=category, channel=channel, at=at))
            self._affect(category, order_id, channel, at, matter_of(event))

    def occur(self, one: Occurrence) -> None:
        """Count an occurrence."""
        category, at = one.category, one.at
        known = self.incidents.get(category)
        if known is not None and category not in self.undecided:
            known = resolve(known, at, self._quiet)
            self._put(known)
        self._put(occur(known, category, at, one.count))
        self.counted[category] = self.counted.get(category, 0) + one.count
        channel = self._channel(category, one.channel)
        hour = (category, channel, at.replace(minute=0, second=0, microsecond=0))
        self._hours[hour] = self._hours.get(hour, 0) + one.count
        total = self._sums.setdefault((category, channel), Sum(first_at=at, last_at=at))
        total.first_at, total.last_at = min(total.first_at, at), max(total.last_at, at)
        total.occurrences += one.count

    def due(self, now: datetime) -> list[str]:
        """Return the categories that may be resolved, if nothing of them waits in quarantine."""
        every = self.incidents.values()
        return [one.category for one in every if resolve(one, now, self._quiet) is not one]

    def resolve(self, category: str, now: datetime, decided_at: datetime | None) -> None:
        """Resolve an incident that is due; `decided_at` is when the last item of the quarantine
        was released or discarded."""
        one = self.incidents[category]
        if decided_at is not None:
            one = replace(one, settled_at=max(decided_at, one.settled_at or decided_at))
        self._put(resolve(one, now, self._quiet))

    def columns(self) -> dict[str, Columns]:
        """Return the arrays of each statement that writes, in the order of its parameters."""
        changed = [self.incidents[category] for category in sorted(self._changed)]
        orders = [self._touched[key] for key in sorted(self._touched)]
        sums = sorted(self._sums.items())
        return {
            "write_incidents": tuple(
                [getattr(one, name) for one in changed]
                for name in (
                    "category", "is_open", "opened_at", "resolved_at", "settled_at", "first_at",
                    "last_at", "occurrences", "episode", "reopened", "waiting",
                )
            ),
            "write_episodes": (
                [category for category, _ in self._episodes],
                [opened_at for _, opened_at in self._episodes],
                [one.resolved_at for one in self._episodes.values()],
                [one.episode for one in self._episodes.values()],
            ),
            "add_hours": (
                [category for category, _, _ in self._hours],
                [channel for _, channel, _ in self._hours],
                [hour for _, _, hour in self._hours],
                list(self._hours.values()),
            ),
            "add_channels": (
                [key[0] for key, _ in sums],
                [key[1] for key, _ in sums],
                [one.first_at for _, one in sums],
                [one.last_at for _, one in sums],
                [one.occurrences for _, one in sums],
            ),
            "write_orders": tuple(
                [getattr(one, name) for one in orders] for name in Affected.__struct_fields__
            ),
        }  # fmt: skip

    def _affect(
        self, category: str, order_id: str, channel: str, at: datetime, matter: str
    ) -> None:
        of_order = self._orders.setdefault(order_id, {})
        one = of_order.get(category)
        if one is None:
            one = of_order[category] = Affected(
                category=category, order_id=order_id, channel=channel, matter="", is_open=False,
                first_at=at, last_at=at, occurrences=0,
            )  # fmt: skip
        if matter and not one.is_open:
            one.is_open = True
            self._put(wait(self.incidents[category], 1, at))
        one.matter = matter
        one.last_at = max(one.last_at, at)
        one.occurrences += 1
        self._touch(one)

    def _touch(self, one: Affected) -> None:
        self._touched[one.category, one.order_id] = one

    def _put(self, incident: Incident) -> None:
        self.incidents[incident.category] = incident
        self._changed.add(incident.category)
        self._episodes[incident.category, incident.opened_at] = incident

    def _channel(self, category: str, channel: str) -> str:
        known = self._channels.setdefault(category, set())
        if channel in known:
            return channel
        if not _CHANNEL.fullmatch(channel) or len(known) >= MAX_CHANNELS:
            channel = OTHER
        known.add(channel)
        return channel
