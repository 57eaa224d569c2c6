"""What each route takes and answers, beside its handler: OpenAPI is generated from it.

Method and path are in the route table, the words in the handler's docstring; neither is repeated.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

Handler = TypeVar("Handler", bound=Callable[..., Awaitable[web.StreamResponse]])

JSON = "application/json"
NO_KEY = ""
"""The scope of a route that no API key opens."""

NAME: Mapping[str, Any] = {"type": "string"}
MOMENT: Mapping[str, Any] = {"anyOf": [{"type": "string", "format": "date-time"}, {"const": ""}]}
COUNT: Mapping[str, Any] = {"type": "integer", "minimum": 1}
FLAG: Mapping[str, Any] = {"type": "boolean"}

_EMPTY: Mapping[str, Any] = MappingProxyType({})


class Taken(Struct, frozen=True, kw_only=True):
    """A request body: its shape under each media type. `optional`: the request may have none.

    A shape is a type, several of them, of which one holds, or a JSON Schema of its own."""

    shape: Any
    media: tuple[str, ...] = (JSON,)
    optional: bool = False


class Answered(Struct, frozen=True, kw_only=True):
    """The answer of a request that was carried out. `shape` None: it has no body."""

    shape: Any
    status: int = 200
    media: str = JSON


class Description(Struct, frozen=True, kw_only=True):
    """A route: its scope, body, query and headers (name: type of the value), the answer, and the
    statuses of its refusals. `repeats`: it needs an Idempotency-Key. `must`: parameters that it
    can't do without."""

    scope: str
    answer: Answered
    takes: Taken | None
    query: Mapping[str, Any]
    headers: Mapping[str, Any]
    must: frozenset[str]
    repeats: bool
    tagged: bool
    also: tuple[Answered, ...]
    refuses: frozenset[int]


def described(
    scope: str,
    shape: Any,
    *,
    status: int = 200,
    media: str = JSON,
    takes: Any = None,
    query: Mapping[str, Any] = _EMPTY,
    headers: Mapping[str, Any] = _EMPTY,
    must: tuple[str, ...] = (),
    repeats: bool = False,
    tagged: bool = False,
    also: tuple[Answered, ...] = (),
    refuses: tuple[int, ...] = (),
) -> Callable[[Handler], Handler]:
    """Describe the handler below. `shape` is the type of the answer, `takes` that of a JSON body or
    a Taken; `refuses` adds to the statuses that follow from the rest; `tagged`: the answer has an
    ETag."""
    body = takes if isinstance(takes, Taken | None) else Taken(shape=takes)
    told = Description(
        scope=scope,
        answer=Answered(shape=shape, status=status, media=media),
        takes=body,
        query=query,
        headers=headers,
        must=frozenset(must),
        repeats=repeats,
        tagged=tagged,
        also=also,
        refuses=frozenset(refuses) | _following(scope, body, repeats=repeats),
    )

    def note(handler: Handler) -> Handler:
        vars(handler)["description"] = told
        return handler

    return note


def description_of(handler: object) -> Description | None:
    """Return what was said about a handler, None for one that is not described."""
    found = vars(getattr(handler, "__func__", handler)).get("description")
    return found if isinstance(found, Description) else None


def page_of(name: str, rows: type[Struct]) -> Any:
    """Return the shape of a page: the rows under that name, and where the next page is."""
    found = {name: list[rows], "next_cursor": str | None, "next": str | None}  # type: ignore[valid-type]  # a value here
    return object_of(f"PageOf{name.title()}", more=found)


def object_of(
    title: str,
    like: type[Struct] | None = None,
    *,
    without: Collection[str] = (),
    closed: bool = False,
    more: Mapping[str, Any] = _EMPTY,
    **fields: Any,
) -> Any:
    """Return the type of a JSON object that a handler composes: the fields of `like` but some, and
    `fields` and `more` (name: type, or type and default). `closed` refuses any other."""
    kept: list[Any] = []
    for one in msgspec.structs.fields(like) if like is not None else ():
        if one.name in without:
            continue
        known: tuple[Any, ...] = () if one.required else (one.default,)
        if one.default_factory is not msgspec.NODEFAULT:
            known = (msgspec.field(default_factory=one.default_factory),)
        kept.append((one.encode_name, one.type, *known))
    named = {**fields, **more}.items()
    stated = [(name, *one) if isinstance(one, tuple) else (name, one) for name, one in named]
    return msgspec.defstruct(
        title,
        [*kept, *stated],
        namespace={"__doc__": like.__doc__ if like is not None else None},
        kw_only=True,
        forbid_unknown_fields=closed,
    )


def one_of(values: Iterable[str]) -> Mapping[str, Any]:
    """Return the shape of a text that is one of the values."""
    return {"type": "string", "enum": list(values)}


def _following(scope: str, body: Taken | None, *, repeats: bool) -> frozenset[int]:
    """Return the refusals that come from how every route works: NUL in the address, keys, bodies,
    repeats, and servers that are away."""
    statuses = {400}
    if scope:
        statuses |= {401, 403, 503}
    if body is not None:
        statuses |= {408, 413, 415, 422, 503}
    if repeats:
        statuses |= {409, 422}
    return frozenset(statuses)
