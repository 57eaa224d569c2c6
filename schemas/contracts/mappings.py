"""The mappings document, version 1: names that channels use, and the names that we use.

It has SKUs, bundles, tax codes and shipping methods for each channel, and under `*` for all
channels. An absent table accepts every value unchanged. A table that exists is closed: an order
with a value that it does not list waits until someone lists it, unless the table says `"others":
"keep"`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

MAPPINGS_SCHEMA = "orderwright.mappings.v1"
EVERY_CHANNEL = "*"

MAX_ENTRIES = 200_000
"""Entries in all tables of a document together."""
MAX_DOCUMENT_BYTES = 16 * 1_048_576
"""A document with the most entries and names of usual length fits."""
MAX_FAULTS = 20
"""Sentences in one refusal; the rest is counted."""

Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+(?![\s\S])")]
Others = Annotated[
    Literal["hold", "keep"],
    Meta(description="What happens to a value that isn't listed: the order waits, or it is kept."),
]
Share = Annotated[int, Meta(ge=0, le=1_000_000)]


class Component(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An article of a bundle. `share` is its weight when the bundle's money is divided; when none
    of a bundle's components has one, their quantities are the weights."""

    sku: Name
    quantity: Annotated[int, Meta(ge=1, le=10_000)] = 1
    share: Share | None = None


