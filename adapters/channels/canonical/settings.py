"""Settings of a channel that speaks our own contract."""

from __future__ import annotations

from adapters.kit.settings import ChannelSettings


class CanonicalSettings(ChannelSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Anyone who states canonical orders, over `POST /api/v1/orders` or NATS."""
