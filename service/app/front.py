"""The HTTP front: edge, API, health and metrics on one address."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from msgspec import Struct

from schemas.order.ids import verify_correlation_id
from service.app.errors import OperatorError
from service.app.health import Check, Health
from service.app.web import HttpServer, application
from service.channels.api import ChannelsApi
from service.channels.run import channels_service
from service.http.base import Api
from service.http.bodies import Bodies
from service.imports.api import CsvApi
from service.inbound.edge import Edge
from service.incidents.api import IncidentsApi
from service.mappings.api import MappingsApi
from service.orders.api import Writing
from service.orders.reading import Finder, Reading
from service.privacy.api import PrivacyApi
from service.privacy.local import privacy_service
from service.quarantine.api import QuarantineApi
from service.quarantine.service import QuarantineService
from service.settings import Listen
from service.telemetry.metrics import CONTENT_TYPE
from service.wiring import (
    channels as wiring_channels,
)
from service.wiring import (
    quarantine as wiring_quarantine,
)
from service.wiring import (
    root as wiring,
)
from service.wiring.imports import Imported
from service.wiring.incidents import IncidentViews

if TYPE_CHECKING:
    from service.app.process import Service


class AddressTaken(OperatorError):
    """The HTTP server can't listen on its address."""

    exit_code = 9


class Front(Struct, frozen=True, kw_only=True):
    """The listening server. `own_url` is where partners reach it."""

    port: int
    own_url: str
    sources: Mapping[str, wiring_channels.Source]


async def open_front(
    service: Service,
    wire: wiring.Wire,
    store: wiring.Store,
    keys: Mapping[str, bytes],
    stack: AsyncExitStack,
) -> Front:
    """Listen. `/readyz` reports when the service is ready; until then messages wait in the
    stream."""
    settings = service.settings
    sources = wiring_channels.sources(settings, keys)
    bodies = Bodies(max_body_bytes=settings.limits.body_bytes)
    edge = Edge(
        sources,
        wire.publisher,
        bodies,
        forged=wiring_channels.SignatureRefused,
        clock=service.clock,
        metrics=service.metrics,
        tracer=service.tracer,
        refused=service.refusals.count,
    )
    health = Health(
        service.readiness,
        _checks(wire, store),
        render_metrics=service.metrics.render,
        metrics_content_type=CONTENT_TYPE,
    )
    keys_of_api = wiring.ApiKeys(store.reports, monotonic=service.clock.monotonic)
    api = Api(keys_of_api, bodies, store.idempotency, service.clock)
    finder = Finder(store.views, lambda text: verify_correlation_id(text, keys))
    reading = Reading(store.views, finder, api)
    writing = Writing(
        wire.publisher,
        api,
        finder,
        channels=tuple(settings.channels),
        translate=wiring_channels.Canonical().translate,
        sign=service.runtime.correlation_id,
        refused=service.refusals.count,
    )
    quarantine = QuarantineApi(_quarantine_service(service, wire, store, sources), api)
    incidents = IncidentsApi(IncidentViews(store.reports), api)
    channels = ChannelsApi(await channels_service(service, wire, store, stack), api)
    mappings = MappingsApi(service.mappings, api)
    privacy = PrivacyApi(privacy_service(store.reports, store.sealing, service.clock), api)
    imports = CsvApi(
        wire.publisher,
        Imported(store.reports),
        api,
        channels=tuple(settings.channels),
        refused=service.refusals.count,
    )
    parts = (
        *(imports, edge, writing, reading, quarantine, incidents, channels, mappings, privacy),
        health,
    )
    server = HttpServer(application([part.routes() for part in parts]))
    await _listen(server, settings.listen)
    stack.push_async_callback(server.stop)
    own_url = settings.listen.public_url or f"http://{settings.listen.host}:{server.port}"
    return Front(port=server.port, own_url=own_url, sources=sources)


async def _listen(server: HttpServer, listen: Listen) -> None:
    try:
        await server.start(listen.host, listen.port)
    except OSError as error:
        raise AddressTaken(
            f"Can't listen on {listen.host}:{listen.port} ({error.strerror}): stop what uses it, or"
            " choose another port with ORDERWRIGHT_PORT."
        ) from error


def _quarantine_service(
    service: Service,
    wire: wiring.Wire,
    store: wiring.Store,
    sources: Mapping[str, wiring_channels.Source],
) -> QuarantineService:
    return QuarantineService(
        wiring_quarantine.QuarantineWorkflow(store.reports, store.sealing),
        wire.publisher,
        {source.kind: source for source in sources.values()},
        wiring_channels.translator(sources),
        service.clock,
    )


def _checks(wire: wiring.Wire, store: wiring.Store) -> dict[str, Check]:
    async def postgres() -> str:
        await store.reports.fetch("select 1")
        return ""

    async def nats() -> str:
        return "" if wire.connection.is_connected else "NATS is not connected."

    async def leases() -> str:
        return "" if store.leases.sure else "The lease on the orders was not renewed in time."

    return {"postgres": postgres, "nats": nats, "leases": leases}
