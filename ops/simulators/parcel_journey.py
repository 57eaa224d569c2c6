"""What happens to a parcel after its label was bought, in words that every carrier has codes for.

Special cities have special ends: Returnville sends back, Troubletown is an exception that no one
resolves, Lostville loses. A test may also choose the end of one tracking number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

OUTCOMES: Final = ("delivered", "returned", "trouble", "lost")
MAX_CHOSEN = 100_000
_CITIES = {"returnville": "returned", "troubletown": "trouble", "lostville": "lost"}
# What happens, and after which part of the time that a delivery takes.
_PATHS: Final = {
    "delivered": (("picked_up", 0.25), ("departed", 0.5), ("delivered", 1.0)),
    "returned": (("picked_up", 0.25), ("returning", 0.5), ("returned", 1.0)),
    "trouble": (("picked_up", 0.25), ("exception", 0.5)),
    "lost": (("picked_up", 0.25), ("lost", 1.0)),
}


class UnknownOutcome(ValueError):
    """No parcel ends like that; the message says which ends there are."""


@dataclass(slots=True, frozen=True)
class Happening:
    """`what`: created, voided, or a word of `_PATHS`; `at` is seconds since 1970."""

    what: str
    at: float


class Journeys:
    """The way of every parcel of one carrier. It takes `seconds` from label to its end; or, with
    `when_told`, no parcel moves before its end is chosen."""

    def __init__(self, seconds: float, *, when_told: bool = False) -> None:
        self._seconds = seconds
        self._when_told = when_told
        self._chosen: dict[str, str] = {}

    def choose(self, tracking_number: str, outcome: str) -> None:
        """Lets one parcel end so, also if it has ended otherwise. Raises UnknownOutcome."""
        if outcome not in OUTCOMES:
            raise UnknownOutcome(f"`outcome` must be one of {', '.join(OUTCOMES)}.")
        if tracking_number not in self._chosen and len(self._chosen) >= MAX_CHOSEN:
            raise UnknownOutcome(f"{MAX_CHOSEN} parcels have chosen ends already.")
        self._chosen[tracking_number] = outcome

    def tendered(self, bought_at: float, now: float) -> bool:
        """Whether the carrier has the parcel. Never if a journey takes no time: tests need that."""
        return self._seconds > 0 and now >= bought_at + 0.25 * self._seconds

    def so_far(
        self, tracking_number: str, city: str, bought_at: float, now: float, *, voided: bool
    ) -> list[Happening]:
        """What has happened until now, newest first."""
        happened = [Happening("created", bought_at)]
        if voided:
            happened.append(Happening("voided", bought_at))
            return happened[::-1]
        if self._when_told and tracking_number not in self._chosen:
            return happened
        usual = _CITIES.get(city.strip().lower(), "delivered")
        for what, part in _PATHS[self._chosen.get(tracking_number, usual)]:
            at = bought_at + part * self._seconds
            if now >= at:
                happened.append(Happening(what, at))
        return happened[::-1]
