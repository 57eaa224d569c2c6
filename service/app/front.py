"""The HTTP front: edge, API, health and metrics on one address."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import web
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
from service.app.disk import Disk
from service.app.errors import OperatorError
from service.app.health import Check, Health
from service.app.specs import Specs
from service.app.web import HttpServer, ServerLimits, application
from service.channels.api import ChannelsApi
from service.channels.run import channels_service
from service.facts.api import FactsApi
from service.http.base import Api
from service.http.bodies import Bodies
from service.http.peers import Peers, WrongKeys, count_wrong_keys
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
from service.settings import Listen, Settings
from service.telemetry.metrics import CONTENT_TYPE
from service.wiring.channels import Readers, readers_by_kind, sources, takes_canonical
from service.wiring.store import Store
from service.wiring.wire import Wire

PARTS: tuple[type[Any], ...] = (
    *(Writing, CsvApi, FactsApi, Edge, Reading, LabelLinks, QuarantineApi, IncidentsApi),
    *(ChannelsApi, MappingsApi, PrivacyApi, Health),
)
"""What answers: each says its own routes, which do not depend on what it is made of."""

HEALTH_LIMITS = ServerLimits(max_connections=64, max_of_peer=64, max_headers=32, idle_seconds=5.0)
"""Of the port for probes: what a few probes and one scraper need."""


class AddressTaken(OperatorError):
    """The HTTP server can't listen on its address."""

    exit_code = 9


class Front(Struct, frozen=True, kw_only=True):
    """The listening server. `own_url` is where partners reach it."""

    port: int
    own_url: str
    readers: Readers
    use: Callable[[Settings], None]
    """Serve by these settings from now on; raises before anything has changed."""


async def open_front(
    common: Common,
    wire: Wire,
    store: Store,
    keeper: MappingsKeeper,
    stack: AsyncExitStack,
    *,
    keys: Mapping[str, bytes],
    sign: Callable[[OrderId], Reference],
    disk: Disk,
) -> Front:
    """Listen. `/readyz` reports when the service is ready; until then messages wait in the
    stream. `keys` sign references, by key id; `sign` returns the reference of an order."""
    settings, clock = common.settings, common.clock
    readers = Readers(settings, keys)
    peers = Peers(settings.listen.proxies)
    bodies = Bodies(max_body_bytes=settings.limits.body_bytes, peers=peers)
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
        _checks(wire, store, disk),
        render_metrics=common.metrics.render,
        metrics_content_type=CONTENT_TYPE,
    )
    api = _api(common, store, bodies, peers)
    finder = Finder(store.views, lambda text: verify_reference(text, keys)[0])
    reading = Reading(store.views, finder, api)
    labels = LabelLinks(store.views, keys, clock)
    takers, named = set(_takers(settings)), set(settings.channels)
    ordering = _ordering(common, wire, store, api, finder, sign=sign, channels=takers)
    quarantine = QuarantineApi(_quarantine_service(clock, wire, store, readers, keys), api)
    incidents = IncidentsApi(IncidentViews(store.reports), api)
    service, use_channels = await channels_service(settings, clock, wire, store, stack)
    channels = ChannelsApi(service, api)
    mappings = MappingsApi(keeper, api)
    privacy = PrivacyApi(privacy_service(store.reports, store.sealing, clock), api)
    facts = FactsApi(wire.events, api, named)
    parts = (
        *(*ordering, facts, edge, reading, labels, quarantine, incidents, channels, mappings),
        *(privacy, health),
    )
    await listen_for_health(health, settings.listen, stack)
    routes = [part.routes() for part in parts]
    routes.append(Specs([route for some in routes for route in some]).routes())
    server = HttpServer(application(routes), peers=peers)
    await _listen(server, settings.listen.host, settings.listen.port, "ORDERWRIGHT_PORT")
    stack.push_async_callback(server.stop)
    own_url = settings.listen.public_url or f"http://{settings.listen.host}:{server.port}"

    def use(new: Settings) -> None:
        senders = sources(new, keys)
        use_channels(new)
        readers.use(new)
        edge.use(senders)
        bodies.max_body_bytes = new.limits.body_bytes
        takers.update(_takers(new))
        named.update(new.channels)

    return Front(port=server.port, own_url=own_url, readers=readers, use=use)


def _api(common: Common, store: Store, bodies: Bodies, peers: Peers) -> Api:
    monotonic = common.clock.monotonic
    wrong = WrongKeys(peers, monotonic=monotonic, count=count_wrong_keys(common.metrics.registry))
    keys = ApiKeys(store.reports, monotonic=monotonic)
    return Api(keys, bodies, store.idempotency, common.clock, wrong)


def _takers(settings: Settings) -> list[str]:
    """Return the channels that orders of our own contract may be sent to."""
    return [name for name, one in settings.channels.items() if takes_canonical(one)]


def _ordering(
    common: Common,
    wire: Wire,
    store: Store,
    api: Api,
    finder: Finder,
    *,
    sign: Callable[[OrderId], Reference],
    channels: Collection[str],
) -> tuple[Writing, CsvApi]:
    """What takes orders of our own contract and people's decisions, one at a time or as a file.
    `channels` are looked at with each request."""
    refused = common.refusals.count
    writing = Writing(
        wire.publisher,
        api,
        finder,
        channels=channels,
        translate=Canonical().translate,
        sign=sign,
        refused=refused,
    )
    imported = Imported(store.reports)
    return writing, CsvApi(wire.publisher, imported, api, channels=channels, refused=refused)


def routes_of_all() -> list[web.RouteDef]:
    """Return the routes of all parts, to be described, not to be served."""
    return [route for part in PARTS for route in part.routes(object.__new__(part))]


async def listen_for_health(health: Health, listen: Listen, stack: AsyncExitStack) -> None:
    """Answer probes on their own port as well, where there is one: no one else's connections count
    there."""
    if listen.health_port:
        server = HttpServer(application([health.routes()]), HEALTH_LIMITS)
        await _listen(server, listen.host, listen.health_port, "ORDERWRIGHT_HEALTH_PORT")
        stack.push_async_callback(server.stop)


async def _listen(server: HttpServer, host: str, port: int, variable: str) -> None:
    try:
        await server.start(host, port)
    except OSError as error:
        # The loop words it at length, with the address once more.
        why = os.strerror(error.errno) if error.errno else str(error)
        raise AddressTaken(
            f"Can't listen on {host}:{port} ({why}): stop what uses it, or choose another port with"
            f" {variable}."
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
        readers.read,
        readers.require_origin,
        clock,
    )


def _checks(wire: Wire, store: Store, disk: Disk) -> dict[str, Check]:
    async def postgres() -> str:
        await store.reports.fetch("select 1")
        return ""

    async def nats() -> str:
        return "" if wire.connection.is_connected else "NATS is not connected."

    async def leases() -> str:
        return "" if store.leases.sure else "The lease on the orders was not renewed in time."

    async def room() -> str:
        return disk.why_full()

    async def stream() -> str:
        return disk.why_silent()

    checks = {"postgres": postgres, "nats": nats, "leases": leases}
    return {**checks, "disk": room, "stream": stream}
