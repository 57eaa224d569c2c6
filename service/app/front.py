"""The HTTP front: edge, API, health and metrics on one address."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from aiohttp import web
from msgspec import Struct

from adapters.channels.canonical.source import Canonical
from adapters.kit.inbound import SignatureRefused
from adapters.postgres.alerts import Alerts
from adapters.postgres.availability import Availability
from adapters.postgres.batches import Batches
from adapters.postgres.imported import Imported
from adapters.postgres.incident_views import IncidentViews
from adapters.postgres.keys import ApiKeys
from adapters.postgres.past import Past
from adapters.postgres.quarantine_workflow import QuarantineWorkflow
from adapters.postgres.recon import Recon
from adapters.postgres.reviews import Reviews
from adapters.postgres.rule_trials import RuleTrials
from adapters.postgres.rules import PostgresRules
from adapters.postgres.stock_ledger import StockLedger
from schemas.order.ids import OrderId, Reference, verify_reference
from service.alerts.api import AlertsApi
from service.app.clock import SystemClock
from service.app.common import Common
from service.app.console import Services, console_routes
from service.app.disk import Disk
from service.app.errors import OperatorError
from service.app.health import Check, Health
from service.app.specs import Specs
from service.app.together import Together
from service.app.web import HttpServer, ServerLimits, application
from service.availability.api import AvailabilityApi
from service.availability.feed import Feed
from service.batches.api import BatchesApi
from service.batches.service import BatchService
from service.books.api import BooksApi
from service.books.run import books_service
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
from service.orders.earlier import Earlier
from service.orders.labels import LabelLinks
from service.orders.reading import Finder, Reading
from service.privacy.api import PrivacyApi
from service.privacy.local import privacy_service
from service.quarantine.api import QuarantineApi
from service.quarantine.service import QuarantineService
from service.recon.api import ReconApi
from service.recon.reading import plan
from service.recon.service import ReconService
from service.reviews.api import ReviewsApi
from service.reviews.service import ReviewService
from service.rules.api import RulesApi
from service.rules.checking import RulesService
from service.rules.trials import PAGE, Trials
from service.settings import Listen, Settings
from service.settings.roles import places_of
from service.stock.api import StockApi
from service.stock.reporting import StockReceiver
from service.stock.service import place_names
from service.telemetry.metrics import CONTENT_TYPE
from service.wiring.channels import Readers, readers_by_kind, sources, takes_canonical
from service.wiring.store import Store
from service.wiring.wire import Wire

PARTS: tuple[type[Any], ...] = (
    *(Writing, CsvApi, FactsApi, Edge, Reading, LabelLinks, QuarantineApi, IncidentsApi),
    *(ChannelsApi, MappingsApi, PrivacyApi, StockApi, AlertsApi, ReviewsApi, RulesApi),
    *(BatchesApi, ReconApi, BooksApi, AvailabilityApi),
    Health,
)
"""What answers: each says its own routes, which do not depend on what it is made of."""

HEALTH_LIMITS = ServerLimits(max_connections=64, max_of_peer=64, max_headers=32, idle_seconds=5.0)
"""Of the port for probes: what a few probes and one scraper need."""


class AddressTaken(OperatorError):
    """The HTTP server can't listen on its address."""

    exit_code = 9


