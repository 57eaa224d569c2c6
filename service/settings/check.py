"""Check a raw tree against the settings' shape: every fault at once, a sentence each."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct, structs

from adapters.kinds import KindRefused, kind_named, names
from adapters.kit.secret import Secret, resolve
from service.settings.model import Settings
from service.settings.shape import REQUIRED, Key, keys_of, type_words

GONE = {
    "erp": 'kind = "business_central"',
    "warehouse": 'kind = "warehouse"',
    "carrier": 'kind = "ups"',
    "mail": 'kind = "smtp"',
}
"""Tables of version 1, each with what says the same now."""

MAX_FAULTS = 50
"""More than fifty sentences no one reads; a wrong file would make thousands."""

_RULES: tuple[tuple[str, str], ...] = (
    (r"Expected `[\w| ]+` <= (\S+)", r"must be \1 at most"),
    (r"Expected `[\w| ]+` >= (\S+)", r"must be \1 at least"),
    (r"Expected `[\w| ]+` > (\S+)", r"must be more than \1"),
    (r"Expected `str` of length >= 1$", "must not be empty"),
    (r"Expected `str` of length <= (\d+)", r"must have \1 characters at most"),
    (r"Expected `array` of length >= (\d+)", r"must have \1 entries at least"),
    (r"Expected `array` of length <= (\d+)", r"must have \1 entries at most"),
    (r"Expected `object` of length >= (\d+)", r"must have \1 entries at least"),
    (r"Expected `object` of length <= (\d+)", r"must have \1 entries at most"),
    (r"Expected `str` matching regex '(.*)'", r"does not have the form \1"),
)


def build(raw: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Return the settings a raw tree states; raises Faulty with all that is wrong."""
    faults = []
    for fault in _table(Settings, raw, "", environ):
        faults.append(fault)
        if len(faults) == MAX_FAULTS:
            break
    if faults:
        raise Faulty(faults)
    settings: Settings = _convert(_plain_part(Settings, raw), Settings, environ)
    instances = {
        key.name: {
            name: _convert(one, kind_named(one["kind"]).settings, environ)
            for name, one in raw.get(key.name, {}).items()
        }
        for key in keys_of(Settings, None)
        if key.kinds
    }
    return structs.replace(settings, **instances)


class Faulty(ValueError):
    """What is wrong with a tree, one sentence each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = faults


def from_text(key: Key, text: str) -> Any:
    """Turn an environment variable's text into what TOML would have held; raises ValueError with
    the end of a sentence."""
    if key.bare is Secret:
        return text
    if typing.get_origin(key.bare) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return msgspec.convert(text, key.type, strict=False, dec_hook=_hook({}))
    except msgspec.ValidationError as error:
        raise ValueError(_word(str(error), key, text)) from None


def _table(
    table: type[Struct], raw: object, path: str, environ: Mapping[str, str]
) -> Iterator[str]:
    if not isinstance(raw, Mapping):
        yield f"{path} must be a table, not {_kind(raw)}."
        return
    keys = {key.name: key for key in keys_of(table, None)}
    dot = f"{path}." if path else ""
    faults = 0
    for name in raw:
        if name not in keys:
            faults += 1
            yield _unknown(f"{dot}{name}", str(name), keys)
    for name, key in keys.items():
        if name in raw:
            for fault in _value(key, raw[name], f"{dot}{name}", environ):
                faults += 1
                yield fault
        elif key.default is REQUIRED:
            faults += 1
            yield f"{dot}{name} is missing; it is needed wherever [{path}] is set."
    if not faults:
        # What one key alone can't show: the table's own rule about its keys together.
        try:
            _convert(_plain_part(table, raw), table, environ)
        except msgspec.ValidationError as error:
            yield f"In [{path}], {_plain(str(error))}."


def _unknown(path: str, name: str, keys: Iterable[str]) -> str:
    if path in GONE:
        return (
            f"[{path}] is no table any more: write it as [partners.NAME] with {GONE[path]}, where "
            "NAME is what you call that partner."
        )
    near = difflib.get_close_matches(name, keys, n=1)
    if not near:
        return f"{path} is not a setting."
    return f"{path} is not a setting; did you mean {near[0]}?"


def _plain_part(table: type[Struct], raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out the instances: each is converted to the settings of its own kind."""
    kinds = {key.name for key in keys_of(table, None) if key.kinds}
    return {name: value for name, value in raw.items() if name not in kinds}


