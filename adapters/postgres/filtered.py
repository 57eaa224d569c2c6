"""Orders that a filter finds, a page at a time.

What an index answers is asked of it; the rest is compared with orders in the sequence of the list,
at most SCANNED of them a page, so that a filter which nearly nothing fits costs as little as any. A
page may then hold fewer orders than asked for, or none, and still have one after it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
from msgspec import Struct

from actors.order.table import FINAL
from adapters.postgres.order_filter import Filter, Term
from adapters.postgres.order_names import names_of, plain
from adapters.postgres.sealing import Sealing
from schemas.order.customers import email_of
from schemas.order.money import exponent_of

SCANNED = 20_000
"""Orders that one page compares, so that none waits for a filter which nearly nothing fits."""

GATHERED = 200_000
"""Orders that are compared to fix the set of a batch, in one statement."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURRENCIES = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF BHD IQD JOD KWD"
_EXPONENTS = {one: exponent_of(one) for one in f"{_CURRENCIES} LYD OMR TND CLF UYW".split()}


class Statement(Struct, frozen=True, kw_only=True):
    """A statement and its arguments. Its rows are orders with two columns more: `matches`, and
    `ends` for the last order of a scan that ended before the list did."""

    sql: str
    arguments: tuple[object, ...]


class _Conditions:
    """Collects conditions: those an index answers, and those that are compared order by order."""

    def __init__(self, sealing: Sealing, channels: Collection[str], now: datetime) -> None:
        self.sealing = sealing
        self.channels = channels
        self.now = now
        self.indexed: list[str] = []
        self.compared: list[str] = []
        self.arguments: list[object] = []

    def argument(self, value: object) -> str:
        """Add an argument; return what stands for it."""
        self.arguments.append(value)
        return f"${len(self.arguments)}"


def statement(
    which: Filter,
    row: str,
    *,
    sealing: Sealing,
    known: Collection[str],
    only: Collection[str] | None,
    now: datetime,
    after: tuple[datetime, str],
    limit: int,
) -> Statement:
    """Return the statement for a page that begins after a position. `row` are the columns; `known`
    are the channels whose customers are looked for by e-mail address, `only` those that the
    principal may see (None: all)."""
    found = _collected(which, sealing, known, only, now)
    at, order_id = (found.argument(one) for one in after)
    found.indexed.append(f"(o.placed_at, o.order_id) < ({at}::timestamptz, {order_id}::text)")
    return Statement(sql=_sql(found, row, limit), arguments=tuple(found.arguments))


def all_of(
    which: Filter,
    *,
    sealing: Sealing,
    known: Collection[str],
    only: Collection[str] | None,
    now: datetime,
    most: int,
) -> Statement:
    """Return the statement for everything that a filter finds, at most `most` orders: rows of
    `order_id`, `place` (which counts them, newest first) and `beyond`, whether more than GATHERED
    orders would have to be compared; then the rows are of no use."""
    found = _collected(which, sealing, known, only, now)
    compared = " AND ".join(f"coalesce({one}, false)" for one in found.compared) or "true"
    scanned = GATHERED + 1 if found.compared else most
    sql = f"""
WITH scanned AS MATERIALIZED (
    SELECT o.order_id, o.placed_at, ({compared}) AS matches FROM orders o
    WHERE {" AND ".join(found.indexed) or "true"}
    ORDER BY o.placed_at DESC, o.order_id DESC LIMIT {scanned}
),
size AS (SELECT count(*) > {GATHERED} AS beyond FROM scanned)
SELECT order_id, row_number() OVER (ORDER BY placed_at DESC, order_id DESC)::int AS place, beyond
FROM scanned, size WHERE matches OR beyond ORDER BY place LIMIT {most}"""  # noqa: S608 - its parts are written here; values are arguments
    return Statement(sql=sql, arguments=tuple(found.arguments))


def _collected(
    which: Filter,
    sealing: Sealing,
    known: Collection[str],
    only: Collection[str] | None,
    now: datetime,
) -> _Conditions:
    found = _Conditions(sealing, known, now)
    named = [one.values for one in which.terms if one.field == "channel" and not one.negated]
    if named:
        found.channels = [str(value) for value in named[0]]
    if only is not None:
        found.channels = [one for one in found.channels if one in only]
        found.compared.append(f"o.channel = ANY ({found.argument(sorted(only))}::text[])")
    for term in which.terms:
        condition, by_index = _FIELDS[term.field](term, found)
        if term.negated:
            found.compared.append(f"NOT ({condition})")
        else:
            (found.indexed if by_index else found.compared).append(condition)
    return found


def _sql(found: _Conditions, row: str, limit: int) -> str:
    # Nothing here is a value: those are arguments, and the limits are numbers of ours.
    compared = " AND ".join(f"coalesce({one}, false)" for one in found.compared) or "true"
    most = SCANNED if found.compared else limit
    return f"""
WITH scanned AS MATERIALIZED (
    SELECT o.order_id, o.placed_at, ({compared}) AS matches FROM orders o
    WHERE {" AND ".join(found.indexed)}
    ORDER BY o.placed_at DESC, o.order_id DESC LIMIT {most}
),
-- Where the scan ended, if it ended before the list did.
ended AS (
    SELECT order_id FROM scanned WHERE (SELECT count(*) FROM scanned) = {SCANNED}
    ORDER BY placed_at, order_id LIMIT 1
),
page AS (
    SELECT order_id FROM scanned WHERE matches ORDER BY placed_at DESC, order_id DESC LIMIT {limit}
)
SELECT {row}, (o.order_id IN (SELECT order_id FROM page)) AS matches,
    (o.order_id IN (SELECT order_id FROM ended)) AS ends FROM orders o
WHERE o.order_id IN (SELECT order_id FROM page UNION SELECT order_id FROM ended)
ORDER BY o.placed_at DESC, o.order_id DESC"""  # noqa: S608 - its parts are written here; values are arguments