class Front(Struct, frozen=True, kw_only=True):
    """The listening server. `own_url` is where partners reach it. A worker, who shares its port,
    says how it stands itself on its private one, which is 0 for the only process."""

    port: int
    own_url: str
    private_port: int
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
    edge, use_edge = _edge(common, wire, store, bodies, keys)
    health = _health(common, wire, store, disk)
    api = _api(common, store, bodies, peers)
    finder = Finder(store.views, lambda text: verify_reference(text, keys)[0])
    takers, named = set(_takers(settings)), set(settings.channels)
    ordering = _ordering(common, wire, store, api, finder, sign=sign, channels=takers)
    refused = _quarantine_service(clock, wire, store, readers, keys)
    service, use_channels = await channels_service(settings, clock, wire, store, stack)
    privacy = PrivacyApi(privacy_service(store.reports, store.sealing, clock), api)
    stock = StockApi(StockLedger(store.reports), api, place_names(settings))
    reviews, rules = _reviews(common, wire, store), _rules(common, store, stack)
    recon = ReconApi(ReconService(Recon(store.reports), plan(settings)), api)
    books = BooksApi(books_service(store, settings), api)
    feed = Feed(Availability(store.reports), clock, settings)
    batches = BatchService(Batches(store.reports, store.sealing), named)
    parts = (
        *(*ordering, FactsApi(wire.events, api, named), edge, privacy, stock, recon, books),
        RulesApi(rules, api),
        *(Reading(store.views, finder, api, known=named), ChannelsApi(service, api)),
        *(AlertsApi(Alerts(store.reports), api), ReviewsApi(reviews, api), AvailabilityApi(feed)),
        *(IncidentsApi(IncidentViews(store.reports), api), LabelLinks(store.views, keys, clock)),
        *(MappingsApi(keeper, api), QuarantineApi(refused, api), BatchesApi(batches, api), health),
    )
    routes = [part.routes() for part in parts]
    routes.append(Specs([route for some in routes for route in some]).routes())
    kinds, labelled = _kinds(settings), _labelled(settings)
    seen = common, store, wire.publisher, bodies, peers, finder
    earlier = Earlier(store.reports, store.sealing, settings)
    services = Services(batches, refused, service, reviews, recon.service, earlier, rules, keeper)
    routes.append(
        console_routes(*seen, services=services, known=named, partners=kinds, labelled=labelled)
    )
    server = HttpServer(application(routes), peers=peers)
    own_url = await _serve_on(server, health, common, stack)
    alone = await _listen_alone(_health_of(Health, common, wire, store, disk), common, stack)

    def use(new: Settings) -> None:
        use_edge(new)
        use_channels(new)
        readers.use(new)
        bodies.max_body_bytes = new.limits.body_bytes
        takers.update(_takers(new))
        named.update(new.channels)
        stock.places = place_names(new)
        feed.use(new)
        rules.settings = earlier.settings = new
        recon.service.plan = plan(new)
        books.service.settings = new
        kinds.update(_kinds(new))
        _renew(labelled, _labelled(new))
        reviews.policy, reviews.limits = new.reviews, new.approvals

    return Front(port=server.port, own_url=own_url, private_port=alone, readers=readers, use=use)


def _renew(known: set[str], now: set[str]) -> None:
    """Have others who hold a set see what it has by now."""
    known.clear()
    known.update(now)


def _labelled(settings: Settings) -> set[str]:
    """Return the places whose labels we buy."""
    return {one.name for one in places_of(settings) if one.labels == "us" and one.carrier}


def _edge(
    common: Common, wire: Wire, store: Store, bodies: Bodies, keys: Mapping[str, bytes]
) -> tuple[Edge, Callable[[Settings], None]]:
    """Return what takes webhooks, and what has it take those of other settings."""
    settings, clock = common.settings, common.clock
    counted = StockReceiver(settings, store.reports, clock, common.metrics.registry)
    edge = Edge(
        sources(settings, keys),
        wire.publisher,
        bodies,
        forged=SignatureRefused,
        clock=clock,
        metrics=common.metrics,
        tracer=common.tracer,
        at_once=counted.take,
        refused=common.refusals.count,
    )

    def use(new: Settings) -> None:
        edge.use(sources(new, keys))
        counted.use(new)

    return edge, use


def _reviews(common: Common, wire: Wire, store: Store) -> ReviewService:
    given = Reviews(store.reports), store.views, wire.publisher
    return ReviewService(*given, common.settings.reviews, common.settings.approvals)


def _rules(common: Common, store: Store, stack: AsyncExitStack) -> RulesService:
    rules, past = PostgresRules(store.reports), Past(store.reports, store.sealing, page=PAGE)
    trials = Trials(RuleTrials(store.reports), rules, past, common.clock)
    stack.push_async_callback(trials.stop)
    return RulesService(rules, trials, common.settings)


