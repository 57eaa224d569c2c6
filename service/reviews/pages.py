"""The console's pages of the review queue: what waits, one review with its evidence, and the
decision."""

from __future__ import annotations

from collections.abc import Awaitable

from aiohttp import web

from adapters.postgres.reviews import Review
from service.console.frame import Frame, redirect
from service.console.people import Person
from service.http import problems
from service.http.auth import ANY_CHANNEL
from service.http.scopes import ORDERS_READ
from service.reviews.api import ACT, id_of
from service.reviews.service import ReviewRefused, ReviewService

FOLDER = "reviews/templates"

PAGE_ROWS = 50
"""Reviews on a page: two screens."""

VERBS = {
    "claim": "Claimed: no one else decides it meanwhile.",
    "ask": "The question is noted, and the due time has moved.",
    "approve": "Approved: the order goes on in a moment, or once a second person has approved it.",
    "reject": "Rejected: the order is cancelled in a moment.",
}


class ReviewPages:
    """`/reviews` and `/reviews/{id}`."""

    def __init__(self, frame: Frame, service: ReviewService) -> None:
        self._frame = frame
        self._service = service

    def routes(self) -> list[web.RouteDef]:
        """The paths of the pages."""
        one, frame = "/reviews/{id:[0-9]{1,17}}", self._frame
        return [
            frame.get("/reviews", ORDERS_READ, self.queue),
            frame.get(one, ORDERS_READ, self.show),
            frame.post(f"{one}/{{verb:claim|ask|approve|reject}}", ACT, self.decide),
        ]

    async def queue(self, request: web.Request, person: Person) -> web.Response:
        """Show what waits for a reviewer, highest value first."""
        now = self._frame.clock.now()
        rows = await self._service.reviews.page(
            now,
            channels=_channels(person),
            overdue="overdue" in request.query,
            after=id_of(request.query.get("cursor", "")),
            limit=PAGE_ROWS,
        )
        values = {
            "rows": rows,
            "overdue": "overdue" in request.query,
            "said": VERBS.get(request.query.get("said", ""), ""),
            "following": rows[-1].id if len(rows) == PAGE_ROWS else 0,
        }
        return self._frame.page(request, person, f"{FOLDER}/queue.html", values)

    async def show(self, request: web.Request, person: Person) -> web.Response:
        """Show one review with its evidence."""
        return await self._page(request, person, await self._found(request, person))

    async def decide(self, request: web.Request, person: Person) -> web.Response:
        """Carry a form of the page out."""
        review, verb = await self._found(request, person), request.match_info["verb"]
        form = await self._frame.form(request)
        reason = form.get("reason", "")
        take = form.get("take") == "yes"
        try:
            await self._work(review, verb, person.audited_as, reason, take=take)
        except ReviewRefused as error:
            return await self._page(request, person, review, fault=str(error))
        there = "/reviews" if verb in ("approve", "reject") else f"/reviews/{review.id}"
        return redirect(f"{there}?said={verb}")

    def _work(
        self, review: Review, verb: str, person: str, reason: str, *, take: bool
    ) -> Awaitable[None]:
        service, now = self._service, self._frame.clock.now()
        if verb == "claim":
            return service.claim(review, person, reason, now, take=take)
        if verb == "ask":
            return service.ask(review, person, reason, now)
        if verb == "approve":
            return service.approve(review, person, reason, now)
        return service.reject(review, person, reason, now)

    async def _page(
        self, request: web.Request, person: Person, review: Review, *, fault: str = ""
    ) -> web.Response:
        view = await self._service.show(review)
        values = {
            "one": view.review,
            "known": view.evidence,
            "may": person.may(ACT),
            "mine": review.claimed_by == person.audited_as,
            "fault": fault,
            "said": VERBS.get(request.query.get("said", ""), ""),
        }
        status = 409 if fault else 200
        return self._frame.page(request, person, f"{FOLDER}/review.html", values, status=status)

    async def _found(self, request: web.Request, person: Person) -> Review:
        review_id = id_of(request.match_info["id"])
        found = None if review_id is None else await self._service.reviews.find(review_id)
        if found is None or not person.serves(found.channel):
            raise problems.not_found("There is no such review.")
        return found


def _channels(person: Person) -> tuple[str, ...] | None:
    return None if ANY_CHANNEL in person.channels else tuple(sorted(person.channels))
