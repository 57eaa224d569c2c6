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


def post(counts: Counts, move: Move) -> dict[str, int]:
    """Return the accounts after a move. Raises LedgerBroken."""
    after = dict(counts)
    source, to = LETTERS[move.source], LETTERS[move.to]
    _add(after, source, move.quantity if source in SOURCES else -move.quantity, move)
    _add(after, to, -move.quantity if to in SOURCES else move.quantity, move)
    if move.source == OPEN and move.to in WISHES:
        letter = WISHES[move.to]
        left = after.get(letter, 0) - move.quantity
        if left > 0:
            after[letter] = left
        else:
            after.pop(letter, None)
    return after


def wish(counts: Counts, wanted: Wish) -> dict[str, int]:
    """Return the accounts with units that shall go."""
    after = dict(counts)
    letter = WISHES[wanted.to]
    after[letter] = after.get(letter, 0) + wanted.quantity
    return after


def capped(counts: Counts) -> Counts:
    """Return the accounts without wishes for units that are not here any more."""
    over = wished(counts) - counts.get("o", 0) - counts.get("a", 0)
    if over <= 0:
        return counts
    after = dict(counts)
    for letter in WISHES.values():
        less = min(over, after.get(letter, 0))
        if less:
            over -= less
            after[letter] -= less
            if not after[letter]:
                del after[letter]
    return after


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
    return sum(counts.get(letter, 0) for letter in OUT)


def is_balanced(counts: Counts) -> bool:
    """Whether every unit is in exactly one account and none is below zero."""
    get = counts.get
    come = get("q", 0) + get("p", 0) + get("s", 0) + get("x", 0) - get("m", 0)
    are = sum(get(letter, 0) for letter in ("o", "a", *OUT, "e", "c"))
    return come == are and all(count >= 0 for count in counts.values())


def add_up(sums: dict[str, int], before: Counts, after: Counts) -> None:
    """Let sums over lines follow one line's accounts. Sums that are zero are left out."""
    for letter in {**before, **after}:
        sum_ = sums.get(letter, 0) + after.get(letter, 0) - before.get(letter, 0)
        if sum_:
            sums[letter] = sum_
        else:
            sums.pop(letter, None)


def _add(counts: dict[str, int], letter: str, quantity: int, move: Move) -> None:
    count = counts.get(letter, 0) + quantity
    if count < 0:
        raise LedgerBroken(
            f"Line {move.line} has {count - quantity} units in the account {letter!r}; "
            f"{move.quantity} can't go from {move.source} to {move.to}."
        )
    if count:
        counts[letter] = count
    else:
        counts.pop(letter, None)
