"""What is known about one order, built from its events alone.

A later machine adds one line here: where its things are kept.
"""

from __future__ import annotations

from msgspec import Struct

from actors.capture.thing import Capture
from actors.documents.thing import Document
from actors.fulfilment.thing import Fulfilment
from actors.label.thing import Label
from actors.messages.thing import Message
from actors.parcel.thing import Parcel
from actors.payment.thing import Payment
from actors.refund.thing import Refund
from actors.returns.thing import Return
from schemas.messages.base import Intent, Parts
from schemas.messages.effects import Units
from schemas.messages.rule_events import Ruling
from schemas.order.things import Key

VERSION = 10
"""Of the structs below, and of what events make of them; a stored state of another one is rebuilt
from the events."""


class LineState(Struct, frozen=True, array_like=True):
    """A line: its id and SKU, how it is delivered, and its ledger by account
    (`actors.kernel.ledger`)."""

    line_id: str
    sku: str
    delivery: str
    counts: dict[str, int] = {}


class Hold(Struct, frozen=True, array_like=True):
    """A reason why irreversible work waits, for one thing or the whole order. A statement of the
    channel from `since` on ends it; `asked` is the order's last effect when it began, for one that
    only an order that was asked for since ends."""

    hold_id: str
    reason: str
    key: Key
    since: str = ""
    asked: int = 0


class Task(Struct, frozen=True, array_like=True):
    """Something that is left to a person."""

    task_id: str
    words: str
    key: Key
    amount_minor: int = 0


class Stuck(Struct, frozen=True, array_like=True):
    """An effect that only a person can say how to go on with. `refused`: the partner said no."""

    number: int
    key: Key
    kind: str
    reason: str
    outcome_known: bool
    refused: bool = False


class Lost(Struct, frozen=True, array_like=True):
    """An effect that ended without success. `known`: surely nothing was done."""

    number: int
    key: Key
    kind: str
    lane: str
    note: str
    known: bool


class StopAsk(Struct, frozen=True, array_like=True):
    """What the channel asked us not to send. `base` is how many of each of these lines were gone
    from the order then, so that they are told from those that are taken off it since. `verdict` is
    what became of it: "" while that is not known, `stopped` or `refused`, for a `reason`. `told`:
    the channel knows."""

    outside_id: str
    units: Parts
    base: Parts
    hold_id: str = ""
    verdict: str = ""
    reason: str = ""
    told: bool = False


class LaterUnits(Struct, frozen=True, array_like=True):
    """What the channel wants sent not before `at` ("": before it asks): units by its own ids of
    their lines. `gone` is how many of each of our lines had been taken off the order by then."""

    outside_id: str
    at: str
    units: tuple[Units, ...]
    gone: Parts = ()


class Cancel(Struct, frozen=True, array_like=True):
    """Why and by whom the order is cancelled. `told`: the channel shows it."""

    reason: str
    requested_by: str
    told: bool = False


class Twin(Struct, frozen=True, array_like=True):
    """The order that was accepted instead: what both have of their marketplace, its id, its
    channel, and the channel's and people's number of it. `cancelled` says that it was cancelled
    since, or (`unsure`) that this is not known; `asked`: a person was asked what to do."""

    claim: str
    order_id: str
    channel: str
    ref: str
    number: str
    cancelled: bool = False
    unsure: bool = False
    asked: bool = False


class Ruled(Struct, frozen=True, array_like=True, dict=True):
    """What the seller's rules said last, and in which version; the facts are in the event. What it
    makes of a setup is kept in its `__dict__`, which is neither stored nor compared."""

    version: int
    rulings: tuple[Ruling, ...] = ()

    def asked(self, set_: str, name: str) -> str:
        """Return what the rules of a set ask for under this name, "" for nothing; where several
        do, the first counts."""
        for one in self.rulings:
            if one.set == set_:
                for stated, value in one.asks:
                    if stated == name:
                        return value
        return ""


class Ended(Struct, frozen=True, array_like=True):
    """What is left of a thing that has ended: how, the ids by which others know it, and what a
    parcel holds that was packed and never sent."""

    stage: str
    ids: tuple[str, ...] = ()
    units: Parts = ()


