"""What an outside system is to the runtime, and what it is told of one effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from actors.runtime.errors import NeedsPerson
from schemas.messages.effects import Effect, Result
from schemas.order.canonical import Order
from schemas.order.ids import OrderId, Reference
from schemas.order.things import Key


def surely_ours() -> None:
    """Check nothing: of a call that belongs to no process's orders."""


class Call(Struct, frozen=True, kw_only=True):
    """One call of a partner for one thing of an order.

    `reference` is the thing's own signed name (35 characters of [0-9A-Z]): partners keep it, and
    the thing is looked up by it. `order_reference` is the order's, for partners that group by
    order. `idempotency_key` is the same for every repeat, also after a person's retry: the effect's
    verb, `-`, the reference, and for amendments `-` and a digest (60 characters at most). `order`
    is the canonical order acted on; None before it has come, and after its personal data was
    erased. `check_ours` is called right before each request leaves that may act, and raises
    LeaseLost or JournalUnavailable when the order may be another process's: it may have changed
    hands while the adapter waited for something, such as a token or a connection.
    """

    order_id: OrderId
    channel: str
    ref: str
    key: Key
    reference: Reference
    order_reference: Reference
    number: int
    effect: Effect
    order: Order | None
    idempotency_key: str
    attempt: int
    trace: str = ""
    check_ours: Callable[[], None] = surely_ours

    @property
    def stated(self) -> Order:
        """Return the canonical order. Raises NeedsPerson when it is not kept any more."""
        if self.order is None:
            raise NeedsPerson(
                "What was ordered, and by whom, is not kept here any more: its personal data was "
                "erased. Do it by hand at the partner if it is still wanted, and skip it here."
            )
        return self.order


class Partner(Protocol):
    """An outside system behind one adapter. Adapters translate; they never retry or sleep.

    `look_up` returns the result when an earlier call of this effect turns out to have acted, and
    None when it surely has not. `can_look_up` False means: never repeat an unknown outcome.
    Both raise Rejected, Retryable, Unknown, Unauthorised or NeedsPerson (`actors.runtime.errors`).
    """

    name: str
    can_look_up: bool

    async def perform(self, call: Call) -> Result:
        """Do what the effect asks."""
        ...

    async def look_up(self, call: Call) -> Result | None:
        """Find the consequence of an earlier call by our reference."""
        ...
