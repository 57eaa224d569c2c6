"""The console's pages of the mappings: which values no table has and how many orders wait for them,
a form that adds one, and what the tables hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import cast, get_args

from aiohttp import web
from msgspec import Struct

from schemas.contracts.mappings import (
    EVERY_CHANNEL,
    ChannelTables,
    Codes,
    Mappings,
    MappingsRefused,
    Skus,
)
from service.console.frame import Frame, redirect
from service.console.overview import Fresh
from service.console.people import Person
from service.http.auth import ANY_CHANNEL
from service.http.problems import Problem
from service.mappings.adding import Kind, added
from service.mappings.api import READ, WRITE
from service.mappings.keeper import MappingsKeeper
from service.mappings.missing import Found
from service.mappings.preview import Preview

FOLDER = "mappings/templates"

KINDS: Mapping[str, str] = {
    "sku": "SKU",
    "tax-code": "tax code",
    "shipping-method": "shipping method",
}
"""The kinds of entries, in words."""

MAX_SHOWN = 200
"""Entries on a page; a document has up to 200,000, which are looked for by a part of a name."""
MAX_VALUE = 255
"""Characters of a name, as the document bounds them."""
MAX_REASON = 4_000
"""Characters of a reason, as everywhere in the console."""


class EntryShown(Struct, frozen=True, kw_only=True):
    """An entry: what a channel calls something, and what we call it."""

    channel: str
    kind: str
    theirs: str
    ours: str


class TableShown(Struct, frozen=True, kw_only=True):
    """A table, and what happens to a value that it does not list."""

    channel: str
    kind: str
    entries: int
    others: str


class MappingPages:
    """`/mappings` and `/mappings/add`. One document covers all channels, so only who serves all of
    them sees it."""

    def __init__(
        self, frame: Frame, keeper: MappingsKeeper, monotonic: Callable[[], float]
    ) -> None:
        self._frame = frame
        self._keeper = keeper
        self._fresh: Fresh[Found] = Fresh(monotonic)

    def routes(self) -> list[web.RouteDef]:
        """The paths of the pages."""
        frame = self._frame
        return [
            frame.get("/mappings", READ, self.show),
            frame.get("/mappings/missing", READ, self.missing),
            frame.get("/mappings/history", READ, self.history),
            frame.get("/mappings/add", WRITE, self.ask),
            frame.post("/mappings/add", WRITE, self.add),
        ]

    async def show(self, request: web.Request, person: Person) -> web.Response:
        """Show what is missing, and what the tables hold."""
        _everywhere(person)
        version, mappings = await self._keeper.store.current()
        text = request.query.get("q", "").strip()[:MAX_VALUE]
        found = list(_taken(_found(mappings, text.casefold()), MAX_SHOWN + 1))
        values = {
            **await self._missing(person),
            "version": version,
            "text": text,
            "entries": found[:MAX_SHOWN],
            "is_cut": len(found) > MAX_SHOWN,
            "most": MAX_SHOWN,
            "tables": list(_tables(mappings)),
            "unconfigured": self._keeper.unconfigured(mappings),
            "file": self._keeper.file.name if self._keeper.file is not None else "",
            "said": "saved" in request.query,
        }
        return self._frame.page(request, person, f"{FOLDER}/list.html", values)

    async def missing(self, request: web.Request, person: Person) -> web.Response:
        """Show what is missing alone: the page's live part."""
        _everywhere(person)
        values = await self._missing(person)
        return self._frame.page(request, person, f"{FOLDER}/missing.html", values)

    async def history(self, request: web.Request, person: Person) -> web.Response:
        """Show the newest fifty versions."""
        _everywhere(person)
        values = {"versions": await self._keeper.store.history()}
        return self._frame.page(request, person, f"{FOLDER}/history.html", values)

    async def ask(self, request: web.Request, person: Person) -> web.Response:
        """Ask what we call a value."""
        _everywhere(person)
        return await self._form(request, person, _given(request.query))

    async def add(self, request: web.Request, person: Person) -> web.Response:
        """Add an entry, or show what it would change. A form that is sent twice adds once."""
        _everywhere(person)
        form = await self._frame.form(request)
        given = _given(form)
        version, mappings = await self._keeper.store.current()
        try:
            proposed = self._proposed(mappings, given)
            if form.get("then") == "look":
                seen = await self._keeper.preview(proposed)
                return await self._form(request, person, given, preview=seen)
            if proposed == mappings and version:
                return redirect("/mappings?saved")  # the button was pressed twice
            if not given["reason"]:
                raise MappingsRefused(["Say why; it is kept with the version."])
            saved = await self._keeper.store.save(
                proposed,
                seen=version,
                at=self._frame.clock.now(),
                person=person.audited_as,
                reason=given["reason"],
                source="console",
            )
            if saved is None:
                raise MappingsRefused(
                    ["Someone else changed the mappings meanwhile; send it again."]
                )
        except MappingsRefused as error:
            return await self._form(request, person, given, fault=str(error))
        return redirect("/mappings?saved")

    def _proposed(self, mappings: Mappings, given: Mapping[str, str]) -> Mappings:
        """Return the document with the entry. Raises MappingsRefused."""
        if self._keeper.file is not None:
            raise MappingsRefused(
                [f"The mappings come from the file {self._keeper.file.name}: change that file."]
            )
        if given["kind"] not in get_args(Kind):
            raise MappingsRefused(["Choose what kind of name it is."])
        if given["channel"] not in (EVERY_CHANNEL, *self._keeper.channels):
            raise MappingsRefused(["Choose a channel, or all of them."])
        if not given["theirs"] or not given["ours"]:
            raise MappingsRefused(["Say what the channel calls it, and what we call it."])
        kind = cast("Kind", given["kind"])
        return added(mappings, kind, given["channel"], given["theirs"], given["ours"])

    async def _missing(self, person: Person) -> dict[str, object]:
        return {
            "found": await self._fresh.get((), self._keeper.missing),
            "kinds": KINDS,
            "may": person.may(WRITE) and self._keeper.file is None,
        }

    async def _form(
        self,
        request: web.Request,
        person: Person,
        given: Mapping[str, str],
        *,
        fault: str = "",
        preview: Preview | None = None,
    ) -> web.Response:
        values = {
            "given": given,
            "kinds": KINDS,
            "channels": sorted(self._keeper.channels),
            "fault": fault,
            "preview": preview,
            "file": self._keeper.file.name if self._keeper.file is not None else "",
            "most": MAX_VALUE,
        }
        return self._frame.page(request, person, f"{FOLDER}/add.html", values)


