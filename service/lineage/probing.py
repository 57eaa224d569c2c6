"""Find out what depends on a field: change it alone, and look at what comes out differently.

So the real translation tells where a field goes, and no list has to be kept beside it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence

import msgspec
from msgspec import Struct

from actors.runtime.errors import PartnerError
from adapters.kit.lineage import Example, Path, named
from schemas.contracts.refusals import Refused
from schemas.order.canonical import DOUBT

Outcome = tuple[str, object]
"""What an example became: the kind of message, and its body as JSON would hold it."""
Translate = Callable[[object], Awaitable[Outcome]]

ORDER = "order"
"""The kind of an outcome that is an order, or a partner's request of one."""

_DECIMAL = re.compile(r"([0-9]+)(\.[0-9]+)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WORDS = {
    "paid": "pending", "goods": "shipping", "UNSHIPPED": "PENDING", "parcel": "pickup",
    "transparency": "", "channel": "",
}  # fmt: skip
"""Another word of a closed list, where any other text would be refused."""
_FLAGS = frozenset({"delivery", "labels_from", "pickup_point", "unit_codes"})
"""Fields of the canonical order that come and go by their nature, whatever else differs."""
_CODES = {2: ("CA", "GB"), 3: ("EUR", "USD")}


class Found(Struct, frozen=True, kw_only=True):
    """Where a field goes: the paths that follow it. `when` is the case in which alone they do;
    `checked` says that the field carries nothing, but a wrong value is refused."""

    paths: tuple[str, ...] = ()
    when: str = ""
    checked: bool = False


async def probe(
    examples: Sequence[Example], translate: Translate, own_names: tuple[str, ...] = ()
) -> dict[str, Found]:
    """Return for every field of the examples where it goes, in the order of the examples.

    Later examples count for fields that carry nothing in the earlier ones: they show what stands
    in for something that is missing.
    """
    found: dict[str, Found] = {}
    for example in examples:
        here: dict[str, set[str]] = {}
        checked: set[str] = set()
        base = await translate(example.tree)
        for path, value in leaves(example.tree):
            name = named(path, own_names)
            if found.get(name, Found()).paths:
                continue
            paths, refused = await _follow(example.tree, path, value, base, translate, own_names)
            here.setdefault(name, set()).update(paths)
            if refused:
                checked.add(name)
        for name, paths in here.items():
            before = found.get(name, Found())
            found[name] = Found(
                paths=tuple(sorted(paths)),
                when=example.when if paths else "",
                checked=not paths and (before.checked or name in checked),
            )
    return found


async def _follow(
    tree: object,
    path: Path,
    value: object,
    base: Outcome,
    translate: Translate,
    own_names: tuple[str, ...],
) -> tuple[set[str], bool]:
    """Return what the first effective change of one field alters, and whether any was refused."""
    refused = False
    for other in others(value):
        try:
            outcome = await translate(changed(tree, path, other))
        except (Refused, PartnerError):
            # A wrong type of what is missing is refused by its shape, which says nothing.
            refused = refused or value is not None
            continue
        paths = difference(base, outcome, own_names)
        if paths:
            return paths, refused
    return set(), refused


def leaves(tree: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Yield the path and value of everything in a tree that is neither a list nor an object."""
    if isinstance(tree, dict):
        for name, inner in tree.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(tree, list):
        for index, inner in enumerate(tree):
            yield from leaves(inner, (*path, index))
    else:
        yield path, tree


def others(value: object) -> list[object]:
    """Return other values of the same type, the likeliest to be valid first."""
    match value:
        case bool():
            return [not value]
        case int() | float():
            # A partner may round: a gram more need not show in a parcel's weight.
            return [value + 1, value + 1000]
        case str():
            return list(_other_texts(value))
        case _:
            return ["2026-12-24T12:00:00Z", 7, True]


def _other_texts(text: str) -> Iterator[str]:
    if text in _WORDS:
        yield _WORDS[text]
        return
    decimal = _DECIMAL.fullmatch(text)
    if decimal is not None:
        yield f"{int(decimal.group(1)) + 1}{decimal.group(2)}"
        return
    if text.isalpha() and text.isupper():
        yield from (code for code in _CODES.get(len(text), ()) if code != text)
    if _DATE.match(text):
        yield f"2026-12-24{text[10:]}"
    digits = [index for index, sign in enumerate(text) if sign in "0123456789"]
    if digits:
        last = digits[-1]
        yield f"{text[:last]}{(int(text[last]) + 1) % 10}{text[last + 1 :]}"
    yield f"probe-{text}"


def changed(tree: object, path: Path, value: object) -> object:
    """Return a copy of the tree with one leaf set to a value."""
    # By JSON, because parts that an example uses twice must become two.
    copy: object = msgspec.json.decode(msgspec.json.encode(tree))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]  # type: ignore[index]  # the path was read from this very tree
    inner[path[-1]] = value  # type: ignore[index]  # the same
    return copy


def difference(before: Outcome, after: Outcome, own_names: tuple[str, ...] = ()) -> set[str]:
    """Return the paths whose values differ; what only came or went counts if nothing else did.

    Doubts are left out: they tell what a field looks like, and carry nothing.
    """
    if before[0] != after[0]:
        return {after[0]}
    prefix = "" if before[0] == ORDER else f"{before[0]}: "
    altered: set[Path] = set()
    moved: set[Path] = set()
    _compare(before[1], after[1], (), altered, moved)
    flags = {path for path in moved if path[-1] in _FLAGS}
    usual = {path for path in ((altered | flags) if altered else moved) if not _is_doubt(path)}
    return {prefix + named(path, own_names) for path in usual}


def _is_doubt(path: Path) -> bool:
    return any(isinstance(step, str) and step.startswith(DOUBT) for step in path)


def _compare(
    before: object, after: object, path: Path, altered: set[Path], moved: set[Path]
) -> None:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before.keys() | after.keys():
            if name in before and name in after:
                _compare(before[name], after[name], (*path, name), altered, moved)
            else:
                moved.add((*path, name))
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) == len(after):
            for index, (old, new) in enumerate(zip(before, after, strict=True)):
                _compare(old, new, (*path, index), altered, moved)
        else:
            altered.add((*path, 0))
    elif before != after:
        altered.add(path)
