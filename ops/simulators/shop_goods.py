"""What becomes of one order's goods at Shopify: fulfilment orders, and fulfilments made of them.

Lines are grouped by location, service and delivery method; each group is a fulfilment order.
https://shopify.dev/docs/apps/build/orders-fulfillment
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

FULFILLABLE: Final = ("OPEN", "IN_PROGRESS")
LIVE: Final = (*FULFILLABLE, "SCHEDULED", "ON_HOLD")
MAX_FULFILMENT_ORDERS: Final = 200
MAX_FULFILMENTS: Final = 500
MAX_HOLDS: Final = 10
MANUAL: Final = "manual"
TAKEN: Final = ("ACCEPTED", "CANCELLATION_REQUESTED", "CANCELLATION_REJECTED")
"""What stands in a request that the service has accepted."""
QUANTITY_WORDS: Final = "Invalid fulfillment order line item quantity requested."
MISSING_WORDS: Final = "Fulfillment order does not exist."


class Refusal(Exception):
    """Shopify says no: a userError with its field and, for some mutations, a code."""

    def __init__(self, message: str, at: Sequence[str] | None, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.at = None if at is None else list(at)
        self.code = code


@dataclass(slots=True, frozen=True)
class Need:
    """How many pieces of one line are still to be fulfilled, and which group they belong to."""

    line: str
    quantity: int
    location: int
    method: str = "SHIPPING"
    service: str = MANUAL


@dataclass(slots=True)
class Piece:
    """A FulfillmentOrderLineItem; `line` is the numeric id of the order's line."""

    number: int
    line: str
    total: int
    remaining: int


@dataclass(slots=True)
class Hold:
    """A fulfilment hold; `reason` is one of Shopify's, such as INCORRECT_ADDRESS."""

    number: int
    reason: str
    notes: str
    handle: str


@dataclass(slots=True)
class FulfilmentOrder:
    """One group of lines that are fulfilled together. `prepared`: ready for pick-up; `fulfil_at`:
    when it is due, where that is later. `request` is what its fulfilment service was asked, and
    answered."""

    number: int
    location: int
    method: str
    service: str
    status: str = "OPEN"
    pieces: list[Piece] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    prepared: bool = False
    fulfil_at: float | None = None
    at: float = 0.0
    request: str = "UNSUBMITTED"

    @property
    def remaining(self) -> int:
        return sum(piece.remaining for piece in self.pieces)

    def fits(self, location: int, method: str, service: str) -> bool:
        """Whether pieces of such a group may join."""
        return self.status in LIVE and (self.location, self.method, self.service) == (
            location,
            method,
            service,
        )

    def piece(self, number: int) -> Piece | None:
        """The piece with that number."""
        return next((one for one in self.pieces if one.number == number), None)


@dataclass(slots=True, frozen=True)
class Part:
    """Some pieces of one fulfilment order, in a fulfilment."""

    fulfilment_order: int
    line: str
    quantity: int


@dataclass(slots=True)
class Tracking:
    """The parcels' numbers and pages, in the same order."""

    company: str = ""
    numbers: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()


@dataclass(slots=True)
class Fulfilment:
    """What has left (or is shown to have left) in one go."""

    number: int
    index: int
    location: int
    tracking: Tracking
    parts: tuple[Part, ...]
    at: float
    updated_at: float
    status: str = "SUCCESS"


Wanted = tuple[int, list[tuple[int, int]] | None]
"""A fulfilment order's number, and its pieces with quantities; None takes all that remains."""


