"""Signatures by the rules of https://www.standardwebhooks.com: for warehouses, and for whoever
forwards what a channel cannot post by itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime

from adapters.kit.inbound import (
    SignatureRefused,
    digest_from_base64,
    header,
    signed_by_any,
)

TOLERANCE_SECONDS = 300
MAX_SIGNATURES = 8
"""A rotation has two or three; each costs us a comparison, which a stranger must not multiply."""


def key_of(secret: str, whose: str) -> bytes:
    """Return the key that a secret writes: text, or base64 after `whsec_`. Raises ValueError, which
    names whose secret it is and not the secret."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise ValueError(f"{whose} secret begins with whsec_ and is not base64.") from None


def authenticate(
    headers: Mapping[str, str], raw: bytes, now: datetime, keys: Sequence[bytes]
) -> str:
    """Return the message's id, once signature and age are good. Raises SignatureRefused.

    Any of `keys` and any of the signatures given will do, so either side may rotate.
    """
    message_id = header(headers, "webhook-id")
    stamp = header(headers, "webhook-timestamp")
    given = header(headers, "webhook-signature")
    if not message_id or not stamp or not given:
        raise SignatureRefused(
            "The headers webhook-id, webhook-timestamp and webhook-signature are needed."
        )
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise SignatureRefused("The header webhook-timestamp must be seconds since 1970.")
    digests = [
        digest_from_base64(one.removeprefix("v1,"))
        for one in given.split(" ")[:MAX_SIGNATURES]
        if one.startswith("v1,")
    ]
    signed = f"{message_id}.{stamp}.".encode("utf-8", "backslashreplace") + raw
    if not signed_by_any(keys, signed, digests):
        raise SignatureRefused(
            "The header webhook-signature does not fit the body: "
            "it was signed with another secret, or altered on its way."
        )
    age_seconds = int(now.timestamp()) - int(stamp)
    if abs(age_seconds) > TOLERANCE_SECONDS:
        raise SignatureRefused(
            f"The header webhook-timestamp is {abs(age_seconds)} seconds "
            f"{'old' if age_seconds > 0 else 'in the future'}; at most {TOLERANCE_SECONDS} are "
            "taken. Sign every attempt by itself, and check the clock."
        )
    return message_id
