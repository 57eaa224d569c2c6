"""The HTTP front: edge, API, health and metrics on one address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack

from msgspec import Struct

from adapters.channels.canonical.source import Canonical
from adapters.kit.inbound import SignatureRefused
from adapters.postgres.imported import Imported
from adapters.postgres.incident_views import IncidentViews
from adapters.postgres.keys import ApiKeys
from adapters.postgres.quarantine_workflow import QuarantineWorkflow
from schemas.order.ids import OrderId, Reference, verify_reference
from service.app.clock import SystemClock
from service.app.common import Common
from service.app.errors import OperatorError
from service.app.health import Check, Health
from service.app.web import HttpServer, application
from service.channels.api import ChannelsApi
from service.channels.run import channels_service
from service.http.bodies import Bodies
from service.imports.api import CsvApi
from service.inbound.edge import Edge
from service.incidents.api import IncidentsApi
from service.mappings.api import MappingsApi
from service.mappings.keeper import MappingsKeeper
from service.orders.api import Writing
from service.orders.labels import LabelLinks
from service.orders.reading import Finder, Reading
from service.privacy.api import PrivacyApi
from service.privacy.local import privacy_service
from service.quarantine.api import QuarantineApi
from service.quarantine.service import QuarantineService
from service.settings import Listen
from service.telemetry.metrics import CONTENT_TYPE
from service.wiring.channels import Readers, readers_by_kind, sources
from service.wiring.store import Store
from service.wiring.wire import Wire


class AddressTaken(OperatorError):
    """The HTTP server can't listen where it was told to."""

    exit_code = 9


class Front(Struct, frozen=True, kw_only=True):
    """The listening server. `own_url` is where partners reach it."""

    port: int
    own_url: str
    readers: Readers


async def open_front(
    common: Common,
    wire: Wire,
    store: Store,
    keeper: MappingsKeeper,
    stack: AsyncExitStack,
    *,
    keys: Mapping[str, bytes],
    sign: Callable[[OrderId], Reference],
) -> Front:
    """Listen. Until the service is ready `/readyz` says so; what comes in waits in the stream.
    `keys` are those that sign references, by their ids; `sign` gives an order its own."""
    settings, clock = common.settings, common.clock
    readers = Readers(settings, keys)
    bodies = Bodies(max_body_bytes=settings.limits.body_bytes)
    edge = Edge(
        sources(settings, keys),
        wire.publisher,
        bodies,
        forged=SignatureRefused,
        clock=clock,
        metrics=common.metrics,
        tracer=common.tracer,
        refused=common.refusals.count,
    )
    health = Health(
        common.readiness,
        _checks(wire, store),
        render_metrics=common.metrics.render,
        metrics_content_type=CONTENT_TYPE,
    )
    api_keys = ApiKeys(store.reports, monotonic=clock.monotonic)
    finder = Finder(store.views, lambda text: verify_reference(text, keys)[0])
    reading = Reading(store.views, finder, api_keys, clock)
    labels = LabelLinks(store.views, keys, clock)
    writing = Writing(
        wire.publisher,
        bodies,
        api_keys,
        store.idempotency,
        finder,
        channels=tuple(settings.channels),
        translate=Canonical().translate,
        sign=sign,
        clock=clock,
        refused=common.refusals.count,
    )
    quarantined = _quarantine_service(clock, wire, store, readers, keys)
    quarantine = QuarantineApi(quarantined, bodies, api_keys, store.idempotency, clock)
    incidents = IncidentsApi(IncidentViews(store.reports), api_keys, clock)
    channels = ChannelsApi(
        await channels_service(settings, clock, wire, store, stack),
        bodies,
        api_keys,
        clock,
    )
    mappings = MappingsApi(keeper, bodies, api_keys, clock)
    privacy_parts = (bodies, api_keys, store.idempotency, clock)
    privacy = PrivacyApi(privacy_service(store.reports, store.sealing, clock), *privacy_parts)
    imports = _imports(common, wire, store, bodies, api_keys)
    parts = (
        *(imports, edge, writing, reading, labels, quarantine, incidents, channels, mappings),
        *(privacy, health),
    )
    server = HttpServer(application([part.routes() for part in parts]))
    await _listen(server, settings.listen)
    stack.push_async_callback(server.stop)
    own_url = settings.listen.public_url or f"http://{settings.listen.host}:{server.port}"
    return Front(port=server.port, own_url=own_url, readers=readers)


async def _listen(server: HttpServer, listen: Listen) -> None:
    try:
        await server.start(listen.host, listen.port)
    except OSError as error:
        raise AddressTaken(
            f"{listen.host}:{listen.port} can't be listened on ({error.strerror}): stop what uses"
            " it, or choose another with ORDERWRIGHT_PORT."
        ) from error


def _quarantine_service(
    clock: SystemClock,
    wire: Wire,
    store: Store,
    readers: Readers,
    keys: Mapping[str, bytes],
) -> QuarantineService:
    return QuarantineService(
        QuarantineWorkflow(store.reports, store.sealing),
        wire.publisher,
        readers_by_kind(keys),
        readers.translate,
        clock,
    )


def _imports(
    common: Common,
    wire: Wire,
    store: Store,
    bodies: Bodies,
    api_keys: ApiKeys,
) -> CsvApi:
    return CsvApi(
        wire.publisher,
        Imported(store.reports),
        bodies,
        api_keys,
        store.idempotency,
        channels=tuple(common.settings.channels),
        clock=common.clock,
        refused=common.refusals.count,
    )


def _checks(wire: Wire, store: Store) -> dict[str, Check]:
    async def postgres() -> str:
        await store.reports.fetch("select 1")
        return ""

    async def nats() -> str:
        return "" if wire.connection.is_connected else "NATS is not connected."

    async def leases() -> str:
        return "" if store.leases.sure else "The lease on the orders was not renewed in time."

    return {"postgres": postgres, "nats": nats, "leases": leases}