class Goods:
    """One order's fulfilment orders and fulfilments.

    `number` makes ids; True asks for one that leads back to this order, because callers name it.
    """

    __slots__ = ("_number", "cancelled_at", "fulfilments", "orders")

    def __init__(self, number: Callable[[bool], int]) -> None:
        self._number = number
        self.orders: list[FulfilmentOrder] = []
        self.fulfilments: list[Fulfilment] = []
        self.cancelled_at: float | None = None

    def standing(self) -> list[Fulfilment]:
        """The fulfilments that were not cancelled."""
        return [one for one in self.fulfilments if one.status == "SUCCESS"]

    def fulfilled(self, line: str) -> int:
        """How many pieces of a line the standing fulfilments hold."""
        return sum(
            part.quantity for one in self.standing() for part in one.parts if part.line == line
        )

    def find(self, number: int) -> FulfilmentOrder:
        """The fulfilment order with that number. Raises Refusal."""
        for one in self.orders:
            if one.number == number:
                return one
        raise Refusal(MISSING_WORDS, ["fulfillment"], "FULFILLMENT_ORDER_NOT_FOUND")

    def fulfilment(self, number: int) -> Fulfilment | None:
        """The fulfilment with that number."""
        return next((one for one in self.fulfilments if one.number == number), None)

    def plan(self, needs: Sequence[Need], now: float, first: int = 0) -> None:
        """Have the live fulfilment orders hold exactly these pieces: at first all, after an edit
        the difference. `first` is the number of the very first fulfilment order."""
        for need in needs:
            open_now = sum(
                piece.remaining
                for one in self.orders
                if one.status in LIVE
                for piece in one.pieces
                if piece.line == need.line
            )
            if need.quantity > open_now:
                self._add(need, need.quantity - open_now, now, first)
            elif need.quantity < open_now:
                self._take(need.line, open_now - need.quantity, now)

    def _add(self, need: Need, quantity: int, now: float, first: int) -> None:
        group = (need.location, need.method, need.service)
        home = next((one for one in self.orders if one.fits(*group)), None)
        if home is None:
            home = self._open(
                FulfilmentOrder(first if not self.orders and first else 0, *group), now
            )
        self._put(home, need.line, quantity, now)

    def _open(self, made: FulfilmentOrder, now: float) -> FulfilmentOrder:
        if len(self.orders) >= MAX_FULFILMENT_ORDERS:
            raise Refusal(f"An order has at most {MAX_FULFILMENT_ORDERS} fulfillment orders.", None)
        made.number = made.number or self._number(True)
        made.at = now
        self.orders.append(made)
        return made

    def _put(self, home: FulfilmentOrder, line: str, quantity: int, now: float) -> None:
        home.at = now
        for piece in home.pieces:
            if piece.line == line:
                piece.total += quantity
                piece.remaining += quantity
                return
        home.pieces.append(Piece(self._number(False), line, quantity, quantity))

    def _take(self, line: str, quantity: int, now: float) -> None:
        for one in reversed(self.orders):
            if one.status not in LIVE:
                continue
            for piece in one.pieces:
                if piece.line == line and quantity:
                    less = min(piece.remaining, quantity)
                    piece.remaining -= less
                    piece.total -= less
                    quantity -= less
                    one.at = now
            one.pieces = [piece for piece in one.pieces if piece.total]
            self._settle(one)

    def _settle(self, one: FulfilmentOrder) -> None:
        """Close what has nothing left."""
        if one.status in LIVE and not one.remaining:
            one.status = "CLOSED"

    def fulfil(
        self, wanted: Sequence[Wanted], tracking: Tracking, now: float, *, again: bool = False
    ) -> Fulfilment:
        """Make a fulfilment. `again` takes a closed one as if it were open, which the real one
        never does. Raises Refusal, and then nothing was done."""
        if not wanted:
            raise Refusal("Line items by fulfillment order can't be blank.", ["fulfillment"])
        if len(self.fulfilments) >= MAX_FULFILMENTS:
            raise Refusal(f"An order has at most {MAX_FULFILMENTS} fulfillments.", ["fulfillment"])
        taken: list[tuple[FulfilmentOrder, Piece, int]] = []
        location = 0
        for number, pieces in wanted:
            one = self.find(number)
            if location and one.location != location:
                words = "All fulfillment orders must be assigned to the same location."
                raise Refusal(words, ["fulfillment"])
            location = one.location
            taken += self._chosen(one, pieces, again=again)
        for one, piece, quantity in taken:
            piece.remaining = max(0, piece.remaining - quantity)
            one.status, one.at = "IN_PROGRESS", now
            self._settle(one)
        parts = tuple(Part(one.number, piece.line, count) for one, piece, count in taken)
        index = len(self.fulfilments) + 1
        made = Fulfilment(self._number(True), index, location, tracking, parts, now, now)
        self.fulfilments.append(made)
        return made

    def _chosen(
        self, one: FulfilmentOrder, pieces: list[tuple[int, int]] | None, *, again: bool
    ) -> list[tuple[FulfilmentOrder, Piece, int]]:
        if one.status not in FULFILLABLE and not again:
            status = one.status.lower()
            raise Refusal(
                f"Fulfillment order {one.number} has an unfulfillable status= {status}.",
                ["fulfillment"],
            )
        if one.service != MANUAL and one.request not in TAKEN:
            # An app without the scope for other services' fulfilment orders may not.
            raise Refusal(MISSING_WORDS, ["fulfillment"])
        if pieces is None:
            return [
                (one, piece, piece.total if again else piece.remaining)
                for piece in one.pieces
                if again or piece.remaining
            ]
        return [(one, *pair) for pair in self.chosen(one, pieces, ["fulfillment"])]

    @staticmethod
    def chosen(
        one: FulfilmentOrder, pieces: list[tuple[int, int]], at: Sequence[str]
    ) -> list[tuple[Piece, int]]:
        """The pieces that are meant. Raises Refusal when there are not so many."""
        left = {piece.number: piece.remaining for piece in one.pieces}
        found: list[tuple[Piece, int]] = []
        for number, quantity in pieces:
            piece = one.piece(number)
            if piece is None or not 0 < quantity <= left[number]:
                raise Refusal(QUANTITY_WORDS, at, "INVALID_LINE_ITEM_QUANTITY")
            left[number] -= quantity
            found.append((piece, quantity))
        return found

    def part_off(
        self,
        one: FulfilmentOrder,
        pieces: list[tuple[int, int]],
        location: int,
        now: float,
        at: Sequence[str],
    ) -> FulfilmentOrder:
        """Put pieces into a new fulfilment order at that location. Raises Refusal."""
        chosen = self.chosen(one, pieces, at)
        made = self._open(FulfilmentOrder(0, location, one.method, one.service), now)
        for piece, quantity in chosen:
            piece.remaining -= quantity
            piece.total -= quantity
            self._put(made, piece.line, quantity, now)
        one.pieces = [piece for piece in one.pieces if piece.total]
        one.at = now
        self._settle(one)
        return made

    def fall_due(self, now: float) -> None:
        """Open what was put off until now, as Shopify does by itself."""
        for one in self.orders:
            if one.status == "SCHEDULED" and one.fulfil_at is not None and one.fulfil_at <= now:
                one.status, one.fulfil_at = "OPEN", None

    def give_up(self, one: FulfilmentOrder, now: float) -> None:
        """Cancel one; what was left of it is in a new one."""
        made = self._open(FulfilmentOrder(0, one.location, one.method, one.service), now)
        for piece in one.pieces:
            if piece.remaining:
                self._put(made, piece.line, piece.remaining, now)
                piece.remaining = 0
        one.status, one.at = "CANCELLED", now

    def cancel_fulfilment(self, made: Fulfilment, now: float) -> None:
        """Take a fulfilment back: its pieces are open again, in their fulfilment order, or in a new
        one where that was closed. Raises Refusal."""
        if made.status != "SUCCESS":
            raise Refusal("fulfillment_cannot_be_cancelled", ["id"])
        made.status, made.updated_at = "CANCELLED", now
        for part in made.parts:
            old = self.find(part.fulfilment_order)
            if old.status in LIVE:
                for piece in old.pieces:
                    if piece.line == part.line:
                        piece.remaining = min(piece.total, piece.remaining + part.quantity)
                old.at = now
                continue
            need = Need(part.line, part.quantity, old.location, old.method, old.service)
            self._add(need, part.quantity, now, 0)

    def cancel(self, now: float) -> None:
        """Cancel what is open, for the order was."""
        self.cancelled_at = now
        for one in self.orders:
            if one.status in LIVE:
                one.status, one.at = "CANCELLED", now
                for piece in one.pieces:
                    piece.remaining = 0
