"""What a person may ask of the sales channels: their status, a comparison, one order fetched again.

Every change is audited with who made it and why.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from actors.runtime.errors import PartnerError
from adapters.kit.settings import ChannelSettings
from adapters.kit.sync import ChannelSync
from adapters.postgres.audit import Audit
from adapters.postgres.incident_views import IncidentViews
from adapters.postgres.sync import Progress, SyncStore
from schemas.contracts.incidents import API_VERSION_DRIFT
from schemas.contracts.refusals import CHANNEL_DISCONNECTED
from schemas.order.ids import order_id_for
from service.app.clock import SystemClock, new_id
from service.app.errors import OperatorError
from service.channels.backfill import KIND, SOURCE, Backfill, Found, refetch_body
from service.channels.sync import BACKFILL, SUBSCRIPTIONS
from service.inbound.edge import Stream
from service.wiring.channels import api_version

MAX_PAGES = 40
"""Pages that one manual comparison reads, ten thousand orders; the result says where it ended."""

DISCONNECTED = (
    "The channel reports that our app was uninstalled: no orders arrive, and no updates can be "
    "sent. Install the app again and renew the token, or remove the channel; then discard the "
    "message about it in quarantine."
)

MAX_DAYS = 60
"""How far back a comparison may begin: Shopify shows older orders only with a permission."""


class ChannelRefused(OperatorError):
    """The channel can't do what was asked; the text says why."""


class NoSuchChannel(OperatorError):
    """No channel has this name."""

    exit_code = 11


class ChannelView(Struct, frozen=True, kw_only=True):
    """The status of one channel. `can_be_asked`: its kind has an API that lists orders."""

    name: str
    kind: str
    api_version: str
    can_be_asked: bool
    words: str
    jobs: tuple[Progress, ...] = ()


