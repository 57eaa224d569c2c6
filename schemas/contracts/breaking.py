"""Finds what a new version of a published schema would break for those who rely on the old one.

`schemas/contracts/released.json` keeps every schema as it was released; a test compares today's
with it. `python -m schemas.contracts.breaking --release` releases today's, and refuses if that
breaks something.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from schemas.contracts import published
from schemas.contracts.published import Schema
from schemas.messages.inputs import KINDS

RELEASED = Path(__file__).with_name("released.json")

_UPPER = ("maxLength", "maximum", "maxItems", "maxProperties", "exclusiveMaximum")
_LOWER = ("minLength", "minimum", "minItems", "minProperties", "exclusiveMinimum")
_SAME = ("pattern", "format", "uniqueItems", "multipleOf")
_UNCHECKED = frozenset({"$schema", "$id", "$defs", "$ref", "title", "description", "default"})
_COMPARED = frozenset({
    "type", "const", "enum", "properties", "required", "additionalProperties", "items",
    "prefixItems", "anyOf", "propertyNames", *_UPPER, *_LOWER, *_SAME,
})  # fmt: skip


def breaking_changes(old: Schema, new: Schema, *, sent_by_us: bool) -> tuple[str, ...]:
    """Return a sentence for everything that `old` accepts and `new` refuses, or that has another
    meaning now: a field that is no longer read, another default.

    With `sent_by_us` also for what readers of `old` would not expect from `new`: a field that may
    now be missing, or an unknown value. New optional fields break nothing.
    """
    found = list(_narrowed(old, new, _Pair(old, new)))
    found += _gone(old, new, _Pair(old, new))
    if sent_by_us:
        found += [
            f"Readers of the old schema: {one}" for one in _narrowed(new, old, _Pair(new, old))
        ]
    return tuple(dict.fromkeys(found))


def all_breaking_changes(
    released: Mapping[str, Schema], today: Mapping[str, Schema]
) -> tuple[str, ...]:
    """Return the sentences for all released schemas, each prefixed with the schema's name."""
    # Mappings are written by people: what reads them back reads what it wrote.
    ours = set(today) - {published.ORDER, published.WAREHOUSE_CALLBACK, published.MAPPINGS}
    ours -= {published.INPUT_NAMES[kind] for kind in KINDS}
    found = []
    for name, old in released.items():
        if name not in today:
            found.append(f"{name}: it is no longer published; keep it, and add a new version.")
            continue
        found += [
            f"{name}: {one}" for one in breaking_changes(old, today[name], sent_by_us=name in ours)
        ]
    return tuple(found)


def read_released() -> dict[str, Schema]:
    """Return every schema as it was released."""
    found: dict[str, Schema] = json.loads(RELEASED.read_text())
    return found


class _Pair:
    """Two documents whose references are followed; each pair of references is compared once."""

    def __init__(self, wide: Schema, narrow: Schema) -> None:
        self._wide, self._narrow = wide, narrow
        self._seen: set[tuple[str, str]] = set()

    def follow(self, wide: Schema, narrow: Schema) -> tuple[Schema, Schema] | None:
        """Return what two schemas refer to, None when this pair was already compared."""
        names = (wide.get("$ref", ""), narrow.get("$ref", ""))
        if names != ("", ""):
            if names in self._seen and all(names):
                return None
            self._seen.add(names)
        return _target(wide, self._wide), _target(narrow, self._narrow)

    def turned(self) -> _Pair:
        """Return a fresh pair, to try alternatives with."""
        return _Pair(self._wide, self._narrow)


