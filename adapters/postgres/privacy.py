"""Requests about customers' data: kept once, sealed, carried out, and then without a name.

Whom a request is about is sealed in its row while it is open, beside keyed hashes that find his
orders; both go when it is done. Every change writes its row of the audit in the same statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import asyncpg
import msgspec
from msgspec import Struct

from adapters.postgres.audit import text_of
from adapters.postgres.pool import Pool
from adapters.postgres.sealing import KeyMissing, Sealing
from adapters.postgres.statements import parse
from schemas.messages.privacy import DUE_DAYS, Subject
from schemas.order.customers import email_of, phone_of, reference_of
from schemas.order.ids import order_id_for

OPEN, DONE, STOPPED = "open", "done", "stopped"
STATES = (OPEN, DONE, STOPPED)

MAX_LISTED = 200
"""Rows in one page."""

MAX_WORDS = 1_000
"""Characters of what a request waits for."""

SUBJECT = "subject"
"""The sealed part of a request's row."""

_decode = msgspec.json.Decoder(Subject).decode


class Whose(Struct, frozen=True, kw_only=True):
    """Whose orders are meant: hashes of the customer's names in one channel, and orders by id."""

    channel: str
    customers: tuple[bytes, ...] = ()
    emails: tuple[bytes, ...] = ()
    phones: tuple[bytes, ...] = ()
    order_ids: tuple[str, ...] = ()


class Request(Struct, frozen=True, kw_only=True):
    """One request. `kind` is `redact`, `export` or `redact_shop`. `waits_for` says in words why it
    is not done yet. `orders` and `items` count what was erased, or handed over. `subject` is whom
    it is about, None once it is done; `unreadable` says why it can't be told of an open one."""

    id: int
    delivery_id: str
    channel: str
    kind: str
    state: str
    asked_by: str
    reason: str
    received_at: datetime
    due_at: datetime
    forced: bool
    hastened: bool
    waits_for: str
    orders: int
    items: int
    done_at: datetime | None
    subject: Subject | None
    whose: Whose
    unreadable: str = ""


def whose_of(sealing: Sealing, channel: str, subject: Subject) -> Whose:
    """Return the hashes under which a subject's orders are found. An order names its customer by
    the first of reference, e-mail and telephone that it has, so each is looked for as that too."""
    email, phone = email_of(subject.email), phone_of(subject.phone)
    identities = [one for one in (reference_of(subject.reference), email, phone) if one]
    return Whose(
        channel=channel,
        customers=tuple(sealing.name_of(channel, one) for one in identities),
        emails=(sealing.name_of(channel, email),) if email else (),
        phones=(sealing.name_of(channel, phone),) if phone else (),
        order_ids=tuple(order_id_for(channel, ref) for ref in subject.refs),
    )


