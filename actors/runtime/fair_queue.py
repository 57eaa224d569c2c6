"""A queue in which the channels take turns: one channel's flood delays its own items."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from actors.runtime.item import Item


class FairQueue:
    """What waits, oldest first within a channel. Iterating goes channel by channel."""

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._of: dict[str, deque[Item]] = {}
        self._turns: deque[str] = deque()  # the channels with items, the next one first
        self._count = 0
        for item in items:
            self.append(item)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Item]:
        for items in self._of.values():
            yield from items

    def count_of(self, channel: str) -> int:
        """How many of a channel wait."""
        items = self._of.get(channel)
        return len(items) if items is not None else 0

    def append(self, item: Item) -> None:
        """Put an item behind the others of its channel."""
        items = self._of.get(item.channel)
        if items is None:
            items = self._of[item.channel] = deque()
            self._turns.append(item.channel)
        items.append(item)
        self._count += 1

    def head(self) -> Item:
        """Return what `popleft` will."""
        return self._of[self._turns[0]][0]

    def popleft(self) -> Item:
        """Remove and return the oldest item of the channel whose turn it is."""
        channel = self._turns[0]
        items = self._of[channel]
        item = items.popleft()
        self._count -= 1
        if not items:
            del self._of[channel]
            self._turns.popleft()
        elif len(self._turns) > 1:
            self._turns.rotate(-1)
        return item