def _target(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Schema = root["$defs"][str(reference).rpartition("/")[2]]
    return found


def _narrowed(wide: Schema, narrow: Schema, pair: _Pair, at: str = "") -> Iterator[str]:
    """Yield in which ways `narrow` refuses what `wide` accepts."""
    where = f"The field {at}" if at else "The message"
    yield from _beside("$ref", wide, narrow, where)
    both = pair.follow(wide, narrow)
    if both is None:
        return
    wide, narrow = both
    if "anyOf" in wide or "anyOf" in narrow:
        yield from _beside("anyOf", wide, narrow, where)
        yield from _alternatives(wide, narrow, pair, where)
        return
    for key in sorted((wide.keys() | narrow.keys()) - _COMPARED - _UNCHECKED):
        if wide.get(key) != narrow.get(key):
            yield f"{where} has another {key}, which can't be compared."
    yield from _values(wide, narrow, where)
    yield from _bounds(wide, narrow, where)
    yield from _fields(wide, narrow, pair, at, where)
    yield from _entries(wide, narrow, pair, at, where)


def _beside(leading: str, wide: Schema, narrow: Schema, where: str) -> Iterator[str]:
    """Keywords beside a leading one could refuse more; none of our schemas has any."""
    if leading not in narrow:
        return
    for key in sorted(narrow.keys() - _UNCHECKED - {leading}):
        if leading not in wide or wide.get(key) != narrow[key]:
            yield f"{where} has a {key} beside its {leading}, which can't be compared."


def _alternatives(wide: Schema, narrow: Schema, pair: _Pair, where: str) -> Iterator[str]:
    for one in wide.get("anyOf", [wide]):
        others = narrow.get("anyOf", [narrow])
        if not any(not list(_narrowed(one, other, pair.turned())) for other in others):
            name = one.get("type") or str(one.get("$ref", "value")).rpartition("/")[2]
            yield f"{where} takes no such {name} as before."


def _types(schema: Schema) -> set[str]:
    stated = schema.get("type", [])
    found = set(stated if isinstance(stated, list) else [stated])
    return found | {"integer"} if "number" in found else found


def _values(wide: Schema, narrow: Schema, where: str) -> Iterator[str]:
    before, after = _types(wide), _types(narrow)
    if after and not (before and before <= after):
        yield f"{where} was {_list(before) or 'of any type'} and must be {_list(after)}."
    known = _choices(narrow)
    if known is None:
        return
    given = _choices(wide)
    if given is None:
        yield f"{where} was free and must be one of {_list(known)}."
    elif given - known:
        yield f"{where} may no longer be {_list(given - known)}."


def _choices(schema: Schema) -> set[str] | None:
    if "const" in schema:
        return {json.dumps(schema["const"])}
    return {json.dumps(one) for one in schema["enum"]} if "enum" in schema else None


def _bounds(wide: Schema, narrow: Schema, where: str) -> Iterator[str]:
    for key in _UPPER:
        if key in narrow and wide.get(key, float("inf")) > narrow[key]:
            yield f"{where} has a {key} of {narrow[key]}; it was {wide.get(key, 'unbounded')}."
    for key in _LOWER:
        if key in narrow and wide.get(key, float("-inf")) < narrow[key]:
            yield f"{where} has a {key} of {narrow[key]}; it was {wide.get(key, 'unbounded')}."
    for key in _SAME:
        if key in narrow and wide.get(key) != narrow[key]:
            yield f"{where} must keep another {key}."


def _fields(wide: Schema, narrow: Schema, pair: _Pair, at: str, where: str) -> Iterator[str]:
    for name in narrow.get("required", ()):
        if name not in wide.get("required", ()):
            yield f"{where} requires {name}, which could be left out."
    before, after = wide.get("properties", {}), narrow.get("properties", {})
    others = narrow.get("additionalProperties", True)
    for name, one in before.items():
        if name in after:
            yield from _narrowed(one, after[name], pair, f"{at}.{name}".lstrip("."))
        elif others is False:
            yield f"{where} no longer takes {name}."
    open_before = wide.get("additionalProperties", True)
    if others is False and open_before is not False and _types(wide) & {"object"}:
        yield f"{where} took unknown fields and refuses them."
    elif isinstance(others, dict):
        if isinstance(open_before, dict):
            yield from _narrowed(open_before, others, pair, f"{at}.*".lstrip("."))
        elif open_before is True and _types(wide) & {"object"}:
            yield f"{where} took any value and is bounded."
    names, bound = wide.get("propertyNames", {}), narrow.get("propertyNames")
    if bound is not None:
        yield from _bounds(names, bound, f"{where}'s key")


def _entries(wide: Schema, narrow: Schema, pair: _Pair, at: str, where: str) -> Iterator[str]:
    before, after = wide.get("prefixItems", []), narrow.get("prefixItems", [])
    for number, (one, other) in enumerate(zip(before, after, strict=False)):
        yield from _narrowed(one, other, pair, f"{at}[{number}]")
    if len(after) > len(before) and _types(wide):
        yield f"{where} has more places than before."
    one, other = wide.get("items", True), narrow.get("items", True)
    if isinstance(other, dict):
        if isinstance(one, dict):
            yield from _narrowed(one, other, pair, f"{at}[]")
        elif one is True:
            yield f"{where} took entries of any kind."
    elif other is False and one is not False:
        yield f"{where} took more entries."


def _gone(old: Schema, new: Schema, pair: _Pair, at: str = "") -> Iterator[str]:
    """Yield what has another meaning now: fields that senders fill and readers rely on and that no
    longer exist, and fields with another default."""
    both = pair.follow(old, new)
    if both is None:
        return
    old, new = both
    for name, one in old.get("properties", {}).items():
        place = f"{at}.{name}".lstrip(".")
        other = new.get("properties", {}).get(name)
        if other is None:
            yield f"The field {place} is gone."
            continue
        if name not in old.get("required", ()) and _default(one) != _default(other):
            told = f"The field {place} is {_default(other)} when it is left out"
            yield f"{told}; it was {_default(one)}."
        yield from _gone(one, other, pair, place)
    for key in ("items", "additionalProperties"):
        if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
            yield from _gone(old[key], new[key], pair, f"{at}[]")
    for one, other in zip(old.get("prefixItems", ()), new.get("prefixItems", ()), strict=False):
        yield from _gone(one, other, pair, f"{at}[]")
    alike = {(one.get("$ref"), str(one.get("type"))): one for one in new.get("anyOf", ())}
    for one in old.get("anyOf", ()):
        other = alike.get((one.get("$ref"), str(one.get("type"))))
        if other is not None:
            yield from _gone(one, other, pair, at)


def _default(schema: Schema) -> str:
    return json.dumps(schema["default"], sort_keys=True) if "default" in schema else "not stated"


def _list(found: set[str]) -> str:
    return ", ".join(sorted(found))


def main(arguments: list[str]) -> int:
    """Print what would break; with `--release`, write today's schemas if nothing would."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--release", action="store_true", help="keep today's schemas from now on")
    wanted = parser.parse_args(arguments)
    today = dict(published.all_schemas())
    found = all_breaking_changes(read_released() if RELEASED.exists() else {}, today)
    sys.stderr.write("".join(f"{one}\n" for one in found))
    if not found and wanted.release:
        RELEASED.write_text(json.dumps(today, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
