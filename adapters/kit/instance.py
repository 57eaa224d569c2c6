"""What an adapter is made of beside its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:  # settings are read by every command, and the HTTP client takes a while to load
    from actors.runtime.ports import Clock
    from adapters.kit.events import Events
    from adapters.kit.fetching import IntakeStream
    from adapters.kit.http_client import HttpClient
    from adapters.kit.settings import Origin


class Instance(Struct, frozen=True, kw_only=True):
    """One configured instance: its name, and the keys that sign references, by key id."""

    name: str
    keys: Mapping[str, bytes]


class Kit(Instance, frozen=True, kw_only=True):
    """What an adapter is made of beside its settings.

    `own_url` is where partners reach us. `origins` are the addresses that parcels leave from, by
    place, where they are configured; `zones` the time zones of all channels, by channel, "" where
    none is set. What is fetched from a storefront is published to `intake`;
    `events` go to other services.
    """

    client: HttpClient
    clock: Clock
    intake: IntakeStream
    events: Events
    own_url: str = ""
    origins: Mapping[str, Origin] = {}
    zones: Mapping[str, str] = {}
