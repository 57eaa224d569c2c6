"""Publishing: a checked version is stored, and used at once or once a second person approved it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from adapters.postgres.rules import PostgresRules
from schemas.contracts.rules import SETS, Rule, Rules
from service.app.errors import OperatorError


class NotPublished(OperatorError):
    """The rules are not in use; the text says why and what to do."""

    exit_code = 1


class Published(Struct, frozen=True, kw_only=True):
    """What became of a version: whether it is in use now, in words as well."""

    version: int
    in_use: bool
    told: str


class Publishing:
    """Changes which rules are in use. `second`: only another person than who stored a version may
    have it used."""

    def __init__(self, store: PostgresRules, *, second: bool, person: str, now: datetime) -> None:
        self._store = store
        self._second = second
        self._person = person
        self._now = now

    async def publish(self, rules: Rules, reason: str, *, after: int | None = None) -> Published:
        """Store rules and use them, unless a second person is needed; say what is so now. `after`
        is the newest version that whoever publishes has seen; None: it is not asked for."""
        before = await self._store.in_use()
        if rules == before.rules and before.position:
            raise NotPublished(f"These are the rules of version {before.version}, in use already.")
        version = await self._store.save(
            rules, at=self._now, person=self._person, reason=_stated(reason), after=after
        )
        if version is None:
            raise NotPublished("Someone else stored rules meanwhile; compare, and run it again.")
        if self._second:
            told = (
                f"Version {version} is stored. It is used once another person approves it: "
                f"`orderwright rules approve {version}`."
            )
            return Published(version=version, in_use=False, told=told)
        await self._use(version, "published", before.position, reason)
        return _used(version)

    async def approve(self, version: int, reason: str) -> Published:
        """Have a stored version used, as another person than who stored it."""
        stored = await self._store.one(version)
        if stored is None:
            raise NotPublished(
                f"There is no version {version}; `orderwright rules history` lists them."
            )
        if stored.person == self._person:
            raise NotPublished(
                f"{self._person} stored version {version}: another person has to approve it."
            )
        before = await self._store.in_use()
        if before.version == version:
            raise NotPublished(f"Version {version} is in use already.")
        if version < before.version:
            raise NotPublished(
                f"Version {before.version} is newer and in use: return to {version} with "
                "`orderwright rules rollback`, or publish it again."
            )
        await self._use(version, "approved", before.position, _stated(reason))
        return _used(version)

    async def rollback(self, version: int, reason: str) -> Published:
        """Return to a version that was in use before: that needs no second person."""
        known = {x.version: x for x in await self._store.versions(200)}
        before = await self._store.in_use()
        if version not in known or not known[version].used:
            raise NotPublished(
                f"Version {version} was never in use; `orderwright rules history` lists them."
            )
        if version == before.version:
            raise NotPublished(f"Version {version} is in use already.")
        await self._use(version, "rolled back", before.position, _stated(reason))
        told = f"Version {version} is in use again within seconds."
        return Published(version=version, in_use=True, told=told)

    async def _use(self, version: int, how: str, seen: int, reason: str) -> None:
        used = await self._store.use(
            version,
            how,  # type: ignore[arg-type]  # one of How, by the three above
            seen=seen,
            at=self._now,
            person=self._person,
            reason=reason,
        )
        if not used:
            raise NotPublished("Someone else changed which rules are in use; look, and try again.")


def _used(version: int) -> Published:
    told = f"Version {version} is in use within seconds; orders in flight keep theirs."
    return Published(version=version, in_use=True, told=told)


def _stated(reason: str) -> str:
    if not reason.strip():
        raise NotPublished("Say why with --reason; it is kept with the version.")
    return reason


def differences(old: Rules, new: Rules) -> Iterator[str]:
    """Yield what differs between two versions, a line each."""
    for name in SETS:
        before = {one.name: one for one in old.of(name)}
        after = {one.name: one for one in new.of(name)}
        for rule in before:
            if rule not in after:
                yield f"- {name} {rule}: removed"
        for rule, one in after.items():
            if rule not in before:
                yield f"+ {name} {rule}: when {_words(one.when)}"
            else:
                yield from _changed(name, before[rule], one)
        kept = [x for x in before if x in after]
        if kept != [x for x in after if x in before]:
            order = ", ".join(x for x in after if x in before)
            yield f"~ {name}: the order is {order}"
    for table in sorted({*old.tables, *new.tables}):
        was, becomes = old.tables.get(table), new.tables.get(table)
        if was is None or becomes is None:
            yield f"{'+' if was is None else '-'} table {table}"
        elif was != becomes:
            gone = len(set(was.rows) - set(becomes.rows))
            came = len(set(becomes.rows) - set(was.rows))
            yield f"~ table {table}: {came} rows added or changed, {gone} removed or changed"


def _changed(name: str, one: Rule, two: Rule) -> Iterator[str]:
    for field in Rule.__struct_fields__:
        before, after = getattr(one, field), getattr(two, field)
        if before != after:
            yield f"~ {name} {two.name}: {field} {_words(before)} → {_words(after)}"


def _words(value: object) -> str:
    if isinstance(value, tuple):
        value = ", ".join(map(str, value))
    return " ".join(str(value).split()) or "(none)"
