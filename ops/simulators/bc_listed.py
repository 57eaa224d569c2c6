"""Business Central's lists of documents by when they were changed last, in pages with a link to the
next one, as OData gives them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from ops.simulators.bc_orders import SalesOrder
from ops.simulators.bc_posted import Posted
from ops.simulators.partner import json_reply
from ops.simulators.shapes import JsonValue
from ops.simulators.wire import Reply, Request

_SINCE: Final = re.compile(r"lastModifiedDateTime ge (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")
_PAGE: Final = re.compile(r"odata\.maxpagesize=([0-9]+)")
MOST: Final = 20_000

Listed = SalesOrder | Posted


def since(request: Request) -> float | None:
    """From when on documents are asked for; None for any other question."""
    found = _SINCE.fullmatch(request.params().get("$filter", ""))
    if found is None:
        return None
    return datetime.fromisoformat(found[1]).astimezone(UTC).timestamp()


def is_listed(entity: str, request: Request) -> bool:
    """Whether a request asks for such a list."""
    lists = ("salesOrders", "salesInvoices", "salesCreditMemos")
    return request.method == "GET" and entity in lists and since(request) is not None


def changed_at(one: Listed) -> float:
    """When a document was changed last."""
    if isinstance(one, Posted):
        return one.enqueued_at
    return one.modified_at or one.created_at


def company_of(one: Listed) -> str:
    """Whose document it is."""
    return one.order.company if isinstance(one, Posted) else one.company


def page(
    every: Iterable[Listed],
    company: str,
    request: Request,
    context: str,
    shown: Callable[[Listed], dict[str, JsonValue]],
) -> Reply:
    """A page of the documents that were changed since then, by their ids."""
    bound, params = since(request) or 0.0, request.params()
    wished = _PAGE.search(request.headers.get("prefer", ""))
    size = min(MOST, int(wished[1])) if wished else MOST
    after = params.get("$skiptoken", "")
    rest = sorted(
        (
            one
            for one in every
            if company_of(one) == company and changed_at(one) >= bound and one.id > after
        ),
        key=lambda one: one.id,
    )
    kept: list[JsonValue] = [shown(one) for one in rest[:size]]
    told: dict[str, JsonValue] = {"@odata.context": context, "value": kept}
    if len(rest) > size:
        base, _, path = context.partition("/$metadata#")
        asked = "&".join(f"{x}={quote(params[x])}" for x in ("$filter", "$expand") if x in params)
        told["@odata.nextLink"] = f"{base}/{path}?{asked}&$skiptoken={rest[size - 1].id}"
    return json_reply(200, told)
