"""What no parameter can mean is refused as the sender's mistake, at every route of a running
service."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from adapters.postgres.keys import SCOPES
from tests.conftest import Say
from tests.integration.whole import CHANNEL, Whole

# Any: the description is JSON.
Json = dict[str, Any]

NUL = "%00"
EXTREME = (
    "0001-01-01T00:00:00%2B14:00",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z",
)
PATHS = (
    *(f"/orders/{NUL}{rest}" for rest in ("", "/timeline", "/files/x")),
    *(
        f"/orders?{name}=a{NUL}"
        for name in ("q", "stage", "progress", "channel", "cursor", "limit")
    ),
    f"/orders/x/files/{NUL}",
    f"/orders?{NUL}=x",
    f"/facts?channel={NUL}",
    f"/facts?channel={CHANNEL}&after={NUL}",
    f"/facts?channel={CHANNEL}&after=99999999999999999999",
    f"/incidents/{NUL}",
    f"/incidents?channel={NUL}",
    f"/channels/{NUL}",
    *(
        f"/quarantine?{name}={NUL}"
        for name in ("state", "channel", "reason", "group", "since", "cursor")
    ),
    f"/quarantine/groups?channel={NUL}",
    *(f"/privacy?{name}={NUL}" for name in ("state", "channel", "cursor")),
    *(f"/quarantine?{name}={when}" for name in ("since", "until") for when in EXTREME),
)
BODIES = (
    *(
        ("/quarantine/release", {"filter": {name: when.replace("%2B", "+")}, "preview": True})
        for name in ("since", "until")
        for when in EXTREME
    ),
    *(
        (f"/channels/{CHANNEL}/backfill", {name: when.replace("%2B", "+"), "reason": "x"})
        for name in ("from", "to")
        for when in EXTREME
    ),
    (f"/channels/{CHANNEL}/orders/{NUL}/reimport", {"reason": "x"}),
    (f"/orders/{NUL}/edit", {"reason": "x"}),
    (f"/orders/{NUL}/actions/cancel", {"reason": "x"}),
)


@pytest.fixture(scope="module")
def token(whole: Whole) -> str:
    """A key with every scope."""
    words = [word for scope in sorted(SCOPES) for word in ("--scope", scope)]
    return whole.cli("keys", "create", "parameters", *words, "--channel", "*").strip()


NASTY = (
    NUL, "%ED%A0%80", "-1", "0", "1.5", "99999999999999999999", "%F0%9F%98%80", "x" * 3_000,
    "'", "%25", "%0D%0AX:1", *EXTREME,
)  # fmt: skip
"""What a parameter of any kind may be given: NUL, half a surrogate, numbers beyond what is stored,
marks that mean something elsewhere, and moments at the ends of the calendar."""


async def test_nothing_in_any_parameter_of_any_route_is_an_error_of_ours(
    whole: Whole, token: str, say: Say
) -> None:
    """Each parameter that `/openapi.json` names, in a path or a query, is given each of what breaks
    programs; nothing is answered as our own fault, and whatever is refused is in words."""
    described: Any = (await whole.ask("GET", "/openapi.json")).json()
    count = 0
    for path, methods in described["paths"].items():
        for method, told in methods.items():
            named = [_resolved(described, one) for one in told.get("parameters", ())]
            for one in named:
                if one["in"] not in ("path", "query"):
                    continue
                for value in NASTY:
                    there = _address(path, named, one, value)
                    key = secrets.token_hex(8)
                    answer = await whole.ask(
                        method.upper(), there, body=b"{}" if method != "get" else None,
                        Authorization=f"Bearer {token}", Content_Type="application/json",
                        Idempotency_Key=key,
                    )  # fmt: skip
                    count += 1
                    assert answer.status < 500, (method, there, answer.status, answer.body)
                    if answer.status >= 400 and path.startswith("/api/"):
                        assert answer.json()["detail"], (method, there)
    assert count > 1_000
    say(f"Parameters of all routes given what breaks programs: {count} requests, none a 500.")


def _resolved(described: Json, one: Json) -> Json:
    """Return a parameter, also where it stands among the components."""
    name = one.get("$ref", "").rpartition("/")[2]
    found: Json = described["components"]["parameters"][name] if name else one
    return found


def _address(path: str, named: list[Json], one: Json, value: str) -> str:
    """Return a route's address with this value for one parameter, and something for what it can't
    be without."""
    query = []
    for each in named:
        given = value if each is one else "1"
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", given)
        elif each["in"] == "query" and (each is one or each.get("required")):
            query.append(f"{each['name']}={given}")
    return f"{path}?{'&'.join(query)}" if query else path


async def test_no_parameter_is_an_error_of_ours(whole: Whole, token: str) -> None:
    """NUL and extreme dates, in paths, queries and bodies, are answered 400 or 422 in words; and
    no answer names a version of what serves it."""
    for path in PATHS:
        answer = await whole.ask("GET", f"/api/v1{path}", Authorization=f"Bearer {token}")
        assert answer.status == 400, (path, answer.status, answer.body)
        assert answer.json()["detail"]
        assert answer.headers["server"] == "orderwright"
    for path, given in BODIES:
        body = msgspec.json.encode(given)
        key = secrets.token_hex(8)
        answer = await whole.ask(
            "POST",
            f"/api/v1{path}",
            body=body,
            Authorization=f"Bearer {token}",
            Content_Type="application/json",
            Idempotency_Key=key,
        )
        assert answer.status in (400, 422), (path, given, answer.status, answer.body)
        assert answer.json()["detail"]
    for path in ("/livez", "/metrics", "/hooks/none", "/nowhere"):
        assert (await whole.ask("GET", path)).headers["server"] == "orderwright"
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(whole.world.url).port)
    writer.write(b"GARBAGE\r\n\r\n")
    assert b"\r\nServer: orderwright\r\n" in await reader.read(1_000)
    writer.close()
