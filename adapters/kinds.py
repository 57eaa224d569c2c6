"""The registry of kinds: one line for each of ours, and the entry points of others.

A kind is loaded when it is first asked for, so that a command which needs none stays quick. What is
wrong with one is told in sentences, and stops whoever asked for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from adapters.kit.kind import Kind, Role, faults_of

GROUP = "orderwright.kinds"
"""The group of entry points in which other packages name their kinds."""

OURS: Mapping[str, str] = MappingProxyType(
    {
        "amazon": "adapters.channels.amazon.kind",
        "bigcommerce": "adapters.channels.bigcommerce.kind",
        "business_central": "adapters.erp.business_central.kind",
        "canonical": "adapters.channels.canonical.kind",
        "fedex": "adapters.carriers.fedex.kind",
        "shopify": "adapters.channels.shopify.kind",
        "smtp": "adapters.messages.smtp.kind",
        "ups": "adapters.carriers.ups.kind",
        "ups_addresses": "adapters.addresses.ups.kind",
        "usps": "adapters.addresses.usps.kind",
        "warehouse": "adapters.warehouses.http.kind",
    }
)
"""Each kind's module, which exports `KIND`. A new kind of ours is one line here."""

NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


class KindRefused(Exception):
    """A kind that can't be used, or that there is none of. The text is whole sentences."""


def names() -> tuple[str, ...]:
    """Return the names of all kinds, without loading one."""
    return tuple(sorted({*OURS, *_others()}))


@cache
def kind_named(name: str) -> Kind[Any]:
    """Return a kind. Raises KindRefused when there is none of that name, when it can't be loaded,
    and when a required part is missing."""
    other = _others().get(name)
    if name not in OURS and other is None:
        raise KindRefused(f"There is no kind {name!r}; there are: {', '.join(names())}.")
    if name in OURS and other is not None:
        raise KindRefused(
            f"The kind {name!r} is Orderwright's own, and {_whose(other)} names another one so:"
            " remove that package, or rename its entry point."
        )
    kind = _loaded(name, other)
    faults = faults_of(kind)
    if kind.name != name or not NAME.fullmatch(name):
        faults.insert(0, f"It is registered as {name!r} and calls itself {kind.name!r}.")
    if faults:
        raise KindRefused(f"The kind {name!r} can't be used. {' '.join(faults)}")
    return kind


def kinds(*roles: Role) -> Iterator[Kind[Any]]:
    """Yield all kinds by name, or those that play one of the roles. Raises KindRefused."""
    for name in names():
        kind = kind_named(name)
        if not roles or set(roles) & set(kind.roles):
            yield kind


def channels() -> Iterator[Kind[Any]]:
    """Yield the kinds of sales channels. Raises KindRefused."""
    yield from kinds("storefront")


def ours() -> Iterator[Kind[Any]]:
    """Yield the kinds that Orderwright itself brings along, for the pages in docs."""
    yield from map(kind_named, OURS)


def _loaded(name: str, other: EntryPoint | None) -> Kind[Any]:
    whose = f"The kind {name!r}" + (f" of {_whose(other)}" if other else "")
    try:
        found = other.load() if other else import_module(OURS[name]).KIND
    except Exception as error:
        # Whatever a foreign package raises while it is imported, the operator must see it.
        raise KindRefused(f"{whose} can't be loaded ({type(error).__name__}: {error}).") from error
    if not isinstance(found, Kind):
        raise KindRefused(f"{whose} is not a `Kind`: its entry point must refer to its KIND.")
    return found


@cache
def _others() -> Mapping[str, EntryPoint]:
    return {one.name: one for one in entry_points(group=GROUP)}


def _whose(point: EntryPoint) -> str:
    return f"the package {point.dist.name}" if point.dist else f"the module {point.module}"