def _value(key: Key, raw: object, path: str, environ: Mapping[str, str]) -> Iterator[str]:
    if key.table is not None:
        yield from _table(key.table, raw, path, environ)
        return
    held = key.tables_by_name
    if held is None:
        try:
            _convert(raw, key.type, environ)
        except msgspec.ValidationError as error:
            yield f"{path} {_word(str(error), key, raw)}."
        return
    if not isinstance(raw, Mapping):
        yield f"{path} must be a table of tables, not {_kind(raw)}."
        return
    for name, one in raw.items():
        try:
            _convert(name, typing.get_args(key.bare)[0], environ)
        except msgspec.ValidationError as error:
            yield f"{path}.{name}: the name {_word(str(error), key, name)}."
            continue
        here = f"{path}.{name}"
        yield from (
            _instance(key, one, here, environ) if key.kinds else _table(held, one, here, environ)
        )


def _instance(key: Key, raw: object, path: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Check one instance by the settings of its kind."""
    if not isinstance(raw, Mapping):
        yield f"{path} must be a table, not {_kind(raw)}."
        return
    name = raw.get("kind")
    if name is None:
        yield f"{path}.kind is missing; it says which kind of partner it is."
        return
    if name not in names():
        yield f"{path}.kind must be one of {', '.join(_fitting(key))}, not {_quoted(name)}."
        return
    try:
        kind = kind_named(name)
    except KindRefused as error:
        yield f"{path}: {error}"
        return
    if ("storefront" in kind.roles) != (key.kinds == "storefront"):
        there = "channels" if "storefront" in kind.roles else "partners"
        yield f"{path}: {name} belongs under [{there}.NAME]; it plays {', '.join(kind.roles)}."
        return
    yield from _table(kind.settings, raw, path, environ)


def _fitting(key: Key) -> Iterator[str]:
    """Yield the names of the kinds that may stand there."""
    for name in names():
        try:
            is_channel = "storefront" in kind_named(name).roles
        except KindRefused:
            continue  # it is no help to someone who looks for a name that works
        if is_channel == (key.kinds == "storefront"):
            yield name


def _convert(raw: object, wanted: Any, environ: Mapping[str, str]) -> Any:
    return msgspec.convert(raw, wanted, dec_hook=_hook(environ))


def _hook(environ: Mapping[str, str]) -> Any:
    def hook(wanted: type, raw: object) -> object:
        if wanted is Secret and isinstance(raw, str):
            return resolve(raw, environ)
        raise ValueError("must be text: a secret, or env:NAME or file:/path that leads to it")

    return hook


def _plain(message: str) -> str:
    return message.partition(" - at `")[0]


def _word(message: str, key: Key, raw: object) -> str:
    message = _plain(message)
    for pattern, words in _RULES:
        if re.match(pattern, message):
            return re.sub(pattern + ".*", words, message)
    if message.startswith("Invalid enum value"):
        return f"must be one of {', '.join(typing.get_args(key.bare))}, not {_quoted(raw)}"
    if message.startswith(("Expected", "Invalid")):
        return f"must be {_article(type_words(key))}, not {_kind(raw)}"
    return message


def _article(words: str) -> str:
    return words if words.startswith(("true", "text")) else f"a {words}"


def _quoted(raw: object) -> str:
    return repr(raw)[:60]


def _kind(raw: object) -> str:
    if isinstance(raw, bool):
        return "true or false"
    names = {int: "a whole number", float: "a number", str: "text", list: "a list", dict: "a table"}
    return names.get(type(raw), f"a {type(raw).__name__}")
