"""The environment variables that set something: of the fixed tables, and of the instances that the
operator names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from adapters.alerts.settings import AlertRoute
from adapters.kinds import KindRefused, kind_named
from adapters.kit.secret import referenced
from adapters.kit.settings import ChannelSettings, PartnerSettings
from service.settings.model import Settings
from service.settings.places import Place
from service.settings.shape import Key, keys_of

PREFIX = "ORDERWRIGHT"

INSTANCES = ("channels", "partners", "places", "alert_routes")
"""The tables whose entries the operator names."""

_NAMES = re.compile(rf"{PREFIX}_(CHANNELS|PARTNERS)_([A-Z0-9]+(?:_[A-Z0-9]+)*)_KIND")


class Variable(Struct, frozen=True, kw_only=True):
    """A variable, and the key that it sets."""

    name: str
    path: tuple[str, ...]
    key: Key


def of_tables() -> Iterator[Variable]:
    """Yield every variable of the fixed tables."""
    yield from _walk(Settings, PREFIX, ())


def of_instances(
    kinds: Mapping[str, Mapping[str, str]], environ: Mapping[str, str]
) -> Iterator[Variable]:
    """Yield every variable of the instances.

    `kinds` has the kind of each by table and name; an instance may also exist by variables alone,
    of which `..._KIND` names it. Of a kind that can't be used only that one is known.
    """
    for table in INSTANCES:
        found = {**kinds.get(table, {}), **dict(_named(table, environ))}
        for name, kind in found.items():
            yield from _walk(_shape(table, kind, environ), prefix_of(table, name), (table, name))


def prefix_of(table: str, name: str) -> str:
    """Return how the variables of an instance begin."""
    return f"{PREFIX}_{table.upper()}_{name.upper().replace('-', '_')}"


def _named(table: str, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for variable, kind in environ.items():
        match = _NAMES.fullmatch(variable)
        if match and kind and match.group(1) == table.upper():
            yield match.group(2).lower().replace("_", "-"), kind


def _shape(table: str, kind: str, environ: Mapping[str, str]) -> type[Struct]:
    plain: dict[str, type[Struct]] = {"places": Place, "alert_routes": AlertRoute}
    if table in plain:
        return plain[table]
    try:
        return kind_named(referenced(kind, environ)).settings
    except (KindRefused, ValueError):  # told by the check of the whole tree, which meets it again
        return ChannelSettings if table == "channels" else PartnerSettings


def _walk(table: type[Struct], prefix: str, path: tuple[str, ...]) -> Iterator[Variable]:
    for key in keys_of(table, prefix):
        here = (*path, key.name)
        if key.table is not None:
            yield from _walk(key.table, f"{prefix}_{key.name.upper()}", here)
        for name in key.variables:
            yield Variable(name=name, path=here, key=key)
