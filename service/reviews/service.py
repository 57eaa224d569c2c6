"""What a reviewer sees and decides. A decision is sent to the order, as every person's is; the hold
is the order's own and ends by its own id."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from actors.order.approving import is_approval
from actors.order.correcting import CHECK, AddressCheck
from actors.order.redaction import masked
from actors.runtime.errors import StreamUnavailable
from adapters.postgres.approvals import Approval
from adapters.postgres.customers import CustomerHistory
from adapters.postgres.order_parts import FulfilmentView, HoldView, OrderParts, RuleView
from adapters.postgres.reviews import MAX_QUESTIONS, Decided, Review, Reviews
from adapters.postgres.sealing import Damaged, KeyMissing
from adapters.postgres.views import OrderView, Views
from schemas.messages import codec
from schemas.messages.effects import tag_of
from schemas.messages.events import RulesDecided
from schemas.messages.inputs import ActOnOrder
from schemas.order.ids import OrderId
from service.app.clock import new_id
from service.inbound.edge import Stream
from service.reviews.approving import (
    NotAllowed,
    authority,
    is_approver,
    name_of,
    people_needed,
    standing,
)
from service.settings.approvals import Approvals as Limits
from service.settings.reviews import Reviews as Policy

SOURCE = "canonical"
"""Decisions speak our own shape, as other services do over NATS."""

BY_OTHERS = ("unmapped-", "short-pick-", "test-order")
"""Holds that end otherwise than by an approval: a mapping, a decision about units, never."""
PAYMENT = "unmapped-payment"
"""The hold of an order that may not be paid as its customer chose, before a person agrees."""

RULED, ELEVATED = "rule-", "rule-elevated-"
MAX_PERSON, MAX_REASON = 256, 5_000
MAX_AWAY_DAYS = 366
"""For how long a deputy is named at once."""
NO_LIMITS = Limits()


class ReviewRefused(Exception):
    """What is asked can't be done; the text says why and what can be."""


class Evidence(Struct, frozen=True, kw_only=True):
    """What a reviewer should know. `rule` is the one that sent it, with what it asked for, None for
    a hold of another kind; `facts` what the rules saw. `picking` says whether the warehouse goes on
    meanwhile. `stock` says of each fulfilment how its units are kept. `others` are the order's
    other holds, each with a review of its own. `approvals` were given of `approvals_needed` (0:
    limits don't say who may approve it). `address` says where an address service writes the
    shipping address otherwise ("": it says nothing else)."""

    stage: str
    waiting_for: str
    placed_at: datetime
    history: CustomerHistory
    rule: RuleView | None
    facts: str
    picking: bool
    stock: tuple[str, ...]
    others: tuple[str, ...]
    approvals: tuple[Approval, ...] = ()
    approvals_needed: int = 0
    address: str = ""


class ReviewView(Struct, frozen=True, kw_only=True):
    """One review with its evidence."""

    review: Review
    evidence: Evidence


def reviewed(view: OrderParts) -> tuple[HoldView, ...]:
    """Return the holds of an order that a reviewer decides about."""
    if view.cancel:
        return ()
    return tuple(
        one for one in view.holds if one.hold_id == PAYMENT or not one.hold_id.startswith(BY_OTHERS)
    )