def _channel(term: Term, found: _Conditions) -> tuple[str, bool]:
    return f"o.channel = ANY ({found.argument(_texts(term))}::text[])", False


def _stage(term: Term, found: _Conditions) -> tuple[str, bool]:
    wanted = found.argument(_texts(term))
    condition = f"(o.stage = ANY ({wanted}::text[]) OR o.progress = ANY ({wanted}::text[]))"
    if not term.negated and not set(term.values) & FINAL and "duplicate" not in term.values:
        # Those not final have an index of their own; a final one is in no such stage.
        found.indexed.append("NOT o.final")
    return condition, False


_IS = {"attention": "o.attention", "open": "NOT o.final", "final": "o.final"}


def _is(term: Term, found: _Conditions) -> tuple[str, bool]:
    conditions = " OR ".join(_IS[str(one)] for one in term.values)
    return f"({conditions})", len(term.values) == 1 and term.values != ("final",)


def _hold(term: Term, found: _Conditions) -> tuple[str, bool]:
    if not term.negated:
        found.indexed.append("o.attention")  # a hold that waits for a person needs one
    patterns = [f'%["{_liked(str(one))}%' for one in term.values]
    # `json`, and the part of it as it was written: an escape that a text can't hold stays one.
    holds = "(convert_from(o.state, 'UTF8')::json -> 'holds')::text"
    return f"{holds} LIKE ANY ({found.argument(patterns)}::text[])", False


def _age(term: Term, found: _Conditions) -> tuple[str, bool]:
    seconds = term.values[0]
    assert isinstance(seconds, int), "the parser made it one"
    moment = found.argument(max(found.now - timedelta(seconds=seconds), _EPOCH))
    # Older than is placed before.
    operator = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "=": "<="}[term.operator]
    return f"o.placed_at {operator} {moment}::timestamptz", True


def _total(term: Term, found: _Conditions) -> tuple[str, bool]:
    exponents = [
        f"WHEN o.currency = ANY ({found.argument(sorted(some))}::text[]) THEN {10**exponent}"
        for exponent in (0, 3, 4)
        if (some := [one for one, its in _EXPONENTS.items() if its == exponent])
    ]
    scale = f"(CASE {' '.join(exponents)} ELSE 100 END)"
    wanted = [f"{found.argument(_decimal(one))}::numeric * {scale}" for one in term.values]
    told = " OR ".join(f"o.total_minor::numeric {term.operator} {one}" for one in wanted)
    return f"({told})", False


def _currency(term: Term, found: _Conditions) -> tuple[str, bool]:
    return f"o.currency = ANY ({found.argument(_texts(term))}::text[])", False


def _sku(term: Term, found: _Conditions) -> tuple[str, bool]:
    # A line is an array of its id, its SKU and more: the SKU stands between commas.
    written = [b"," + msgspec.json.encode(plain(str(one))) + b"," for one in term.values]
    told = " OR ".join(f"position({found.argument(one)}::bytea in o.state) > 0" for one in written)
    return f"({told})", False


def _email(term: Term, found: _Conditions) -> tuple[str, bool]:
    hashes = [
        found.sealing.name_of(channel, email_of(str(one)))
        for channel in found.channels
        for one in term.values
    ]
    told = f"email = ANY ({found.argument(hashes)}::bytea[])"
    return f"o.order_id IN (SELECT order_id FROM body_keys WHERE {told})", True  # noqa: S608 - values are arguments


def _number(term: Term, found: _Conditions) -> tuple[str, bool]:
    named = sorted({name for one in term.values for name in names_of(str(one))})
    names = found.argument(named)
    return (
        f"o.order_id IN (SELECT order_id FROM orders WHERE order_id = ANY ({names}::text[])"  # noqa: S608 - values are arguments
        f" UNION SELECT order_id FROM orders WHERE number = ANY ({names}::text[])"
        f" UNION SELECT order_id FROM orders WHERE ref = ANY ({names}::text[]))"
    ), True


_FIELDS: Mapping[str, Callable[[Term, _Conditions], tuple[str, bool]]] = {
    "channel": _channel,
    "stage": _stage,
    "is": _is,
    "hold": _hold,
    "age": _age,
    "total": _total,
    "currency": _currency,
    "sku": _sku,
    "email": _email,
    "number": _number,
}


def _texts(term: Term) -> list[str | None]:
    return [plain(str(one)) for one in term.values]


def _decimal(value: object) -> Decimal:
    assert isinstance(value, Decimal), "the parser made it one"
    return value


def _liked(text: str) -> str:
    """Return a text as it stands in JSON and as LIKE takes it literally."""
    written = msgspec.json.encode(plain(text)).decode()[1:-1]
    return written.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