class Bundle(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A SKU that stands for several articles. Stock-keeping places in `whole_at` keep it packed
    ready as one article: there it stays one line."""

    components: Annotated[tuple[Component, ...], Meta(min_length=1, max_length=50)]
    whole_at: Annotated[tuple[Name, ...], Meta(max_length=100)] = ()


class Skus(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """SKUs. `aliases` gives ours for each of the channel's, `variants` the channel's several for
    one of ours, `known` lists those that are ours already."""

    aliases: dict[Name, Name] = {}
    variants: dict[Name, tuple[Name, ...]] = {}
    known: tuple[Name, ...] = ()
    others: Others = "hold"


class Codes(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Tax codes or shipping methods: ours for each of the channel's, and those that are ours
    already."""

    codes: dict[Name, Name] = {}
    known: tuple[Name, ...] = ()
    others: Others = "hold"


class ChannelTables(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """The tables of one channel, each of which may be absent. What they don't list is looked for
    in the tables of `*`; their `others` goes before that of `*`."""

    skus: Skus | None = None
    bundles: dict[Name, Bundle] | None = None
    tax_codes: Codes | None = None
    shipping_methods: Codes | None = None


class Mappings(
    Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="schema",
    tag=MAPPINGS_SCHEMA,
):
    """The whole document: tables by the channel's name, `*` for every channel."""

    channels: Annotated[
        dict[Name, ChannelTables],
        Meta(max_length=1_001),
    ] = {}


class MappingsRefused(ValueError):
    """An invalid document; `sentences` has one entry for each fault."""

    def __init__(self, sentences: list[str]) -> None:
        kept = sentences[:MAX_FAULTS]
        if len(sentences) > len(kept):
            kept.append(f"{len(sentences) - len(kept)} more faults are not shown.")
        super().__init__(" ".join(kept))
        self.sentences = tuple(kept)


_CHANNEL = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`")
_decoder = msgspec.json.Decoder(Mappings)


def read_mappings(raw: bytes) -> Mappings:
    """Read a document from JSON and check it. Raises MappingsRefused with every fault."""
    if len(raw) > MAX_DOCUMENT_BYTES:
        raise MappingsRefused([f"The document is larger than {MAX_DOCUMENT_BYTES} bytes."])
    try:
        return checked(_decoder.decode(raw))
    except msgspec.MsgspecError as error:
        raise MappingsRefused([_sentence(error)]) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise MappingsRefused(["The document is not JSON in UTF-8."]) from error


def from_table(table: object) -> Mappings:
    """Build a document from parsed TOML or JSON. Raises MappingsRefused with every fault."""
    stated = {"schema": MAPPINGS_SCHEMA, **table} if isinstance(table, dict) else table
    try:
        return checked(msgspec.convert(stated, Mappings))
    except msgspec.MsgspecError as error:
        raise MappingsRefused([_sentence(error)]) from error


def write_mappings(mappings: Mappings) -> bytes:
    """Encode a document as JSON; equal documents give equal bytes."""
    return msgspec.json.encode(mappings, order="deterministic")


def checked(mappings: Mappings) -> Mappings:
    """Return the document if its tables are consistent. Raises MappingsRefused."""
    entries = sum(_size(tables) for tables in mappings.channels.values())
    if entries > MAX_ENTRIES:
        raise MappingsRefused([f"The tables have {entries} entries; the limit is {MAX_ENTRIES}."])
    faults = [
        fault
        for name in dict.fromkeys((*mappings.channels, EVERY_CHANNEL))
        for fault in _faults(name, mappings)
    ]
    if faults:
        raise MappingsRefused(list(dict.fromkeys(faults)))
    return mappings


def tables_of(mappings: Mappings, channel: str) -> ChannelTables | None:
    """Return a channel's tables, completed from those of `*`, None when there are none."""
    own, common = mappings.channels.get(channel), mappings.channels.get(EVERY_CHANNEL)
    if own is None or common is None or own is common:
        return own or common
    return ChannelTables(
        skus=_merged_skus(own.skus, common.skus),
        bundles={**(common.bundles or {}), **(own.bundles or {})} or None,
        tax_codes=_merged_codes(own.tax_codes, common.tax_codes),
        shipping_methods=_merged_codes(own.shipping_methods, common.shipping_methods),
    )


def unconfigured(mappings: Mappings, channels: Iterable[str]) -> tuple[str, ...]:
    """Return the channels that have tables but are not in `channels`: not configured yet, or
    misspelt, in which case orders keep waiting."""
    return tuple(sorted(mappings.channels.keys() - {EVERY_CHANNEL, *channels}))


def aliases_of(skus: Skus) -> dict[str, str]:
    """Return our SKU for each of the channel's SKUs, variants included."""
    return {**{one: ours for ours, many in skus.variants.items() for one in many}, **skus.aliases}


def _merged_skus(own: Skus | None, common: Skus | None) -> Skus | None:
    if own is None or common is None:
        return own or common
    aliases = {**aliases_of(common), **aliases_of(own)}
    for ours in own.known:
        aliases.pop(ours, None)
    known = tuple(x for x in (*common.known, *own.known) if x not in aliases)
    return Skus(aliases=aliases, known=known, others=own.others)


def _merged_codes(own: Codes | None, common: Codes | None) -> Codes | None:
    if own is None or common is None:
        return own or common
    codes = {**common.codes, **own.codes}
    for ours in own.known:
        codes.pop(ours, None)
    known = tuple(x for x in (*common.known, *own.known) if x not in codes)
    return Codes(codes=codes, known=known, others=own.others)


def _size(tables: ChannelTables) -> int:
    size = 0
    if tables.skus is not None:
        size += len(tables.skus.aliases) + len(tables.skus.known)
        size += sum(1 + len(many) for many in tables.skus.variants.values())
    for bundle in (tables.bundles or {}).values():
        size += 1 + len(bundle.components) + len(bundle.whole_at)
    for codes in (tables.tax_codes, tables.shipping_methods):
        size += len(codes.codes) + len(codes.known) if codes is not None else 0
    return size


def _faults(name: str, mappings: Mappings) -> Iterator[str]:
    if name != EVERY_CHANNEL and _CHANNEL.fullmatch(name) is None:
        yield f"{name!r} is not a channel name: use one from the settings, or * for every channel."
    own = mappings.channels.get(name)
    if own is not None and own.skus is not None:
        yield from _twice(name, own.skus)
    tables = tables_of(mappings, name)
    if tables is None:
        return
    where = "all channels" if name == EVERY_CHANNEL else f"the channel {name}"
    aliases = aliases_of(tables.skus) if tables.skus is not None else {}
    yield from _chains(where, "SKU", aliases, tables.skus.known if tables.skus else ())
    yield from _bundle_faults(where, tables.bundles or {}, aliases)
    for kind, codes in (
        ("tax code", tables.tax_codes),
        ("shipping method", tables.shipping_methods),
    ):
        if codes is not None:
            yield from _chains(where, kind, codes.codes, codes.known)
    if tables.tax_codes is not None:
        for theirs, ours in tables.tax_codes.codes.items():
            if "+" in ours:
                yield (
                    f"For {where} the tax code {theirs!r} becomes {ours!r}: the sign + joins"
                    " several taxes of a line, so one of ours can't have it."
                )


def _bundle_faults(
    where: str, bundles: dict[str, Bundle], aliases: dict[str, str]
) -> Iterator[str]:
    for sku, bundle in bundles.items():
        if aliases.get(sku, sku) != sku:
            yield (
                f"For {where} the bundle {sku!r} is an alias of {aliases[sku]!r}:"
                f" state the bundle under {aliases[sku]!r}."
            )
        for component in bundle.components:
            if component.sku in bundles:
                yield (
                    f"For {where} the bundle {sku!r} holds {component.sku!r}, which is a bundle"
                    " itself: list the articles themselves."
                )
            elif aliases.get(component.sku, component.sku) != component.sku:
                yield (
                    f"For {where} the bundle {sku!r} holds {component.sku!r}, which is an alias:"
                    f" write {aliases[component.sku]!r}."
                )


def _twice(name: str, skus: Skus) -> Iterator[str]:
    seen = dict(skus.aliases)
    for ours, many in skus.variants.items():
        for theirs in many:
            if seen.setdefault(theirs, ours) != ours:
                yield (
                    f"For {name} the SKU {theirs!r} is both {seen[theirs]!r} and {ours!r}:"
                    " it can only be one of them."
                )


def _chains(where: str, kind: str, named: dict[str, str], known: tuple[str, ...]) -> Iterator[str]:
    for theirs, ours in named.items():
        last = named.get(ours, ours)
        if last != ours:
            yield (
                f"For {where} the {kind} {theirs!r} becomes {ours!r}, which becomes {last!r}:"
                f" write {last!r} at once, or drop one of the two."
            )
    for ours in known:
        if named.get(ours, ours) != ours:
            yield f"For {where} the {kind} {ours!r} is both ours (known) and {named[ours]!r}."


def _sentence(error: Exception) -> str:
    text = str(error)
    unknown = _UNKNOWN.match(text)
    if unknown is not None:
        place = text.partition(" - at ")[2] or "`$`"
        return f"The document has an unknown key, {unknown[1]!r}, at {place}."
    return f"The document is invalid: {text.rstrip('.')}."
