"""Business Central's customers with what is open on their invoices, as tests set them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ops.simulators.bc_orders import NO_ID
from ops.simulators.shapes import JsonObject, JsonValue, NotUnderstood, number, objects, text
from ops.simulators.wire import Request

_CUSTOMER = re.compile(r"\s*(email|taxRegistrationNumber)\s+eq\s+'((?:[^']|'')*)'\s*")
_OPEN = re.compile(r"\s*customerNumber\s+eq\s+'((?:[^']|'')*)'\s+and\s+status\s+eq\s+'Open'\s*")


@dataclass(slots=True, frozen=True)
class Invoice:
    """A posted invoice of which something is open."""

    number: str
    due_date: str
    currency: str
    remaining: float


@dataclass(slots=True, frozen=True)
class Customer:
    """One customer; a limit of 0 is none."""

    number: str
    email: str
    tax_number: str
    currency: str
    limit: float
    blocked: str
    invoices: tuple[Invoice, ...]


class Accounts:
    """The customers of a tenant, the same for each of its companies."""

    def __init__(self) -> None:
        self._customers: tuple[Customer, ...] = ()

    def read(self, raw: JsonObject) -> None:
        """Replace all by these. Raises NotUnderstood."""
        self._customers = tuple(map(_customer, objects(raw, "customers")))

    @staticmethod
    def is_asked(entity: str, request: Request) -> bool:
        """Whether a request is about a customer's account."""
        wish = request.params().get("$filter", "")
        of_one = entity == "salesInvoices" and "customerNumber" in wish
        return request.method == "GET" and (entity == "customers" or of_one)

    def found(self, entity: str, request: Request) -> list[dict[str, JsonValue]] | None:
        """Return what a filter names; None for a filter of another form."""
        wish = request.params().get("$filter", "")
        found = (_CUSTOMER if entity == "customers" else _OPEN).fullmatch(wish)
        if found is None:
            return None
        value = (found[found.lastindex or 1]).replace("''", "'")
        every = self._customers
        if entity == "salesInvoices":
            return [_invoice(x, one) for x in every if x.number == value for one in x.invoices]
        field = "email" if found[1] == "email" else "tax_number"
        return [_shown(x) for x in every if getattr(x, field).lower() == value.lower()]


def _customer(raw: JsonObject) -> Customer:
    if not text(raw, "number"):
        raise NotUnderstood("A customer has a `number`.")
    invoices = tuple(
        Invoice(
            text(one, "number") or f"PS-INV{103_001 + at}",
            text(one, "due_date"),
            text(one, "currency") or text(raw, "currency") or "USD",
            number(one, "remaining"),
        )
        for at, one in enumerate(objects(raw, "invoices"))
    )
    return Customer(
        text(raw, "number"),
        text(raw, "email"),
        text(raw, "tax_number"),
        text(raw, "currency") or "USD",
        number(raw, "limit"),
        text(raw, "blocked") or " ",
        invoices,
    )


def _shown(one: Customer) -> dict[str, JsonValue]:
    return {
        "@odata.etag": f'W/"{one.number}"',
        "number": one.number,
        "displayName": f"Customer {one.number}",
        "type": "Company",
        "email": one.email,
        "taxRegistrationNumber": one.tax_number,
        "balanceDue": sum(x.remaining for x in one.invoices),
        "creditLimit": one.limit,
        "currencyId": NO_ID,
        "currencyCode": one.currency,
        "blocked": one.blocked,
    }


def _invoice(whose: Customer, one: Invoice) -> dict[str, JsonValue]:
    return {
        "@odata.etag": f'W/"{one.number}"',
        "number": one.number,
        "customerNumber": whose.number,
        "dueDate": one.due_date,
        "currencyCode": one.currency,
        "remainingAmount": one.remaining,
        "status": "Open",
    }
