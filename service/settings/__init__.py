"""Settings: one TOML file overlaid by environment variables. Nothing else reads the environment."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from service.app.errors import OperatorError
from service.settings.check import Faulty, build, from_text
from service.settings.describe import Described, describe, markdown
from service.settings.model import (
    Correlation,
    Limits,
    Listen,
    PolicyTimes,
    Privacy,
    Retention,
    Settings,
    Telemetry,
)
from service.settings.partners import CallLimits, Carrier, Channel, Erp, Mail, Shipper, Warehouse
from adapters.kit.secret import MASK, Secret
from service.settings.shape import variables

__all__ = [
    "MASK",
    "CallLimits",
    "Carrier",
    "Channel",
    "ConfigurationRefused",
    "Correlation",
    "Described",
    "Erp",
    "Limits",
    "Listen",
    "Mail",
    "PolicyTimes",
    "Privacy",
    "Retention",
    "Secret",
    "Settings",
    "Shipper",
    "Telemetry",
    "Warehouse",
    "describe",
    "load",
    "markdown",
    "refuse_for_demo",
    "unknown_variables",
]

DEFAULT_FILE = Path("orderwright.toml")

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
    """Read the settings: defaults, then the file, then the environment, then `overlay`.

    The file is `path`, else ORDERWRIGHT_CONFIG, else ./orderwright.toml where there is one.
    `overlay` is a nested table as TOML would give it (the command line's flags, the demo).
    Raises ConfigurationRefused with every fault at once.
    """
    environ = os.environ if environ is None else environ
    raw = _file(path, environ)
    faults = _overlay_variables(raw, environ)
    _merge(raw, overlay or {})
    try:
        settings = build(Settings, raw, environ)
    except Faulty as error:
        faults += error.faults
    else:
        if not faults:
            return settings
    raise ConfigurationRefused(faults)


def unknown_variables(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return a sentence for each ORDERWRIGHT_ variable that sets nothing, for `doctor`.

    They are no fault: container platforms add their own (`ORDERWRIGHT_SERVICE_HOST`).
    """
    environ = os.environ if environ is None else environ
    known = {"ORDERWRIGHT_CONFIG", *(name for name, _, _ in variables())}
    told = []
    for name in sorted(environ):
        if name.startswith("ORDERWRIGHT_") and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else "."
            told.append(f"The environment variable {name} sets nothing{hint}")
    return told


def refuse_for_demo(environ: Mapping[str, str] | None = None) -> None:
    """Raise ConfigurationRefused where production settings are at hand: the demo makes its own,
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


def _file(path: Path | None, environ: Mapping[str, str]) -> dict[str, Any]:
    if path is None:
        named = environ.get("ORDERWRIGHT_CONFIG", "")
        if not named and not DEFAULT_FILE.is_file():
            return {}
        path = Path(named) if named else DEFAULT_FILE
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


def _overlay_variables(raw: dict[str, Any], environ: Mapping[str, str]) -> list[str]:
    faults = []
    taken: set[tuple[str, ...]] = set()
    for variable, where, key in variables():
        text = environ.get(variable, "")
        if not text or where in taken:
            continue
        taken.add(where)
        table = raw
        for name in where[:-1]:
            inner = table.setdefault(name, {})
            # A wrong kind of value in the file is told by the check that follows.
            table = inner if isinstance(inner, dict) else {}
        try:
            table[where[-1]] = from_text(key, text)
        except ValueError as error:
            faults.append(f"The environment variable {variable} {error}.")
    return faults


def _merge(raw: dict[str, Any], over: Mapping[str, Any]) -> None:
    for name, value in over.items():
        inner = raw.get(name)
        if isinstance(value, Mapping) and isinstance(inner, dict):
            _merge(inner, value)
        else:
            raw[name] = dict(value) if isinstance(value, Mapping) else value
