"""Writes a commented configuration: what is set, and as comments everything else that may be."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from adapters.kinds import kind_named
from adapters.kit.secret import Secret
from service.settings.model import Settings
from service.settings.shape import REQUIRED, Key, keys_of, text_of

Values = Mapping[str, Any]
"""What is set, by dotted key below an instance (`shop_domain`, `shipper.city`) or below the top."""


def instance_keys(kind: str) -> dict[str, Key]:
    """Return the keys of a kind's instances, inner tables by dotted names. Raises KindRefused."""
    return dict(_keys(kind_named(kind).settings, ""))


def is_secret(key: Key) -> bool:
    """Whether a key holds a secret, or several."""
    return key.bare is Secret or Secret in typing.get_args(key.bare)


def is_needed(name: str, keys: Mapping[str, Key]) -> bool:
    """Whether a key has no default, and neither has the table that it is in."""
    table = name.rpartition(".")[0]
    inside = not table or keys[table].default is REQUIRED
    return keys[name].table is None and keys[name].default is REQUIRED and inside


def written(top: Values, instances: Mapping[str, Mapping[str, Values]]) -> str:
    """Return the file. `instances` are those of `channels` and `partners`, by name, each with its
    `kind`."""
    lines = ["# Orderwright's configuration. Lines behind # are defaults; docs/configuration.md."]
    fixed = dict(_keys(Settings, ""))
    lines += _lines(fixed, top, "", "")
    for table in ("listen", "limits"):
        lines += ["", f"[{table}]", *_lines(fixed, top, f"{table}.", "")]
    for table, named in instances.items():
        for name, values in named.items():
            lines += _instance(f"{table}.{name}", values)
    return "\n".join(lines) + "\n"


def _instance(path: str, values: Values) -> Iterator[str]:
    keys = instance_keys(values["kind"])
    yield from ("", f"[{path}]", *_lines(keys, values, "", ""))
    tables = [name for name, key in keys.items() if key.table is not None]
    for table in tables:
        inner = any(name.startswith(f"{table}.") for name in values)
        mark = "" if inner else "# "
        yield from ("", f"{mark}[{path}.{table}]", *_lines(keys, values, f"{table}.", mark))


def _lines(keys: Mapping[str, Key], values: Values, prefix: str, mark: str) -> Iterator[str]:
    for name, key in keys.items():
        table, _, last = name.rpartition(".")
        if (f"{table}." if table else "") != prefix or key.table or key.tables_by_name:
            continue
        if name in values:
            yield f"{last} = {json.dumps(values[name], ensure_ascii=False)}  # {key.description}"
        elif typing.get_origin(key.bare) is not dict:
            default = "" if key.default is REQUIRED else text_of(key.default)
            yield f"# {last} = {default or '…'}  # {key.description}"


def _keys(table: type[Struct], prefix: str) -> Iterator[tuple[str, Key]]:
    for key in keys_of(table):
        yield f"{prefix}{key.name}", key
        if key.table is not None:
            yield from _keys(key.table, f"{prefix}{key.name}.")
