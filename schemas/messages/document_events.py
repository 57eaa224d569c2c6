"""Events of an ERP document: the sales order."""

from __future__ import annotations

from schemas.messages.base import Event


class Posted(Event, frozen=True, kw_only=True, tag="document.posted.v2"):
    """The ERP has the sales order. `number` is what the ERP's people call it."""

    erp_id: str
    number: str


class DocumentAmended(Event, frozen=True, kw_only=True, tag="document.amended.v1"):
    """The ERP's sales order says what the order said at revision `digest`. `by` is a person who
    changed it there, or went on without it, or the service, which left it to the order's task."""

    digest: str
    by: str = ""


class DocumentCancelled(Event, frozen=True, kw_only=True, tag="document.cancelled.v1"):
    """The ERP's sales order is cancelled."""

    detail: str = ""


class DocumentKept(Event, frozen=True, kw_only=True, tag="document.kept.v1"):
    """A person went on without cancelling the sales order; it stays in the ERP."""

    person: str
