"""What became of every order, by the shop, the store and the partners' ledger; what is wrong is
said in sentences."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
from msgspec import Struct

from actors.order.state import decode_state
from actors.order.steps import CANCELLED, CONFIRMED, MAIL
from ops.simulators.shop_template import Recipe
from tests.e2e.processes import Process
from tests.e2e.world import IN_STOCK, SHOP, World

UNDONE_BY = {
    "label": "label_void",
    "erp_order": "erp_order_delete",
    "warehouse_task": "warehouse_task_cancel",
}
ONCE = ("label", "erp_order", "warehouse_task", "mail", "fulfilment")

TOPICS = {"paid_later": "paid", "updated": "updated", "cancelled": "cancelled"}
"""What a shop's report calls it, and the webhook that it means."""

Counts = dict[str, Counter[str]]


class Audit(Struct, kw_only=True):
    """The counts, and what is wrong (nothing should be)."""

    orders: int = 0
    webhooks: int = 0
    closed: int = 0
    cancelled: int = 0
    consequences: int = 0
    mails_unknown: int = 0
    wrong: list[str] = []


async def audit(world: World, reports: list[Path]) -> Audit:
    """Compare everything that the shops sent with what the store and the ledger hold."""
    found = Audit()
    entries = await world.ledger()
    found.consequences = len(entries)
    counts: Counts = defaultdict(Counter)
    for entry in entries:
        counts[entry["kind"]][entry["reference"]] += 1
    for kind in ONCE:
        doubled = [ref for ref, count in counts[kind].items() if count > 1]
        found.wrong += [f"{kind} was done {_moments(entries, kind, ref)}." for ref in doubled]
    rows = await world.rows(_ORDERS, SHOP)
    known = {row["ref"]: row for row in rows}
    for report in reports:
        sent = json.loads(report.read_text())
        if sent["given_up"]:
            found.wrong.append(f"{sent['given_up']} webhooks were never taken.")
        found.webhooks += sent["webhooks_taken"]
        for told in sent["refs"]:
            row = known.pop(told["ref"].rsplit("/", 1)[-1], None)
            if row is None and not told["accepted"]:
                continue
            found.orders += 1
            if row is None or not row["final"]:
                where = "lost" if row is None else f"still {row['stage']}"
                found.wrong.append(f"{told['name']} was accepted and is {where}.")
                continue
            _order(found, row, told["ref"], counts)
        found.wrong += await _lost_webhooks(world, sent)
    found.wrong += [f"No one sent the order {ref}." for ref in known]
    found.wrong += await _store(world)
    return found


def _moments(entries: list[dict[str, Any]], kind: str, reference: str) -> str:
    """When something was done, so that the service's log shows what went on then."""
    its = [e for e in entries if (e["kind"], e["reference"]) == (kind, reference)]
    return f"{len(its)} times for {reference}: {', '.join(e['at'] for e in its)}"


def _order(found: Audit, row: asyncpg.Record, gid: str, counts: Counts) -> None:
    state = decode_state(row["state"])
    reference = state.correlation_id
    mails = {name: counts["mail"][f"{reference}.{name}"] for name in (CONFIRMED, CANCELLED)}
    # No one can ask a mail server what it took: such a mail is left to a person.
    unknown = row["at_desk"].count(MAIL)
    found.mails_unknown += unknown
    if len(row["at_desk"]) > unknown or state.holds or state.overdue:
        found.wrong.append(f"{state.number} waits for a person: {row['at_desk']} {state.holds}")
    if any(name not in state.told and mails[name] and not unknown for name in mails):
        found.wrong.append(f"{state.number}: a mail was sent that we know nothing of: {mails}")
    if state.stage == "closed":
        found.closed += 1
        ships = int(state.needs_shipping)
        wanted = {
            "erp_order": 1, "warehouse_task": ships, "label": ships,
            "erp_order_delete": 0, "warehouse_task_cancel": 0, "label_void": 0,
        }  # fmt: skip
        has = {kind: counts[kind][reference] for kind in wanted}
        has["fulfilment"] = counts["fulfilment"][gid]
        wanted["fulfilment"] = ships
        if has != wanted:
            found.wrong.append(f"{state.number} is closed with {has}.")
        if state.notify and not mails[CONFIRMED] and not unknown:
            found.wrong.append(f"{state.number} is closed, and its customer was told nothing.")
    else:
        found.cancelled += 1
        for kind, undone in UNDONE_BY.items():
            if counts[kind][reference] != counts[undone][reference]:
                found.wrong.append(f"{state.number} is cancelled, but its {kind} stands.")
        if counts["fulfilment"][gid]:
            found.wrong.append(f"{state.number} is cancelled, and shown as shipped.")


async def _lost_webhooks(world: World, sent: dict[str, Any]) -> list[str]:
    """Those that were answered 2xx and reached neither their order nor quarantine."""
    rows = await world.rows(
        "SELECT input_id AS id FROM inbox UNION SELECT delivery_id FROM quarantine"
    )
    kept = {row["id"].rpartition(":")[2] for row in rows}
    return [name for name in _webhook_ids(sent) if name not in kept]


def _webhook_ids(sent: dict[str, Any]) -> Iterator[str]:
    recipe = Recipe(sent["seed"], sent["shop"])
    for told in sent["refs"]:
        if not told["accepted"]:
            continue
        number = recipe.order_id(int(told["name"].removeprefix("#")))
        yield f"{number:013d}-create"
        for flag, topic in TOPICS.items():
            if told[flag]:
                yield f"{number:013d}-{topic}"


async def _store(world: World) -> list[str]:
    wrong = []
    row = (await world.rows(_REST, IN_STOCK))[0]
    for name, count in row.items():
        if count:
            wrong.append(f"{count} {name.replace('_', ' ')} are left.")
    words = ["orders", "replay", "--verify", "--data", str(world.data)]
    replay: Process = world.process("replay", "service.cli", words)
    if await replay.ended():
        wrong.append(f"The replay says: {replay.last_words()}")
    return wrong


_ORDERS = """
SELECT o.ref, o.stage, o.final, o.state, ARRAY(
    SELECT e.kind FROM effects e WHERE e.order_id = o.order_id AND e.status IN ('person', 'refused')
) AS at_desk
FROM orders o WHERE o.channel = $1
"""
_REST = """
SELECT (SELECT count(*) FROM effects WHERE status = 'open') AS open_effects,
       (SELECT count(*) FROM timers) AS timers,
       (SELECT count(*) FROM effects WHERE status = 'refused') AS refused_effects,
       (SELECT count(*) FROM quarantine) AS quarantined_letters,
       (SELECT count(*) FROM stock s WHERE s.on_hand > $1::bigint) AS miscounted_shelves,
       (SELECT count(*) FROM stock s WHERE s.reserved <> (
            SELECT coalesce(sum(r.quantity), 0) FROM reservations r
            WHERE r.sku = s.sku AND r.place = s.place AND r.released_at IS NULL
       )) AS miscounted_reservations,
       (SELECT count(*) FROM reservations r JOIN orders o ON o.order_id = r.order_id
        WHERE o.stage = 'cancelled' AND r.released_at IS NULL) AS reservations_of_cancelled_orders
"""
