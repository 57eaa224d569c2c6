"""The ledger of a line: every unit is in exactly one account, and goes from one to another by a
move, so that the books balance by construction. What can fail is checked all the same.

ordered + added + replaced - removed + excess
    = open + allocated + travelling + delivered + lost + returned
    + fulfilled + elsewhere + cancelled
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.messages.base import Move, Wish

ORDERED, ADDED, REPLACED, REMOVED, EXCESS = "ordered", "added", "replaced", "removed", "excess"
OPEN, ALLOCATED = "open", "allocated"
TRAVELLING, DELIVERED, LOST, RETURNED = "travelling", "delivered", "lost", "returned"
FULFILLED, ELSEWHERE, CANCELLED = "fulfilled", "elsewhere", "cancelled"

LETTERS: Mapping[str, str] = {
    ORDERED: "q",
    ADDED: "p",
    REPLACED: "s",
    REMOVED: "m",
    EXCESS: "x",
    OPEN: "o",
    ALLOCATED: "a",
    TRAVELLING: "t",
    DELIVERED: "d",
    LOST: "l",
    RETURNED: "r",
    FULFILLED: "f",
    ELSEWHERE: "e",
    CANCELLED: "c",
}
"""Accounts, and how a stored state spells them."""

SOURCES = frozenset({"q", "p", "s", "x"})
"""Where units come from: a move out of one of these adds to it."""

WISHES: Mapping[str, str] = {ELSEWHERE: "E", REMOVED: "M", CANCELLED: "C"}
"""Units that shall go to an account as soon as no partner works on them."""

OUT = ("t", "d", "l", "r", "f")
"""Accounts of units that have left, or need not leave any more, by us."""

Counts = Mapping[str, int]
"""A line's accounts that are not zero, by letter."""


class LedgerBroken(Exception):
    """An account would fall below zero: a programmer's error."""


def enter(counts: dict[str, int], move: Move) -> None:
    """Enter a move in a line's accounts. Raises LedgerBroken."""
    source, to, quantity = LETTERS[move.source], LETTERS[move.to], move.quantity
    for letter, more in (
        (source, quantity if source in SOURCES else -quantity),
        (to, -quantity if to in SOURCES else quantity),
    ):
        count = counts.get(letter, 0) + more
        if count > 0:
            counts[letter] = count
        elif count:
            raise LedgerBroken(
                f"Line {move.line} has {count - more} units in the account {letter!r}; "
                f"{quantity} can't go from {move.source} to {move.to}."
            )
        else:
            counts.pop(letter, None)
    if source == "o" and move.to in WISHES:
        _take(counts, WISHES[move.to], quantity)


def wish(counts: dict[str, int], wanted: Wish) -> None:
    """Enter units that shall go."""
    letter = WISHES[wanted.to]
    counts[letter] = counts.get(letter, 0) + wanted.quantity


def unwished(counts: Counts, account: str, quantity: int) -> dict[str, int]:
    """Return a line's accounts with at most so many units fewer that shall go to an account."""
    found = dict(counts)
    _take(found, WISHES[account], quantity)
    return found


def cap(counts: dict[str, int]) -> None:
    """Leave out wishes for units that are not here any more."""
    over = wished(counts)
    if over:
        over -= counts.get("o", 0) + counts.get("a", 0)
        for letter in WISHES.values():
            if over > 0:
                over -= _take(counts, letter, over)


def _take(counts: dict[str, int], letter: str, quantity: int) -> int:
    """Take at most so many units from an account, and return how many there were."""
    have = counts.get(letter, 0)
    if have > quantity:
        counts[letter] = have - quantity
        return quantity
    counts.pop(letter, None)
    return have


def wished(counts: Counts) -> int:
    """Return how many units shall go and have not gone yet."""
    get = counts.get
    return get("E", 0) + get("M", 0) + get("C", 0)


def ordered(counts: Counts) -> int:
    """Return how many units the order comes to."""
    get = counts.get
    return get("q", 0) + get("p", 0) + get("s", 0) - get("m", 0) - get("c", 0)


def out(counts: Counts) -> int:
    """Return how many units have left by us."""
    get = counts.get
    return get("t", 0) + get("d", 0) + get("l", 0) + get("r", 0) + get("f", 0)


def is_balanced(counts: Counts) -> bool:
    """Whether every unit is in exactly one account and none is below zero."""
    get = counts.get
    come = get("q", 0) + get("p", 0) + get("s", 0) + get("x", 0) - get("m", 0)
    are = sum(get(letter, 0) for letter in ("o", "a", *OUT, "e", "c"))
    return come == are and all(count >= 0 for count in counts.values())


def add_up(sums: dict[str, int], before: Counts, after: Counts) -> None:
    """Let sums over lines follow one line's accounts. Sums that are zero are left out."""
    for letter, count in after.items():
        sums[letter] = sums.get(letter, 0) + count
    for letter, count in before.items():
        rest = sums[letter] - count
        if rest:
            sums[letter] = rest
        else:
            del sums[letter]
