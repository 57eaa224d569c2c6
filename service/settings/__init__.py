"""Settings: one TOML file overlaid by environment variables. Nothing else reads the environment."""

from __future__ import annotations

import difflib
import os
import tomllib
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from adapters.kit.secret import is_reference, referenced
from service.app.errors import OperatorError
from service.settings.check import Faulty, build, from_text
from service.settings.describe import Described, describe, markdown
from service.settings.model import Listen, Retention, Settings
from service.settings.origins import Stated, origin_of, overruled, stated_in
from service.settings.places import Place
from service.settings.references import follow
from service.settings.roles import inconsistencies
from service.settings.variables import INSTANCES, Variable, of_instances, of_tables

__all__ = [
    "NO_FILE",
    "ConfigurationRefused",
    "Described",
    "Listen",
    "Place",
    "Retention",
    "Settings",
    "configured_data_dir",
    "describe",
    "file_in_use",
    "load",
    "markdown",
    "overruled_in",
    "refuse_for_demo",
    "told",
    "unknown_variables",
]

DEFAULT_FILE = Path("orderwright.toml")
NO_FILE = Path(os.devnull)
"""Where no file is to be read."""

MAX_FILE_BYTES = 4 * 1_048_576
"""A thousand channels fit ten times; a larger file is not ours."""


