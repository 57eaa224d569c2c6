"""What became of the orders of the channels beside the Shopify shops; what is wrong is said in
sentences.

The partners' ledger is judged as for the shops; what our contract's shop was told stands in the
stream of facts."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import asyncpg
import nats
from msgspec import Struct

from adapters.nats.streams import EVENTS
from ops.simulators.judge import judge
from ops.simulators.ledger import order_of
from schemas.messages.effects import tag_of
from schemas.messages.events import Untracked
from tests.e2e.mails import count_mails
from tests.e2e.market_orders import Json
from tests.e2e.markets import MARKETS, OWN, Markets, Sent
from tests.e2e.world import MAIL, World

_ORDERS = """
SELECT o.ref, o.reference, o.stage, o.final, o.attention, o.waiting_for, EXISTS (
    SELECT FROM events c WHERE c.order_id = o.order_id AND c.type = 'order.changed.v1'
    AND c.version < (
        SELECT max(e.version) FROM events e
        WHERE e.order_id = o.order_id AND e.type = 'parcel.delivered.v2'
    )
) AS changed, EXISTS (
    SELECT FROM events u WHERE u.order_id = o.order_id AND u.type = $2
) AS bare, coalesce((convert_from(o.state, 'UTF8')::json ->> 'notify')::boolean, false) AS notify,
EXISTS (
    SELECT FROM effects m
    WHERE m.order_id = o.order_id AND m.kind = $3 AND m.status IN ('person', 'suspended')
) AS untold
FROM orders o WHERE o.channel = $1
"""
"""`changed`: the order has taken a change before its goods arrived. What comes later changes
nothing of what they travelled with, whatever still keeps the order open. `bare`: something left
without a label, because its hand-over overtook the report of what was packed. `untold`: what became
of a mail of it is a person's to find out."""
UNTRACKED = tag_of(Untracked)


class MarketAudit(Struct, kw_only=True):
    """The counts, and what is wrong (nothing should be)."""

    orders: Counter[str] = Counter()
    closed: int = 0
    cancelled: int = 0
    duplicates: int = 0
    persons: int = 0
    fulfilments: int = 0
    mails: int = 0
    mails_repeated: int = 0
    wrong: list[str] = []


async def audit_markets(world: World, markets: Markets) -> MarketAudit:
    """Compare what the channels sent with the store, the ledger, and what was published."""
    found = MarketAudit(orders=Counter(), wrong=[])
    entries = [*await world.ledger(), *await _published(world)]
    of: dict[str, list[Json]] = defaultdict(list)
    for entry in entries:
        of[order_of(entry["reference"])].append(entry)
    stages: dict[str, str] = {}
    mails = count_mails(entries)
    found.mails, found.mails_repeated = mails.messages, mails.repeated
    found.wrong += mails.wrong
    for channel in MARKETS:
        rows = {row["ref"]: row for row in await world.rows(_ORDERS, channel, UNTRACKED, MAIL)}
        stages |= {ref: row["stage"] for ref, row in rows.items()}
        mine = [one for one in markets.sent if one.channel == channel]
        for one in mine:
            row = rows.pop(one.ref, None)
            if row is None:
                found.wrong.append(f"{channel} {one.ref} was accepted and is lost.")
                continue
            _ended(found, one, row)
            told = mails.of.get(order_of(row["reference"]), 0) or row["untold"]
            if row["stage"] == "closed" and row["notify"] and not told:
                found.wrong.append(f"{one.ref} is closed, and its customer was told nothing.")
            if one.what == "moved":
                _settle(found, one, row, of[order_of(row["reference"])])
        found.wrong += [f"No one sent {channel} {ref}." for ref in rows]
        found.orders[channel] = len(mine)
    found.wrong += _twice(markets.sent, stages)
    references, attention = {}, set()
    for channel in MARKETS:
        for row in await world.rows(_ORDERS, channel, UNTRACKED, MAIL):
            references[row["ref"]] = row["reference"]
            if not row["final"]:
                attention.add(row["ref"])
    refs: list[Json] = [
        {"ref": one.ref, "name": one.ref, "accepted": True, "expected": one.expected}
        for one in markets.sent
    ]
    verdict = judge(refs, entries, references, frozenset(attention))
    found.wrong += [*verdict.wrong, *verdict.doubled]
    found.fulfilments = verdict.fulfilments
    return found


