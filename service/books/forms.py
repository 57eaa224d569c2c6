"""The forms in which the journal is exported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct

from adapters.postgres.accounting import Document
from service.books.ledger import csv_of, header
from service.books.quickbooks import quickbooks_of
from service.settings.accounts import Accounts


class Form(Struct, frozen=True, kw_only=True):
    """How documents are written: what stands before the first one, and the documents."""

    media: str
    header: str
    write: Callable[[Sequence[Document], Accounts], str]


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "csv": Form(media="text/csv", header=header(), write=csv_of),
        "quickbooks": Form(media="application/x-ndjson", header="", write=quickbooks_of),
    }
)


def form_named(name: str) -> Form:
    """Return a form by its name. Raises KeyError."""
    return FORMS[name]
