"""All sales orders of a tenant: found by id and external number, posted into invoices and
shipments, credited again."""

from __future__ import annotations

from dataclasses import replace

from ops.simulators.bc_orders import SalesOrder
from ops.simulators.bc_posted import Posted, posted_id

_PREFIXES = {"salesInvoices": "PS-INV", "salesShipments": "S-SHPT", "salesCreditMemos": "PS-CR"}


class Book:
    """Orders and what they became, by external number in capitals."""

    def __init__(self) -> None:
        self.orders: dict[str, SalesOrder] = {}
        self._by_external: dict[tuple[str, str], list[str]] = {}
        self._posted: dict[str, dict[str, list[Posted]]] = {kind: {} for kind in _PREFIXES}
        self._serial = 103_000

    def add(self, order: SalesOrder) -> None:
        self.orders[order.id] = order
        self._by_external.setdefault((order.company, order.external), []).append(order.id)

    def remove(self, order: SalesOrder) -> None:
        """Forgets an order; what it became stays."""
        del self.orders[order.id]
        self._unlist(order)

    def _unlist(self, order: SalesOrder) -> None:
        key = (order.company, order.external)
        same = self._by_external[key]
        same.remove(order.id)
        if not same:
            del self._by_external[key]

    def rename(self, order: SalesOrder, external: str) -> None:
        """Gives an order another external number."""
        self._unlist(order)
        order.external = external
        self._by_external.setdefault((order.company, external), []).append(order.id)

    def get(self, company: str, order_id: str) -> SalesOrder | None:
        order = self.orders.get(order_id.lower())
        return order if order is not None and order.company == company else None

    def of_external(self, company: str, external: str) -> list[SalesOrder]:
        """Oldest first."""
        ids = self._by_external.get((company, external), [])
        return [self.orders[order_id] for order_id in ids]

    def named(self, name: str) -> SalesOrder | None:
        """An order by id, number, external number or reference, in whatever company."""
        for order in self.orders.values():
            names = (order.id.upper(), order.number.upper(), order.external, order.reference)
            if name.upper() in (one.upper() for one in names):
                return order
        return None

    def post(self, order: SalesOrder, now: float, *, ship: bool, invoice: bool) -> list[Posted]:
        """Posts an order. A shipped one stays until it is invoiced; then it is an order no more."""
        kinds = [
            *(["salesShipments"] if ship and not order.shipped else []),
            *(["salesInvoices"] if invoice else []),
        ]
        if ship:
            order.shipped = order.released = True
            order.version += 1
        made = [self._keep(kind, order, now) for kind in kinds]
        if invoice:
            self.remove(order)
        return made

    def _keep(self, kind: str, order: SalesOrder, now: float, invoice: str = "") -> Posted:
        self._serial += 1
        number = f"{_PREFIXES[kind]}{self._serial}"
        posted = Posted(kind, posted_id(order, kind), number, replace(order), now, invoice)
        self._posted[kind].setdefault(order.external, []).append(posted)
        return posted

    def credit(self, name: str, now: float) -> Posted | None:
        """Posts a corrective credit memo of an invoice, by the invoice's or its order's name: with
        its numbers and all its lines, comments too. None: there is no such invoice."""
        for some in self._posted["salesInvoices"].values():
            for one in some:
                names = (one.number, one.order.number, one.order.external, one.order.reference)
                if name.upper() in (known.upper() for known in names):
                    return self._keep("salesCreditMemos", one.order, now, one.number)
        return None

    def posted(self, kind: str, company: str, field: str, value: str) -> list[Posted]:
        """Posted documents by externalDocumentNumber, orderNumber or number. A credit memo has no
        orderNumber."""
        if field == "externalDocumentNumber":
            found = self._posted[kind].get(value, [])
        else:
            every = [one for some in self._posted[kind].values() for one in some]
            found = [
                one
                for one in every
                if value.upper()
                == (one.order.number if field == "orderNumber" else one.number).upper()
            ]
        return [one for one in found if one.order.company == company]

    def every(self, kind: str) -> list[SalesOrder] | list[Posted]:
        """All documents of a kind, sales orders or posted ones."""
        if kind == "salesOrders":
            return list(self.orders.values())
        return [one for some in self._posted[kind].values() for one in some]

    def posted_by_id(self, kind: str, company: str, document_id: str) -> Posted | None:
        for some in self._posted[kind].values():
            for one in some:
                if one.id == document_id.lower() and one.order.company == company:
                    return one
        return None
