"""One simulated BigCommerce store: its orders with their parts, and what happens to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime

from ops.simulators.bigcommerce_edits import Json, NotEditable, edit
from ops.simulators.bigcommerce_hooks import Hooks
from ops.simulators.bigcommerce_inventory import Inventory
from ops.simulators.bigcommerce_refunds import PARTLY_REFUNDED, REFUNDED, Refunds
from ops.simulators.partner import World
from ops.simulators.shapes import JsonObject, JsonValue, NotUnderstood, number, objects, text

QUOTA = 20_000
"""More than any plan has, so that only a test that sets it is slowed down."""
SHIPPED, PARTLY_SHIPPED, CANCELLED, AWAITING_FULFILMENT = 2, 3, 5, 11
NAMES = (
    "Incomplete", "Pending", "Shipped", "Partially Shipped", "Refunded", "Cancelled", "Declined",
    "Awaiting Payment", "Awaiting Pickup", "Awaiting Shipment", "Completed", "Awaiting Fulfillment",
    "Manual Verification Required", "Disputed", "Partially Refunded",
)  # fmt: skip
PARTS = ("products", "shipping_addresses", "coupons", "taxes", "shipments")


class Store:
    """One store: its orders, its webhooks, and what is left of its quota."""

    def __init__(self, name: str, world: World) -> None:
        self.orders: dict[str, dict[str, JsonValue]] = {}
        self.parts: dict[str, dict[str, list[JsonObject]]] = {}
        self._clock = world.clock
        self.hooks = Hooks(name, world.clock, world.run % 1_000_000)
        self.refunds = Refunds()
        self.inventory = Inventory()
        self.weight_units = "LBS"
        self.quota, self.used, self.until = QUOTA, 0, 0.0
        self.ships_by_itself = True
        # The only good access token; "" takes any.
        self.token = ""

    def put(self, bundle: JsonObject) -> tuple[str, bool, bool]:
        """Keep an order; return its id, whether it is new, and whether its status changed."""
        told = bundle.get("order")
        if not isinstance(told, dict):
            raise NotUnderstood("A bundle needs an order.")
        ref = text(told, "id")
        before = self.orders.get(ref, {})
        order = {"date_modified": rfc2822(self._clock()), "items_shipped": 0, **told}
        self.orders[ref] = order
        self.parts[ref] = {part: list(objects(bundle, part)) for part in PARTS}
        return ref, not before, before.get("status_id") != order.get("status_id")

    def news(self, ref: str, what: str) -> None:
        """Tell of an order."""
        self.hooks.tell(f"store/order/{what}", {"type": "order", "id": int(ref)})

    def become(self, ref: str, status: int) -> None:
        """Give an order a status."""
        order = self.orders[ref]
        changed = order.get("status_id") != status
        order |= {
            "status_id": status,
            "status": NAMES[status] if 0 <= status < len(NAMES) else "",
            "date_modified": rfc2822(self._clock()),
        }
        if changed:
            self.news(ref, "statusUpdated")

    def ship(self, ref: str, number_of_it: int, wanted: JsonObject) -> JsonObject | str:
        """Make a shipment, or say which field is wrong."""
        parts = self.parts[ref]
        addresses = {text(one, "id") for one in parts["shipping_addresses"]}
        if text(wanted, "order_address_id") not in addresses:
            return "order_address_id"
        products = {text(one, "id"): dict(one) for one in parts["products"]}
        items = objects(wanted, "items")
        for item in items:
            product = products.get(text(item, "order_product_id"), {})
            amount, done = int(number(item, "quantity")), int(number(product, "quantity_shipped"))
            if not 0 < amount <= int(number(product, "quantity")) - done:
                return "items"
            product["quantity_shipped"] = done + amount
        if not items:
            return "items"
        made: JsonObject = {
            "id": number_of_it,
            "order_id": int(ref),
            "date_created": rfc2822(self._clock()),
            **wanted,
        }
        parts["products"] = list(products.values())
        parts["shipments"].append(made)
        self._shipment_news(ref, number_of_it, "created")
        return made

    def _shipment_news(self, ref: str, number_of_it: int, what: str) -> None:
        """Count what is shipped, set the status if that is the store's habit, and tell of it."""
        products = self.parts[ref]["products"]
        goods = [one for one in products if one.get("type") in (None, "physical")]
        sent = sum(int(number(one, "quantity_shipped")) for one in goods)
        self.orders[ref]["items_shipped"] = sent
        told: JsonObject = {"type": "shipment", "id": number_of_it, "orderId": int(ref)}
        self.hooks.tell(f"store/shipment/{what}", told)
        if self.ships_by_itself and what != "updated":
            whole = sent >= sum(int(number(one, "quantity")) for one in goods)
            some = PARTLY_SHIPPED if sent else AWAITING_FULFILMENT
            self.become(ref, SHIPPED if whole and sent else some)
        self.news(ref, "updated")

    def shipment(self, ref: str, number_of_it: int) -> JsonObject | None:
        """The shipment with that number."""
        made = self.parts[ref]["shipments"]
        return next((one for one in made if one.get("id") == number_of_it), None)

    def change_shipment(self, ref: str, made: JsonObject, wanted: JsonObject) -> JsonObject:
        """Give a shipment other details; what it holds stays."""
        changed = {**made, **{name: one for name, one in wanted.items() if name != "items"}}
        shipments = self.parts[ref]["shipments"]
        shipments[shipments.index(made)] = changed
        self._shipment_news(ref, int(number(made, "id")), "updated")
        return changed

    def unship(self, ref: str, made: JsonObject) -> None:
        """Delete a shipment: what it held is to be shipped again."""
        counts: dict[str, int] = {}
        for item in objects(made, "items"):
            name = text(item, "order_product_id")
            counts[name] = counts.get(name, 0) + int(number(item, "quantity"))
        parts = self.parts[ref]
        parts["shipments"].remove(made)
        parts["products"] = [
            {**one, "quantity_shipped": int(number(one, "quantity_shipped")) - less}
            if (less := counts.get(text(one, "id"), 0))
            else one
            for one in parts["products"]
        ]
        self._shipment_news(ref, int(number(made, "id")), "deleted")

    def refund(self, ref: str, what: str, told: JsonObject, number_of_it: int) -> JsonObject:
        """Quote a refund, or make it and tell of it. Raises Refused."""
        order, products = self.orders[ref], self.parts[ref]["products"]
        if what != "refunds":
            return self.refunds.quote(order, products, told)
        made = self.refunds.make(order, products, told, number_of_it)
        whole = Decimal(text(order, "refunded_amount")) >= Decimal(text(order, "total_inc_tax"))
        self.become(ref, REFUNDED if whole else PARTLY_REFUNDED)
        self.hooks.tell("store/order/refund/created", {"type": "order", "id": int(ref)})
        self.news(ref, "updated")
        return made

    def refund_detail(self, ref: str, made: JsonObject) -> JsonObject:
        """What the ledger keeps of a refund."""
        order = self.orders[ref]
        declined = self.refunds.declines
        return {
            "order": ref,
            "amount": "0" if declined else str(made.get("total_amount")),
            "received": text(order, "total_inc_tax"),
            "refunded": text(order, "refunded_amount"),
        }

    def edit(self, ref: str, wanted: Json, first_id: int) -> None:
        """Edit an order as the store's people do, and tell of it; its time of change is a later
        second than before. Raises NotEditable and NotUnderstood."""
        order, before = self.orders[ref], modified_at(self.orders[ref])
        if order.get("status_id") == CANCELLED:
            raise NotEditable("The order is cancelled.")
        edit(order, self.parts[ref], wanted, first_id)
        if "status_id" in wanted:
            self.become(ref, int(wanted["status_id"]))
        order["date_modified"] = rfc2822(max(self._clock(), before.timestamp() + 1))
        self.news(ref, "updated")


def rfc2822(now: float) -> str:
    """A time as BigCommerce writes it."""
    return datetime.fromtimestamp(now, UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")


def modified_at(order: Mapping[str, JsonValue]) -> datetime:
    """When an order changed last."""
    return parsedate_to_datetime(text(order, "date_modified"))
