"""What `doctor` says of partners and channels: who plays which role, whether each can be reached
with its credential, and how the running service last found the channels."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from actors.kernel.setup import Place, Setup
from actors.runtime.errors import PartnerError, Retryable, Unknown
from adapters.kit.settings import PartnerSettings
from adapters.postgres.incident_views import IncidentViews
from adapters.postgres.sync import SyncStore
from adapters.postgres.troubles import Troubles
from schemas.contracts.incidents import API_VERSION_DRIFT
from service.app import tls
from service.app.clock import SystemClock
from service.app.errors import OperatorError
from service.app.findings import PARTNERS, Finding, bad, good
from service.app.sessions import NoStream, open_reports
from service.settings import Settings
from service.settings.roles import places_of, setups
from service.wiring.channels import api_version
from service.wiring.partners import Kits, open_client, probe

AT_ONCE = 8
"""Instances that are probed at the same time: a thousand channels take a minute or two."""

PROBE_SECONDS = 30.0
"""For one instance, token and call together."""


def roles(settings: Settings) -> list[Finding]:
    """Say who plays which role for each channel, and at each place."""
    if not settings.channels:
        return [bad("roles", "no channel is configured, so no order can come in.")]
    findings = [good(f"roles of {name}", _roles(one)) for name, one in setups(settings).items()]
    return findings + [good(f"place {one.name}", _place(one)) for one in places_of(settings)]


async def probes(settings: Settings) -> list[Finding]:
    """Make one harmless call to each instance, and say what it found."""
    found: list[tuple[str, PartnerSettings]] = [*settings.partners.items()]
    found += settings.channels.items()
    room, clock = asyncio.Semaphore(AT_ONCE), SystemClock()
    async with AsyncExitStack() as stack:
        client = open_client(settings, stack, clock, connections_per_host=AT_ONCE)
        kits = Kits(settings, client, clock, intake=NoStream())
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_probed(name, instance, kits, room)) for name, instance in found
            ]
    return [task.result() for task in tasks]


async def channel_jobs(settings: Settings, dsn: str) -> list[Finding]:
    """Say of each channel that can be asked how the running service last found it."""
    async with open_reports(dsn) as pool:
        rows = await SyncStore(pool).progress()
        drifted = await IncidentViews(pool).list_incidents(SystemClock().now(), is_open=True)
    drift = next((one for one in drifted if one.category == API_VERSION_DRIFT), None)
    findings = []
    for name, channel in settings.channels.items():
        jobs = [one for one in rows if one.channel == name]
        faults = [f"{one.job}: {one.outcome}" for one in jobs if not one.good]
        if drift is not None and name in drift.channels:
            expected = api_version(channel) or "the one that is known here"
            faults.append(f"it sends or answers in another API version than {expected}.")
        what = f"channel {name}"
        if faults:
            findings.append(bad(what, " ".join(faults)))
        elif jobs:
            words = [f"{one.job}: {one.outcome.rstrip('.')}" for one in jobs]
            if version := api_version(channel):
                words.insert(0, f"API version {version}")
            findings.append(good(what, f"{'; '.join(words)}."))
        elif not settings.listen.public_url and channel.kind != "canonical":
            findings.append(
                good(what, "its subscriptions are not watched; that needs listen.public_url.")
            )
    return findings


async def not_called(dsn: str) -> list[Finding]:
    """Say which partners the running service does not call, and why."""
    async with open_reports(dsn) as pool:
        found = await Troubles(pool).all()
    return [
        bad(f"{one.lane}, not called", f"since {one.since:%Y-%m-%d %H:%M:%S} UTC: {one.words}")
        for one in found
    ]


async def _probed(
    name: str, settings: PartnerSettings, kits: Kits, room: asyncio.Semaphore
) -> Finding:
    what, clock = f"{name} ({settings.kind})", SystemClock()
    async with room:
        began = clock.monotonic()
        certificates = await tls.certificates(tls.addresses(settings))
        details = tuple(one.words(clock.now()) for one in certificates)
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                said = await probe(settings, kits.of(name))
        except TimeoutError:
            words = f"did not answer within {PROBE_SECONDS:g} seconds."
            return bad(what, words, PARTNERS, details=details)
        except (Retryable, Unknown) as error:
            return bad(what, str(error), PARTNERS, details=details)
        except (PartnerError, OperatorError) as error:
            return bad(what, str(error), details=details)
    details = (f"answered after {clock.monotonic() - began:.2f} s", *details)
    ending = [one.words(clock.now()) for one in certificates if one.ends_soon(clock.now())]
    if ending:
        return bad(what, f"{ending[0]}. Have it renewed.", PARTNERS, details=details)
    return good(what, said, details=details)


def _roles(setup: Setup) -> str:
    erp = f"{setup.erp} books its orders" if setup.erp else "no ERP books its orders"
    mail = f"{setup.mail} writes to its customers" if setup.mail else "we send no mail"
    stock = "stock is reserved" if setup.stock else "stock is not kept"
    places = ", ".join(place.name for place in setup.places)
    leave = f"goods leave from {places}" if places else "nothing is shipped by us"
    return f"{erp}; {mail}; {stock}; {leave}."


def _place(place: Place) -> str:
    packs = f"{place.warehouse} packs" if place.warehouse else "a person packs and reports"
    carries = f"{place.carrier} carries" if place.carrier else "no carrier is asked"
    labels = {"us": "we buy labels", "them": "it buys its own labels", "none": "no labels"}
    return f"{packs}; {carries}; {labels[place.labels]}."