class ConfigurationRefused(OperatorError):
    """The configuration is wrong. `faults` has one sentence for each fault, naming its key."""

    exit_code: ClassVar[int] = 2

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def load(
    environ: Mapping[str, str] | None = None,
    path: Path | None = None,
    overlay: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the settings: defaults, then the file, then the environment, then `overlay`. Where
    ORDERWRIGHT_DEFAULTS names another file, as container images do, that one comes before the file.

    The file is `path` (NO_FILE: none), else `file_in_use`.
    `overlay` is a nested table as TOML would give it (the command line's flags, the demo).
    Raises ConfigurationRefused with every fault at once.
    """
    environ = os.environ if environ is None else environ
    raw: dict[str, Any] = {}
    for one in _files(environ, path):
        _merge(raw, _read(one))
    faults = _overlay_variables(raw, environ)
    _merge(raw, overlay or {})
    lost = follow(raw, environ)
    faults += lost.values()
    try:
        settings = build(raw, environ)
    except Faulty as error:
        # What is still a reference has the wrong type as well; that is said already.
        faults += [one for one in error.faults if one.partition(" ")[0] not in lost]
    else:
        faults += inconsistencies(settings) if not lost else []
        if not faults:
            return settings
    raise ConfigurationRefused(faults)


def told(settings: Settings, environ: Mapping[str, str] | None, path: Path | None) -> list[str]:
    """Return a line for each setting: its value, secrets masked, and where that comes from. Give
    what `load` was given."""
    environ = os.environ if environ is None else environ
    files = _stated(environ, path)
    return [
        f"{row.key} = {row.value}  # {origin_of(row, files, environ)}" for row in describe(settings)
    ]


def overruled_in(
    settings: Settings, environ: Mapping[str, str] | None, path: Path | None
) -> list[str]:
    """Return a sentence for each variable that goes before a file that states something else. Give
    what `load` was given."""
    environ = os.environ if environ is None else environ
    return overruled(describe(settings), _stated(environ, path), environ)


def _stated(environ: Mapping[str, str], path: Path | None) -> dict[tuple[str, ...], Stated]:
    found: dict[tuple[str, ...], Stated] = {}
    for one in _files(environ, path):
        found |= stated_in(one, one.read_text("utf-8"))
    return found


def _files(environ: Mapping[str, str], path: Path | None) -> list[Path]:
    """Return the files in the order in which they are read, later ones before earlier ones."""
    defaults, path = environ.get("ORDERWRIGHT_DEFAULTS", ""), path or file_in_use(environ)
    named = [Path(defaults)] if defaults else []
    return named if path in (None, NO_FILE) else [*named, path]


def unknown_variables(settings: Settings, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return a sentence for each ORDERWRIGHT_ variable that sets nothing, for `doctor`.

    They are not an error: container platforms add their own (`ORDERWRIGHT_SERVICE_HOST`).
    """
    environ = os.environ if environ is None else environ
    known = {"ORDERWRIGHT_CONFIG", "ORDERWRIGHT_DEFAULTS", *(one.name for one in of_tables())}
    known |= {one.name for one in of_instances(_kinds_of(settings), environ)}
    told = []
    for name in sorted(environ):
        if name.startswith("ORDERWRIGHT_") and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else "."
            told.append(f"The environment variable {name} sets nothing{hint}")
    return told


def refuse_for_demo(environ: Mapping[str, str] | None = None) -> None:
    """Raise ConfigurationRefused where there are production settings: the demo makes its own,
    and must never meet real partners or data."""
    environ = os.environ if environ is None else environ
    named = ["ORDERWRIGHT_CONFIG", "ORDERWRIGHT_POSTGRES_DSN", "ORDERWRIGHT_NATS_URL"]
    found = [name for name in named if environ.get(name)]
    if DEFAULT_FILE.is_file():
        found.append(f"the file {DEFAULT_FILE}")
    if found:
        why = (
            f"The demo does not run beside production settings, and there is {found[0]}:"
            " run it in another folder, or without that."
        )
        raise ConfigurationRefused([why])


def file_in_use(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return ORDERWRIGHT_CONFIG, else ./orderwright.toml where there is one; None: no file."""
    named = (os.environ if environ is None else environ).get("ORDERWRIGHT_CONFIG", "")
    if named:
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None


def configured_data_dir(environ: Mapping[str, str] | None = None) -> str:
    """Return `data_dir` alone, whatever else the configuration says: a command may be typed where
    the service's other variables and secrets are not.

    Raises ConfigurationRefused when a file that is named can't be read; ./orderwright.toml is left
    alone then, because no one said that it is ours.
    """
    environ = os.environ if environ is None else environ
    stated: object = environ.get("ORDERWRIGHT_DATA", "")
    for path in reversed(_files(environ, None)):
        if stated:
            break
        try:
            stated = _read(path).get("data_dir", "")
        except ConfigurationRefused:
            if path != DEFAULT_FILE:
                raise
    try:
        found = referenced(stated, environ) if isinstance(stated, str) else ""
    except ValueError as error:
        raise ConfigurationRefused([f"data_dir {error}."]) from None
    return found or Settings().data_dir


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
        if len(text) > MAX_FILE_BYTES:
            raise ConfigurationRefused([f"The file {path} is too large to be a configuration."])
        return tomllib.loads(text.decode())
    except OSError as error:
        raise ConfigurationRefused(
            [f"The configuration file {path} can't be read: {error.strerror}."]
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationRefused([f"The configuration file {path} is not UTF-8."]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationRefused([f"The file {path} is not valid TOML: {error}."]) from None


def _kinds_of(settings: Settings) -> dict[str, dict[str, str]]:
    """Return the kind of each instance, as the raw tree has it."""
    return {
        "channels": {name: one.kind for name, one in settings.channels.items()},
        "partners": {name: one.kind for name, one in settings.partners.items()},
        "places": dict.fromkeys(settings.places, ""),
        "alert_routes": dict.fromkeys(settings.alert_routes, ""),
    }


def _overlay_variables(raw: dict[str, Any], environ: Mapping[str, str]) -> list[str]:
    """Put what variables set into the raw tree; return a sentence for each that can't be read."""
    faults = _set(raw, of_tables(), environ)
    found: dict[str, dict[str, str]] = {}
    for table in INSTANCES:
        held = raw.get(table)
        named = held.items() if isinstance(held, dict) else ()
        found[table] = {
            str(name): str(one.get("kind", "")) for name, one in named if isinstance(one, dict)
        }
    return faults + _set(raw, of_instances(found, environ), environ)


def _set(
    raw: dict[str, Any], variables: Iterable[Variable], environ: Mapping[str, str]
) -> list[str]:
    faults = []
    taken: set[tuple[str, ...]] = set()
    for variable in variables:
        text = environ.get(variable.name, "")
        if not text or variable.path in taken:
            continue
        taken.add(variable.path)
        table = raw
        for name in variable.path[:-1]:
            inner = table.setdefault(name, {})
            # A wrong kind of value in the file is told by the check that follows.
            table = inner if isinstance(inner, dict) else {}
        try:
            # A reference is followed with those of the file, when the whole tree is there.
            is_list = typing.get_origin(variable.key.bare) is tuple
            follows = is_reference(text) and not is_list
            value = text if follows else from_text(variable.key, text)
            table[variable.path[-1]] = value
        except ValueError as error:
            faults.append(f"The environment variable {variable.name} {error}.")
    return faults


def _merge(raw: dict[str, Any], over: Mapping[str, Any]) -> None:
    for name, value in over.items():
        inner = raw.get(name)
        if isinstance(value, Mapping) and isinstance(inner, dict):
            _merge(inner, value)
        else:
            raw[name] = dict(value) if isinstance(value, Mapping) else value
