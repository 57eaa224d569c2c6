"""Puts the console together: the frame, and each feature's pages in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from aiohttp import web
from msgspec import Struct

from adapters.postgres.audit import Audit
from adapters.postgres.in_house import PostgresInHouse
from adapters.postgres.incident_views import IncidentViews
from adapters.postgres.order_views import OrderViews
from adapters.postgres.timeline_pages import TimelinePages
from adapters.postgres.users import Users
from service.app.common import Common
from service.audit.pages import AuditPages
from service.batches.pages import BatchPages
from service.batches.service import BatchService
from service.channels.pages import PartnerPages
from service.channels.service import ChannelsService
from service.console.assets import Assets
from service.console.frame import Frame
from service.console.overview import OverviewPages
from service.console.passwords import Passwords, Tries
from service.console.rendering import Renderer
from service.console.sign_in import SignIn
from service.http.bodies import Bodies
from service.http.peers import Peers
from service.inbound.edge import Stream
from service.incidents.pages import IncidentPages
from service.mappings.keeper import MappingsKeeper
from service.mappings.pages import MappingPages
from service.orders.acting import ActingPages
from service.orders.earlier import Earlier
from service.orders.earlier_pages import EarlierPages
from service.orders.pages import OrderPages
from service.orders.reading import Finder
from service.orders.saved import SavedPages
from service.orders.sending import Decisions
from service.quarantine.pages import QuarantinePages
from service.quarantine.service import QuarantineService
from service.recon.pages import ReconPages
from service.recon.service import ReconService
from service.reviews.pages import ReviewPages
from service.reviews.service import ReviewService
from service.rules.checking import RulesService
from service.rules.editing import RuleEditing
from service.rules.pages import RulePages
from service.warehouse.pages import WarehousePages
from service.wiring.store import Store


class Services(Struct, frozen=True):
    """What features do, for API and console alike."""

    batches: BatchService
    quarantine: QuarantineService
    channels: ChannelsService
    reviews: ReviewService
    recon: ReconService
    earlier: Earlier
    rules: RulesService
    mappings: MappingsKeeper


def console_routes(
    common: Common,
    store: Store,
    stream: Stream,
    bodies: Bodies,
    peers: Peers,
    finder: Finder,
    *,
    services: Services,
    known: Collection[str],
    partners: Mapping[str, str],
    labelled: Collection[str],
) -> list[web.RouteDef]:
    """Return the routes of all pages. Nothing of them works while no one looks: no task runs, and
    templates are compiled when first shown. `known` are the channels, `partners` the instances'
    kinds by name, `labelled` the places whose labels we buy; a reload changes all of them."""
    monotonic = common.clock.monotonic
    pages = TimelinePages(store.reports, store.sealing)
    audit, saved = Audit(store.reports), OrderViews(store.reports)
    house = PostgresInHouse(store.reports, store.views)
    frame = Frame(
        Users(store.reports),
        bodies,
        common.clock,
        Renderer(),
        public_url=common.settings.listen.public_url,
    )
    parts = (
        Assets(),
        SignIn(frame, Passwords(), Tries(monotonic), peers, audit),
        OverviewPages(frame, store.reports, monotonic),
        SavedPages(frame, saved),
        OrderPages(frame, store.views, finder, audit, known, saved, pages=pages),
        EarlierPages(frame, store.views, finder, services.earlier, pages),
        ActingPages(frame, store.views, finder, Decisions(stream)),
        QuarantinePages(frame, services.quarantine, audit),
        IncidentPages(frame, IncidentViews(store.reports), store.views),
        ReviewPages(frame, services.reviews),
        BatchPages(frame, services.batches),
        ReconPages(frame, services.recon, store.views),
        WarehousePages(frame, store.views, house, stream, audit, labelled),
        MappingPages(frame, services.mappings, monotonic),
        RuleEditing(frame, services.rules),
        RulePages(frame, services.rules),
        AuditPages(frame, audit, store.views),
        PartnerPages(frame, services.channels, store.reports, partners),
    )
    return [route for part in parts for route in part.routes()]
