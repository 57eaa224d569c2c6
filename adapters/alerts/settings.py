"""Settings of alerts: where they go, from which severity on, and when they wait."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, Struct

from adapters.kit.secret import Secret
from schemas.contracts.incidents import CATEGORIES
from schemas.contracts.severities import Severity

Code = Annotated[str, Meta(min_length=1, max_length=64)]
Address = Annotated[str, Meta(pattern=r"^[^@\s<>,]+@[^@\s<>,]+$", max_length=254)]


class Alerts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When people are told of incidents. Where to is in `[alert_routes.NAME]`."""

    repeat_minutes: Annotated[
        int,
        Meta(
            ge=0,
            le=10_080,
            description="An alert is repeated so often until someone acknowledges it; 0: never.",
        ),
    ] = 60
    settle_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=3_600,
            description="A cause must be gone for so long before its alert is resolved; what comes "
            "back sooner is the same alert.",
        ),
    ] = 60.0
    quiet: Annotated[
        str,
        Meta(
            pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$",
            description="Hours of every day in which only critical alerts are sent, such as "
            "22:00-07:00; the others wait for their end. Empty: none.",
        ),
    ] = ""
    time_zone: Annotated[
        str, Meta(min_length=1, max_length=64, description="Time zone of `quiet` and of the texts.")
    ] = "UTC"
    critical: Annotated[
        tuple[Code, ...],
        Meta(max_length=100, description="Categories of incidents that are critical here, too."),
    ] = ()

    def __post_init__(self) -> None:
        """Raise ValueError for a zone or a category that there is none of."""
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"time_zone: {self.time_zone!r} is not a time zone; write it like Europe/Berlin"
            ) from None
        for one in self.critical:
            if one not in CATEGORIES:
                raise ValueError(
                    f"critical: {one} is not a category of incidents; docs/incidents.md has them"
                )
        if self.quiet and self.quiet[:5] == self.quiet[6:]:
            raise ValueError("quiet begins and ends at the same time; leave it out for none")

    @property
    def quiet_hours(self) -> tuple[time, time] | None:
        """When they begin and end; None: there are none."""
        if not self.quiet:
            return None
        return time.fromisoformat(self.quiet[:5]), time.fromisoformat(self.quiet[6:])


class AlertRoute(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way of alerts to people. Without any of these tables alerts are only logged."""

    kind: Annotated[
        Literal["webhook", "mail", "log"],
        Meta(description="A request to an address, a mail, or a line in the service's log."),
    ]
    severity: Annotated[Severity, Meta(description="The least severity that is sent this way.")] = (
        "warning"
    )
    url: Annotated[
        Secret | None,
        Meta(description="Of a webhook: the address. It often has a token in it, so it is secret."),
    ] = None
    shape: Annotated[
        Literal["json", "slack", "teams"],
        Meta(description="Of a webhook: our own plain JSON, or what Slack or Teams expect."),
    ] = "json"
    bearer: Annotated[
        Secret | None, Meta(description="Of a webhook: a token for its Authorization header.")
    ] = None
    to: Annotated[
        tuple[Address, ...], Meta(max_length=20, description="Of a mail: who gets it.")
    ] = ()
    from_address: Annotated[
        str,
        Meta(
            pattern=r"^$|^[^@\s<>,]+@[^@\s<>,]+$",
            max_length=254,
            description="Of a mail: who sends it.",
        ),
    ] = ""
    host: Annotated[
        str,
        Meta(
            max_length=253,
            description="Of a mail: the mail server. Take another than the customers' mails go "
            "through, or its own outage is not heard of.",
        ),
    ] = ""
    port: Annotated[int, Meta(ge=1, le=65_535, description="Of a mail: the server's port.")] = 587
    security: Annotated[
        Literal["none", "starttls", "tls"],
        Meta(description="Of a mail: how the connection is protected; `none` is for loopback."),
    ] = "starttls"
    user: Annotated[
        str, Meta(max_length=254, description="Of a mail: SMTP user; empty: no login.")
    ] = ""
    password: Annotated[Secret | None, Meta(description="Of a mail: SMTP password.")] = None

    def __post_init__(self) -> None:
        """Raise ValueError for a way that leads nowhere."""
        if self.kind == "webhook":
            url = self.url.reveal() if self.url is not None else ""
            if not url.startswith(("https://", "http://")):
                raise ValueError("a webhook needs a url that begins with https:// or http://")
        if self.kind == "mail" and not (self.to and self.from_address and self.host):
            raise ValueError("a mail needs to, from_address and host")
