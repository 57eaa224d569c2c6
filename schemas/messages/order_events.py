"""Events of the order itself, and those that any of its things may have."""

from __future__ import annotations

from msgspec import Struct

from schemas.messages.base import Event, Parts
from schemas.messages.effects import Delivery, Units


class NewLine(Struct, frozen=True, array_like=True):
    """A line as decisions need it. Its place among all lines that were ever added, from 0, is how
    later events name it."""

    line_id: str
    sku: str
    quantity: int
    delivery: Delivery


class Placed(Event, frozen=True, kw_only=True, tag="order.placed.v2"):
    """The order exists. Personal data stays in the order's body, whose SHA-256 is `body_digest`.
    `reference` is the order's own signed reference. `received_at` is when its first message was
    safe with us; `notify` that there is whom to write to; `doubts` are the reasons why a person
    might look at whom it goes to. `mappings` is the version of the mappings that made the lines (0:
    there were none); `stated_digest` is the digest of what the channel stated, "" when that is the
    body itself. `ship_by` is when all of it has to be handed over at the latest ("": any time)."""

    channel: str
    ref: str
    number: str
    reference: str
    currency: str
    total_minor: int
    payment: str
    source_updated_at: str
    lines: tuple[NewLine, ...]
    body_digest: str
    payment_method: str = ""
    country: str = ""
    notify: bool = False
    received_at: str = ""
    doubts: tuple[str, ...] = ()
    mappings: int = 0
    stated_digest: str = ""
    ship_by: str = ""


class PaymentConfirmed(Event, frozen=True, kw_only=True, tag="order.payment_confirmed.v2"):
    """The channel says the money is there: `payment` as the channel's statement has it, where it
    brought the news. May come before the order itself."""

    channel: str
    ref: str
    reference: str
    paid_minor: int = -1
    payment: str = "paid"


class Accepted(Event, frozen=True, kw_only=True, tag="order.accepted.v2"):
    """The order may be worked on. `basis` says why: the money is there, it is promised by the
    method of payment, or a person accepted it. `claim` is the marketplace's id that no other order
    may be accepted with from now on ("": it has none)."""

    basis: str = ""
    person: str = ""
    claim: str = ""


class Duplicate(Event, frozen=True, kw_only=True, tag="order.duplicate.v1"):
    """Another order was accepted with the marketplace's id that this one has (`claim`), so this one
    is recorded and nothing is done for it. `order_id`, `channel`, `ref` and `number` are the other
    order's."""

    claim: str
    order_id: str
    channel: str
    ref: str
    number: str


class TakenOver(Event, frozen=True, kw_only=True, tag="order.taken_over.v1"):
    """The other order with this marketplace's id (`claim`) is cancelled, and a person has this one
    worked on instead."""

    claim: str
    person: str
    reason: str = ""


class TwinCancelled(Event, frozen=True, kw_only=True, tag="order.twin_cancelled.v1"):
    """The order that was accepted instead of this one is cancelled. `known` False: so many orders
    have the same marketplace's id that this one is not told whether it is."""

    known: bool = True


class Changed(Event, frozen=True, kw_only=True, tag="order.changed.v1"):
    """The order says something else now, and what is not done yet follows. `facets` name what
    differs (`address`, `contact`, `method`, `note`, `lines`, `money`,
    `due`, `terms`); `lines` are added lines;
    added units are in `moves`, units that are no longer wanted in `wishes`. `by` is the channel or
    a person. `prepaid_minor` is what was paid beside what was collected on delivery (-1:
    nothing was collected yet), `settled_minor` how much of what a person paid back is for units
    that the channel still states (-1: all of it). `ship_by` as in Placed."""

    by: str
    facets: tuple[str, ...]
    source_updated_at: str
    total_minor: int
    payment: str
    body_digest: str
    payment_method: str = ""
    country: str = ""
    notify: bool = False
    lines: tuple[NewLine, ...] = ()
    mappings: int = 0
    stated_digest: str = ""
    reason: str = ""
    prepaid_minor: int = -1
    settled_minor: int = -1
    ship_by: str = ""


class Normalised(Event, frozen=True, kw_only=True, tag="order.normalised.v2"):
    """The order was read again with newer mappings, before any work began: `lines` replace those
    before. Holds for what had been missing end with it; what is still missing is held again."""

    mappings: int
    body_digest: str
    lines: tuple[NewLine, ...] = ()
    stated_digest: str = ""


