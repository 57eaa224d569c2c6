"""Filters of the list of orders that people keep under a name. What changes one writes its row of
the audit in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from adapters.postgres.audit import text_of
from adapters.postgres.batches import masked
from adapters.postgres.order_filter import FilterRefused
from adapters.postgres.order_filter import parse as filter_of
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse

if TYPE_CHECKING:
    from adapters.postgres.pool import Connection

MAX_NAME = 40
"""Characters of a name: it stands in a row with others."""

MAX_OWN, MAX_SHARED = 30, 50
"""Views of one person, and of all together: all of them are shown at once."""


class ViewRefused(Exception):
    """A view that can't be saved or removed; the text says why, and what can be done."""


class SavedView(Struct, frozen=True, kw_only=True):
    """A filter under a name. `shared`: everybody sees it, and finds by it what they may see."""

    id: int
    owner: str
    name: str
    filter: str
    shared: bool


class OrderViews:
    """Every call raises JournalUnavailable. `person` is who is audited, `owner` is whose it is."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def seen_by(self, owner: str) -> list[SavedView]:
        """Return a person's own views, then the shared ones, by name; at most 80."""
        rows = await self._pool.fetch(_sql()["seen"], text_of(owner), MAX_OWN + MAX_SHARED)
        return [SavedView(**dict(row)) for row in rows]

    async def save(
        self, owner: str, name: str, words: str, *, shared: bool, person: str, now: datetime
    ) -> int:
        """Keep a filter under a name, in place of the owner's earlier one of that name; return its
        id. Raises ViewRefused."""
        name, words = text_of(" ".join(name.split())), words.strip()
        _refuse(name, words)

        async def work(connection: Connection) -> int:
            async with connection.transaction():
                await connection.execute(_sql()["lock"])
                found = await connection.fetchrow(_sql()["named"], owner, name, shared)
                if found is None:
                    view = await _added(connection, (owner, name, words), shared=shared, now=now)
                elif found["owner"] == owner:
                    view = await connection.fetchval(_sql()["change"], found["id"], words)
                else:
                    raise ViewRefused(
                        f"{found['owner']} shares a view of this name: choose another name."
                    )
                told = {"name": name, "filter": words, "shared": shared}
                await _audited(connection, now, person, "view.save", int(view), told)
            return int(view)

        return await self._pool.run(work)

    async def remove(
        self, view_id: int, owner: str, *, others: bool, person: str, now: datetime
    ) -> None:
        """Remove a view of the owner's, or with `others` also one that somebody else shares.
        Raises ViewRefused when there is none of these."""

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                row = await connection.fetchrow(_sql()["remove"], view_id, owner, others)
                if row is None:
                    raise ViewRefused("No view that you may remove has this id.")
                await _audited(connection, now, person, "view.remove", view_id, dict(row))

        await self._pool.run(work)


async def _added(
    connection: Connection, said: tuple[str, str, str], *, shared: bool, now: datetime
) -> int:
    owner, name, words = said
    most = MAX_SHARED if shared else MAX_OWN
    if await connection.fetchval(_sql()["counted"], owner, shared) >= most:
        whose = "All of you share" if shared else "You have"
        raise ViewRefused(f"{whose} {most} views already: remove one that is not needed any more.")
    return int(await connection.fetchval(_sql()["add"], owner, name, words, shared, now))


async def _audited(
    connection: Connection,
    now: datetime,
    person: str,
    action: str,
    view: int,
    told: Mapping[str, object],
) -> None:
    after = msgspec.json.encode(dict(told)).decode()
    words = text_of(person), action
    await connection.execute(_sql()["audit"], now, *words, view, "in the console", after)


def _refuse(name: str, words: str) -> None:
    if not name:
        raise ViewRefused("Say under which name the view is kept.")
    if len(name) > MAX_NAME or not name.isprintable():
        raise ViewRefused(f"A name has at most {MAX_NAME} characters that can be printed.")
    try:
        found = filter_of(words)
    except FilterRefused as refused:
        raise ViewRefused(f"{refused}.") from refused
    if not found.terms:
        raise ViewRefused("Say which orders the view shows, such as is:attention hold:address.")
    if masked(words) != words:
        raise ViewRefused(
            "A view can't hold an e-mail address: it would be kept here after the customer's data"
            " is erased. Leave it out."
        )


@cache
def _sql() -> Mapping[str, str]:
    return parse(Path(__file__).with_name("order_views.sql").read_text("utf-8"))