def _ended(found: MarketAudit, one: Sent, row: asyncpg.Record) -> None:
    """Count how an order ended, and tell the judge what its channel said last."""
    if not row["final"]:
        found.persons += 1
        # Amazon confirms no shipment without a number: a person does.
        if not (row["attention"] and (one.what or row["bare"])):
            found.wrong.append(f"{one.ref} is {row['stage']} and waits for {row['waiting_for']}.")
        return
    if row["stage"] == "duplicate":
        found.duplicates += 1
        one.expected["cancelled"] = True  # nothing may have been done for it
        return
    cancelled = row["stage"] == "cancelled"
    found.cancelled += cancelled
    found.closed += not cancelled
    if cancelled and one.what != "cancelled":
        found.wrong.append(f"{one.ref} is cancelled, and no one asked for it.")
    one.expected["cancelled"] = cancelled


def _twice(sent: Sequence[Sent], stages: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with orders that two channels sent: one of the two is worked on at most,
    and one only recorded, unless the other was cancelled before it could be accepted."""
    for one in sent:
        both = [stages.get(ref, "") for ref in (one.ref, one.copy_of)] if one.copy_of else []
        worked_on = [stage for stage in both if stage not in ("duplicate", "cancelled")]
        unneeded = both.count("duplicate") == 0 and "cancelled" not in both
        if len(worked_on) > 1 or both.count("duplicate") > 1 or (both and unneeded):
            yield f"{one.ref} and {one.copy_of} are one order, and stand at {' and '.join(both)}."


def _settle(found: MarketAudit, one: Sent, row: asyncpg.Record, entries: list[Json]) -> None:
    """Of an order that got another address: what it travels with shows one of the two, and its last
    label the new one if that was heard of before the goods arrived. What was packed before keeps
    its papers."""
    old = one.expected["ship_to"]["zip"]
    new = f"{old[:-1]}{int(old[-1]) + 1}"
    label = ""
    for entry in entries:
        if entry["kind"] in ("warehouse_task", "label"):
            code = entry["detail"]["postal_code"]
            if code not in (old, new):
                found.wrong.append(f"A {entry['kind']} of {one.ref} goes to {code}.")
            if entry["kind"] == "label":
                label = code
            entry["detail"]["postal_code"] = old
    if row["final"] and row["changed"] and label not in ("", new):
        found.wrong.append(f"{one.ref} left for {label}, and its channel had said {new}.")


async def _published(world: World) -> list[Json]:
    """What the shop of our contract was told, as the ledger would write it down."""
    client = await nats.connect(world.runtime().nats_url)
    ids: dict[str, Json] = {}
    try:
        stream = client.jetstream()
        state = (await stream.stream_info(EVENTS)).state
        for place in range(state.first_seq, state.last_seq + 1):
            told = await stream.get_msg(EVENTS, place)
            if told.subject == f"orders.out.{OWN}.order.fulfilled":
                event = json.loads(told.data or b"")
                ids[event["id"]] = event["data"]
    finally:
        await client.close()
    return [
        {
            "kind": "fulfilment", "partner": OWN, "reference": data["ref"], "id": f"{name}-{place}",
            "detail": {
                "lines": [
                    {"line_item_id": line["line_id"], "quantity": line["quantity"]}
                    for line in parcel["lines"]
                ],
                "numbers": [parcel["tracking_number"]],
            },
        }
        for name, data in ids.items()
        for place, parcel in enumerate(data["parcels"])
    ]  # fmt: skip
