"""Stories in the real servers: the service as it is shipped, asked and answered over HTTP, with the
simulated partners' ledger as the truth.

Every step waits until nothing is under way for the order, as a story against the machines alone
does by itself. Time is not waited for: what a story calls an hour or a day later comes when the
story says so (a parcel moves when told, an answer is kept back until then), and the service's own
waits are short (`tests.stories.realm`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

from actors.order.state import State
from actors.order.words import stage_of
from schemas.order.canonical import Address, Line, Order
from tests.stories.acting import LOOK_UPS, PATIENCE_SECONDS, asked
from tests.stories.books import Books
from tests.stories.finishing import finish
from tests.stories.real_returns import Returning
from tests.stories.realm import Json
from tests.stories.runner import Call, ToldAlone
from tests.stories.shop import POSTAL_CODES, address_of, line_number
from tests.waiting import eventually

KNOBS: Mapping[Call, tuple[tuple[str, str], ...]] = {
    "post": (("erp", "create_order"),),
    "task": (("warehouse-one", "create_task"),),
    "cancel task": (("warehouse-one", "cancel_task"),),
    "label": (("carrier", "ship"),),
    "void": (("carrier", "void"),),
    "publish": (("storefront", "fulfillment_create"),),
    "cancel": (("storefront", "order_cancel"),),
    "mail": (("mail", "message"),),
    "capture": (("storefront", "order_capture"),),
    "refund": (("storefront", "refund_create"),),
}
"""Where each call goes, in the words of the simulators' faults."""


