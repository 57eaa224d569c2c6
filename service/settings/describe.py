"""Tell the settings: the rows of `config show`, and docs/configuration.md."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from service.settings.model import Settings
from service.settings.shape import REQUIRED, Key, keys_of, text_of, type_words


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
    return list(_rows(settings, "", "ORDERWRIGHT"))


def _rows(table: Struct, path: str, prefix: str | None) -> Iterator[Described]:
    for key in keys_of(type(table), prefix):
        value = getattr(table, key.name)
        here = f"{path}{key.name}"
        if isinstance(value, Struct):
            inner = f"{prefix}_{key.name.upper()}" if prefix else None
            yield from _rows(value, f"{here}.", inner)
        elif key.tables_by_name is not None and value:
            for name, one in value.items():
                yield from _rows(one, f"{here}.{name}.", None)
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

<!-- Made from service/settings; a test compares. Make it again: python -m service.settings -->

Orderwright reads one TOML file (`ORDERWRIGHT_CONFIG`, else `./orderwright.toml` where there is
one); environment variables, where a key has one, go before the file. Lists in variables are
separated by commas. A secret is written as `env:NAME`, as `file:/path`, or as it is; `orderwright
config show` masks it. Wrong configuration ends the start with exit code 2 and one sentence for each
fault. On Kubernetes, a service that is itself named `orderwright` makes the platform set
`ORDERWRIGHT_PORT` to an address: set `enableServiceLinks: false`.

All durations are in seconds.
"""


def markdown() -> str:
    """Return docs/configuration.md."""
    parts = [_HEAD]
    seen: set[type[Struct]] = set()
    for title, table, prefix in _tables(Settings, "", "ORDERWRIGHT"):
        if table in seen:
            continue
        seen.add(table)
        parts.append(_section(title, table, prefix))
    return "\n".join(parts)


def _tables(
    table: type[Struct], path: str, prefix: str | None
) -> Iterator[tuple[str, type[Struct], str | None]]:
    yield path, table, prefix
    for key in keys_of(table, prefix):
        here = f"{path}.{key.name}" if path else key.name
        if key.table is not None:
            # The care for calls is the same table under every partner, told once without variables.
            inner = f"{prefix}_{key.name.upper()}" if prefix else None
            name = "PARTNER.calls" if key.name == "calls" else here
            yield from _tables(key.table, name, None if key.name == "calls" else inner)
        elif key.tables_by_name is not None:
            yield from _tables(key.tables_by_name, f"{here}.NAME", None)


def _section(title: str, table: type[Struct], prefix: str | None) -> str:
    told = " ".join((table.__doc__ or "").split())
    if title == "PARTNER.calls":
        told += (
            " PARTNER is erp, warehouse, carrier, mail or channels.NAME; the first four have"
            " variables such as `ORDERWRIGHT_ERP_CALLS_CONCURRENCY`."
        )
    lines = [f"## `[{title}]`\n\n{told}\n" if title else f"## At the top\n\n{told}\n"]
    lines += ["| key | what | type and bounds | default | variable |", "|---|---|---|---|---|"]
    for key in keys_of(table, prefix):
        if key.table is not None or key.tables_by_name is not None:
            continue
        default = "needed" if key.default is REQUIRED else text_of(key.default)
        default = f"`{default}`" if default and default != "needed" else default
        names = "<br>".join(f"`{name}`" for name in key.variables)
        kind = f"{type_words(key)} {key.bounds}".strip()
        lines.append(f"| `{key.name}` | {key.description} | {kind} | {default} | {names} |")
    return "\n".join(lines) + "\n"
