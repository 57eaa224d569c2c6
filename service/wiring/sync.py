"""The part of the composition root that names what channel sync is made of."""

from __future__ import annotations

from adapters.kit.http_client import HttpClient, open_session
from adapters.kit.sync import ChannelSync, Listed, ListedPage, Subscriptions
from adapters.postgres.audit import Audit
from adapters.postgres.sync import Ours, Progress, SyncStore

__all__ = [
    "Audit",
    "ChannelSync",
    "HttpClient",
    "Listed",
    "ListedPage",
    "Ours",
    "Progress",
    "Subscriptions",
    "SyncStore",
    "open_session",
]
