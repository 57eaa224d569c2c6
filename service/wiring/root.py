"""The composition root: the only place that names concrete adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager

from msgspec import Struct, structs

from actors.order.policy import Policy
from actors.runtime.errors import JournalUnavailable
from actors.runtime.lane import CallPolicy
from actors.runtime.ports import Partner
from adapters.carriers.ups.partner import Ups, UpsSettings
from adapters.carriers.ups.shipment import Shipper as UpsShipper
from adapters.erp.business_central.partner import BusinessCentral, BusinessCentralSettings
from adapters.kit.http_client import HttpClient, open_session
from adapters.kit.oauth import ClientCredentials
from adapters.messages.smtp.partner import MailSettings, SmtpMail
from adapters.messages.smtp.pool import SmtpServer
from adapters.nats.connection import Connection, NatsTooOld, NatsUnusable, connect
from adapters.nats.events import EventPublisher
from adapters.nats.intake_source import IntakeSource
from adapters.nats.publisher import Publisher
from adapters.postgres import migrate as migrations
from adapters.postgres.figures import Figures, read_fates, read_figures, shipped_seconds
from adapters.postgres.idempotency import Idempotency
from adapters.postgres.journal import PostgresJournal
from adapters.postgres.keys import ApiKey, ApiKeys, KeyRefused
from adapters.postgres.leases import Leases
from adapters.postgres.migrate import MigrationRefused
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.pool import Pool
from adapters.postgres.quarantine import PostgresQuarantine
from adapters.postgres.replay import streams
from adapters.postgres.retention import Retention
from adapters.postgres.sealing import KeyMissing, Sealing
from adapters.postgres.sealing_keys import agree
from adapters.postgres.signing_keys import SigningKeyDiffers, agree_on_signing
from adapters.postgres.stock import StockPartner, StockRow
from adapters.postgres.timeline import Entry
from adapters.postgres.timers import PostgresTimers
from adapters.postgres.views import OrderView, Page, Views
from adapters.warehouses.http.partner import HttpWarehouse, HttpWarehouseSettings
from schemas.messages.effects import CARRIER, ERP, MAIL, STOCK, STOREFRONT, WAREHOUSE
from schemas.order.canonical import Address
from service.app.clock import SystemClock
from service.app.errors import SchemaRefused, SecretsDiffer
from service.app.sealing_keys import sealing_of
from service.app.servers import Servers
from service.settings import CallLimits, Carrier, Erp, Mail, Settings, Warehouse
from service.wiring.channels import storefront
from service.wiring.local import CORRELATION_SECRET

__all__ = [
    "ApiKey",
    "ApiKeys",
    "Entry",
    "Figures",
    "JournalUnavailable",
    "KeyRefused",
    "NatsTooOld",
    "NatsUnusable",
    "OrderView",
    "Page",
    "Pool",
    "Store",
    "Views",
    "Wire",
    "migrate",
    "pending",
    "read_fates",
    "read_figures",
    "shipped_seconds",
    "streams",
]

LEASE_SECONDS = 15.0


class Store(Struct, frozen=True, kw_only=True):
    """Everything that is kept in Postgres."""

    pool: Pool
    reports: Pool
    leases: Leases
    sealing: Sealing
    journal: PostgresJournal
    outbox: PostgresOutbox
    timers: PostgresTimers
    quarantine: PostgresQuarantine
    stock: StockPartner
    views: Views
    idempotency: Idempotency
    retention: Retention


class Wire(Struct, frozen=True, kw_only=True):
    """The connection to the stream, what publishes to it and what reads it."""

    connection: Connection
    publisher: Publisher
    messages: IntakeSource


def correlation_keys(settings: Settings, servers: Servers) -> tuple[str, dict[str, bytes]]:
    """Return the active key id and all keys: configured ones, or one made in the data directory."""
    configured = settings.correlation
    if configured is None:
        return "k1", {"k1": servers.data.secret(CORRELATION_SECRET).encode()}
    return configured.active, {k: v.reveal().encode() for k, v in configured.keys.items()}


def policy_of(settings: Settings) -> Policy:
    """The durations that decisions use, as configured."""
    return Policy(**structs.asdict(settings.policy))


def call_policy_of(calls: CallLimits) -> CallPolicy:
    """How gently a partner is called, as configured.

    A partner's adapter ends each request by itself; the dispatcher's limit is the backstop for all
    the requests that one effect may need.
    """
    fields = structs.asdict(calls)
    fields["timeout_seconds"] = 2 * calls.timeout_seconds + 5.0
    return CallPolicy(**fields)


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
    on_lost: Callable[[Sequence[int]], None],
) -> Store:
    """Bring the schema up to date and open the pools. Takes no lease yet; `on_lost` is told when
    one of them goes to another process."""
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
        max_connections=4,
        deadline_seconds=limits.journal_timeout_seconds,
        by_key=False,
    )
    stack.push_async_callback(reports.close)
    leases = Leases(pool, servers.data.instance_id, ttl_seconds=LEASE_SECONDS, on_lost=on_lost)
    place = settings.warehouse.place if settings.warehouse else "main"
    sealing = sealing_of(settings, servers.data)
    await _agree_on_secrets(pool, sealing, *correlation_keys(settings, servers))
    return Store(
        pool=pool,
        reports=reports,
        leases=leases,
        sealing=sealing,
        journal=PostgresJournal(pool, leases, sealing, max_batch=limits.journal_batch),
        outbox=PostgresOutbox(pool, leases, sealing),
        timers=PostgresTimers(pool),
        quarantine=PostgresQuarantine(reports, sealing),
        stock=StockPartner(pool, place=place),
        views=Views(reports, sealing),
        idempotency=Idempotency(reports, sealing),
        retention=Retention(reports),
    )


async def _agree_on_secrets(
    pool: Pool, sealing: Sealing, active: str, keys: Mapping[str, bytes]
) -> None:
    try:
        await agree(pool, sealing)
        await agree_on_signing(pool, active, keys)
    except (KeyMissing, SigningKeyDiffers) as error:
        raise SecretsDiffer(str(error)) from error


async def open_wire(settings: Settings, servers: Servers, stack: AsyncExitStack) -> Wire:
    """Connect to NATS, make the streams where they are missing, and listen."""
    connection = await connect([servers.nats_url])
    stack.push_async_callback(connection.close)
    messages = IntakeSource(connection, prefetch=settings.limits.intake_batch * 4)
    await messages.start()
    publisher = Publisher(connection)
    await publisher.start()
    return Wire(connection=connection, publisher=publisher, messages=messages)


async def open_partners(
    settings: Settings,
    store: Store,
    wire: Wire,
    clock: SystemClock,
    stack: AsyncExitStack,
    *,
    own_url: str,
) -> dict[str, tuple[Partner, CallPolicy]]:
    """Make an adapter for each configured partner, by the name of its lane."""
    session = open_session()
    stack.push_async_callback(session.close)
    client = HttpClient(session, clock)
    partners: dict[str, tuple[Partner, CallPolicy]] = {
        STOCK: (
            store.stock,
            CallPolicy(rate_per_second=10_000.0, concurrency=512, settle_seconds=0.1),
        )
    }
    if settings.erp is not None:
        partners[ERP] = (_erp(settings.erp, client), call_policy_of(settings.erp.calls))
    if settings.warehouse is not None:
        warehouse = _warehouse(settings.warehouse, client, own_url)
        partners[WAREHOUSE] = (warehouse, call_policy_of(settings.warehouse.calls))
    if settings.carrier is not None:
        partners[CARRIER] = (
            _carrier(settings.carrier, client),
            call_policy_of(settings.carrier.calls),
        )
    if settings.mail is not None:
        mail = _mail(settings.mail, clock)
        stack.push_async_callback(mail.close)
        partners[MAIL] = (mail, call_policy_of(settings.mail.calls))
    events = EventPublisher(wire.connection)
    if any(channel.kind == "canonical" for channel in settings.channels.values()):
        await events.start()
    for name, channel in settings.channels.items():
        shop = storefront(name, channel, client, events, wire.publisher, clock)
        partners[f"{STOREFRONT}:{name}"] = (shop, call_policy_of(channel.calls))
    return partners


def _erp(erp: Erp, client: HttpClient) -> BusinessCentral:
    credentials = ClientCredentials(
        token_url=erp.token_url,
        client_id=erp.client_id,
        client_secret=erp.client_secret.reveal(),
        scope=erp.scope,
    )
    return BusinessCentral(
        client,
        BusinessCentralSettings(
            api_url=erp.base_url,
            company_id=erp.company_id,
            customer_number=erp.customer_number,
            shipping_account=erp.shipping_account,
            duty_account=erp.duty_account,
            credentials=credentials,
            timeout_seconds=erp.calls.timeout_seconds,
        ),
    )


def _warehouse(warehouse: Warehouse, client: HttpClient, own_url: str) -> HttpWarehouse:
    return HttpWarehouse(
        client,
        HttpWarehouseSettings(
            base_url=warehouse.base_url,
            token=warehouse.token.reveal(),
            place=warehouse.place,
            callback_url=f"{own_url.rstrip('/')}/hooks/{warehouse.name}",
            timeout_seconds=warehouse.calls.timeout_seconds,
        ),
    )


def _carrier(carrier: Carrier, client: HttpClient) -> Ups:
    shipper = carrier.shipper
    return Ups(
        client,
        UpsSettings(
            base_url=carrier.base_url,
            credentials=ClientCredentials(
                token_url=f"{carrier.base_url.rstrip('/')}/security/v1/oauth/token",
                client_id=carrier.client_id,
                client_secret=carrier.client_secret.reveal(),
                basic=True,
            ),
            shipper=UpsShipper(
                number=carrier.account_number,
                name=shipper.name,
                phone=shipper.phone,
                address=Address(
                    name=shipper.name,
                    lines=shipper.lines,
                    city=shipper.city,
                    region=shipper.region,
                    postal_code=shipper.postal_code,
                    country=shipper.country,
                ),
            ),
            services=dict(carrier.services),
            default_service=carrier.default_service,
            recovery_lag_seconds=carrier.recovery_lag_seconds,
            timeout_seconds=carrier.calls.timeout_seconds,
        ),
    )


def _mail(mail: Mail, clock: SystemClock) -> SmtpMail:
    server = SmtpServer(
        host=mail.host,
        port=mail.port,
        security=mail.security,
        username=mail.user,
        password=mail.password.reveal() if mail.password else "",
        connections=mail.calls.concurrency,
        timeout_seconds=mail.calls.timeout_seconds,
    )
    return SmtpMail(
        clock,
        MailSettings(
            server=server, sender=mail.from_address, shop_name=mail.from_name or mail.domain
        ),
    )


async def seed_stock(pool: Pool, skus: Sequence[str], on_hand: int, *, place: str = "main") -> None:
    """Put stock on the shelf, for the demo and tests; what is reserved stays so."""
    stock = StockPartner(pool, place=place)
    await stock.seed([StockRow(place=place, sku=sku, on_hand=on_hand) for sku in skus])
