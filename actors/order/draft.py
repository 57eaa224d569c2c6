"""A state that is being made from the one before and an event."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from actors.order.state import Ended, State
from actors.order.table import TABLE
from schemas.messages.base import Event, Intent, Parts
from schemas.order.things import Key, kind_of, number_of

# Any: the fields of a state, of every type; each fold knows its own.
_SAME: Any = object()


class Draft:
    """Collects what changes; the state before is never touched."""

    __slots__ = ("_copied", "changes", "state")

    def __init__(self, state: State) -> None:
        self.state = state
        self.changes: dict[str, Any] = {"version": state.version + 1}
        self._copied: set[str] = set()

    def get(self, name: str) -> Any:
        """Return a field as it is now."""
        found = self.changes.get(name, _SAME)
        return getattr(self.state, name) if found is _SAME else found

    def set(self, **changes: Any) -> None:
        """Change fields."""
        self.changes.update(changes)

    def things(self, name: str) -> dict[Key, Any]:
        """Return a field's things, to be changed in place."""
        changes = self.changes
        if name not in self._copied:
            self._copied.add(name)
            before = changes[name] if name in changes else getattr(self.state, name)
            changes[name] = before.copy()
        found: dict[Key, Any] = changes[name]
        return found

    def put(self, name: str, key: Key, thing: Any) -> None:
        """Keep a thing as it is now."""
        self.things(name)[key] = thing
        kind, number = kind_of(key), number_of(key)
        if number > self.get("numbers").get(kind, 0):
            self.things("numbers")[Key(kind)] = number

    def change(self, name: str, key: Key, **changes: Any) -> None:
        """Change some of what is kept of a thing."""
        things = self.things(name)
        things[key] = replace(things[key], **changes)

    def bury(
        self, name: str, key: Key, stage: str, ids: tuple[str, ...] = (), units: Parts = ()
    ) -> None:
        """Leave of a thing only how it ended, its outside ids and what it holds that may still
        leave, unless a partner may still tell something about it."""
        if lost := self.get("lost"):
            if any(one.key == key and not one.known for one in lost):
                return
            if any(one.key == key for one in lost):
                self.set(lost=tuple(one for one in lost if one.key != key))
        del self.things(name)[key]
        self.put("ended", key, Ended(stage, tuple(one for one in ids if one), units))

    def may_exist(self, intent: Intent) -> bool:
        """Whether an earlier attempt of an effect may have been carried out: what a partner then
        finds says what was told before."""
        lost = self.get("lost")
        if not lost:
            return False
        tries = [x for x in lost if (x.key, x.kind) == (intent.key, intent.kind)]
        return bool(tries) and not tries[-1].known

    def may_be_done(self, key: Key, kind: str) -> bool:
        """Whether an effect is under way, or an attempt of it may have been carried out of which
        no one heard: its answer may still come."""
        unknown = (one for one in self.get("lost") if not one.known)
        return any((x.key, x.kind) == (key, kind) for x in (*self.get("open"), *unknown))

    def forget(self, key: Key) -> None:
        """Drop what waited for a person about a thing that needs no one any more."""
        for name in ("stuck", "holds", "tasks"):
            kept = self.get(name)
            if kept and any(one.key == key for one in kept):
                self.changes[name] = tuple(one for one in kept if one.key != key)

    def done(self) -> State:
        """Return the state."""
        return replace(self.state, **self.changes)


def stays(draft: Draft, event: Event) -> None:
    """Let the order's stage follow an event of its own."""
    draft.set(stage=TABLE.to(draft.state.stage, type(event)))
