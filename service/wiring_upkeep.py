"""The part of the composition root that names what the channels' upkeep is made of."""

from __future__ import annotations

from adapters.channels.upkeep import Listed, ListedPage, Subscriptions, Upkeep
from adapters.http_client import HttpClient, open_session
from adapters.postgres.audit import Audit
from adapters.postgres.upkeep import Ours, Progress, Upkeeps

__all__ = [
    "Audit",
    "HttpClient",
    "Listed",
    "ListedPage",
    "Ours",
    "Progress",
    "Subscriptions",
    "Upkeep",
    "Upkeeps",
    "open_session",
]
