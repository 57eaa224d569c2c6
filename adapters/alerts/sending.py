"""Sends one alert one way. Whatever goes wrong is AlertNotSent with a sentence that quotes neither
the address of a webhook nor a password."""

from __future__ import annotations

import asyncio
import logging
from email.message import EmailMessage
from email.utils import format_datetime

import aiohttp
import aiosmtplib
import msgspec

from actors.runtime.ports import Clock
from adapters.alerts.message import Told, body_of, lines_of, subject_of
from adapters.alerts.settings import AlertRoute
from adapters.kit.fitting import printable
from adapters.kit.unreachable import words_of

log = logging.getLogger(__name__)

SEND_SECONDS = 10.0
"""After this a message counts as not taken, and is tried again: better twice than never."""

MAX_ANSWER_BYTES = 1_024
"""Of a receiver's answer nothing more is read."""


class AlertNotSent(Exception):
    """The message was not taken there; the text is a sentence."""


async def send(name: str, route: AlertRoute, told: Told, clock: Clock) -> None:
    """Send a message by the route of this name. Ends within SEND_SECONDS or so; raises
    AlertNotSent."""
    try:
        async with asyncio.timeout(SEND_SECONDS):
            if route.kind == "webhook":
                await _post(name, route, told)
            elif route.kind == "mail":
                await _mail(name, route, told, clock)
            else:
                _log(told)
    except TimeoutError:
        raise AlertNotSent(
            f"The alert route {name} did not answer within {SEND_SECONDS:g} seconds."
        ) from None


def _log(told: Told) -> None:
    level = logging.INFO if told.state == "resolved" else logging.WARNING
    log.log(level, "Alert %s: %s %s", told.id, subject_of(told), told.text)


async def _post(name: str, route: AlertRoute, told: Told) -> None:
    assert route.url is not None, "the settings' own check"
    headers = {"Content-Type": "application/json", "User-Agent": "orderwright"}
    headers["Idempotency-Key"] = f"alert-{told.id}-{told.state}-{told.number}"
    if route.bearer is not None:
        headers["Authorization"] = f"Bearer {route.bearer.reveal()}"
    body = msgspec.json.encode(body_of(told, route.shape))
    try:
        # Its own session: a receiver that hangs takes no connection from a partner.
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.post(
                route.url.reveal(), data=body, headers=headers, allow_redirects=False
            ) as answer,
        ):
            said = (await answer.content.read(MAX_ANSWER_BYTES)).decode("utf-8", "replace")
            if not 200 <= answer.status < 300:
                words = printable(said)[:200]
                raise AlertNotSent(
                    f"The alert route {name} answered {answer.status}"
                    + (f": {words}" if words else ".")
                )
    except aiohttp.InvalidURL:
        raise AlertNotSent(f"The url of the alert route {name} must be an address.") from None
    except (aiohttp.ClientError, OSError) as error:
        raise AlertNotSent(words_of(f"The alert route {name}", error)) from None


async def _mail(name: str, route: AlertRoute, told: Told, clock: Clock) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = route.from_address, ", ".join(route.to)
    mail["Subject"] = printable(subject_of(told))[:200]
    mail["Date"] = format_datetime(clock.now())
    domain = route.from_address.rpartition("@")[2]
    mail["Message-ID"] = f"<alert-{told.id}-{told.state}-{told.number}@{domain}>"
    if told.number and told.id:
        mail["References"] = f"<alert-{told.id}-open-0@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n\n".join(lines_of(told)) + "\n")
    try:
        await aiosmtplib.send(
            mail,
            hostname=route.host,
            port=route.port,
            use_tls=route.security == "tls",
            start_tls=route.security == "starttls",
            username=route.user or None,
            password=route.password.reveal() if route.password else None,
            timeout=SEND_SECONDS,
        )
    except aiosmtplib.SMTPAuthenticationError as error:
        raise AlertNotSent(
            f"The mail server of the alert route {name} refused our login ({error.code})."
        ) from None
    except aiosmtplib.SMTPResponseException as error:
        words = printable(error.message)[:200]
        raise AlertNotSent(
            f"The mail server of the alert route {name} answered {error.code}: {words}"
        ) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        if "STARTTLS" in str(error).upper():
            raise AlertNotSent(
                f"The mail server of the alert route {name} does not offer STARTTLS; set its"
                " security to tls, or choose the port for STARTTLS (587)."
            ) from None
        raise AlertNotSent(words_of(f"The mail server of the alert route {name}", error)) from None