class ChannelsService:
    """`shops` holds the channels that have an API. Raises JournalUnavailable and StreamUnavailable
    as the servers do, and ChannelRefused with the channel's own words."""

    def __init__(
        self,
        channels: Mapping[str, ChannelSettings],
        shops: Mapping[str, ChannelSync],
        store: SyncStore,
        audit: Audit,
        stream: Stream,
        clock: SystemClock,
        *,
        incidents: IncidentViews,
    ) -> None:
        self._incidents = incidents
        self._channels = channels
        self._shops = shops
        self._store = store
        self._audit = audit
        self._stream = stream
        self._clock = clock

    def use(
        self, channels: Mapping[str, ChannelSettings], shops: Mapping[str, ChannelSync]
    ) -> None:
        """Serve these channels from now on."""
        self._channels, self._shops = channels, shops

    async def views(self) -> list[ChannelView]:
        """Return every configured channel."""
        rows = await self._store.progress()
        told = await self._incidents_told()
        return [self._view(name, rows, told) for name in sorted(self._channels)]

    async def show(self, name: str) -> ChannelView:
        """Return one channel. Raises NoSuchChannel."""
        self._channel(name)
        return self._view(name, await self._store.progress(name), await self._incidents_told())

    async def check(self, name: str) -> Found:
        """Compare the channel's last window with ours; fetches nothing."""
        channel = self._channel(name)
        until = self._clock.now() - timedelta(seconds=channel.backfill_grace_seconds)
        since = until - timedelta(seconds=channel.backfill_window_seconds)
        return await self._compare(name, since, until, deliver=False)

    async def backfill(
        self,
        name: str,
        since: datetime | None,
        until: datetime | None,
        *,
        dry_run: bool,
        person: str,
        reason: str,
    ) -> Found:
        """Compare a window (by default of the usual length, up to now) and fetch what is missing.
        Raises ChannelRefused for an invalid window."""
        channel, now = self._channel(name), self._clock.now()
        until = min(until or now, now)
        since = since or until - timedelta(seconds=channel.backfill_window_seconds)
        if since >= until or since < now - timedelta(days=MAX_DAYS):
            raise ChannelRefused(
                f"The window must begin before it ends, and at most {MAX_DAYS} days ago."
            )
        found = await self._compare(name, since, until, deliver=not dry_run)
        if not dry_run:
            after = {"missed": found.missed, "changed": found.changed, "since": since.isoformat()}
            await self._record(name, "channel.backfill", f"channel:{name}", person, reason, after)
        return found

    async def reimport(self, name: str, ref: str, *, person: str, reason: str) -> str:
        """Request that one order is fetched again; return its order id."""
        self._shop(name)
        order_id = order_id_for(name, ref)
        await self._stream.publish(
            name,
            KIND,
            ref,
            refetch_body(ref, "reimport"),
            delivery_id=f"reimport:{new_id()}",
            source=SOURCE,
            topic="reimport",
        )
        await self._record(name, "channel.reimport", f"order:{order_id}", person, reason, {})
        return order_id

    async def _record(
        self,
        name: str,
        action: str,
        target: str,
        person: str,
        reason: str,
        after: Mapping[str, object],
    ) -> None:
        await self._audit.record(
            at=self._clock.now(),
            person=person[:256],
            action=action,
            target=target,
            reason=reason[:5000],
            channel=name,
            after=after,
        )

    async def _compare(
        self, name: str, since: datetime, until: datetime, *, deliver: bool
    ) -> Found:
        comparing = Backfill(name, self._shop(name), self._store, self._stream)
        try:
            return await comparing.compare(since, until, deliver=deliver, max_pages=MAX_PAGES)
        except PartnerError as error:
            raise ChannelRefused(f"The channel {name} did not answer: {error}") from error

    def _channel(self, name: str) -> ChannelSettings:
        channel = self._channels.get(name)
        if channel is None:
            raise NoSuchChannel(
                f"No channel is called {name[:40]!r}; `orderwright channels list` shows those of "
                "the configuration (--config FILE)."
            )
        return channel

    def _shop(self, name: str) -> ChannelSync:
        channel = self._channel(name)
        shop = self._shops.get(name)
        if shop is None:
            raise ChannelRefused(
                f"Channels of the kind {channel.kind} have no API: let the sender send the order"
                " again."
            )
        return shop

    async def _incidents_told(self) -> Mapping[str, Collection[str]]:
        """Return the channels of each open incident, by its category."""
        found = await self._incidents.list_incidents(self._clock.now(), is_open=True)
        return {one.category: one.channels for one in found}

    def _view(
        self, name: str, rows: tuple[Progress, ...], told: Mapping[str, Collection[str]]
    ) -> ChannelView:
        channel, jobs = self._channels[name], tuple(one for one in rows if one.channel == name)
        can = name in self._shops
        words = _words(channel, jobs, can=can)
        if name in told.get(API_VERSION_DRIFT, ()):
            expected = api_version(channel) or "the supported one"
            words = f"It sends or answers in another API version than {expected}. {words}"
        if name in told.get(CHANNEL_DISCONNECTED, ()):
            words = f"{DISCONNECTED} {words}"
        return ChannelView(
            name=name,
            kind=channel.kind,
            api_version=api_version(channel) if can else "",
            can_be_asked=can,
            words=words,
            jobs=jobs,
        )


def _words(channel: ChannelSettings, jobs: tuple[Progress, ...], *, can: bool) -> str:
    if not can:
        return (
            "It has no API, so nothing is compared: its sender must repeat what was not answered "
            "with success."
        )
    by_job = {one.job: one for one in jobs}
    told = [one.outcome for one in jobs if not one.good]
    if channel.backfill_seconds and BACKFILL not in by_job:
        told.append("It has not been compared yet.")
    if not channel.backfill_seconds:
        told.append("Comparison is switched off (backfill_seconds).")
    if SUBSCRIPTIONS not in by_job:
        told.append("Its subscriptions are not checked: set listen.public_url.")
    return " ".join(told) or "All is well."
