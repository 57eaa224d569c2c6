"""All sales orders of a tenant: found by id and reference, posted into invoices and shipments."""

from __future__ import annotations

from dataclasses import replace

from ops.simulators.bc_orders import SalesOrder
from ops.simulators.bc_posted import Posted, posted_id

_PREFIXES = {"salesInvoices": "PS-INV", "salesShipments": "S-SHPT"}


class Book:
    """Orders and what they became. The case of a reference's letters does not matter."""

    def __init__(self) -> None:
        self.orders: dict[str, SalesOrder] = {}
        self._by_reference: dict[tuple[str, str], list[str]] = {}
        self._posted: dict[str, dict[str, list[Posted]]] = {kind: {} for kind in _PREFIXES}
        self._serial = 103_000

    def add(self, order: SalesOrder) -> None:
        self.orders[order.id] = order
        self._by_reference.setdefault((order.company, order.reference.upper()), []).append(order.id)

    def remove(self, order: SalesOrder) -> None:
        """Forgets an order; what it became stays."""
        del self.orders[order.id]
        self._unlist(order)

    def _unlist(self, order: SalesOrder) -> None:
        key = (order.company, order.reference.upper())
        same = self._by_reference[key]
        same.remove(order.id)
        if not same:
            del self._by_reference[key]

    def rename(self, order: SalesOrder, reference: str) -> None:
        """Gives an order another external number."""
        self._unlist(order)
        order.reference = reference
        self._by_reference.setdefault((order.company, reference.upper()), []).append(order.id)

    def get(self, company: str, order_id: str) -> SalesOrder | None:
        order = self.orders.get(order_id.lower())
        return order if order is not None and order.company == company else None

    def of_reference(self, company: str, reference: str) -> list[SalesOrder]:
        """Oldest first."""
        ids = self._by_reference.get((company, reference.upper()), [])
        return [self.orders[order_id] for order_id in ids]

    def named(self, name: str) -> SalesOrder | None:
        """An order by id, number or reference, in whatever company."""
        for order in self.orders.values():
            if name.upper() in (order.id.upper(), order.number.upper(), order.reference.upper()):
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
        made = []
        for kind in kinds:
            self._serial += 1
            number = f"{_PREFIXES[kind]}{self._serial}"
            posted = Posted(kind, posted_id(order, kind), number, replace(order), now)
            self._posted[kind].setdefault(order.reference.upper(), []).append(posted)
            made.append(posted)
        if invoice:
            self.remove(order)
        return made

    def posted(self, kind: str, company: str, field: str, value: str) -> list[Posted]:
        """Posted documents by externalDocumentNumber, orderNumber or number."""
        if field == "externalDocumentNumber":
            found = self._posted[kind].get(value.upper(), [])
        else:
            every = [one for some in self._posted[kind].values() for one in some]
            found = [
                one
                for one in every
                if value.upper()
                == (one.order.number if field == "orderNumber" else one.number).upper()
            ]
        return [one for one in found if one.order.company == company]

    def posted_by_id(self, kind: str, company: str, document_id: str) -> Posted | None:
        for some in self._posted[kind].values():
            for one in some:
                if one.id == document_id.lower() and one.order.company == company:
                    return one
        return None