class UpdateNoted(Event, frozen=True, kw_only=True, tag="order.update_noted.v2"):
    """The channel stated the order again and nothing that we act on differs. When it stated only
    that the order is cancelled, `heard_at` is the time of that change and `source_updated_at`
    stays. `shown` are its ids of shipments of ours that it shows for the first time."""

    source_updated_at: str
    payment: str = ""
    heard_at: str = ""
    shown: tuple[str, ...] = ()


class ReportNoted(Event, frozen=True, kw_only=True, tag="order.report_noted.v2"):
    """A channel told something about the order that changes nothing by itself. `topic` is its own
    name of it. May come before the order itself; `waits` says then that the channel is not ready
    to tell it."""

    channel: str
    ref: str
    reference: str
    source: str
    topic: str
    words: str
    waits: bool = False


class RefetchAsked(Event, frozen=True, kw_only=True, tag="order.refetch_asked.v1"):
    """The order changed at its channel, so it is fetched. May come before the order itself. While
    it is being fetched, once more afterwards."""

    channel: str
    ref: str
    reference: str
    source: str
    topic: str = ""


class Fetched(Event, frozen=True, kw_only=True, tag="order.fetched.v2"):
    """The channel returned the current order, whose SHA-256 is `digest`. It comes in as an input of
    its own."""

    digest: str


class ShippedElsewhere(Event, frozen=True, kw_only=True, tag="order.shipped_elsewhere.v1"):
    """The channel shows units as fulfilled, and not by us. `outside_id` is its own id of that
    ("": it told sums alone); `units` are those not known before. Units that a partner of ours works
    on are in `wishes`."""

    outside_id: str
    units: Parts


class NotElsewhere(Event, frozen=True, kw_only=True, tag="order.not_elsewhere.v1"):
    """The channel does not show any more what it did: shipments `gone` (its ids; "": its sums), and
    units that are `less` in those of others. `moves` are ours to send again, and `kept` those that
    are not taken from a partner after all."""

    gone: tuple[str, ...] = ()
    kept: Parts = ()
    less: tuple[tuple[str, Parts], ...] = ()


class CancelRequested(Event, frozen=True, kw_only=True, tag="order.cancel_requested.v2"):
    """The order is to be cancelled; what has not left is undone. `left` are fulfilments of which
    goods have left already: these are not undone. `heard_at` is the order's time of change in the
    channel's message ("": it states none, or a person asked)."""

    channel: str
    ref: str
    reference: str
    reason: str
    requested_by: str
    left: tuple[str, ...] = ()
    heard_at: str = ""


class CancelRefused(Event, frozen=True, kw_only=True, tag="order.cancel_refused.v2"):
    """Too late to cancel: everything has left. A return is needed. `heard_at` as in
    CancelRequested."""

    reason: str
    requested_by: str
    heard_at: str = ""


class UnitsDropped(Event, frozen=True, kw_only=True, tag="order.units_dropped.v1"):
    """Units that are no longer wanted, and on which no partner works, left the order."""


class ExcessCounted(Event, frozen=True, kw_only=True, tag="order.excess_counted.v1"):
    """Units that left although no one had asked for them count for units that were still open."""


class LeftToOthers(Event, frozen=True, kw_only=True, tag="order.left_to_others.v1"):
    """These units are somebody else's to fulfil; nothing of them is done here."""


class UnitsScheduled(Event, frozen=True, kw_only=True, tag="order.units_scheduled.v1"):
    """The channel wants units sent not before `at` ("": not before it asks for them), by its own
    ids of their lines; without units they are due. `outside_id` is its id of them together; `gone`
    is how many of each of our lines had been taken off the order by then."""

    outside_id: str
    at: str = ""
    units: tuple[Units, ...] = ()
    gone: Parts = ()


class StopAsked(Event, frozen=True, kw_only=True, tag="order.stop_asked.v1"):
    """The channel asks us not to send these units, which it knows by `outside_id`. `hold_id` is the
    hold that keeps them meanwhile ("": there is nothing left to keep)."""

    outside_id: str
    units: Parts
    hold_id: str = ""


class StopDecided(Event, frozen=True, kw_only=True, tag="order.stop_decided.v1"):
    """The units that the channel asked us not to send are `stopped`, or can't be: `reason` says why
    in words for the seller."""

    outside_id: str
    stopped: bool
    reason: str


