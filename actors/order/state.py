"""What is known about one order, built from its events alone."""

from __future__ import annotations

from msgspec import Struct, json

from schemas.messages.effects import Parcel
from schemas.messages.events import Intent, PlacedLine


class Hold(Struct, frozen=True, array_like=True):
    """A reason why irreversible work waits."""

    hold_id: str
    reason: str


class Stuck(Struct, frozen=True, array_like=True):
    """An effect that ended waiting for a person."""

    number: int
    kind: str
    reason: str
    outcome_known: bool


class Cancel(Struct, frozen=True, array_like=True):
    """Why and by whom the order is cancelled."""

    reason: str
    requested_by: str


class State(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order's state. `done` lists what was done and not undone, in the order it was done
    (`stock`, `erp`, `warehouse`, `label`): compensation walks it backwards. `open` lists effects
    under way. `skipped` lists effect kinds a person chose to go without. `told` lists mails that
    were sent, and `maybe_told` says that one may have been. `mappings` is the version of the
    mappings that made the lines; `stated_digest` tells a later statement of the channel from the
    one they were made of ("": it is the body itself); `waived` lists holds for something unmapped,
    or fulfilled by somebody else, that a person released. `looks` counts questions to the channel
    how the order is; `refetch` says that one more is due when the one under way has ended.
    `waits` says in the channel's words why it does not tell an expected order yet. `compared` has
    the holds that end by themselves, each with the moment from which on a statement of the channel
    ends it."""

    version: int = 0
    stage: str = "new"
    channel: str = ""
    ref: str = ""
    number: str = ""
    correlation_id: str = ""
    currency: str = ""
    total_minor: int = 0
    payment: str = ""
    country: str = ""
    notify: bool = False
    source_updated_at: str = ""
    lines: tuple[PlacedLine, ...] = ()
    last_effect: int = 0
    open: tuple[Intent, ...] = ()
    stuck: tuple[Stuck, ...] = ()
    skipped: tuple[str, ...] = ()
    holds: tuple[Hold, ...] = ()
    done: tuple[str, ...] = ()
    place: str = ""
    short_skus: tuple[str, ...] = ()
    erp_id: str = ""
    erp_number: str = ""
    task_id: str = ""
    parcels: tuple[Parcel, ...] = ()
    carrier: str = ""
    shipment_id: str = ""
    tracking_number: str = ""
    fulfilment_id: str = ""
    told: tuple[str, ...] = ()
    maybe_told: bool = False
    cancel: Cancel | None = None
    overdue: bool = False
    mappings: int = 0
    stated_digest: str = ""
    waived: tuple[str, ...] = ()
    looks: int = 0
    refetch: bool = False
    waits: str = ""
    compared: tuple[tuple[str, str], ...] = ()

    @property
    def needs_shipping(self) -> bool:
        """Whether any line has to travel."""
        return any(line.requires_shipping for line in self.lines)

    def is_open(self, kind: str) -> bool:
        """Whether an effect of this kind is under way."""
        return any(intent.kind == kind for intent in self.open)

    def is_stuck(self, kind: str) -> bool:
        """Whether an effect of this kind waits for a person."""
        return any(stuck.kind == kind for stuck in self.stuck)

    def intent(self, number: int) -> Intent | None:
        """Return the open effect with this number."""
        return next((intent for intent in self.open if intent.number == number), None)


INITIAL = State()

encode_state = json.Encoder().encode
decode_state = json.Decoder(State).decode