class Real(Returning):
    """Implements tests.stories.runner.Runner. What `refuses` says why is the simulator's own."""

    # --- words --------------------------------------------------------------------------------

    def given(self, words: str) -> Self:
        self.words.append(f"given {words}")
        return self

    def when(self, words: str) -> Self:
        self.words.append(f"when {words}")
        return self

    def then(self, words: str) -> Self:
        self.words.append(f"then {words}")
        return self

    # --- the shop -----------------------------------------------------------------------------

    def places(self, order: Order) -> Self:
        self.order = order
        assert order.ship_to is not None
        self.goes_to = POSTAL_CODES[order.ship_to.lines[0]]
        self.lines = {line.line_id: line for line in order.lines}
        return self._does(self.place(order))

    def states(self, **changes: object) -> Self:
        if not changes:
            return self._does(self.repeat())
        wish: Json = {}
        for name, value in changes.items():
            wish[name] = address_of(value) if isinstance(value, Address) else value
            if isinstance(value, Address) and not self.has_left:
                self.goes_to = POSTAL_CODES[value.lines[0]]
                self.is_moved |= bool(self.boxes)
        return self._does(self.ask_shop("POST", f"orders/{self.shop_id}/edit", wish))

    def states_lines(self, *lines: Line) -> Self:
        wanted = {line.line_id: line for line in lines}
        quantities = {
            str(line_number(self.shop_id, line_id)): wanted[line_id].quantity
            if line_id in wanted
            else 0
            for line_id in self.lines
        }
        edit = {"quantities": {k: v for k, v in quantities.items() if v}}
        edit["remove"] = [k for k, v in quantities.items() if not v]  # type: ignore[assignment]  # free-form JSON
        return self._does(self.ask_shop("POST", f"orders/{self.shop_id}/edit", edit))

    def others_send(self, line_id: str, quantity: int) -> Self:
        line = str(line_number(self.shop_id, line_id))
        told = {"lines": {line: str(quantity)}, "company": "Other", "numbers": ["OTHER-1"]}
        self.others[line_id] += quantity
        return self._does(self.ask_shop("POST", f"orders/{self.shop_id}/fulfil", told))

    def shop_cancels(self) -> Self:
        told = {"reason": "customer", "refund": True}
        return self._does(self.ask_shop("POST", f"orders/{self.shop_id}/cancel", told))

    def shop_asks_to_stop(self, **units: int) -> Self:
        raise ToldAlone("only goods of a fulfilment service are asked for; a test of its own tells")

    def shop_puts_off(self, hours: float, **units: int) -> Self:
        raise ToldAlone("no time passes here; a test of its own tells")

    # --- partners -----------------------------------------------------------------------------

    def everyone_answers(self) -> Self:
        return self._does(self.rest())

    def answer_is_lost(self, call: Call) -> Self:
        return self._strikes(call, act_no_answer_rate=1, times=1)

    def refuses(self, call: Call, why: str = "No.") -> Self:
        return self._strikes(call, refuse_rate=1, times=1)

    def fails(self, call: Call) -> Self:
        return self._strikes(call, error_rate=1, times=1)

    def _strikes(self, call: Call, **knobs: object) -> Self:
        for partner, operation in KNOBS[call]:
            self.realm.run(self.realm.fault(partner, operation, **knobs))
        return self

    def is_slow(self, call: Call) -> Self:
        raise ToldAlone("a simulated partner answers at once or never")

    def answers(self, call: Call) -> Self:
        """The look-up finds it from now on, and one of the service's next ones does."""

        async def found() -> None:
            await self.realm.fault(*LOOK_UPS[call])
            await eventually(self.nothing_is_sought, 40.0)
            await self.rest()

        return self._does(found())

    def gateway_captures(self, *, more_than_once: bool) -> Self:
        told = {"multi": more_than_once}
        return self._does(self.ask_shop("POST", f"orders/{self.shop_id}/till", told))

    def shop_gives_back(self, amount: int, **units: int) -> Self:
        how = "NO_RESTOCK" if self.has_left else "CANCEL"
        lines = [
            {"lineItemId": self.line(name), "quantity": count, "restockType": how}
            for name, count in units.items()
        ]
        told = {"amount": f"{amount / 100:.2f}", "refundLineItems": lines}
        return self._does(self.ask_shop("POST", f"orders/{self.shop_id}/refund", told))

    def gives_back(self, amount: int) -> Self:
        return self._does(self.give_back(amount))

    def has_stock(self, place: str, sku: str, quantity: int) -> Self:
        self.stock[place, sku] = quantity
        if self.lines:
            self.realm.run(self.realm.put_on_shelf(place.lower(), self.sku(sku), quantity))
        return self

    # --- the warehouse ------------------------------------------------------------------------

    def picks(self, key: str = "F1") -> Self:
        return self._does(self.act(key, "picked"))

    def finds(self, key: str = "F1", **found: int) -> Self:
        lines = [
            {"line_id": self.line(name), "picked_quantity": count} for name, count in found.items()
        ]
        return self._does(self.act(key, "short_picked", lines=lines))

    def packs(self, key: str = "F1", *, more: bool = False, number: str = "", **units: int) -> Self:
        return self._does(self.pack(key, more=more, number=number, units=units))

    def sends(self, key: str = "F1", box: int = 0, number: str = "") -> Self:
        assert not number, "a simulated warehouse names its numbers when it packs"
        self.has_left = True
        ids = {"parcel_ids": [str(box)]} if box else {}
        return self._does(self.act(key, "handed_over", **ids))

    def drops_task(self, key: str = "F1") -> Self:
        return self._does(self.act(key, "cancelled", reason="The goods were damaged."))

    def customer_collects(self, key: str = "F1") -> Self:
        raise ToldAlone("the warehouse contract has no report of a collection")

    # --- the carrier --------------------------------------------------------------------------

    def carrier_says(self, status: str, parcel: str = "") -> Self:
        return self._does(self.deliver(status, parcel))

    # --- people and time ----------------------------------------------------------------------

    def person(self, verb: str, target: str = "") -> Self:
        return self._does(self.decide(verb, target))

    def edits(self, **changes: object) -> Self:
        lines = [
            {"line_id": self.line(name), "quantity": count}
            for name, count in changes.items()
            if name[0] == "l" and name[1:].isdigit()
        ]
        assert len(lines) == len(changes), "only quantities are edited here"
        self.edited.update({name[1:]: int(str(count)) for name, count in changes.items()})
        told = {"lines": lines}
        return self._does(self.realm.orders.edit(self.id, told, {}, "ann", "The story says so."))

    def hours(self, hours: float) -> Self:
        """No time passes here: what comes later comes when the story says so."""
        return self._does(self.rest())

    def knows_skus(self, *skus: str) -> Self:
        raise ToldAlone("mappings are the whole service's; such a story is told alone")

    # --- what it came to ----------------------------------------------------------------------

    def stage_is(self, stage: str) -> Self:
        return self._is(stage, lambda s: self._of(stage_of(s)))

    def person_is_asked(self, *words: str) -> Self:
        named = [self._renamed(word) for word in words]

        def has(state: State) -> bool:
            return any(all(word in one for word in named) for one in asked(state))

        return self._is(True, lambda s: self._of(has(s)))

    def no_one_is_asked(self) -> Self:
        return self._is([], lambda s: self._of(asked(s)))

    def person_was_told(self, *words: str) -> Self:
        raise ToldAlone("what was told and is done is on the timeline")

    def tasks_are(self, count: int) -> Self:
        return self._holds(count, lambda books: len(books.live("warehouse_task")))

    def task_holds(self, key: str, **units: int) -> Self:
        return self._holds(by_line(units), lambda books: books.task_units(key))

    def tasks_hold(self, **units: int) -> Self:
        return self._holds(by_line(units), Books.tasks_units)

    def collected_is(self, *amounts: int) -> Self:
        return self._holds(sorted(amounts), Books.collected)

    def refunds_are(self, *amounts: int) -> Self:
        self.refunded = sum(amounts)
        self.gifts = self.refunded if self.gave else 0
        return self._holds(list(amounts), Books.refunded)

    def captured_is(self, *amounts: int) -> Self:
        self.taken = sum(amounts)
        return self._holds(list(amounts), Books.captured)

    def labels_are(self, good: int, void: int = 0) -> Self:
        return self._holds((good, void), Books.labels)

    def goods_go_to(self, street: str) -> Self:
        wanted = {POSTAL_CODES[street]}
        return self.labels_say(street)._holds(wanted, lambda b: b.postal_codes("warehouse_task"))

    def labels_say(self, street: str) -> Self:
        return self._holds({POSTAL_CODES[street]}, lambda books: books.postal_codes("label"))

    def erp_has(self, **units: int) -> Self:
        return self._holds(by_line(units), lambda books: books.booked() or {})

    def shop_shows(self, *parcels: dict[str, int]) -> Self:
        """This shop shows parcels that left together as one fulfilment with several numbers, and of
        a line at most what was ordered of it."""
        wanted = [by_line(one) for one in parcels]
        if +self.excess:
            wanted = [
                {name: min(count, self.lines[name].quantity) for name, count in one.items()}
                for one in wanted
            ]

        async def shown(_: State) -> list[dict[str, int]]:
            found, left = [], list(wanted)
            for one in (await self.shop())["fulfilments"]:
                if one["status"] != "SUCCESS" or one["company"] == "Other":
                    continue
                units: Counter[str] = Counter()
                for line in one["lines"]:
                    units[self.name_of(line["line_item_id"])] += line["quantity"]
                count = len(one["numbers"])
                together, left = left[:count], left[count:]
                same = units == sum(map(Counter, together), Counter())
                found += together if same else [dict(units)]
            return found

        return self._is(wanted, shown)

    def shop_is_cancelled(self, *, by_us: bool) -> Self:
        self._is(True, lambda _: self._cancelled())
        return self._holds(by_us, lambda books: bool(books.all("order_cancel")))

    async def _cancelled(self) -> bool:
        return bool((await self.shop())["is_cancelled"])

    def shop_shows_ready(self, *keys: str) -> Self:
        raise ToldAlone("orders here have an address; a test of its own tells of pickups")

    def shop_hears(self, *answers: str) -> Self:
        raise ToldAlone("as shop_asks_to_stop")

    def mails_are(self, *templates: str) -> Self:
        return self._holds(sorted(templates), Books.mails)

    def stock_is_held(self, **units: int) -> Self:
        async def held(state: State) -> dict[str, int]:
            rows = await self.realm.local.pool.fetch(
                "SELECT line_id, quantity FROM reservations WHERE order_id = $1", self.id
            )
            count: Counter[str] = Counter()
            for row in rows:
                count[self.name_of(row["line_id"])] += row["quantity"]
            return dict(+(count - (await self.books()).sent()))

        return self._is(by_line(units), held)

    def ends(self) -> None:
        self.realm.run(self.realm.ask("DELETE", "/_sim/faults"))
        self.realm.run(finish(self))

    # --- how ----------------------------------------------------------------------------------

    def _does(self, work: Any) -> Self:  # a coroutine of any result
        async def whole() -> None:
            await self.rest()
            await work
            await self.rest()

        self.realm.run(whole())
        return self

    async def _of(self, value: Any) -> Any:  # any value
        return value

    def _is(self, wanted: object, what: Callable[[State], Awaitable[object]]) -> Self:
        """It comes to this, at rest."""
        found: object = None

        async def comes() -> bool:
            nonlocal found
            await self.rest()
            found = await what(await self.state())
            return found == wanted

        async def told() -> None:
            try:
                await eventually(comes, PATIENCE_SECONDS)
            except AssertionError:
                raise AssertionError(
                    self.story(f"wanted {wanted}, found {found}", await self.shown())
                ) from None

        self.realm.run(told())
        return self

    def _holds(self, wanted: object, what: Callable[[Books], object]) -> Self:
        async def found(_: State) -> object:
            return what(await self.books())

        return self._is(wanted, found)


def by_line(units: Mapping[str, int]) -> dict[str, int]:
    """A story's units by line."""
    return {name[1:]: count for name, count in units.items()}
