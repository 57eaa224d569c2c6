"""Tell the settings: the rows of `config show`, and docs/configuration.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from adapters.kinds import ours
from adapters.kit.kind import Kind
from adapters.kit.settings import ChannelSettings, PartnerSettings
from service.settings.model import Settings
from service.settings.shape import REQUIRED, Key, keys_of, text_of, type_words
from service.settings.variables import PREFIX, prefix_of


class Described(Struct, frozen=True, kw_only=True):
    """One key as `config show` prints it, secrets masked. `changed`: not the default."""

    key: str
    value: str
    default: str
    changed: bool
    bounds: str
    description: str
    variables: tuple[str, ...]


def describe(settings: Settings) -> list[Described]:
    """Return a row for every key that is set or has a default, in the order of the tree."""
    return list(_rows(settings, "", PREFIX))


def _rows(table: Struct, path: str, prefix: str) -> Iterator[Described]:
    for key in keys_of(type(table), prefix):
        value = getattr(table, key.name)
        here = f"{path}{key.name}"
        if isinstance(value, Struct):
            yield from _rows(value, f"{here}.", f"{prefix}_{key.name.upper()}")
        elif key.tables_by_name is not None and value:
            for name, one in value.items():
                yield from _rows(one, f"{here}.{name}.", prefix_of(key.name, name))
        else:
            yield Described(
                key=here,
                value=text_of(value),
                default=_default(key),
                changed=key.default is REQUIRED or value != key.default,
                bounds=key.bounds,
                description=key.description,
                variables=key.variables,
            )


def _default(key: Key) -> str:
    return "" if key.default is REQUIRED else text_of(key.default)


_HEAD = """# Configuration

<!-- Made from the settings; a test compares. Make it again: python -m service.settings -->

Orderwright reads one TOML file (`ORDERWRIGHT_CONFIG`, else `./orderwright.toml` where there is
one); environment variables, where a key has one, go before the file. That is never silent:
`orderwright config show` prints where each value comes from (a default, a file and its line, a
variable, and the reference behind it), and `serve` and `doctor` name each variable that goes before
a file that states something else. `ORDERWRIGHT_DEFAULTS` names a file that the configuration file
goes before; container images set it. Lists in variables are separated by commas. Every value, also
one in a list or a variable, may be written as `env:NAME` or
`file:/path`; the file's last line end is dropped. In place of a list it leads to texts that are
separated by commas, or to one secret. A text that only looks like a reference (`${NAME}`, `$NAME`,
`{{ name }}`, `vault:…`, `<token>`) is refused, because it would be used as it stands. `orderwright
config show` masks secrets. Wrong configuration ends the start with exit code 2 and one sentence for
each fault. On Kubernetes, a service that is itself named `orderwright` makes the platform set
`ORDERWRIGHT_PORT` to an address: set `enableServiceLinks: false`.

All durations are in seconds.

Partners and channels are *instances* that you name: `[partners.ups-us]` with `kind = "ups"`. The
keys of an instance are those that all have, and those of its kind. Each has a variable, too:
`ORDERWRIGHT_PARTNERS_UPS_US_CLIENT_SECRET` sets `client_secret` of `[partners.ups-us]`; an instance
may exist by variables alone, of which `..._KIND` names its kind. `[partners.NAME.calls]` is the
same table as `[channels.NAME.calls]`.

With one warehouse and one carrier nothing has to be said about who does what. With several,
`[places.NAME]` says who packs and who carries at each place that goods leave from, and each channel
may name its ERP, its mail and its places. What no one plays is left out of an order's life.
"""


def markdown() -> str:
    """Return docs/configuration.md: the tables of our own kinds, not of those installed beside."""
    parts = [_HEAD, _kinds_table()]
    seen: set[type[Struct]] = set()
    for title, table, prefix in _tables(Settings, "", PREFIX):
        if table not in seen:
            seen.add(table)
            parts.append(_section(title, table, prefix))
    parts += [_kind_section(kind) for kind in ours()]
    return "\n".join(parts)


def _tables(table: type[Struct], path: str, prefix: str) -> Iterator[tuple[str, type[Struct], str]]:
    yield path, table, prefix
    for key in keys_of(table, prefix):
        here = f"{path}.{key.name}" if path else key.name
        if key.table is not None:
            yield from _tables(key.table, here, f"{prefix}_{key.name.upper()}")
        elif key.tables_by_name is not None:
            inner = f"{prefix}_{key.name.upper()}_NAME"
            yield from _tables(key.tables_by_name, f"{here}.NAME", inner)


def _kinds_table() -> str:
    """Return every kind of ours with what it plays."""
    lines = [
        "## Kinds\n\nWhat `kind` may be. Packages that are installed beside add more.\n",
        "| kind | what it is | roles | how messages come | |",
        "|---|---|---|---|---|",
    ]
    for kind in ours():
        ways = kind.channel.transports if kind.channel else ("webhook",) if kind.reports else ()
        roles = ", ".join(kind.roles)
        lines.append(
            f"| `{kind.name}` | {kind.title} | {roles} | {', '.join(ways)} | {kind.words} |"
        )
    return "\n".join(lines) + "\n"


def _kind_section(kind: Kind[Any]) -> str:
    """Return the tables of one kind: what it has beside, or other than, what all of them have."""
    is_channel = "storefront" in kind.roles
    common: type[Struct] = ChannelSettings if is_channel else PartnerSettings
    settings: type[Struct] = kind.settings
    base = {key.name: key for key in keys_of(common)}
    table = "channels" if is_channel else "partners"
    prefix = f"{PREFIX}_{table.upper()}_NAME"
    own = [
        key
        for key in keys_of(settings, prefix)
        if key.name not in base or _differs(key, base[key.name])
    ]
    title = f'`[{table}.NAME]` of `kind = "{kind.name}"`: {kind.title}'
    if not own:
        return f"## {title}\n\n{kind.words} It has no keys of its own.\n"
    parts = [_rows_of(f"## {title}\n\n{kind.words}\n", own)]
    for key in own:
        if key.table is not None:
            inner = f"{table}.NAME.{key.name}"
            parts.append(_section(inner, key.table, f"{prefix}_{key.name.upper()}"))
    return "\n".join(parts)


def _differs(key: Key, base: Key) -> bool:
    return key.default != base.default or key.bounds != base.bounds


def _section(title: str, table: type[Struct], prefix: str) -> str:
    told = " ".join((table.__doc__ or "").split())
    head = f"## `[{title}]`\n\n{told}\n" if title else f"## At the top\n\n{told}\n"
    return _rows_of(head, keys_of(table, prefix))


def _rows_of(head: str, keys: Iterable[Key]) -> str:
    lines = [head, "| key | what | type and bounds | default | variable |", "|---|---|---|---|---|"]
    for key in keys:
        if key.table is not None or key.tables_by_name is not None:
            continue
        default = "needed" if key.default is REQUIRED else text_of(key.default)
        default = f"`{default}`" if default and default != "needed" else default
        names = "<br>".join(f"`{name}`" for name in key.variables)
        kind = f"{type_words(key)} {key.bounds}".strip()
        lines.append(f"| `{key.name}` | {key.description} | {kind} | {default} | {names} |")
    return "\n".join(lines) + "\n"
