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
from adapters.nats.headers import SEAL
from adapters.nats.seal import Seal
from schemas.contracts.refusals import CHANNEL_UNKNOWN, SOURCE_REFUSED, Refused, refused
from schemas.contracts.strict_json import shown
from schemas.messages.privacy import KIND as PRIVACY
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
        self._seal = Seal(keys)
        self._own: dict[str, Translator] = {}
        self._usual: dict[str, Translator | None] = {}
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """Read messages by these settings from now on."""
        own: dict[str, Translator] = {}
        for name, channel in settings.channels.items():
            part = kind_named(channel.kind).channel
            if part is not None:
                own[name] = part.reader(channel, Instance(name=name, keys=self._keys))
        self._own = own

    def translate(self, message: Message) -> Read:
        """Make an input of a message whose sender may say it. Raises Refused."""
        self.require_origin(message)
        return self.read(message)

    def require_origin(self, message: Message, channel: str = "", kind: str = "") -> None:
        """Raise Refused(source_refused) for a message that none of our processes published and
        that says what its channel's own services may not: in another partner's name, in a
        person's, by law, or an order of a storefront that has a shape of its own; and
        Refused(channel_unknown) for one of a channel that is not configured. `channel` and `kind`
        are under which it is to be published again ("": its own)."""
        scope = f"{message.channel}/{message.kind}/"
        seal = message.headers.get(_SEAL, "")
        if self._seal.holds(seal, scope, message.source, message.topic, message.raw):
            return
        channel, kind = channel or message.channel, kind or message.kind
        own = self._own.get(channel)
        if own is None:
            raise refused(
                CHANNEL_UNKNOWN,
                f"The channel {shown(channel)} is not configured here, so no one may publish for"
                " it. Its sender publishes under a channel of the configuration; or the operator"
                f" adds [channels.{shown(channel)}] there, reloads, and releases this message.",
            )
        shape = own.kind
        if channel != message.channel or message.source not in (CANONICAL, shape):
            why = f"A message of the channel {message.channel} must not come in the name of"
            named = message.source if channel == message.channel else channel
            raise refused(SOURCE_REFUSED, f"{why} {shown(named)}.")
        if kind in PERSONAL_KINDS:
            why = f"Only the API and the command line send {kind}: its person must be known"
            raise refused(SOURCE_REFUSED, f"{why}. Send it there.")
        if message.source == CANONICAL != shape and kind in STATED_KINDS:
            why = f"The orders of the channel {channel} come from {shape} itself; publish"
            raise refused(SOURCE_REFUSED, f"{why} others to a channel of the kind canonical.")

    def read(self, message: Message) -> Read:
        """Make an input of a message, whoever sent it. Raises Refused."""
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


CANONICAL = "canonical"
PERSONAL_KINDS = frozenset({"act", "edit", "return", PRIVACY})
"""Kinds that name a person who decides, or that erase."""

STATED_KINDS = frozenset({"place", "pay", "update", "cancel"})
"""What a storefront says of its own orders."""

_SEAL = SEAL.lower()

MAX_USUAL = 256
"""A message names its kind by itself: whatever it says, no more is remembered than this."""


def readers_by_kind(keys: Mapping[str, bytes]) -> dict[str, Translator]:
    """Return a reader of every kind that reads messages, by its defaults."""
    found = {kind.name: _usual(kind.name, keys) for kind in kinds()}
    return {name: reader for name, reader in found.items() if reader is not None}


def takes_canonical(channel: ChannelSettings) -> bool:
    """Whether orders of our own contract may be sent to the channel; a storefront's own come from
    the storefront alone."""
    part = kind_named(channel.kind).channel
    return part is not None and "api" in part.transports


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
