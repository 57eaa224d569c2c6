"""What is done to a shop's orders, through its API or by its people, and the news that it makes.

Each doing changes the book and returns the webhooks that tell of it, in the order in which Shopify
sends them. Raises Refusal or NotEditable where Shopify says no; then nothing was done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from ops.simulators.shop_book import Book
from ops.simulators.shop_echo import News
from ops.simulators.shop_edit import NotEditable, cancel, edit, order_edit_json, pay
from ops.simulators.shop_goods import Fulfilment, FulfilmentOrder, Tracking, Wanted
from ops.simulators.shop_money import Transaction, after_capture
from ops.simulators.shop_refunds import give_back
from ops.simulators.shop_statement import Json, fulfilment_news, stamp
from ops.simulators.shop_totals import received

REASONS: Final = ("customer", "declined", "fraud", "inventory", "other", "staff")


class Doings:
    """One shop's."""

    def __init__(self, book: Book, next_number: Callable[[], int]) -> None:
        self.book = book
        self._next_number = next_number

    def known(self, number: int) -> Json:
        """The told order, without what was fulfilled here. Raises NotEditable for one made up."""
        known = self.book.orders.get(number)
        if known is None or not isinstance(known.order, dict):
            raise NotEditable(f"The shop was told of no order {number}.")
        return dict(known.order)

    def touched(self, number: int) -> list[Json]:
        """The order's statement after something was done with its goods; its time of change goes
        on only in a shop that tells of it, so that others' runs stay as they were."""
        if self.book.is_told_of:
            self.book.change(number)
        stated = self.book.statement(number)
        return [] if stated is None else [stated]

    def fulfil(
        self,
        number: int,
        wanted: Sequence[Wanted],
        tracking: Tracking,
        *,
        again: bool = False,
    ) -> tuple[Fulfilment, list[News]]:
        """Make a fulfilment."""
        goods = self.book.goods(number)
        made = goods.fulfil(wanted, tracking, self.book.clock(), again=again)
        news: list[News] = []
        for stated in self.touched(number):
            whole = stated["fulfillment_status"] == "fulfilled"
            topic = "orders/fulfilled" if whole else "orders/partially_fulfilled"
            news = [
                ("fulfillments/create", fulfilment_news(stated, made)),
                (topic, stated),
                ("orders/updated", stated),
            ]
        return made, news

    def track(self, number: int, made: Fulfilment, tracking: Tracking) -> list[News]:
        """Give a fulfilment other tracking numbers."""
        made.tracking, made.updated_at = tracking, self.book.clock()
        return self._fulfilment_changed(number, made)

    def cancel_fulfilment(self, number: int, made: Fulfilment) -> list[News]:
        """Take a fulfilment back."""
        self.book.goods(number).cancel_fulfilment(made, self.book.clock())
        return self._fulfilment_changed(number, made)

    def _fulfilment_changed(self, number: int, made: Fulfilment) -> list[News]:
        news: list[News] = []
        for stated in self.touched(number):
            told = fulfilment_news(stated, made)
            news += [("fulfillments/update", told), ("orders/updated", stated)]
        return news

    def edit(self, number: int, wanted: Json) -> tuple[list[str], list[News]]:
        """Edit an order. Also returns what was changed."""
        order = self.known(number)
        done = edit(order, wanted, self.book.goods(number), self._next_number)
        self.book.orders[number].edits += done.is_order_edit
        news: list[News] = []
        for stated in self._changed(number, done.order):
            if done.is_order_edit:
                told = order_edit_json(done, self._next_number(), stated["updated_at"])
                news.append(("orders/edited", told))
            news.append(("orders/updated", stated))
        return done.told, news

    def pay(self, number: int) -> list[News]:
        """Mark an order as paid: cash came in, or a term ended."""
        order = self.known(number)
        if order.get("financial_status") == "paid" or order.get("cancelled_at"):
            raise NotEditable("The order is paid or cancelled already.")
        return [
            (topic, stated)
            for stated in self._changed(number, pay(order))
            for topic in ("orders/paid", "orders/updated")
        ]

    def capture(self, number: int, wish: Json) -> tuple[Transaction, Json, list[News]]:
        """Capture what is authorised, as `orderCapture` does. Also returns the order as it was
        told before."""
        order = self.known(number)
        made = self.book.tills.capture(number, order, wish)
        news: list[News] = []
        if made.status == "SUCCESS":
            after = after_capture(order, self.book.tills.of(number, order))
            for stated in self._changed(number, after):
                paid = after["financial_status"] == "paid"
                topics = ("orders/paid", "orders/updated") if paid else ("orders/updated",)
                news = [(topic, stated) for topic in topics]
        return made, order, news

    def refund(self, number: int, wish: Json) -> tuple[Json, Decimal, list[News]]:
        """Give money back, as `refundCreate` does. Also returns the amount."""
        order = self.known(number)
        till = self.book.tills.of(number, order)
        after, made, amount = give_back(order, till, wish, self._next_number, self.book.clock())
        news: list[News] = [("refunds/create", made)]
        news += [("orders/updated", stated) for stated in self._changed(number, after)]
        return made, amount, news

    def cancel(self, number: int, reason: str, *, refund: bool) -> tuple[int, list[News]]:
        """Cancel an order, also one that is made up; `reason` is one of REASONS. Also returns the
        number of the refund, or 0."""
        goods, book = self.book.goods(number), self.book
        if number not in book.orders:
            if goods.cancelled_at is not None:
                raise NotEditable("Order has already been cancelled.")
            if goods.standing():
                raise NotEditable("Cannot cancel an order that has fulfillments.")
            goods.cancel(book.clock())
            return self._next_number() if refund else 0, []
        before = self.known(number)
        number_of_it = self._next_number() if refund and received(before) else 0
        done = cancel(before, goods, reason, stamp(book.clock()), number_of_it)
        goods.cancel(book.clock())
        news: list[News] = []
        for stated in self._changed(number, done):
            news = [("orders/cancelled", stated), ("orders/updated", stated)]
            if number_of_it:
                news.append(("refunds/create", stated["refunds"][-1]))
        return number_of_it, news

    def _changed(self, number: int, order: Json) -> list[Json]:
        self.book.change(number, order)
        self.book.goods(number)
        stated = self.book.statement(number)
        return [] if stated is None else [stated]


def move_news(one: FulfilmentOrder, moved: FulfilmentOrder, source: int) -> News:
    """News of pieces that were assigned to another location."""

    def told(it: FulfilmentOrder, location: int) -> Json:
        stated: Json = goods_news("moved", it)[1]["fulfillment_order"]
        return {**stated, "assigned_location_id": f"gid://shopify/Location/{location}"}

    return "fulfillment_orders/moved", {
        "original_fulfillment_order": told(one, source),
        "moved_fulfillment_order": told(moved, moved.location),
        "destination_location_id": f"gid://shopify/Location/{moved.location}",
        "source_location": {"id": f"gid://shopify/Location/{source}"},
    }


def goods_news(topic: str, one: FulfilmentOrder, **more: object) -> News:
    """News about a fulfilment order: it carries hardly more than its id."""
    told = {"id": f"gid://shopify/FulfillmentOrder/{one.number}", "status": one.status.lower()}
    if one.fulfil_at is not None:
        told["fulfill_at"] = stamp(one.fulfil_at)
    return f"fulfillment_orders/{topic}", {"fulfillment_order": told, **more}
