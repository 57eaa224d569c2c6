"""The part of the composition root that names what seals personal data, and what erases it."""

from __future__ import annotations

from adapters.postgres.audit import Audit, AuditEntry
from adapters.postgres.erasing import BEGINNING, Erasing, Found
from adapters.postgres.exports import Exports
from adapters.postgres.pool import Pool
from adapters.postgres.privacy import (
    DONE,
    MAX_LISTED,
    OPEN,
    STATES,
    PrivacyRequests,
    Request,
    Whose,
    whose_of,
)
from adapters.postgres.quarantine_workflow import Filter, HeldItem, QuarantineWorkflow
from adapters.postgres.rewrapping import KeyUse, SealingKeys
from adapters.postgres.sealing import KeyMissing, Masters, Sealing
from adapters.postgres.sealing_keys import agree

__all__ = [
    "BEGINNING",
    "DONE",
    "MAX_LISTED",
    "OPEN",
    "STATES",
    "Audit",
    "AuditEntry",
    "Erasing",
    "Exports",
    "Filter",
    "Found",
    "HeldItem",
    "KeyMissing",
    "KeyUse",
    "Masters",
    "Pool",
    "PrivacyRequests",
    "QuarantineWorkflow",
    "Request",
    "Sealing",
    "SealingKeys",
    "Whose",
    "agree",
    "whose_of",
]