def _health(common: Common, wire: Wire, store: Store, disk: Disk) -> Health:
    """What answers for this process, and for all workers where it is one of them."""
    worker = common.worker
    if worker is None:
        return _health_of(Health, common, wire, store, disk)
    of_all = partial(
        Together,
        number=worker.assigned.number,
        count=worker.assigned.processes,
        siblings=lambda: worker.siblings,
    )
    return _health_of(of_all, common, wire, store, disk)


def _health_of(
    make: Callable[..., Health], common: Common, wire: Wire, store: Store, disk: Disk
) -> Health:
    return make(
        common.readiness,
        _checks(wire, store, disk, has_orders=common.has_orders),
        render_metrics=common.metrics.render,
        metrics_content_type=CONTENT_TYPE,
    )


def _api(common: Common, store: Store, bodies: Bodies, peers: Peers) -> Api:
    monotonic = common.clock.monotonic
    wrong = WrongKeys(peers, monotonic=monotonic, count=count_wrong_keys(common.metrics.registry))
    keys = ApiKeys(store.reports, monotonic=monotonic)
    return Api(keys, bodies, store.idempotency, common.clock, wrong)


def _kinds(settings: Settings) -> dict[str, str]:
    return {name: one.kind for name, one in settings.partners.items()}


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


async def _serve_on(
    server: HttpServer, health: Health, common: Common, stack: AsyncExitStack
) -> str:
    """Listen where it is configured, a worker together with the others; return our own address."""
    listen, worker = common.settings.listen, common.worker
    shared = worker is not None
    if worker is not None and not worker.assigned.listens:
        return listen.public_url or f"http://{listen.host}:{worker.assigned.port}"
    await listen_for_health(health, listen, stack, shared=shared)
    port = worker.assigned.port if worker is not None else listen.port
    await _listen(server, listen.host, port, "ORDERWRIGHT_PORT", shared=shared)
    stack.push_async_callback(server.stop)
    return listen.public_url or f"http://{listen.host}:{server.port}"


async def _listen_alone(health: Health, common: Common, stack: AsyncExitStack) -> int:
    """Answer for this worker alone, on a port that the system chooses; return it. 0, and nothing is
    listened on, where there are no others."""
    if common.worker is None:
        return 0
    server = HttpServer(application([health.routes()]), HEALTH_LIMITS)
    await server.start("127.0.0.1", 0)
    stack.push_async_callback(server.stop)
    return server.port


async def listen_for_health(
    health: Health, listen: Listen, stack: AsyncExitStack, *, shared: bool = False
) -> None:
    """Answer probes on their own port as well, where there is one: no one else's connections count
    there. `shared`: with the other workers."""
    if listen.health_port:
        server = HttpServer(application([health.routes()]), HEALTH_LIMITS)
        port, variable = listen.health_port, "ORDERWRIGHT_HEALTH_PORT"
        await _listen(server, listen.host, port, variable, shared=shared)
        stack.push_async_callback(server.stop)


async def _listen(server: HttpServer, host: str, port: int, variable: str, *, shared: bool) -> None:
    try:
        await server.start(host, port, shared=shared)
    except OSError as error:
        raise AddressTaken(why_taken(host, port, variable, error)) from error


def why_taken(host: str, port: int, variable: str, error: OSError) -> str:
    """Say why an address can't be listened on, and what to do."""
    # The loop words it at length, with the address once more.
    why = os.strerror(error.errno) if error.errno else str(error)
    return (
        f"Can't listen on {host}:{port} ({why}): stop what uses it, or choose another port with"
        f" {variable}."
    )


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


def _checks(wire: Wire, store: Store, disk: Disk, *, has_orders: bool) -> dict[str, Check]:
    async def postgres() -> str:
        await store.reports.fetch("select 1")
        return ""

    async def nats() -> str:
        return "" if wire.connection.is_connected else "NATS is not connected."

    async def leases() -> str:
        sure = not has_orders or store.leases.sure
        return "" if sure else "The lease on the orders was not renewed in time."

    async def room() -> str:
        return disk.why_full()

    async def stream() -> str:
        return disk.why_silent()

    checks = {"postgres": postgres, "nats": nats, "leases": leases}
    return {**checks, "disk": room, "stream": stream}
