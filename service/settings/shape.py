"""The settings tree's own shape, read from its types: keys, bounds, defaults, variable names."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from msgspec import Meta, Struct

from adapters.kit.secret import MASK, Secret

REQUIRED = object()
"""Stands for the default of a key that has none."""


class Key(Struct, frozen=True, kw_only=True):
    """One key of a table. `variables` are the environment variables that set it, the first that is
    set wins. `kinds`: it holds instances by name, each a table of its own kind; `storefront` for
    channels, `partner` for the others."""

    name: str
    type: Any
    bare: Any
    optional: bool
    default: Any
    description: str
    bounds: str
    variables: tuple[str, ...]
    kinds: str = ""

    @property
    def table(self) -> type[Struct] | None:
        """The nested table's type, when the key holds one."""
        is_table = isinstance(self.bare, type) and issubclass(self.bare, Struct)
        return self.bare if is_table else None

    @property
    def tables_by_name(self) -> type[Struct] | None:
        """The type of the tables, when the key holds tables by a name the operator chooses."""
        if typing.get_origin(self.bare) is not dict:
            return None
        held = typing.get_args(self.bare)[1]
        return held if isinstance(held, type) and issubclass(held, Struct) else None


@cache
def keys_of(table: type[Struct], prefix: str | None = "ORDERWRIGHT") -> tuple[Key, ...]:
    """Return the keys of a table; `prefix` begins its variables (None: it has none)."""
    hints = typing.get_type_hints(table, include_extras=True)
    return tuple(_key(field, hints[field.name], prefix) for field in msgspec.structs.fields(table))


def type_words(key: Key) -> str:
    """Say in words what a key holds."""
    return _words(key.bare)


def text_of(value: object) -> str:
    """Write a value as TOML would have it, secrets masked."""
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}" if value < 1e15 else repr(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(text_of(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {text_of(one)}" for name, one in value.items()) + "}"
    if value is None:
        return ""
    return f'"{value}"' if isinstance(value, str) else str(value)


def _key(field: msgspec.structs.FieldInfo, hint: Any, prefix: str | None) -> Key:
    bare, metas, optional = _unwrap(hint)
    default = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    told = {name: value for meta in metas for name, value in _told(meta)}
    named = told.get("extra", {}).get("env", "")
    is_leaf = not (isinstance(bare, type) and issubclass(bare, Struct))
    own = f"{prefix}_{field.name.upper()}" if prefix and typing.get_origin(bare) is not dict else ""
    return Key(
        name=field.name,
        type=hint,
        bare=bare,
        optional=optional,
        default=REQUIRED if default is msgspec.NODEFAULT else default,
        description=told.get("description", ""),
        bounds=_bounds(told, bare),
        variables=tuple((named or own).split()) if is_leaf else (),
        kinds=told.get("extra", {}).get("kinds", ""),
    )


def _unwrap(hint: Any) -> tuple[Any, list[Meta], bool]:
    metas: list[Meta] = []
    optional = False
    while True:
        origin = typing.get_origin(hint)
        if origin is typing.Annotated:
            hint, *more = typing.get_args(hint)
            metas = [*(one for one in more if isinstance(one, Meta)), *metas]
        elif origin in (types.UnionType, typing.Union):
            (hint,) = (one for one in typing.get_args(hint) if one is not type(None))
            optional = True
        else:
            return hint, metas, optional


def _told(meta: Meta) -> Iterator[tuple[str, Any]]:
    for name in ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern", "description"):
        value = getattr(meta, name)
        if value is not None:
            yield name, value
    if meta.extra:
        yield "extra", meta.extra


def _bounds(told: dict[str, Any], bare: Any) -> str:
    if typing.get_origin(bare) is typing.Literal:
        return " · ".join(typing.get_args(bare))
    if "le" in told:
        low = f"{told['ge']:g}" if "ge" in told else f"above {told['gt']:g}"
        return f"{low} to {_number(told['le'])}"
    if "max_length" in told:
        unit = "characters" if bare is str else "entries"
        return f"{told.get('min_length', 0)} to {told['max_length']} {unit}"
    return f"`{told['pattern']}`".replace("|", "\\|") if "pattern" in told else ""


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:g}"


def _words(bare: Any) -> str:
    plain = {int: "whole number", float: "number", bool: "true or false", str: "text"}
    if bare in plain:
        return plain[bare]
    if bare is Secret:
        return "secret"
    origin = typing.get_origin(bare)
    if origin is typing.Literal:
        return "one of"
    if origin is tuple:
        inner = _unwrap(typing.get_args(bare)[0])[0]
        if typing.get_origin(inner) is typing.Literal:
            return f"list of {' · '.join(typing.get_args(inner))};"
        return f"list of {_words(_unwrap(typing.get_args(bare)[0])[0])}"
    if origin is dict:
        return f"{_words(_unwrap(typing.get_args(bare)[1])[0])} by name"
    return "table"
