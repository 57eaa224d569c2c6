"""The part of the composition root that opens what is kept in Postgres."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager

from msgspec import Struct

from adapters.postgres import migrate as migrations
from adapters.postgres.exchanges import PostgresExchanges
from adapters.postgres.idempotency import Idempotency
from adapters.postgres.journal import PostgresJournal
from adapters.postgres.leases import Leases
from adapters.postgres.migrate import MigrationRefused
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.pool import Pool
from adapters.postgres.quarantine import PostgresQuarantine
from adapters.postgres.restorations import Restorations
from adapters.postgres.retention import Retention
from adapters.postgres.sealing import KeyMissing, Sealing
from adapters.postgres.sealing_keys import agree
from adapters.postgres.shared_leases import SharedLeases
from adapters.postgres.signing_keys import SigningKeyDiffers, agree_on_signing
from adapters.postgres.stock import StockPartner, StockRow
from adapters.postgres.suspensions import PostgresSuspensions
from adapters.postgres.timers import PostgresTimers
from adapters.postgres.views import Views
from service.app.errors import SchemaRefused, SecretsDiffer
from service.app.sealing_keys import sealing_of
from service.app.servers import Servers
from service.app.sessions import signing_keys
from service.settings import Settings

LEASE_SECONDS = 15.0

REPORTS = 4
"""Connections of a process beside `limits.pool_size`, for what people read."""


class Store(Struct, frozen=True, kw_only=True):
    """Everything that is kept in Postgres."""

    pool: Pool
    reports: Pool
    leases: Leases
    sealing: Sealing
    journal: PostgresJournal
    outbox: PostgresOutbox
    timers: PostgresTimers
    suspensions: PostgresSuspensions
    quarantine: PostgresQuarantine
    stock: StockPartner
    views: Views
    idempotency: Idempotency
    retention: Retention
    exchanges: PostgresExchanges
    restorations: Restorations


async def migrate(dsn: str) -> list[str]:
    """Apply the missing migrations and return their names. Raises SchemaRefused and
    JournalUnavailable."""
    with _schema_words():
        return await migrations.migrate(dsn)


async def pending(dsn: str) -> list[str]:
    """Return the migrations that are missing; changes nothing. Raises as `migrate` does."""
    with _schema_words():
        return await migrations.pending(dsn)


@contextmanager
def _schema_words() -> Iterator[None]:
    try:
        yield
    except MigrationRefused as error:
        raise SchemaRefused(str(error)) from error


async def open_store(
    settings: Settings,
    servers: Servers,
    stack: AsyncExitStack,
    *,
    on_lost: Callable[[Sequence[int]], None],
    on_commit: Callable[[int, float], None],
) -> Store:
    """Bring the schema up to date and open the pools. Takes no lease yet; `on_lost` is told when
    one of them goes to another process, `on_commit` of each commit of the journal."""
    await migrate(servers.postgres_dsn)
    limits = settings.limits
    pool = Pool(
        servers.postgres_dsn,
        max_connections=limits.pool_size,
        deadline_seconds=limits.journal_timeout_seconds,
    )
    stack.push_async_callback(pool.close)
    reports = Pool(
        servers.postgres_dsn,
        max_connections=REPORTS,
        deadline_seconds=limits.journal_timeout_seconds,
        by_key=False,
    )
    stack.push_async_callback(reports.close)
    leases = _leases(pool, settings, servers, on_lost)
    sealing = sealing_of(settings, servers.data)
    await _agree_on_secrets(pool, sealing, *signing_keys(settings, servers.data))
    stock = StockPartner(pool)
    return Store(
        pool=pool,
        reports=reports,
        leases=leases,
        sealing=sealing,
        journal=PostgresJournal(
            pool, leases, sealing, stock, max_batch=limits.journal_batch, on_commit=on_commit
        ),
        outbox=PostgresOutbox(pool, leases, sealing),
        timers=PostgresTimers(pool),
        suspensions=PostgresSuspensions(pool, leases),
        quarantine=PostgresQuarantine(reports, sealing, tuple(settings.channels)),
        stock=stock,
        views=Views(reports, sealing),
        idempotency=Idempotency(reports, sealing),
        retention=Retention(reports),
        exchanges=PostgresExchanges(reports, sealing, settings.exchanges),
        restorations=Restorations(reports),
    )


def _leases(
    pool: Pool, settings: Settings, servers: Servers, on_lost: Callable[[Sequence[int]], None]
) -> Leases:
    if settings.workers.sharing:
        return SharedLeases(pool, servers.owner, on_lost=on_lost)
    return Leases(pool, servers.owner, ttl_seconds=LEASE_SECONDS, on_lost=on_lost)


async def _agree_on_secrets(
    pool: Pool, sealing: Sealing, active: str, keys: Mapping[str, bytes]
) -> None:
    try:
        await agree(pool, sealing)
        await agree_on_signing(pool, active, keys)
    except (KeyMissing, SigningKeyDiffers) as error:
        raise SecretsDiffer(str(error)) from error


async def seed_stock(pool: Pool, skus: Sequence[str], on_hand: int, *, place: str = "main") -> None:
    """Put stock on the shelf, for the demo and tests; what is reserved stays so."""
    stock = StockPartner(pool)
    await stock.seed([StockRow(place=place, sku=sku, on_hand=on_hand) for sku in skus])
