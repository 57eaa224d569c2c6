"""References: any setting may be written as `env:NAME` or `file:/path`, not only secrets."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from adapters.kinds import KindRefused, kind_named
from adapters.kit.secret import Secret, is_reference, referenced
from adapters.kit.settings import ChannelSettings, PartnerSettings
from service.settings.check import from_text
from service.settings.model import Settings
from service.settings.shape import Key, keys_of

Faults = dict[str, str]
"""The path of a key, and the sentence of what is wrong with it."""


def follow(raw: dict[str, Any], environ: Mapping[str, str]) -> Faults:
    """Put in place of each reference what it leads to, as TOML would have held it.

    Secrets are left as they stand: they are followed when they are made, so that the tree never
    holds one. A text that looks like a reference of some other tool is a fault, because it would be
    sent to a partner as it is.
    """
    return dict(_table(Settings, raw, "", environ))


def _table(
    table: type[Struct], raw: Any, path: str, environ: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    if not isinstance(raw, dict):
        return  # told by the check that follows
    for key in keys_of(table, None):
        if key.name not in raw:
            continue
        here, value = f"{path}{key.name}", raw[key.name]
        if key.table is not None:
            yield from _table(key.table, value, f"{here}.", environ)
        elif key.tables_by_name is not None:
            yield from _tables(key, value, here, environ)
        elif Secret in typing.get_args(key.bare):
            # A comma may be part of a secret: a reference in place of the list leads to one.
            is_one = isinstance(value, str) and is_reference(value)
            raw[key.name] = [value] if is_one and typing.get_origin(key.bare) is tuple else value
        elif key.bare is not Secret:
            try:
                raw[key.name] = _followed(key, value, environ)
            except ValueError as error:
                yield here, f"{here} {error}."


def _tables(key: Key, raw: Any, path: str, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    held = key.tables_by_name
    assert held is not None
    for name, one in raw.items() if isinstance(raw, dict) else ():
        if not isinstance(one, dict):
            continue
        shape = _shape_of(key, one, environ) if key.kinds else held
        yield from _table(shape, one, f"{path}.{name}.", environ)


def _shape_of(key: Key, raw: dict[str, Any], environ: Mapping[str, str]) -> type[Struct]:
    """Return the settings of an instance's kind, which may be a reference itself."""
    try:
        return kind_named(referenced(str(raw.get("kind", "")), environ)).settings
    except (KindRefused, ValueError):
        return ChannelSettings if key.kinds == "storefront" else PartnerSettings


def _followed(key: Key, raw: Any, environ: Mapping[str, str]) -> Any:
    """Return a value with its references followed; raises ValueError with the end of a sentence."""
    if isinstance(raw, str):
        text = referenced(raw, environ)
        return from_text(key, text) if is_reference(raw) else text
    if isinstance(raw, list):
        return [referenced(one, environ) if isinstance(one, str) else one for one in raw]
    if isinstance(raw, dict):
        return {
            name: referenced(one, environ) if isinstance(one, str) else one
            for name, one in raw.items()
        }
    return raw
