"""Every role at every route of some pages: rules, mappings, the audit, reconciliation and an
order's past."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from msgspec import Struct

from adapters.postgres.users import ROLES
from service.console.people import SCOPES_OF
from tests.integration.console import Visitor, a_user
from tests.integration.whole import CHANNEL, Whole

SERVICE = Path(__file__).resolve().parents[2] / "service"
SOURCES = (
    "rules/pages.py",
    "rules/editing.py",
    "audit/pages.py",
    "mappings/pages.py",
    "recon/pages.py",
    "orders/earlier_pages.py",
)


class Route(Struct, frozen=True):
    """A route and the scope that it asks for. `of_all`: who serves some channels gets none of
    it."""

    method: str
    path: str
    scope: str
    of_all: bool = True


ROUTES = (
    Route("GET", "/rules", "rules:read"),
    Route("GET", "/rules/findings", "rules:read"),
    Route("GET", "/rules/coverage", "rules:read"),
    Route("POST", "/rules/coverage", "rules:read"),
    Route("GET", "/rules/history", "rules:read"),
    Route("GET", "/rules/versions/999999", "rules:read"),
    Route("GET", "/rules/versions/999999/tables/x", "rules:read"),
    Route("POST", "/rules/versions/999999/approve", "rules:approve"),
    Route("POST", "/rules/versions/999999/rollback", "rules:write"),
    Route("GET", "/rules/edit", "rules:read"),
    Route("POST", "/rules/edit", "rules:read"),
    Route("POST", "/rules/lint", "rules:read"),
    Route("POST", "/rules/backtests", "rules:read"),
    Route("GET", "/rules/backtests/999999", "rules:read"),
    Route("GET", "/rules/backtests/999999/now", "rules:read"),
    Route("POST", "/rules/publish", "rules:write"),
    Route("GET", "/audit", "audit:read", of_all=False),
    Route("GET", "/mappings", "mappings:read"),
    Route("GET", "/mappings/missing", "mappings:read"),
    Route("GET", "/mappings/history", "mappings:read"),
    Route("GET", "/mappings/add", "mappings:write"),
    Route("POST", "/mappings/add", "mappings:write"),
    Route("GET", "/recon", "recon:read", of_all=False),
    Route("GET", "/recon/new", "recon:act", of_all=False),
    Route("POST", "/recon/runs", "recon:act", of_all=False),
    Route("GET", "/recon/runs/999999", "recon:read", of_all=False),
    Route("GET", "/recon/runs/999999/now", "recon:read", of_all=False),
    Route("POST", "/recon/runs/999999/stop", "recon:act", of_all=False),
    Route("GET", "/recon/differences", "recon:read", of_all=False),
    Route("GET", "/recon/differences/999999", "recon:read", of_all=False),
    Route("POST", "/recon/differences/999999/accept", "recon:act", of_all=False),
    Route("GET", "/orders/none/past", "orders:read", of_all=False),
    Route("GET", "/orders/none/past/now", "orders:read", of_all=False),
    Route("GET", "/orders/none/what-if", "orders:read", of_all=False),
    Route("GET", "/orders/none/timeline", "orders:read", of_all=False),
)


def test_no_route_is_left_out() -> None:
    """The table has as many routes as the pages' sources."""
    texts = [(SERVICE / name).read_text() for name in SOURCES]
    assert sum(len(re.findall(r"\bframe\.(?:get|post)\(", text)) for text in texts) == len(ROUTES)


async def ask(person: Visitor, route: Route) -> int:
    """Ask for a route; the status."""
    answer = await (person.get if route.method == "GET" else person.post)(route.path)
    return answer.status


async def test_every_route_with_every_role(whole: Whole) -> None:
    """Only roles with the route's scope get in, of the channels that it is about; who has not
    signed in gets to the sign-in."""
    stranger = Visitor(whole)
    for route in ROUTES:
        assert await ask(stranger, route) == 303, route
    for role in ROLES:
        for channel in ("*", CHANNEL):
            name = f"{role}-{'all' if channel == '*' else 'one'}"
            await asyncio.to_thread(a_user, whole, name, role, "--channel", channel)
            person = Visitor(whole)
            await person.sign_in(name)
            for route in ROUTES:
                may = route.scope in SCOPES_OF[role] and (channel == "*" or not route.of_all)
                status = await ask(person, route)
                assert (status != 403) == may, (name, route, status)
                assert status < 500, (name, route, status)
