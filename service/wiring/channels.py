"""The part of the composition root that makes what reads messages, each by its own kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from actors.runtime.ports import Message
from adapters.kinds import KindRefused, kind_named, kinds
from adapters.kit.inbound import Source, Translator
from adapters.kit.instance import Instance
from adapters.kit.kind import Kind, example_of
from adapters.kit.settings import ChannelSettings
from schemas.contracts.refusals import Refused
from schemas.messages.privacy import Read
from service.settings import Settings

Translate = Callable[[Message], Read]


def sources(settings: Settings, keys: Mapping[str, bytes]) -> dict[str, Source]:
    """Return who may send webhooks, by the name in `POST /hooks/{name}`."""
    found: dict[str, Source] = {}
    for name, channel in settings.channels.items():
        part = kind_named(channel.kind).channel
        if part is not None and part.webhooks is not None:
            found[name] = part.webhooks(channel, Instance(name=name, keys=keys))
    for name, partner in settings.partners.items():
        reports = kind_named(partner.kind).reports
        if reports is not None:
            found[name] = reports(partner, Instance(name=name, keys=keys))
    return found


class Readers:
    """Reads any message: by its channel's own settings, or, where that channel is of another kind
    or not configured any more, as its kind does by default."""

    def __init__(self, settings: Settings, keys: Mapping[str, bytes]) -> None:
        self._keys = keys
        self._own: dict[str, Translator] = {}
        for name, channel in settings.channels.items():
            part = kind_named(channel.kind).channel
            if part is not None:
                self._own[name] = part.reader(channel, Instance(name=name, keys=keys))
        self._usual: dict[str, Translator | None] = {}

    def translate(self, message: Message) -> Read:
        """Make an input of a message. Raises Refused."""
        own = self._own.get(message.channel)
        reader = own if own and own.kind == message.source else self.of_kind(message.source)
        if reader is None:
            why = f"No kind here reads messages of the shape {message.source[:40]!r}."
            raise Refused("kind_unknown", (why,))
        return reader.translate(message.kind, message.topic, message.raw)

    def of_kind(self, name: str) -> Translator | None:
        """Return what reads a kind's messages by its defaults; None for a kind that reads none."""
        if name not in self._usual and len(self._usual) < MAX_USUAL:
            self._usual[name] = _usual(name, self._keys)
        return self._usual.get(name)


MAX_USUAL = 256
"""A message names its kind by itself: whatever it says, no more is remembered than this."""


def readers_by_kind(keys: Mapping[str, bytes]) -> dict[str, Translator]:
    """Return a reader of every kind that reads messages, by its defaults."""
    found = {kind.name: _usual(kind.name, keys) for kind in kinds()}
    return {name: reader for name, reader in found.items() if reader is not None}


def api_version(channel: ChannelSettings) -> str:
    """Return the API version that a channel is spoken to in, in words; "" where none is named."""
    part = kind_named(channel.kind).channel
    return part.speaks(channel) if part is not None else ""


def _usual(name: str, keys: Mapping[str, bytes]) -> Translator | None:
    try:
        kind: Kind[Any] = kind_named(name)
    except KindRefused:
        return None
    instance = Instance(name="", keys=keys)
    if kind.channel is not None:
        return kind.channel.reader(example_of(kind), instance)
    return kind.reports(example_of(kind), instance) if kind.reports is not None else None
