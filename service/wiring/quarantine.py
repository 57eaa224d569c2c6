"""What the quarantine service is made of: the readers of every kind, and where its items are."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.channels.amazon.source import Amazon
from adapters.channels.bigcommerce.source import BigCommerce
from adapters.channels.shopify.source import Shopify
from adapters.kit.inbound import Source
from adapters.nats.headers import SUBJECT, TOPIC
from adapters.postgres.audit import Audit, AuditEntry
from adapters.postgres.quarantine_workflow import (
    DISCARDED,
    MAX_LISTED,
    OPEN,
    RELEASED,
    STATES,
    FaultGroup,
    Filter,
    HeldItem,
    ListedItem,
    QuarantineWorkflow,
    Release,
)
from adapters.warehouses.http.callbacks import WarehouseCallbacks

__all__ = [
    "DISCARDED",
    "MAX_LISTED",
    "OPEN",
    "RELEASED",
    "STATES",
    "Audit",
    "AuditEntry",
    "FaultGroup",
    "Filter",
    "HeldItem",
    "ListedItem",
    "QuarantineWorkflow",
    "Release",
    "readers",
    "subject_of",
    "topic_of",
]


def readers(keys: Mapping[str, bytes]) -> dict[str, Source]:
    """Return a reader of every kind, for somebody who has no configured channels at hand: all
    sources of a kind translate alike but for rounding, which is the kind's usual here. `keys` sign
    the correlation ids that callbacks bear."""
    return {
        "bigcommerce": BigCommerce("", store_hash="", secrets=()),
        "shopify": Shopify("", shop_domain="", secrets=(), api_version=""),
        "amazon": Amazon("", secrets=()),
        "warehouse": WarehouseCallbacks("", secrets=(), keys=keys),
    }


def topic_of(item: HeldItem) -> str:
    """Return the sender's own name of what happened; "" when he gave none."""
    return item.headers.get(TOPIC.lower(), "")


def subject_of(item: HeldItem) -> str:
    """Return the subject under which an unroutable message came; "" for everything else."""
    return item.headers.get(SUBJECT.lower(), "")
