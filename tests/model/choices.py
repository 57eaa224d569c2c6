"""Where a walk's decisions come from: a seed, or hypothesis."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Choices(Protocol):
    """Decides what happens next."""

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""

    def whole(self, least: int, most: int) -> int:
        """Return a number in these bounds, both included."""

    def chance(self, percent: int) -> bool:
        """Return True so many times out of a hundred."""


class Dice:
    """Choices by a seed, so that the same seed gives the same walk."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[int(self._random.random() * len(options))]

    def whole(self, least: int, most: int) -> int:
        """Return a number in these bounds, both included."""
        return least + int(self._random.random() * (most - least + 1))

    def chance(self, percent: int) -> bool:
        """Return True so many times out of a hundred."""
        return self._random.random() * 100 < percent


class First:
    """Always the first option, and nothing that needs luck: everyone does what is asked."""

    def pick(self, options: Sequence[T]) -> T:
        """Return the first option."""
        return options[0]

    def whole(self, least: int, most: int) -> int:
        """Return the greater bound."""
        return most

    def chance(self, percent: int) -> bool:
        """Return False unless it is sure."""
        return percent >= 100
