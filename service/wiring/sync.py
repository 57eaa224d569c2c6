"""The part of the composition root that names what the channels' upkeep is made of."""

from __future__ import annotations

from adapters.kit.http_client import HttpClient, open_session
from adapters.kit.sync import Listed, ListedPage, Subscriptions, Upkeep
from adapters.postgres.audit import Audit
from adapters.postgres.sync import Ours, Progress, Upkeeps

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
