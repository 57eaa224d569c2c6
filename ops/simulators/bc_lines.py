"""The lines of Business Central's sales orders, each at an address of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ops.simulators.bc_orders import (
    MAX_LINES,
    Fault,
    SalesOrder,
    Settings,
    line_fault,
    line_json,
    lines_json,
    numbered,
    sequence_of,
)
from ops.simulators.partner import json_reply
from ops.simulators.shapes import JsonObject, objects, parse_object, text
from ops.simulators.wire import Reply, Request

Act = Callable[[], Reply]


class Orders(Protocol):
    """What lines need of the orders they belong to."""

    @property
    def settings(self) -> Settings: ...

    def order(self, company: str, order_id: str) -> SalesOrder | None: ...

    def orders_of(self, company: str) -> list[SalesOrder]: ...

    def changed(self, order: SalesOrder, sent: JsonObject, what: str, names: list[str]) -> None: ...

    def refused(self, fault: Fault) -> Reply: ...

    def missing(self) -> Reply: ...

    def stale(self, request: Request, etag: str) -> Reply | None: ...


def released_fault(order: SalesOrder) -> Fault:
    """What Business Central says to a change of a released document."""
    return (
        "Application_FieldValidationException",
        (
            f"Status must be equal to 'Open' in Sales Header: Document Type=Order,"
            f" No.={order.number}. Current value is 'Released'."
        ),
    )


class Lines:
    """Adds, shows, changes and removes lines."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    def at(
        self, company: str, order_id: str, line_id: str, request: Request
    ) -> tuple[str, Act] | None:
        """The operation and how to do it. Without an order's id the line's own must be enough."""
        match request.method, bool(line_id):
            case "GET", False if order_id:
                return "list_lines", lambda: self._list(company, order_id)
            case "POST", False:
                return "add_line", lambda: self._add(company, order_id, request)
            case "GET", True:
                return "list_lines", lambda: self._get(company, order_id, line_id)
            case "PATCH", True:
                return "update_line", lambda: self._update(company, order_id, line_id, request)
            case "DELETE", True:
                return "delete_line", lambda: self._delete(company, order_id, line_id, request)
        return None

    def _found(
        self, company: str, order_id: str, line_id: str
    ) -> tuple[SalesOrder, JsonObject] | None:
        if order_id:
            order = self._orders.order(company, order_id)
            orders = [] if order is None else [order]
        else:
            orders = self._orders.orders_of(company)
        for order in orders:
            for line in objects(parse_object(order.raw), "salesOrderLines"):
                if order.line_id(sequence_of(line)) == line_id.lower():
                    return order, line
        return None

    def _list(self, company: str, order_id: str) -> Reply:
        order = self._orders.order(company, order_id)
        if order is None:
            return self._orders.missing()
        return json_reply(200, {"value": lines_json(order, self._orders.settings)})

    def _get(self, company: str, order_id: str, line_id: str) -> Reply:
        if (found := self._found(company, order_id, line_id)) is None:
            return self._orders.missing()
        return self._shown(*found, status=200)

    def _shown(self, order: SalesOrder, line: JsonObject, status: int) -> Reply:
        reply = json_reply(status, line_json(order, line, self._orders.settings))
        reply.headers["ETag"] = order.line_etag(sequence_of(line))
        return reply

    def _add(self, company: str, order_id: str, request: Request) -> Reply:
        sent = {**parse_object(request.body)}
        order_id = order_id or text(sent, "documentId")
        sent.pop("documentId", None)
        order = self._orders.order(company, order_id)
        if order is None:
            return self._orders.missing()
        if order.released:
            return self._orders.refused(released_fault(order))
        if fault := line_fault(sent, self._orders.settings):
            return self._orders.refused(fault)
        content = parse_object(order.raw)
        lines = objects(content, "salesOrderLines")
        if len(lines) >= MAX_LINES:
            return self._orders.refused(
                ("Application_DialogException", f"An order has at most {MAX_LINES} lines.")
            )
        (line,) = numbered([sent], order.last_sequence)
        order.last_sequence = sequence_of(line)
        changed = {**content, "salesOrderLines": [*lines, line]}
        self._orders.changed(order, changed, "line_added", list(sent))
        return self._shown(order, line, status=201)

    def _replace(
        self, order: SalesOrder, old: JsonObject, new: JsonObject | None, names: list[str]
    ) -> None:
        content = parse_object(order.raw)
        kept: list[JsonObject] = []
        for line in objects(content, "salesOrderLines"):
            if sequence_of(line) != sequence_of(old):
                kept.append(line)
            elif new is not None:
                kept.append(new)
        what = "line_deleted" if new is None else "line_changed"
        sequence = sequence_of(old)
        order.line_versions[sequence] = order.line_versions.get(sequence, 0) + 1
        self._orders.changed(order, {**content, "salesOrderLines": kept}, what, names)

    def _update(self, company: str, order_id: str, line_id: str, request: Request) -> Reply:
        if (found := self._found(company, order_id, line_id)) is None:
            return self._orders.missing()
        order, line = found
        if stale := self._orders.stale(request, order.line_etag(sequence_of(line))):
            return stale
        change = {k: v for k, v in parse_object(request.body).items() if not k.startswith("@")}
        if order.released:
            return self._orders.refused(released_fault(order))
        new = {**line, **change, "sequence": sequence_of(line)}
        if fault := line_fault(new, self._orders.settings):
            return self._orders.refused(fault)
        self._replace(order, line, new, list(change))
        return self._shown(order, new, status=200)

    def _delete(self, company: str, order_id: str, line_id: str, request: Request) -> Reply:
        if (found := self._found(company, order_id, line_id)) is None:
            return self._orders.missing()
        order, line = found
        if stale := self._orders.stale(request, order.line_etag(sequence_of(line))):
            return stale
        if order.released:
            return self._orders.refused(released_fault(order))
        self._replace(order, line, None, [])
        return Reply(204)
