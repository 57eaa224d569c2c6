"""Makes a new configuration: what it needs comes from flags, and on a terminal from questions."""

from __future__ import annotations

import os
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Protocol

from adapters.kinds import KindRefused, kind_named, names
from adapters.kit.secret import is_reference
from service.app.errors import OperatorError
from service.embedded.data_directory import write_private
from service.settings import ConfigurationRefused, Settings, load
from service.settings.check import from_text
from service.settings.shape import keys_of
from service.settings.template import instance_keys, is_needed, is_secret, written

FILE, SECRETS = "orderwright.toml", "orderwright-secrets"
MOST_ANSWERS = 100
"""Questions that one person is asked; a thousand channels are written with an editor."""


MISSING = "NAME.KEY=VALUE, or NAME.KEY alone for a secret, which is not shown; empty: give up"


class InitRefused(OperatorError):
    """No configuration was written; the text says what is missing or in the way."""

    exit_code: ClassVar[int] = 2


class InitEnded(OperatorError):
    """The person ended it before the last question."""

    exit_code: ClassVar[int] = 130


class Ask(Protocol):
    """Asks the person at the terminal; `hidden` for secrets. "" means: nothing, go on."""

    def __call__(self, question: str, *, hidden: bool = False) -> str:
        """Return the answer. Raises InitEnded when the person wants no more of it."""
        ...