class State(Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """An order's state. What is read off it again and again may be kept in its `__dict__`, which is
    neither stored nor compared.

    `family` names the machines and their versions that made it. `collected` is the amount to
    collect that went with fulfilments that are done, `uncollected` that of those which came back
    or were lost, `prepaid` what was paid beside it (-1: nothing
    was collected when the channel stated the order last; while only its payment has come, how much
    that says is paid), `settled_minor` the money owed that a person settled, `named` of how many
    units that were cancelled here one was told.
    `source_updated_at` is the order's time of change in the channel's latest statement, `heard_at`
    the same in its latest message that says only that the order is cancelled. `beside` says that
    the channel's latest statement is kept beside the body. `address`, `task` and `book` are the
    revisions of what a label, a warehouse's task and the ERP are told; `revised` says of what
    changed in which revisions of task and address it last did. `late_cancel` says that the channel
    cancelled it when everything had left. `lines` are all lines that there ever were, in the order
    in which they came: events name them by their place; `sums` are their ledgers together. `ended`
    is what is left of things that have ended, `numbers` are the highest numbers of things so far.
    `stops` are what the channel asked us not to send, until it knows what became of that and the
    order goes on, `later` what it wants sent later. `open` lists effects under way, `lost` those
    that ended without success and might still report a consequence. `waived` lists holds that a
    person released and that must not come again. `outside` are shipments that others made, with
    what is known of each, `shown` the channel's ids of ours that it has shown (`reduced`: it took
    one back); `declined` are the places that refused. `claim` is what no other order may have since
    this one was accepted, `twin` the order that was accepted instead of this one, which came
    through two channels. `ship_by` is when goods have to be handed over at the latest ("": any
    time). `ruled` is what the seller's rules said last (None: there were none).
    """

    version: int = 0
    family: str = ""
    stage: str = "new"
    channel: str = ""
    ref: str = ""
    number: str = ""
    reference: str = ""
    currency: str = ""
    total_minor: int = 0
    payment: str = ""
    payment_method: str = ""
    accepted_by: str = ""
    collected: int = 0
    uncollected: int = 0
    prepaid: int = -1
    settled_minor: int = 0
    named: int = 0
    country: str = ""
    notify: bool = False
    source_updated_at: str = ""
    heard_at: str = ""
    mappings: int = 0
    stated_digest: str = ""
    beside: bool = False
    address: int = 1
    task: int = 1
    book: int = 1
    revised: dict[str, tuple[int, int]] = {}
    lines: tuple[LineState, ...] = ()
    sums: dict[str, int] = {}
    fulfilments: dict[Key, Fulfilment] = {}
    parcels: dict[Key, Parcel] = {}
    labels: dict[Key, Label] = {}
    documents: dict[Key, Document] = {}
    messages: dict[Key, Message] = {}
    payments: dict[Key, Payment] = {}
    captures: dict[Key, Capture] = {}
    refunds: dict[Key, Refund] = {}
    returns: dict[Key, Return] = {}
    ended: dict[Key, Ended] = {}
    numbers: dict[str, int] = {}
    last_effect: int = 0
    open: tuple[Intent, ...] = ()
    stuck: tuple[Stuck, ...] = ()
    lost: tuple[Lost, ...] = ()
    holds: tuple[Hold, ...] = ()
    tasks: tuple[Task, ...] = ()
    waived: tuple[str, ...] = ()
    cancel: Cancel | None = None
    late_cancel: bool = False
    overdue: tuple[Key, ...] = ()
    waits: str = ""
    refetches: int = 0
    refetch: bool = False
    outside: tuple[tuple[str, Parts], ...] = ()
    shown: tuple[str, ...] = ()
    reduced: bool = False
    declined: tuple[str, ...] = ()
    stops: tuple[StopAsk, ...] = ()
    later: tuple[LaterUnits, ...] = ()
    claim: str = ""
    twin: Twin | None = None
    ship_by: str = ""
    requests: tuple[str, ...] = ()
    ruled: Ruled | None = None
