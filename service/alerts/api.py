"""The alerts API: what people are told of, and that someone knows."""

from __future__ import annotations

from aiohttp import web
from msgspec import Struct

from adapters.postgres.alerts import MAX_LISTED, Alert, Alerts
from schemas.order.canonical import LongText
from service.http import problems
from service.http.auth import ANY_CHANNEL, Principal
from service.http.base import Api, json_answer, person_of
from service.http.described import COUNT, FLAG, NAME, described, page_of
from service.http.problems import Problem
from service.http.requests import flag_of, limit_of, next_page, reason_of
from service.http.scopes import ORDERS_READ

ALERTS_ACT = "alerts:act"


class Acknowledged(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an acknowledgement."""

    reason: LongText


class AlertsApi:
    """`GET /api/v1/alerts`, `POST …/alerts/{id}/acknowledge`. Alerts are of the whole installation,
    so only a key that serves every channel may read or acknowledge them."""

    def __init__(self, alerts: Alerts, api: Api) -> None:
        self._alerts = alerts
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        """The paths of the alerts API."""
        return [
            web.get("/api/v1/alerts", self.list_alerts),
            web.post("/api/v1/alerts/{id}/acknowledge", self.acknowledge),
        ]

    @described(
        ORDERS_READ,
        page_of("alerts", Alert),
        query={"all": FLAG, "limit": COUNT, "cursor": NAME},
    )
    async def list_alerts(self, request: web.Request) -> web.Response:
        """Return open alerts, newest first; with `all`, those of the last 90 days that are over,
        too."""
        await self._principal(request, ORDERS_READ)
        most, cursor = limit_of(request, MAX_LISTED), request.query.get("cursor", "")
        rows = await self._alerts.page(
            resolved=flag_of(request, "all") is True, before=_id_of(cursor, 2**62), limit=most
        )
        after = str(rows[-1].id) if len(rows) == most else None
        return json_answer({"alerts": rows, **next_page(request, after)})

    @described(ALERTS_ACT, Alert, takes=Acknowledged, refuses=(404, 409))
    async def acknowledge(self, request: web.Request) -> web.Response:
        """Say that someone knows: the alert is not repeated. It is resolved by itself."""
        principal = await self._principal(request, ALERTS_ACT)
        asked = await self._api.body(request, Acknowledged)
        alert_id, person = _id_of(request.match_info["id"], 0), person_of(principal)
        now = self._api.clock.now()
        done = await self._alerts.acknowledge(alert_id, person, reason_of(asked.reason), now)
        found = await self._alerts.find(alert_id)
        if found is None:
            raise problems.not_found("There is no alert of this id.")
        if not done:
            raise Problem(409, "alert-known", "Not acknowledged", why_not(found))
        return json_answer(found)

    async def _principal(self, request: web.Request, scope: str) -> Principal:
        principal = await self._api.principal(request, scope)
        if ANY_CHANNEL not in principal.channels:
            raise Problem(
                403,
                "channel-refused",
                "Channel refused",
                "Alerts are of the whole installation: use a key that serves every channel "
                "(`--channel '*'`).",
            )
        return principal


def why_not(alert: Alert) -> str:
    """Return why an alert can't be acknowledged."""
    if alert.resolved_at is not None:
        return f"Alert {alert.id} is over since {alert.resolved_at:%Y-%m-%d %H:%M} UTC."
    return f"{alert.acknowledged_by} has acknowledged alert {alert.id} already."


def _id_of(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else otherwise