class Beginning:
    """Collects what is to be written into `folder`. `ask` is None where no one can be asked."""

    def __init__(self, folder: Path, ask: Ask | None) -> None:
        self._folder = folder.absolute()
        self._ask = ask
        self._top: dict[str, Any] = {}
        self._instances: dict[str, dict[str, dict[str, Any]]] = {"channels": {}, "partners": {}}
        self._secrets: dict[str, str] = {}
        self._left = MOST_ANSWERS

    def add(self, stated: str) -> None:
        """Add a channel or a partner, written as NAME=KIND. Raises InitRefused."""
        name, _, kind = stated.partition("=")
        try:
            roles = kind_named(kind).roles
        except KindRefused:
            known = ", ".join(names())
            raise InitRefused(f"{stated!r} is not NAME=KIND; the kinds are: {known}.") from None
        table = "channels" if "storefront" in roles else "partners"
        self._instances[table][name] = {"kind": kind}

    def set(self, stated: str) -> None:
        """Set a value, written as NAME.KEY=VALUE for an instance (`acme-us.shop_domain=…`), or as
        TABLE.KEY=VALUE (`listen.port=9090`). A secret goes to a file of its own unless it is a
        reference. Raises InitRefused."""
        path, _, text = stated.partition("=")
        name, _, key_name = path.partition(".")
        if not text or not key_name:
            raise InitRefused(f"{path!r} is not NAME.KEY=VALUE, such as listen.port=9090.")
        values = self._named().get(name)
        if values is None:
            self._set_top(path, text)
            return
        keys = instance_keys(values["kind"])
        if key_name not in keys:
            raise InitRefused(f"{path} is not a setting of the kind {values['kind']}.")
        key = keys[key_name]
        if is_secret(key):
            reference = text if is_reference(text) else self._keep(path, text)
            values[key_name] = [reference] if typing.get_origin(key.bare) is tuple else reference
            return
        try:
            values[key_name] = text if is_reference(text) else from_text(key, text)
        except ValueError as error:
            raise InitRefused(f"{path} {error}.") from None

    def ask_for(self) -> None:
        """Ask for the channels and partners, and for what those need. Does nothing where no one can
        be asked."""
        if self._ask is None:
            return
        kinds = ", ".join(names())
        if not self._named():
            question = f"A channel or partner, NAME=KIND ({kinds}); empty: done"
            while self._until_taken(question, self.add):
                pass
        for name, values in self._named().items():
            keys = instance_keys(values["kind"])
            for key in [one for one in keys if is_needed(one, keys) and one not in values]:
                question = f"{name}.{key}: {keys[key].description}"
                self._until_taken(
                    question, self.set, before=f"{name}.{key}=", hidden=is_secret(keys[key])
                )

    def write(self, *, overwrite: bool) -> tuple[Path, Settings]:
        """Write the configuration and the secrets' files, and return its path and what it says.

        Nothing stays of one that is not good: on a terminal what is missing is asked for, else it
        is refused. Raises InitRefused.
        """
        path = self._folder / FILE
        files = {self._secret_file(name): secret for name, secret in self._secrets.items()}
        there = [one for one in (path, *files) if one.exists()]
        if there and not overwrite:
            raise InitRefused(
                f"{there[0]} exists, and nothing was changed: write elsewhere with --into, or "
                "overwrite it with --force."
            )
        while True:
            try:
                return path, self._try(path)
            except ConfigurationRefused as error:
                if not self._until_taken("\n".join([*error.faults, MISSING]), self._set_or_ask):
                    said = " ".join(error.faults)
                    raise InitRefused(
                        f"Nothing was written, because this is missing or wrong: {said} Give each "
                        "with --set NAME.KEY=VALUE."
                    ) from None

    def _try(self, path: Path) -> Settings:
        """Write it beside, check it, and put it into its place."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._secrets:
            (self._folder / SECRETS).mkdir(mode=0o700, exist_ok=True)
        fresh = self._folder / f".{FILE}.new"
        kept = {self._secret_file(name): _old(self._secret_file(name)) for name in self._secrets}
        try:
            for name, secret in self._secrets.items():
                write_private(self._secret_file(name), f"{secret}\n")
            write_private(fresh, written(self._top, self._instances))
            settings = load(path=fresh)
        except ConfigurationRefused:
            for file, old in kept.items():
                file.unlink() if old is None else write_private(file, old)
            fresh.unlink()
            if self._secrets and not any((self._folder / SECRETS).iterdir()):
                (self._folder / SECRETS).rmdir()
            raise
        os.replace(fresh, path)
        return settings

    def _answer(self, question: str, *, hidden: bool = False) -> str:
        self._left -= 1
        if self._ask is None or self._left < 0:
            return ""
        return self._ask(question, hidden=hidden).strip()

    def _set_or_ask(self, stated: str) -> None:
        """As `set`; a secret that is only named is asked for, so that it is not shown."""
        name, _, key_name = stated.partition(".")
        values = self._named().get(name)
        key = instance_keys(values["kind"]).get(key_name) if values is not None else None
        if key is not None and is_secret(key):
            stated = f"{stated}={self._answer(stated, hidden=True)}"
        self.set(stated)

    def _until_taken(
        self, question: str, take: Callable[[str], None], *, before: str = "", hidden: bool = False
    ) -> bool:
        """Ask until an answer is good; `take` gets it behind `before`. What is wrong with one is
        said above the same question. Returns False when there was no answer."""
        told = ""
        while given := self._answer(f"{told}{question}", hidden=hidden):
            try:
                take(f"{before}{given}")
            except InitRefused as error:
                told = f"{error}\n"
            else:
                return True
        return False

    def _set_top(self, path: str, text: str) -> None:
        table, _, name = path.partition(".")
        key = {one.name: one for one in keys_of(Settings, None)}.get(table)
        inner = keys_of(key.table, None) if key is not None and key.table is not None else ()
        found = next((one for one in inner if one.name == name), None)
        if found is None or table not in ("listen", "limits"):
            known = ", ".join(self._named()) or "none"
            raise InitRefused(
                f"{path} is not a setting: begin with listen, limits, or one of the channels and "
                f"partners ({known})."
            )
        try:
            self._top[path] = text if is_reference(text) else from_text(found, text)
        except ValueError as error:
            raise InitRefused(f"{path} {error}.") from None

    def _named(self) -> dict[str, dict[str, Any]]:
        return {**self._instances["channels"], **self._instances["partners"]}

    def _keep(self, path: str, secret: str) -> str:
        self._secrets[path] = secret
        return f"file:{self._secret_file(path)}"

    def _secret_file(self, path: str) -> Path:
        return self._folder / SECRETS / path


def _old(path: Path) -> str | None:
    return path.read_text() if path.exists() else None
