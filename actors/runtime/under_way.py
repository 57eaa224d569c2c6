"""The calls of one lane that are under way, and when those of a moment have all ended."""

from __future__ import annotations

import asyncio

from actors.runtime.ports import EffectName


class UnderWay:
    """One call for an effect at a time."""

    def __init__(self) -> None:
        self._names: set[EffectName] = set()
        self._watched: list[tuple[set[EffectName], asyncio.Event]] = []

    def __len__(self) -> int:
        return len(self._names)

    def begin(self, name: EffectName) -> None:
        """A call begins."""
        self._names.add(name)

    def end(self, name: EffectName) -> None:
        """It is over, however it ended."""
        self._names.discard(name)
        for names, ended in self._watched:
            names.discard(name)
            if not names:
                ended.set()
        self._watched = [one for one in self._watched if one[0]]

    def ended(self) -> asyncio.Event:
        """Return what is set once the calls that are under way now have ended."""
        ended = asyncio.Event()
        if self._names:
            self._watched.append((set(self._names), ended))
        else:
            ended.set()
        return ended
