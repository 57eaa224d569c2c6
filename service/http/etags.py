"""ETags: a change is refused when what it is based on has changed since it was read."""

from __future__ import annotations

from aiohttp import web

from service.http.problems import Problem


def tags_of(header: str) -> list[str]:
    """Return the tags of an If-Match or If-None-Match header."""
    return [one.strip().removeprefix("W/") for one in header.split(",")]


def require_match(request: web.Request, tag: str, what: str) -> None:
    """Raise Problem 412 when the request's If-Match does not name `tag`, the current one of
    `what` ("The order")."""
    wanted = request.headers.get("If-Match")
    if wanted is None or wanted.strip() == "*" or tag in tags_of(wanted):
        return
    raise Problem(
        412,
        "changed-meanwhile",
        "Changed meanwhile",
        f"{what} has changed since you read it; read it again, then decide again.",
        headers={"ETag": tag},
    )
