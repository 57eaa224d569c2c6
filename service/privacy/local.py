"""The privacy service, for the API and for a local session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from actors.runtime.ports import Clock
from adapters.postgres.audit import Audit
from adapters.postgres.erasing import Erasing
from adapters.postgres.exports import Exports
from adapters.postgres.pool import Pool
from adapters.postgres.privacy import PrivacyRequests
from adapters.postgres.quarantine_workflow import QuarantineWorkflow
from adapters.postgres.rewrapping import SealingKeys
from adapters.postgres.sealing import Sealing
from service.app.clock import SystemClock
from service.app.local import LocalSession, open_local
from service.privacy.service import PrivacyService


def privacy_service(pool: Pool, sealing: Sealing, clock: Clock) -> PrivacyService:
    """Build the service over a pool."""
    return PrivacyService(
        PrivacyRequests(pool, sealing),
        Erasing(pool),
        Exports(pool, sealing),
        QuarantineWorkflow(pool, sealing),
        audit=Audit(pool),
        sealing=sealing,
        clock=clock,
    )


class PrivacySession(Struct, frozen=True, kw_only=True):
    """What the commands need: the privacy service, orders by name, and the master keys."""

    service: PrivacyService
    orders: LocalSession
    keys: SealingKeys
    audit: Audit


@asynccontextmanager
async def open_privacy(data: Path | None) -> AsyncIterator[PrivacySession]:
    """Open a session with the service that runs in a data directory. Raises as `open_local`
    does."""
    async with open_local(data) as orders:
        yield PrivacySession(
            service=privacy_service(orders.pool, orders.sealing, SystemClock()),
            orders=orders,
            keys=SealingKeys(orders.pool, orders.sealing),
            audit=Audit(orders.pool),
        )
