"""The review queue in Postgres. Holds are the orders' own; here stands who has taken one on, until
when it is due, and what was decided. Every decision writes its row of the audit in its statement.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from adapters.postgres.approvals import Approvals
from adapters.postgres.audit import text_of
from adapters.postgres.customers import CustomerHistory, Customers
from adapters.postgres.order_parts import HoldView
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse
from adapters.postgres.views import OrderRow
from schemas.order.ids import OrderId
from schemas.order.money import exponent_of

if TYPE_CHECKING:
    from adapters.postgres.pool import Connection

MAX_PAGE = 200
"""Rows of a page: under 200 kB with reasons of usual length."""

MAX_QUESTIONS = 5
"""Of one review: each moves its due time."""

Decided = Literal["approved", "rejected"]

SERVICE = "the service"
"""Who takes back a decision that was not carried out, as the audit names it."""

NOT_CARRIED_OUT = "The order has not carried it out by now, so it is to be decided again."


class Review(Struct, frozen=True, kw_only=True):
    """A hold that waits for a person. `claimed_by` is "" for no one, `asked` an open question;
    `decided` is what was decided and is being carried out. `escalated_at` is since when it is known
    to be overdue."""

    id: int
    order_id: str
    hold_id: str
    key: str
    channel: str
    number: str
    currency: str
    total_minor: int
    reason: str
    opened_at: datetime
    due_at: datetime
    claimed_by: str = ""
    claimed_at: datetime | None = None
    asked: str = ""
    asked_by: str = ""
    decided: str = ""
    decided_by: str = ""
    decided_why: str = ""
    decided_at: datetime | None = None
    escalated_at: datetime | None = None
    closed_at: datetime | None = None


class Reviews:
    """Every call raises JournalUnavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._customers = Customers(pool)
        self.approvals = Approvals(pool)

    # --- following the orders ---------------------------------------------------------------------

    async def changed(self, limit: int) -> list[OrderId]:
        """Return orders that need a person, or did, and have changed since `follow`."""
        rows = await self._pool.fetch(_sql()["changed"], limit)
        return [OrderId(row["order_id"]) for row in rows]

    async def follow(
        self, row: OrderRow, holds: Sequence[HoldView], now: datetime, due: timedelta
    ) -> None:
        """Open a review for each of these holds, and close those of holds that have ended."""
        value = Decimal(row.total_minor).scaleb(-exponent_of(row.currency))
        whose = (row.order_id, row.channel, row.number, row.currency, row.total_minor, value)
        columns = (
            [one.hold_id for one in holds],
            [str(one.key) for one in holds],
            [one.reason for one in holds],
        )

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute(_sql()["open"], *whose, now, now + due, *columns)
                await connection.execute(_sql()["close"], row.order_id, now, columns[0])
                if holds or row.attention:
                    await connection.execute(_sql()["compared"], row.order_id, row.version)
                else:
                    await connection.execute(_sql()["forget"], row.order_id)

        await self._pool.run(work)

    async def give_back(self, before: datetime, now: datetime) -> None:
        """Put back what was decided before then and what the order did not carry out; the audit
        says so of each."""
        told = (SERVICE, "review.not_carried_out", NOT_CARRIED_OUT)
        await self._pool.fetch(_sql()["returned"], before, now, *told)

    async def overdue(self, now: datetime) -> dict[str, int]:
        """Return how many are overdue by channel, and note of each since when it is."""
        await self._pool.fetch(_sql()["escalate"], now)
        rows = await self._pool.fetch(_sql()["overdue"], now)
        return {row["channel"]: row["count"] for row in rows}

    async def prune(self, before: datetime) -> None:
        """Forget a thousand of those that were closed before then; the audit keeps them."""
        await self._pool.fetch(_sql()["prune"], before)

    # --- what people ask and decide ---------------------------------------------------------------

    async def page(
        self,
        now: datetime,
        *,
        channels: Collection[str] | None = None,
        claimed_by: str = "",
        overdue: bool = False,
        after: int | None = None,
        limit: int = 50,
    ) -> list[Review]:
        """Return at most `limit` (200) open reviews of these channels (None: all), highest value
        first. `after` is the last id of the page before."""
        most = max(1, min(limit, MAX_PAGE))
        given = None if channels is None else sorted(channels)
        args = (given, text_of(claimed_by), overdue, now, most, after)
        return [Review(**dict(row)) for row in await self._pool.fetch(_sql()["list"], *args)]

    async def find(self, review_id: int) -> Review | None:
        """Return one, also a closed one; None when there is none of this id."""
        rows = await self._pool.fetch(_sql()["one"], review_id)
        return Review(**dict(rows[0])) if rows else None

    async def claim(
        self, review_id: int, person: str, reason: str, now: datetime, *, take: bool
    ) -> bool:
        """Take one on; with `take` also from who has it. False when that can't be."""
        return await self._do("claim", review_id, now, person, "review.claim", reason, take)

    async def ask(
        self, review_id: int, person: str, question: str, now: datetime, due_at: datetime
    ) -> bool:
        """Note a question that is open, and take it on. False when that can't be."""
        more = (due_at, MAX_QUESTIONS)
        return await self._do("ask", review_id, now, person, "review.ask", question, *more)

    async def decide(
        self, review_id: int, person: str, decided: Decided, reason: str, now: datetime
    ) -> bool:
        """Note a decision, before it is sent. False when someone else has it, or has decided."""
        action = "review.approve" if decided == "approved" else "review.reject"
        return await self._do("decide", review_id, now, person, action, reason, decided)

    async def undecide(self, review_id: int, person: str, reason: str, now: datetime) -> None:
        """Take a decision back that could not be sent; the audit says so, and why."""
        await self._do("undecide", review_id, now, person, "review.not_sent", reason)

    async def history(self, order_id: str, currency: str) -> CustomerHistory:
        """Return what else the customer of an order has with the shop."""
        return await self._customers.of_order(order_id, currency)

    async def _do(
        self,
        name: str,
        review_id: int,
        now: datetime,
        person: str,
        action: str,
        reason: str,
        *more: object,
    ) -> bool:
        words = [text_of(one) for one in (person, action, reason)]
        return bool(await self._pool.fetch(_sql()[name], review_id, now, *words, *more))


@cache
def _sql() -> Mapping[str, str]:
    named = parse(Path(__file__).with_name("reviews.sql").read_text("utf-8"))
    return {
        name: text.replace("{columns}", named["columns"]).replace("{audit}", named["audit"])
        for name, text in named.items()
    }
