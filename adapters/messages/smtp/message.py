"""A mail as bytes (RFC 5322), written by hand: the standard library takes ten times as long.

Nothing a customer wrote can become a header: every header value is on one line of printable ASCII.
"""

from __future__ import annotations

import re
from base64 import b64encode, encodebytes
from datetime import datetime
from email.utils import format_datetime

from adapters.kit.fitting import printable

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@([A-Za-z0-9-]+\.)*[A-Za-z0-9-]+")
_ENCODED_WORD_BYTES = 45
"""45 bytes are 60 characters of base 64, and with their frame 72 of the 75 allowed."""


def mail_address(text: str) -> str | None:
    """Return the address as SMTP takes it, its domain in ASCII; None when it is not one."""
    local, at, domain = text.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode() if not domain.isascii() else domain
    except UnicodeError:
        return None
    address = f"{local}{at}{domain}"
    return address if len(address) <= 254 and _ADDRESS.fullmatch(address) else None


def header_text(text: str) -> str:
    """Return a header value: one line, and encoded words (RFC 2047) where it isn't plain."""
    line = printable(text)
    if line.isascii() and "=?" not in line:
        return line
    words, word = [], b""
    for sign in line:
        raw = sign.encode("utf-8", "replace")
        if len(word) + len(raw) > _ENCODED_WORD_BYTES:
            words.append(word)
            word = b""
        word += raw
    words.append(word)
    return "\r\n ".join(f"=?utf-8?b?{b64encode(one).decode()}?=" for one in words)


def display_name(text: str) -> str:
    """Return a name to stand before an address: quoted, because `Acme, Inc.` is two names else."""
    value = header_text(text)
    if value.startswith("=?"):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def mail_bytes(
    *,
    sender: str,
    sender_name: str,
    recipient: str,
    subject: str,
    text: str,
    message_id: str,
    reference: str,
    at: datetime,
) -> bytes:
    """Return the whole message, its lines ended and its dots doubled as DATA wants them.

    `sender`, `recipient`, `message_id` and `reference` are ASCII and were checked by the caller.
    """
    plain = text.isascii()
    encoding = "7bit" if plain else "base64"
    head = (
        f"From: {display_name(sender_name)} <{sender}>\r\n"
        f"To: <{recipient}>\r\n"
        f"Subject: {header_text(subject)}\r\n"
        f"Date: {format_datetime(at)}\r\n"
        f"Message-ID: {message_id}\r\n"
        f"X-Orderwright-Reference: {reference}\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    ).encode("ascii")
    raw = text.encode() if plain else encodebytes(text.encode())
    body = raw.replace(b"\n", b"\r\n").replace(b"\r\n.", b"\r\n..")
    if body.startswith(b"."):
        body = b"." + body
    if not body.endswith(b"\r\n"):
        body += b"\r\n"
    return head + body
