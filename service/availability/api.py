"""`GET /availability/{channel}`: what is in stock, for anybody, where the channel says so."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from service.availability.feed import KEPT_SECONDS, MAX_OFFERS, Feed
from service.http import problems
from service.http.described import COUNT, NAME, NO_KEY, described
from service.http.requests import bad_query, limit_of

MAX_SKU = 200
"""Characters of a cursor: of the longest SKU that can be counted."""


class AvailabilityApi:
    """The public feed. It names SKUs and days, and neither how many there are nor of whom."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed

    def routes(self) -> list[web.RouteDef]:
        """The path of the feed."""
        return [web.get("/availability/{channel}", self.page)]

    @described(
        NO_KEY,
        dict[str, Any],
        query={"cursor": NAME, "limit": COUNT},
        refuses=(404,),
    )
    async def page(self, request: web.Request) -> web.Response:
        """Answer the SKUs of a channel by name, each in stock or not, and how long delivery takes
        to each country as it was measured; 404 where the channel publishes nothing."""
        channel = request.match_info["channel"]
        if not self.feed.is_public(channel):
            raise problems.not_found("No availability is published under this name.")
        after = request.query.get("cursor", "")
        if len(after) > MAX_SKU:
            raise bad_query("`cursor` is the `next_cursor` of an earlier answer.")
        body = await self.feed.page(channel, after, limit_of(request, MAX_OFFERS))
        headers = {"Cache-Control": f"public, max-age={KEPT_SECONDS:.0f}"}
        return web.Response(body=body, content_type="application/json", headers=headers)