class StopAnswered(Event, frozen=True, kw_only=True, tag="order.stop_answered.v1"):
    """The channel knows whether what it asked not to be sent is stopped. `told` says whether we had
    to tell it; `by` is a person who told it, or went on without it."""

    outside_id: str
    told: bool = True
    by: str = ""


class RequestNoted(Event, frozen=True, kw_only=True, tag="order.request_noted.v1"):
    """The channel asks whether we take on goods of the order, which it knows by `outside_id`."""

    outside_id: str


class RequestAnswered(Event, frozen=True, kw_only=True, tag="order.request_answered.v1"):
    """The channel knows whether we take that on. `told` and `by` are as in StopAnswered."""

    outside_id: str
    told: bool = True
    by: str = ""


class ChannelTold(Event, frozen=True, kw_only=True, tag="order.channel_told.v1"):
    """The channel shows the order as cancelled. `told` says whether we had to tell it; `by` that a
    person did it there instead. `heard_at` as in CancelRequested, when a message of the channel
    says so."""

    told: bool = True
    by: str = ""
    heard_at: str = ""


class Cancelled(Event, frozen=True, kw_only=True, tag="order.cancelled.v2"):
    """Nothing of the order is left to be done, and nothing of it went out."""


class Closed(Event, frozen=True, kw_only=True, tag="order.closed.v2"):
    """Nothing is left to do."""


class Reopened(Event, frozen=True, kw_only=True, tag="order.reopened.v1"):
    """An order at its end has something to do again: `why` in words."""

    why: str


class Held(Event, frozen=True, kw_only=True, tag="order.held.v2"):
    """The thing waits for a person, who releases the hold by its id; a hold of the order itself
    holds all of it. A statement of the channel from `compare_from` on ("": none does) releases it
    too: what was not known then is. `asked` is the order's last effect before it, where the order
    as its channel shows it to a later question releases it."""

    hold_id: str
    reason: str
    compare_from: str = ""
    asked: int = 0


class HoldReleased(Event, frozen=True, kw_only=True, tag="order.hold_released.v2"):
    """A person released a hold, or the service one that needs no one any more."""

    hold_id: str
    person: str
    reason: str = ""


class TaskOpened(Event, frozen=True, kw_only=True, tag="order.task_opened.v1"):
    """Something that only a person can do is left to one. `words` name exactly what;
    `amount_minor` is money that is owed, in the currency that the customer paid in."""

    task_id: str
    words: str
    amount_minor: int = 0


class TaskClosed(Event, frozen=True, kw_only=True, tag="order.task_closed.v1"):
    """A person did it, or it is not needed any more (`person` is then the service)."""

    task_id: str
    person: str
    reason: str = ""


class GivenToPerson(Event, frozen=True, kw_only=True, tag="order.given_to_person.v2"):
    """An effect ended without success, and only a person can say how to go on. `refused`: the
    partner said no, so that nothing was done and the next attempt is a new one."""

    effect: int
    kind: str
    reason: str
    outcome_known: bool = True
    refused: bool = False


class AnswerNoted(Event, frozen=True, kw_only=True, tag="order.answer_noted.v1"):
    """An effect ended, and what it did was known already or concerns nothing any more."""


class Retried(Event, frozen=True, kw_only=True, tag="order.effect_retried.v2"):
    """A person had an effect tried again, for the same thing."""

    effect: int
    person: str
    reason: str = ""


class Renewed(Event, frozen=True, kw_only=True, tag="order.attempt_renewed.v1"):
    """A person, or a change of the order, had something tried again that a partner had refused:
    this thing has ended, and a new one follows it."""

    effect: int
    person: str
    reason: str = ""


class Skipped(Event, frozen=True, kw_only=True, tag="order.effect_skipped.v2"):
    """A person said to go on without an effect."""

    effect: int
    kind: str
    person: str
    reason: str = ""


class Overdue(Event, frozen=True, kw_only=True, tag="order.overdue.v2"):
    """The thing waited longer than its stage allows: an alarm. With `until` goods of the order are
    still here, and it has to be handed over by then."""

    stage: str
    waiting_for: str
    until: str = ""


class ActionRefused(Event, frozen=True, kw_only=True, tag="order.action_refused.v2"):
    """A person asked for something that this order can't do now."""

    verb: str
    person: str
    reason: str
