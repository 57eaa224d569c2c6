"""Events, effects and timers in words, as one list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import msgspec
from msgspec import Struct

from adapters.postgres.exchanges import KeptExchange
from schemas.messages.codec import decode_event
from schemas.messages.words import Lines, effect_words, event_words, thing_words
from schemas.order.things import Key

EVENT, EFFECT, EXCHANGE, TIMER = "event", "effect", "exchange", "timer"

ENDS = {
    "done": "done",
    "refused": "refused by {lane}",
    "person": "a person must act",
    "sought": "skipped; looked up later where the partner can be asked",
    "suspended": "suspended, because its answer can't be decided",
}
"""How an effect ended, in words."""

TIMERS = {
    "track": "the carrier is asked where it is",
    "stock": "the stock is tried again",
    "due": "an alarm is raised unless it has moved on",
    "close": "the order is closed if nothing is left to do",
    "later": "what the channel wants sent later is due",
    "mapping": "the order is read again with the newest mappings",
}
"""What a timer will do, by its name."""


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a timeline. `kind` is `event`, `effect` (an intent, and again when it ended),
    `exchange` (one call of a partner and its answer) or `timer` (due in the future). `key` is the
    thing it is about, `lane` the partner instance, `exchange` the id under which what was said is
    kept. `trace_id` leads to the trace of what recorded the effect."""

    at: datetime
    kind: str
    type: str
    text: str
    key: str = ""
    rule: str = ""
    version: int = 0
    effect: int = 0
    lane: str = ""
    exchange: int = 0
    status: str = ""
    attempts: int = 0
    error: str = ""
    due_at: datetime | None = None
    trace_id: str = ""

    @property
    def rank(self) -> int:
        """At one instant: calls, the effect's end, what was decided on it, then new intents."""
        if self.kind == EXCHANGE:
            return 0
        if self.kind == EVENT:
            return 2
        return 1 if self.status not in ("open", "asked") else 3


def in_order(entries: Sequence[Entry]) -> list[Entry]:
    """Return what happened, oldest first. An effect that ended in the commit that asked for it
    stands before the event that tells of its end."""
    asked = {one.effect: one.at for one in entries if one.status == "asked"}
    at_once = {
        one.effect
        for one in entries
        if one.kind == EFFECT and one.status != "asked" and asked.get(one.effect) == one.at
    }
    told = {one.effect: one.version for one in entries if one.kind == EVENT and one.effect}

    def place(one: Entry) -> tuple[datetime, int, int, int]:
        if one.kind == EFFECT and one.effect in at_once:
            return one.at, 2, told.get(one.effect, 0), 0 if one.status == "asked" else 1
        return one.at, one.rank, one.version, 2 if one.kind == EVENT else one.effect

    return sorted(entries, key=place)


def event_entry(version: int, kind: str, body: bytes, at: datetime, lines: Lines = ()) -> Entry:
    """Tell an event, with its rule and the facts it stands on. One that a newer version wrote is
    named at least."""
    try:
        event = decode_event(body)
    except msgspec.ValidationError:
        text = f"{kind}, which this version of Orderwright has no words for."
        return Entry(at=at, kind=EVENT, type=kind, text=text, version=version)
    return Entry(
        at=at,
        kind=EVENT,
        type=kind,
        text=event_words(event, lines),
        key=event.key,
        rule=event.rule,
        version=version,
        effect=event.settles,
    )


def effect_entries(row: asyncpg.Record) -> list[Entry]:
    """Tell an effect: when it was intended, and when it ended."""
    intent = effect_words(row["kind"], Key(row["key"]))
    ended: datetime | None = row["settled_at"]
    common: dict[str, Any] = {
        "kind": EFFECT,
        "type": row["kind"],
        "key": row["key"],
        "effect": row["number"],
        "lane": row["lane"],
        "trace_id": row["trace"][3:35],
    }
    # What an earlier attempt met says nothing once the partner has answered.
    error = "" if row["status"] in ("done", "refused") else row["error"]
    told = {"attempts": row["attempts"], "error": error}
    if ended is None:
        suspended = row["status"] == "suspended"
        text = f"{intent}: {ENDS['suspended'] if suspended else _under_way(row)}."
        due = None if suspended else row["due_at"]
        status = "suspended" if suspended else "open"
        return [Entry(at=row["at"], text=text, status=status, due_at=due, **told, **common)]
    how = ENDS[row["status"]].format(lane=row["lane"])
    return [
        Entry(at=row["at"], text=f"{intent}: asked.", status="asked", **common),
        Entry(at=ended, text=f"{intent}: {how}.", status=row["status"], **told, **common),
    ]


def exchange_entry(kept: KeptExchange) -> Entry:
    """Tell that a partner was called, and what came of it; what was said is not told here."""
    one = kept.exchange
    took = f"after {one.duration_ms:,} ms"
    answer = f"answered {one.status}" if one.status else f"did not answer ({one.error})"
    path = urlsplit(one.url).path if kept.readable else "(what was said can't be opened any more)"
    asked = f"{one.method} {path}".strip()
    return Entry(
        at=one.at,
        kind=EXCHANGE,
        type=one.method,
        text=f"{one.partner} {answer} {took}: {asked}.",
        key=one.key,
        effect=one.effect,
        lane=one.partner,
        exchange=kept.id,
        status=str(one.status),
    )


def erased_entry(at: datetime) -> Entry:
    """Tell that no one can say any more whose order it was."""
    text = "The customer's data was erased: what is above names no one, and the rest is gone."
    return Entry(at=at, kind=EVENT, type="privacy.erased", text=text)


def timer_entries(rows: Sequence[tuple[Key, str, datetime, str]]) -> list[Entry]:
    """Tell of timers, by key, name, time and fault: what will happen by itself, and what no longer
    will because it can't be decided."""
    entries = []
    for key, name, due_at, error in rows:
        text = f"{thing_words(Key(key))}: {TIMERS.get(name, name)}."
        status = "suspended" if error else "due"
        entries.append(
            Entry(
                at=due_at,
                kind=TIMER,
                type=name,
                text=text,
                key=key,
                status=status,
                error=error,
                due_at=due_at,
            )
        )
    return entries


def _under_way(row: asyncpg.Record) -> str:
    if not row["attempts"]:
        return "not called yet"
    times = "once" if row["attempts"] == 1 else f"{row['attempts']} times"
    return f"called {times}, not ended yet"
