"""How a story is told. The same story runs against the machines alone (`tests.stories.pure`) or
against the whole service and its simulated partners: a runner does what the words say."""

from __future__ import annotations

from typing import Literal, Protocol, Self

from schemas.order.canonical import Line, Order

Call = Literal[
    "reserve", "release", "post", "amend", "unpost", "task", "cancel task", "label", "void",
    "track", "publish", "cancel", "fetch", "mail", "capture",
    "refund", "restock",
]  # fmt: skip
"""What a partner may be asked for."""


class ToldAlone(Exception):
    """This part of a story can be told against the machines alone; the text says why."""


class Runner(Protocol):
    """One order among everyone it deals with. Fulfilments are named as the service does: F1, F2.

    `given`, `when`, `then` say in words what the next lines do; a failing story prints them.
    """

    def given(self, words: str) -> Self: ...
    def when(self, words: str) -> Self: ...
    def then(self, words: str) -> Self: ...

    # --- the shop -----------------------------------------------------------------------------

    def places(self, order: Order) -> Self:
        """The shop sends its order."""
        ...

    def states(self, **changes: object) -> Self:
        """The shop changes the order and says so; without changes it repeats itself (an echo)."""
        ...

    def states_lines(self, *lines: Line) -> Self:
        """The shop changes the lines, and the totals with them."""
        ...

    def others_send(self, line_id: str, quantity: int) -> Self:
        """Somebody else sends units, and the shop shows it."""
        ...

    def shop_cancels(self) -> Self:
        """The order is cancelled in the shop."""
        ...

    def shop_asks_to_stop(self, **units: int) -> Self:
        """The shop asks not to send so many units by line, and waits for an answer."""
        ...

    def shop_puts_off(self, hours: float, **units: int) -> Self:
        """The shop wants so many units by line sent so many hours later."""
        ...

    # --- partners -----------------------------------------------------------------------------

    def everyone_answers(self) -> Self:
        """Every partner does what it was asked, until nothing is under way."""
        ...

    def answer_is_lost(self, call: Call) -> Self:
        """The next call of this kind is carried out, and no one learns of it."""
        ...

    def refuses(self, call: Call, why: str = "No.") -> Self:
        """The next call of this kind is refused."""
        ...

    def fails(self, call: Call) -> Self:
        """The next call of this kind does nothing, as often as it is tried."""
        ...

    def is_slow(self, call: Call) -> Self:
        """Calls of this kind wait for their answer until `answers`."""
        ...

    def answers(self, call: Call) -> Self:
        """What was slow answers, or the answer that was lost comes late."""
        ...

    def shop_gives_back(self, amount: int, **units: int) -> Self:
        """Somebody gives money back in the shop, for units that have not left (`l1=1`)."""
        ...

    def gives_back(self, amount: int) -> Self:
        """A person gives so much back here."""
        ...

    def back(self, step: str, becomes: str = "", refund: str = "", **units: int) -> Self:
        """A person takes a step of a return, with so many units by line (`l1=1`); what is inspected
        `becomes` all the same, and `refund` says what is paid for it."""
        ...

    def shop_tells_of_return(self, step: str) -> Self:
        """The shop tells of a return of its own that it came to this step, and of no units."""
        ...

    def return_is(self, stage: str, key: str = "T1") -> Self: ...

    def stock_got_back(self, **units: int) -> Self:
        """So many units by line went back into the stock with returns."""
        ...

    def gateway_captures(self, *, more_than_once: bool) -> Self:
        """Whether the order's gateway captures an authorisation again, or frees the rest."""
        ...

    def has_stock(self, place: str, sku: str, quantity: int) -> Self:
        """A place has so many, and the SKU is counted there from now on."""
        ...

    # --- the warehouse ------------------------------------------------------------------------

    def picks(self, key: str = "F1") -> Self: ...

    def finds(self, key: str = "F1", **found: int) -> Self:
        """The warehouse finds so many of each line (`l1=1`), and says so before packing."""
        ...

    def packs(self, key: str = "F1", *, more: bool = False, number: str = "", **units: int) -> Self:
        """The warehouse packs one parcel: these units by line (`l1=2`), or all that is left. `more`
        will follow. `number` is its own tracking number."""
        ...

    def sends(self, key: str = "F1", box: int = 0, number: str = "") -> Self:
        """The warehouse hands over a parcel by its place among those packed, from 1, or all."""
        ...

    def drops_task(self, key: str = "F1") -> Self:
        """The warehouse cancels its task, as it was asked or by itself."""
        ...

    def customer_collects(self, key: str = "F1") -> Self: ...

    # --- the carrier --------------------------------------------------------------------------

    def carrier_says(self, status: str, parcel: str = "") -> Self:
        """The carrier says so of one parcel (K1), or of all that it can be asked about."""
        ...

    # --- people and time ----------------------------------------------------------------------

    def person(self, verb: str, target: str = "") -> Self:
        """A person decides something; of an effect the target is the kind of call."""
        ...

    def edits(self, **changes: object) -> Self:
        """A person changes the order here: `ship_to`, `note`, or quantities by line (`l1=0`)."""
        ...

    def hours(self, hours: float) -> Self:
        """Time passes, and what is due comes to pass."""
        ...

    def knows_skus(self, *skus: str) -> Self:
        """The mappings list these SKUs and no others."""
        ...

    # --- what it came to ----------------------------------------------------------------------

    def stage_is(self, stage: str) -> Self: ...

    def person_is_asked(self, *words: str) -> Self:
        """Something waits for a person, and it says all of these words."""
        ...

    def no_one_is_asked(self) -> Self: ...

    def person_was_told(self, *words: str) -> Self:
        """A task said all of these words, also when it is done by now."""
        ...

    def tasks_are(self, count: int) -> Self:
        """So many tasks of warehouses stand or are finished; cancelled ones don't count."""
        ...

    def task_holds(self, key: str, **units: int) -> Self: ...

    def tasks_hold(self, **units: int) -> Self:
        """All tasks that stand hold so many units together."""
        ...

    def collected_is(self, *amounts: int) -> Self:
        """What the tasks were told to collect on delivery, in minor units."""
        ...

    def labels_are(self, good: int, void: int = 0) -> Self: ...

    def refunds_are(self, *amounts: int) -> Self:
        """What the shop gave back for us, refund by refund, in minor units."""
        ...

    def captured_is(self, *amounts: int) -> Self:
        """What the shop took of the reserved money, capture by capture, in minor units."""
        ...

    def goods_go_to(self, street: str) -> Self:
        """Every good label and task says this street."""
        ...

    def labels_say(self, street: str) -> Self:
        """Every good label says this street."""
        ...

    def erp_has(self, **units: int) -> Self:
        """The ERP has one order of these units by line; none at all: it has none that stands."""
        ...

    def shop_shows(self, *parcels: dict[str, int]) -> Self:
        """The shop shows exactly these parcels as sent by us."""
        ...

    def shop_is_cancelled(self, *, by_us: bool) -> Self: ...

    def shop_shows_ready(self, *keys: str) -> Self:
        """The shop was told of exactly these fulfilments that they wait for their customer."""
        ...

    def shop_hears(self, *answers: str) -> Self:
        """What the shop was told of what it asked to stop: `stopped` or `not_stopped`, in turn."""
        ...

    def mails_are(self, *templates: str) -> Self: ...

    def stock_is_held(self, **units: int) -> Self:
        """So many units are reserved and have not left."""
        ...

    def ends(self) -> None:
        """Once everyone answers and people close their tasks, the order ends, and everyone was left
        with what it says."""
        ...
