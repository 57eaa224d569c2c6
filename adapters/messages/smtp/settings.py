"""Settings of a mail server."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from adapters.kit.secret import Secret
from adapters.kit.settings import Name, PartnerSettings, Text


class SmtpSettings(PartnerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One mail server, and who writes."""

    host: Annotated[Name, Meta(description="SMTP server.")]
    port: Annotated[int, Meta(ge=1, le=65_535, description="SMTP port.")] = 587
    security: Annotated[
        Literal["none", "starttls", "tls"],
        Meta(description="How the connection is protected; `none` is for loopback."),
    ] = "starttls"
    user: Annotated[Text, Meta(description="SMTP user; empty: no login.")] = ""
    password: Annotated[Secret | None, Meta(description="SMTP password.")] = None
    from_address: Annotated[
        str, Meta(pattern=r"^[^@\s<>]+@[^@\s<>]+$", description="Sender's address.")
    ]
    from_name: Annotated[Text, Meta(description="Sender's name.")] = ""
    domain: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9.-]{1,253}$",
            description="Domain of message ids; it never changes, so that a repeat is recognised.",
        ),
    ]
