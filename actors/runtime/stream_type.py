"""What the runtime runs: a stream type says how one kind of stream decides, is stored and is shown.

The runtime knows no order: it hands an input to the stream type with what is known beside it, and
carries out what comes back. The order is one stream type; a batch job or a reconciliation run may
be another.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from actors.runtime.ports import Body, Document, Row
from schemas.messages.effects import Effect
from schemas.order.claims import Claim, Claimed
from schemas.order.ids import OrderId, Reference
from schemas.order.things import Key
from schemas.order.world import World


class Occasion(Struct, frozen=True, kw_only=True):
    """What is known beside state and input when an input is decided. `reference` is the stream's
    own; `body` and `stated` are the decoded bodies (None: none yet, or erased); `received_at` is
    when the input was safe with us ("" for one of our own making). `claimed` is whose it is what
    an earlier try of the same decision claimed. `world` answers what an earlier try asked about the
    world."""

    order_id: OrderId
    reference: Reference
    channel: str
    ref: str
    now: datetime
    received_at: str
    body: Any
    stated: Any
    claimed: Claimed | None = None
    world: World | None = None


class Intent(Protocol):
    """A numbered effect that a decision asks for; see `ports.RecordedEffect`."""

    @property
    def number(self) -> int:
        """Rises by one with each effect of the stream."""
        ...

    @property
    def key(self) -> Key:
        """The thing it is for."""
        ...

    @property
    def lane(self) -> str:
        """The partner instance that carries it out."""
        ...

    @property
    def effect(self) -> Effect:
        """What is asked."""
        ...

    @property
    def attempts(self) -> int:
        """1 when an earlier effect of the same purpose may have acted."""
        ...


class Decided(Protocol):
    """What an input leads to. No events means: seen, and nothing changes; of a stream that has no
    events at all it means that nothing of that name is known."""

    @property
    def state(self) -> Any:
        """The state after the events."""
        ...

    @property
    def events(self) -> Sequence[Any]:
        """What was decided."""
        ...

    @property
    def effects(self) -> Sequence[Intent]:
        """What partners are asked."""
        ...

    @property
    def settled(self) -> Sequence[tuple[int, str]]:
        """Effects that ended, by number, each with how: `done`, `refused`, `person` or `sought`."""
        ...

    @property
    def set_timers(self) -> Sequence[tuple[Key, str, datetime]]:
        """Timers by thing and name, with when they are due."""
        ...

    @property
    def clear_timers(self) -> Sequence[tuple[Key, str]]:
        """Timers that are wanted no more. The one that fired is cleared by itself."""
        ...

    @property
    def body(self) -> Any:
        """The body to keep from now on, None when it stays."""
        ...

    @property
    def stated(self) -> Any:
        """The sender's latest statement to keep beside it, None when it stays."""
        ...

    @property
    def early(self) -> bool:
        """Whether the input is about what is awaited and has not come, so that it is to be told
        again later; then there are no events."""
        ...

    @property
    def claim(self) -> Claim | None:
        """What no other stream may have; where one has it, the decision is made again."""
        ...


class StreamType(Protocol):
    """One kind of stream. Every method is pure."""

    @property
    def name(self) -> str:
        """What people call such a stream, such as `order`."""
        ...

    @property
    def initial(self) -> Any:
        """The state before the first event."""
        ...

    def decide(self, state: Any, command: Any, occasion: Occasion) -> Decided:
        """Return what an input means. Raises WorldAsked to be asked again with what it needs to
        know of the world; any other exception makes the input a poisonous one."""
        ...

    def begins(self, command: Any) -> bool:
        """Whether an input may be the first of a stream, so that one that was never delivered
        before is tried without asking the store whether the stream exists."""
        ...

    def is_patient(self, effect: Effect) -> bool:
        """Whether no one waits for what it leads to that this was done, so that the answer may
        wait a moment for another input of its stream."""
        ...

    def encode_state(self, state: Any) -> bytes:
        """Return the state as it is stored; the same state gives the same bytes."""
        ...

    def decode_state(self, stored: bytes) -> Any:
        """Return the state; None when other versions of the machines made it, so that it must be
        built again from the events. Raises msgspec.MsgspecError for what is not a state."""
        ...

    def replay(self, events: Sequence[Any]) -> Any:
        """Return the state that these events lead to."""
        ...

    def row_of(self, state: Any) -> Row:
        """Return the stream's row in the read model."""
        ...

    def encode_body(self, name: str, body: Any) -> Body:
        """Return a body as it is stored, with whose it is."""
        ...

    def decode_body(self, stored: bytes) -> Any:
        """Return a body. Raises msgspec.MsgspecError for what is none."""
        ...

    def documents_of(self, decided: Any) -> Sequence[Document]:
        """Return the files that came with a decision. Raises ValueError for one that can't be
        kept, such as an image that is not base64."""
        ...

    def redacted(self, command: Any, body: Any) -> Any:
        """Return an input whose free texts name no one; they may become events."""
        ...

    def masked(self, text: str, body: Any) -> str:
        """Return a partner's words without what would tell whose stream it is."""
        ...