def _given(form: Mapping[str, str]) -> dict[str, str]:
    # What a channel calls something is taken as it is: spaces around it are part of the name.
    given = {name: form.get(name, "") for name in ("kind", "channel", "theirs", "ours", "reason")}
    return {
        **{name: text[: MAX_VALUE + 1] for name, text in given.items()},
        "ours": given["ours"].strip()[: MAX_VALUE + 1],
        "reason": given["reason"].strip()[:MAX_REASON],
    }


def _everywhere(person: Person) -> None:
    if ANY_CHANNEL not in person.channels:
        raise Problem(
            403,
            "channel-refused",
            "Not for your channels",
            "The mappings are one document for all channels, and you see some of them. An admin can"
            " make you a user of every channel.",
        )


def _found(mappings: Mappings, text: str) -> Iterator[EntryShown]:
    """Yield the entries that have a text in one of their names."""
    for channel, tables in mappings.channels.items():
        for kind, theirs, ours in _entries(tables):
            if not text or text in theirs.casefold() or text in ours.casefold():
                yield EntryShown(channel=channel, kind=kind, theirs=theirs, ours=ours)


def _taken(entries: Iterator[EntryShown], most: int) -> Iterator[EntryShown]:
    for _, one in zip(range(most), entries, strict=False):
        yield one


def _entries(tables: ChannelTables) -> Iterator[tuple[str, str, str]]:
    if tables.skus is not None:
        yield from _named("SKU", tables.skus.aliases, tables.skus.known)
        for ours, many in tables.skus.variants.items():
            yield from (("SKU", theirs, ours) for theirs in many)
    for sku, bundle in (tables.bundles or {}).items():
        parts = (f"{one.quantity} × {one.sku}" for one in bundle.components)
        yield "bundle", sku, " + ".join(parts)
    if tables.tax_codes is not None:
        yield from _named("tax code", tables.tax_codes.codes, tables.tax_codes.known)
    if tables.shipping_methods is not None:
        methods = tables.shipping_methods
        yield from _named("shipping method", methods.codes, methods.known)


def _named(
    kind: str, names: Mapping[str, str], known: tuple[str, ...]
) -> Iterator[tuple[str, str, str]]:
    yield from ((kind, theirs, ours) for theirs, ours in names.items())
    yield from ((kind, ours, ours) for ours in known)


def _tables(mappings: Mappings) -> Iterator[TableShown]:
    for channel, tables in mappings.channels.items():
        named: tuple[tuple[str, Skus | Codes | None], ...] = (
            ("SKU", tables.skus),
            ("tax code", tables.tax_codes),
            ("shipping method", tables.shipping_methods),
        )
        for kind, one in named:
            if one is not None:
                count = sum(kind == named for named, _, _ in _entries(tables))
                yield TableShown(channel=channel, kind=kind, entries=count, others=one.others)
