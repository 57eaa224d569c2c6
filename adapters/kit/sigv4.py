"""Signatures of AWS requests, version 4: what a request says is signed with a key of its day.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec import Struct

ALGORITHM = "AWS4-HMAC-SHA256"


class AwsKey(Struct, frozen=True, kw_only=True):
    """Who signs for which service: `session_token` belongs to a key that ends ("": it does not)."""

    key_id: str
    secret: str
    region: str
    service: str
    session_token: str = ""


def signed(
    key: AwsKey,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
) -> dict[str, str]:
    """Return the headers with those that sign them. `path` is absolute and encoded; a query is not
    signed here. `headers` must have Host."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    whole = {**headers, "X-Amz-Date": stamp}
    if key.session_token:
        whole["X-Amz-Security-Token"] = key.session_token
    named = sorted((name.lower(), " ".join(text.split())) for name, text in whole.items())
    names = ";".join(name for name, _ in named)
    canonical = "\n".join(
        [
            method,
            path,
            "",
            *(f"{name}:{text}" for name, text in named),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{stamp[:8]}/{key.region}/{key.service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}"
    signing = f"AWS4{key.secret}".encode()
    for part in scope.split("/"):
        signing = hmac.digest(signing, part.encode(), "sha256")
    signature = hmac.digest(signing, text.encode(), "sha256").hex()
    whole["Authorization"] = (
        f"{ALGORITHM} Credential={key.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return whole