class PrivacyRequests:
    """Every call raises JournalUnavailable within the pool's deadline when Postgres does not
    answer. A subject that can't be opened is told with its request: it must not hide the others."""

    def __init__(self, pool: Pool, sealing: Sealing) -> None:
        self._pool = pool
        self._sealing = sealing

    async def add(
        self,
        kind: str,
        channel: str,
        subject: Subject,
        *,
        delivery_id: str,
        asked_by: str,
        reason: str,
        at: datetime,
        forced: bool = False,
        hastened: bool = False,
    ) -> int:
        """Keep a request and return its id; a repeat of its delivery id returns the first one's."""
        delivery_id = text_of(delivery_id)
        whose = whose_of(self._sealing, channel, subject)
        sealed = self._sealing.enclose(
            place_of_request(delivery_id), SUBJECT, msgspec.json.encode(subject)
        )
        rows = await self._pool.fetch(
            _sql()["add"],
            *(delivery_id, text_of(channel), kind, text_of(asked_by), text_of(reason)),
            *(whose.customers, whose.emails, whose.phones, whose.order_ids, sealed),
            *(at, at + timedelta(days=DUE_DAYS), forced, hastened),
        )
        # None: its twin committed between this statement's two looks.
        return rows[0]["id"] if rows else await self._known(delivery_id)

    async def name_of(self, delivery_id: str, at: datetime, *, repeats: timedelta) -> str:
        """Return the delivery id to keep a channel's request under. What is asked in the words of
        an earlier request, which has ended for longer than `repeats` by then, is asked again."""
        delivery_id = text_of(delivery_id)
        rows = await self._pool.fetch(_sql()["latest"], delivery_id)
        if not rows:
            return delivery_id
        ended, again = rows[0]["done_at"], rows[0]["again"]
        if ended is not None and at > ended + repeats:
            again += 1
        return f"{delivery_id}#{again + 1}" if again else delivery_id

    async def _known(self, delivery_id: str) -> int:
        query = "SELECT id FROM privacy_requests WHERE delivery_id = $1"
        (row,) = await self._pool.fetch(query, delivery_id)
        found: int = row["id"]
        return found

    async def find(
        self,
        *,
        state: str | None = None,
        channels: tuple[str, ...] | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> tuple[Request, ...]:
        """Return at most `limit` (200) requests, newest first; `before` is the last id of the page
        before; `channels` are those the caller may see."""
        newest = 2**62 if before is None else before
        most = max(1, min(limit, MAX_LISTED))
        rows = await self._pool.fetch(_sql()["list"], state, channels, newest, most)
        return tuple(self._request(row) for row in rows)

    async def one(self, request_id: int) -> Request | None:
        """Return a request, None when there is none of that id."""
        rows = await self._pool.fetch(_sql()["one"], request_id)
        return self._request(rows[0]) if rows else None

    async def open_ones(self, *, after: int = 0, limit: int = MAX_LISTED) -> tuple[Request, ...]:
        """Return open requests, oldest first, with ids above `after`."""
        rows = await self._pool.fetch(_sql()["open"], after, limit)
        return tuple(self._request(row) for row in rows)

    async def progress(self, request_id: int, waits_for: str, orders: int, items: int) -> None:
        """Note why it is not done yet, and what was erased meanwhile."""
        await self._pool.fetch(
            _sql()["progress"], request_id, text_of(waits_for[:MAX_WORDS]), orders, items
        )

    async def done(
        self, request_id: int, *, person: str, reason: str, at: datetime, orders: int, items: int
    ) -> bool:
        """Note that it is done, and forget whom it was about. False: it was not open."""
        words = (text_of(person), text_of(reason))
        rows = await self._pool.fetch(_sql()["done"], request_id, at, *words, orders, items)
        return bool(rows)

    async def force(self, request_id: int, *, person: str, reason: str, at: datetime) -> bool:
        """Have it not wait for orders under way, once its grace period has ended. False: it is not
        open, or nothing is erased."""
        words = (text_of(person), text_of(reason))
        return bool(await self._pool.fetch(_sql()["force"], request_id, at, *words))

    async def hasten(self, request_id: int, *, person: str, reason: str, at: datetime) -> bool:
        """Cut the grace period short. False: it is not open, erases nothing, or was hastened."""
        words = (text_of(person), text_of(reason))
        return bool(await self._pool.fetch(_sql()["hasten"], request_id, at, *words))

    async def stop(self, request_id: int, *, person: str, reason: str, at: datetime) -> bool:
        """End a request without carrying it out. False: it is not open."""
        words = (text_of(person), text_of(reason))
        return bool(await self._pool.fetch(_sql()["stop"], request_id, at, *words))

    def _request(self, row: asyncpg.Record) -> Request:
        fields = dict(row)
        names = ("customers", "emails", "phones", "order_ids")
        named = {name: tuple(fields.pop(name)) for name in names}
        sealed = fields.pop("subject")
        subject, unreadable = None, ""
        if sealed is not None:
            place = place_of_request(fields["delivery_id"])
            try:
                subject = _decode(self._sealing.disclose(place, SUBJECT, sealed))
            except KeyMissing as error:
                unreadable = str(error)
            except msgspec.MsgspecError as error:  # its text may quote whom it is about
                unreadable = f"Whom it is about can't be read ({type(error).__name__})."
        whose = Whose(channel=fields["channel"], **named)
        return Request(**fields, subject=subject, whose=whose, unreadable=unreadable)


def place_of_request(delivery_id: str) -> str:
    """Return where a request's sealed subject lies."""
    return f"privacy:{delivery_id}"


@cache
def _sql() -> Mapping[str, str]:
    named = parse(Path(__file__).with_name("privacy.sql").read_text("utf-8"))
    return {name: text.replace("{columns}", named["columns"]) for name, text in named.items()}