class ReviewService:
    """Reads and decides, for API, console and command line. Raises JournalUnavailable."""

    def __init__(
        self,
        reviews: Reviews,
        views: Views,
        stream: Stream,
        policy: Policy,
        limits: Limits = NO_LIMITS,
    ) -> None:
        self.reviews = reviews
        self.approvals = reviews.approvals
        self.limits = limits
        self._views = views
        self._stream = stream
        self.policy = policy

    async def show(self, review: Review) -> ReviewView:
        """Return a review with what its reviewer should know."""
        order_id = OrderId(review.order_id)
        view = await self._views.show(order_id)
        assert view is not None, "orders are never deleted"
        told = [x for x in await self._views.timeline(order_id) if x.type == tag_of(RulesDecided)]
        return ReviewView(
            review=review,
            evidence=Evidence(
                stage=view.row.stage,
                waiting_for=view.row.waiting_for,
                placed_at=view.row.placed_at,
                history=await self.reviews.history(review.order_id, review.currency),
                rule=_rule(view, review.hold_id),
                facts=told[-1].text if told and review.hold_id.startswith(RULED) else "",
                picking=review.hold_id.startswith(ELEVATED),
                stock=tuple(_stock(one) for one in view.fulfilments),
                others=tuple(x.hold_id for x in reviewed(view) if x.hold_id != review.hold_id),
                approvals=tuple(await self._given(review)),
                approvals_needed=self._needed(review),
                address=await self._address(order_id),
            ),
        )

    async def _address(self, order_id: OrderId) -> str:
        """Say that an address service writes it otherwise, without a part of it."""
        found = await self._views.document(order_id, CHECK)
        order = None if found is None else await self._views.order(order_id)
        if found is None or order is None:
            return ""
        check = msgspec.json.decode(found.content, type=AddressCheck)
        if check.written == order.ship_to:
            return f"as {check.service} writes it"
        return f"{check.service} writes it otherwise: {', '.join(check.differs)}"

    async def claim(
        self, review: Review, person: str, reason: str, now: datetime, *, take: bool = False
    ) -> None:
        """Take a review on; `take`: also from who has it. Raises ReviewRefused."""
        why = await self._masked(review, reason.strip()[:MAX_REASON]) or "taken on"
        if not await self.reviews.claim(review.id, person[:MAX_PERSON], why, now, take=take):
            raise await self._refused(review, person)

    async def ask(self, review: Review, person: str, question: str, now: datetime) -> None:
        """Note a question to someone, whose answer the order waits for. Raises ReviewRefused."""
        due_at = now + timedelta(hours=self.policy.asked_hours)
        words = await self._masked(review, _reason(question))
        if not await self.reviews.ask(review.id, person[:MAX_PERSON], words, now, due_at):
            raise await self._refused(review, person)

    async def approve(self, review: Review, person: str, reason: str, now: datetime) -> None:
        """Release the hold, or note the first of two approvals. Raises ReviewRefused, and
        StreamUnavailable."""
        await self._decide(review, person, "approved", reason, now)

    async def away(
        self, person: str, deputy: str, until_at: datetime, reason: str, now: datetime
    ) -> None:
        """Note until when an approver is away, and who decides meanwhile. Raises ReviewRefused."""
        who, instead = name_of(person)[:MAX_PERSON], name_of(deputy.strip())[:MAX_PERSON]
        if not is_approver(self.limits, who):
            raise ReviewRefused("No role lets you approve orders, so no one can stand in for you.")
        if not instead or instead == who:
            raise ReviewRefused("Name another person as the deputy.")
        if not now < until_at <= now + timedelta(days=MAX_AWAY_DAYS):
            raise ReviewRefused(f"Say until when: after now, within {MAX_AWAY_DAYS} days.")
        await self.approvals.leave(who, instead, until_at, _reason(reason), now)

    async def back(self, person: str, reason: str, now: datetime) -> None:
        """End an absence before its time. Raises ReviewRefused."""
        if not await self.approvals.back(name_of(person)[:MAX_PERSON], _reason(reason), now):
            raise ReviewRefused("You are not away: nothing is to be ended.")

    async def reject(self, review: Review, person: str, reason: str, now: datetime) -> None:
        """Cancel the order: everything that can be undone is. Raises as `approve` does."""
        await self._decide(review, person, "rejected", reason, now)

    async def _decide(
        self, review: Review, person: str, decided: Decided, reason: str, now: datetime
    ) -> None:
        who, why = person[:MAX_PERSON], await self._masked(review, _reason(reason))
        view = await self._views.show(OrderId(review.order_id))
        if view is None or review.hold_id not in [one.hold_id for one in reviewed(view)]:
            raise ReviewRefused("The order is not held by this any more: nothing is to be decided.")
        is_approved = decided == "approved"
        approved_by: tuple[str, ...] = ()
        if is_approved and self._needed(review):
            approved_by = await self._approved(review, who, why, now)
            if len(approved_by) < self._needed(review):
                return
        if not await self.reviews.decide(review.id, who, decided, why, now):
            raise await self._refused(review, person)
        act = ActOnOrder(
            ref=view.row.ref,
            verb="release" if is_approved else "cancel",
            person=" and ".join(approved_by)[:MAX_PERSON] or who,
            reason=why,
            target=review.hold_id if is_approved else "",
            approved_by=approved_by,
            approved_minor=review.total_minor if approved_by else None,
        )
        try:
            await self._send(view, act)
        except StreamUnavailable as error:
            await self.reviews.undecide(review.id, who, f"Not sent: {error}"[:MAX_REASON], now)
            raise

    def _needed(self, review: Review) -> int:
        """Return how many people have to approve a review; 0: limits say nothing of it."""
        if not self.limits.roles or not is_approval(review.hold_id):
            return 0
        return people_needed(self.limits, review)

    async def _approved(self, review: Review, who: str, why: str, now: datetime) -> tuple[str, ...]:
        """Return who has approved it, with this person. The first of two is noted."""
        given = await self._given(review)
        absences = await self.approvals.absences(now)
        changed_by = {one.by for _, one in await self.approvals.changes(review.order_id)}
        person = name_of(who)
        try:
            instead = authority(self.limits, review, person, absences, given, changed_by)
        except NotAllowed as error:
            raise ReviewRefused(str(error)) from error
        if len(given) + 1 < self._needed(review):
            amount = review.total_minor, review.currency
            added = await self.approvals.add(
                review.id, person, instead, why, now, amount=amount, claimed_as=who
            )
            if not added:
                raise await self._refused(review, who)
            # Two who approve at once both find the other one's approval, and one is carried out.
            given = await self._given(review)
        else:
            mine = Approval(person=person, instead_of=instead, reason=why, at=now)
            given = [*given, mine]
        return tuple(
            f"{one.person} for {one.instead_of}" if one.instead_of else one.person for one in given
        )

    async def _given(self, review: Review) -> list[Approval]:
        """Return the approvals so far that are of the order as it is."""
        given = await self.approvals.given(review.id)
        return standing(given, await self.approvals.changes(review.order_id)) if given else []

    async def _masked(self, review: Review, text: str) -> str:
        """Return a text without what would tell whose order it is: queue and audit are not
        sealed."""
        try:
            order = await self._views.order(OrderId(review.order_id))
        except (KeyMissing, Damaged):  # of an order that was erased nothing is known
            order = None
        return masked(text, order)

    async def _send(self, view: OrderView, act: ActOnOrder) -> None:
        await self._stream.publish(
            view.row.channel,
            "act",
            view.row.ref,
            codec.encode(act),
            delivery_id=f"review:{new_id()}",
            source=SOURCE,
            topic="",
        )

    async def _refused(self, review: Review, person: str) -> ReviewRefused:
        """Return why nothing was done."""
        found = await self.reviews.find(review.id)
        if found is None or found.closed_at is not None:
            return ReviewRefused("This review is closed: the hold has ended.")
        if found.decided:
            return ReviewRefused(f"{found.decided_by} has {found.decided} it a moment ago.")
        if (found.total_minor, found.currency) != (review.total_minor, review.currency):
            return ReviewRefused("The order comes to another amount by now: look at it again.")
        if found.claimed_by not in ("", person[:MAX_PERSON]):
            return ReviewRefused(
                f"{found.claimed_by} has claimed it: ask them, or take it over first."
            )
        return ReviewRefused(f"{MAX_QUESTIONS} questions were asked of it already: decide.")


def _reason(text: str) -> str:
    if not text.strip():
        raise ReviewRefused("Say why; it is audited.")
    return text.strip()[:MAX_REASON]


def _rule(view: OrderView, hold_id: str) -> RuleView | None:
    if not hold_id.startswith(RULED):
        return None
    _, name, rule = hold_id.split("-", 2) if hold_id.count("-") > 1 else ("", "", "")
    name = "review" if name == "elevated" else name
    return next((one for one in view.rules if (one.set, one.rule) == (name, rule)), None)


def _stock(one: FulfilmentView) -> str:
    units = sum(x.quantity for x in one.units)
    if one.lapsed:
        return f"{one.key}: the reservation of {units} units expired; they are tried again"
    if one.stage in ("planned", "short"):
        return f"{one.key}: {units} units at {one.place or 'no place yet'} are not reserved"
    if one.stage == "reserved":
        return f"{one.key}: {units} units are reserved at {one.place}"
    return f"{one.key}: {one.stage.replace('_', ' ')} at {one.place}"
