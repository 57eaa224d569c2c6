"""The reviews API: the queue, one review with its evidence, and what a reviewer decides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from aiohttp import web
from msgspec import Struct

from adapters.postgres.approvals import Absence
from adapters.postgres.reviews import MAX_PAGE, Review
from schemas.order.canonical import LongText, ShortText
from service.http import problems
from service.http.auth import ANY_CHANNEL, Principal
from service.http.base import Api, json_answer, person_of
from service.http.described import COUNT, FLAG, NAME, described, page_of
from service.http.problems import Problem
from service.http.requests import channels_of, flag_of, limit_of, next_page, reason_of
from service.http.scopes import ORDERS_READ
from service.reviews.service import ReviewRefused, ReviewService, ReviewView

ACT = "orders:act"


class Said(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a decision, or a question: why, or what is asked."""

    reason: LongText


class Taken(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a claim. `take`: also from who has it."""

    reason: LongText = ""
    take: bool = False


class Away(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an absence: who stands in, until when (RFC 3339), and why."""

    deputy: ShortText
    until: datetime
    reason: LongText


class Absences(Struct, frozen=True):
    """Who is away now."""

    absences: list[Absence]


class ReviewsApi:
    """`/api/v1/reviews…`. Reading needs orders:read, the rest orders:act; a key sees its own
    channels only, and who stands in for whom only one that serves every channel."""

    def __init__(self, service: ReviewService, api: Api) -> None:
        self._service = service
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        """The paths of the reviews API."""
        return [
            web.get("/api/v1/reviews", self.list_reviews),
            web.get("/api/v1/reviews/absences", self.absences),
            web.post("/api/v1/reviews/away", self.away),
            web.post("/api/v1/reviews/back", self.back),
            web.get("/api/v1/reviews/{id}", self.show),
            web.post("/api/v1/reviews/{id}/claim", self.claim),
            web.post("/api/v1/reviews/{id}/ask", self.ask),
            web.post("/api/v1/reviews/{id}/approve", self.approve),
            web.post("/api/v1/reviews/{id}/reject", self.reject),
        ]

    @described(
        ORDERS_READ,
        page_of("reviews", Review),
        query={
            "channel": NAME,
            "claimed_by": NAME,
            "overdue": FLAG,
            "limit": COUNT,
            "cursor": NAME,
        },
    )
    async def list_reviews(self, request: web.Request) -> web.Response:
        """Return open reviews, highest value first; amounts in different currencies are compared
        as they are."""
        principal = await self._api.principal(request, ORDERS_READ)
        query, most = request.query, limit_of(request, MAX_PAGE)
        rows = await self._service.reviews.page(
            self._api.clock.now(),
            channels=channels_of(query.get("channel", ""), principal),
            claimed_by=query.get("claimed_by", "")[:256],
            overdue=flag_of(request, "overdue") is True,
            after=id_of(query.get("cursor", "")),
            limit=most,
        )
        cursor = str(rows[-1].id) if len(rows) == most else None
        return json_answer({"reviews": rows, **next_page(request, cursor)})

    @described(ORDERS_READ, ReviewView, refuses=(404,))
    async def show(self, request: web.Request) -> web.Response:
        """Return one review with what its reviewer should know."""
        _, review = await self._asked(request, ORDERS_READ)
        return json_answer(await self._service.show(review))

    @described(ACT, Review, takes=Taken, refuses=(404, 409))
    async def claim(self, request: web.Request) -> web.Response:
        """Take a review on, so that no one else decides it meanwhile."""
        principal, review = await self._asked(request, ACT)
        asked = await self._api.body(request, Taken)
        person, now = person_of(principal), self._api.clock.now()
        return await self._done(
            review,
            lambda: self._service.claim(review, person, asked.reason, now, take=asked.take),
        )

    @described(ACT, Review, takes=Said, refuses=(404, 409))
    async def ask(self, request: web.Request) -> web.Response:
        """Note a question whose answer the order waits for; its due time moves."""
        return await self._said(request, self._service.ask)

    @described(ACT, Review, takes=Said, refuses=(404, 409, 503))
    async def approve(self, request: web.Request) -> web.Response:
        """Release the hold; the order goes on once it has decided so, a moment later."""
        return await self._said(request, self._service.approve)

    @described(ACT, Review, takes=Said, refuses=(404, 409, 503))
    async def reject(self, request: web.Request) -> web.Response:
        """Cancel the order; everything that can be undone is."""
        return await self._said(request, self._service.reject)

    @described(ORDERS_READ, Absences)
    async def absences(self, request: web.Request) -> web.Response:
        """Return who is away now, until when, and who stands in."""
        await self._of_all(request, ORDERS_READ)
        now = self._api.clock.now()
        return json_answer(Absences(await self._service.approvals.absences(now)))

    @described(ACT, Absences, takes=Away, refuses=(409,))
    async def away(self, request: web.Request) -> web.Response:
        """Say that whose key this is is away: a deputy approves up to its limits."""
        person = person_of(await self._of_all(request, ACT))
        asked = await self._api.body(request, Away)
        reason, now = reason_of(asked.reason), self._api.clock.now()
        if asked.until.tzinfo is None:
            raise Problem(409, "review-refused", "Not decided", "Say the zone of `until`.")
        await self._allowed(self._service.away(person, asked.deputy, asked.until, reason, now))
        return json_answer(Absences(await self._service.approvals.absences(now)))

    @described(ACT, Absences, takes=Said, refuses=(409,))
    async def back(self, request: web.Request) -> web.Response:
        """Say that whose key this is decides itself again."""
        person = person_of(await self._of_all(request, ACT))
        reason = reason_of((await self._api.body(request, Said)).reason)
        now = self._api.clock.now()
        await self._allowed(self._service.back(person, reason, now))
        return json_answer(Absences(await self._service.approvals.absences(now)))

    async def _said(
        self, request: web.Request, work: Callable[..., Awaitable[None]]
    ) -> web.Response:
        principal, review = await self._asked(request, ACT)
        reason = reason_of((await self._api.body(request, Said)).reason)
        person, now = person_of(principal), self._api.clock.now()
        return await self._done(review, lambda: work(review, person, reason, now))

    async def _done(self, review: Review, work: Callable[[], Awaitable[None]]) -> web.Response:
        await self._allowed(work())
        return json_answer(await self._service.reviews.find(review.id))

    async def _of_all(self, request: web.Request, scope: str) -> Principal:
        principal = await self._api.principal(request, scope)
        if ANY_CHANNEL not in principal.channels:
            raise Problem(
                403,
                "not-allowed",
                "Not allowed",
                "Who stands in for whom counts for all channels: use a key that serves every "
                "channel (`orderwright keys create … --channel '*'`).",
            )
        return principal

    async def _allowed(self, work: Awaitable[None]) -> None:
        try:
            await work
        except ReviewRefused as error:
            raise Problem(409, "review-refused", "Not decided", str(error)) from error

    async def _asked(self, request: web.Request, scope: str) -> tuple[Principal, Review]:
        principal = await self._api.principal(request, scope)
        review_id = id_of(request.match_info["id"])
        found = None if review_id is None else await self._service.reviews.find(review_id)
        if found is None or not principal.serves(found.channel):
            raise problems.not_found("No review of yours has this id.")
        return principal, found


def id_of(text: str) -> int | None:
    """Return an id as a number, None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None
