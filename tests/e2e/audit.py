"""What became of every order, by the shop, the store and the partners' ledger; what is wrong is
said in sentences.

The ledger's own judge compares what was done with the shop's last word on each order; what is added
here are the store's side and what no one but the shop can know: that each order, and each of its
webhooks, was taken.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
from msgspec import Struct

from adapters.postgres.figures import read_fates
from ops.simulators.shop_template import Recipe
from schemas.messages.effects import PublishFulfilment, SendMail, tag_of
from service.app.sessions import open_reports
from service.demo.report import judged
from tests.e2e.processes import Process
from tests.e2e.world import IN_STOCK, SHOP, World

ORDER_LENGTH = 20
"""The first characters of a reference, which name the order."""

TOPICS = {
    "pay": ("paid", "updated"),
    "note": ("updated",),
    "edit_address": ("updated",),
    "edit_add_line": ("edited", "updated"),
    "edit_remove_line": ("edited", "updated"),
    "cancel": ("cancelled", "updated"),
    "cancel_late": ("cancelled", "updated"),
}
"""The webhooks that a shop with a book sends of a change."""

PLAIN = {"paid_later": "paid", "updated": "updated", "cancelled": "cancelled"}
"""The same of one without: what its report calls it, and the webhook that it means."""

NEWS = frozenset({"edited"})
"""Topics that say that something happened, and do not carry the order."""

LATE = frozenset(
    {"edit_address", "edit_add_line", "edit_remove_line", "cancel_late", "cancel", "note"}
)
"""Changes that may come when goods have left, so that the rest is a person's."""

MAIL, PUBLISH = tag_of(SendMail), tag_of(PublishFulfilment)


class Audit(Struct, kw_only=True):
    """The counts, and what is wrong (nothing should be). `persons` counts by reason the orders that
    wait for a person, and may."""

    orders: int = 0
    webhooks: int = 0
    closed: int = 0
    cancelled: int = 0
    fulfilments: int = 0
    parcels: int = 0
    amended: int = 0
    consequences: int = 0
    mails_unknown: int = 0
    persons: Counter[str] = Counter()
    wrong: list[str] = []


async def audit(world: World, reports: Sequence[Path]) -> Audit:
    """Compare everything that the shops sent with what the store and the ledger hold."""
    found = Audit(persons=Counter(), wrong=[])
    sent = [json.loads(report.read_text()) for report in reports]
    await _judged(found, world, sent)
    entries = await world.ledger()
    found.consequences = len(entries)
    done: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        done[entry["reference"][:ORDER_LENGTH]].append(entry)
    known = {row["ref"]: row for row in await world.rows(_ORDERS, SHOP)}
    for one in sent:
        if one["given_up"]:
            found.wrong.append(f"{one['given_up']} webhooks were never taken.")
        found.webhooks += one["webhooks_taken"]
        for told in one["refs"]:
            row = known.pop(_ref(told), None)
            if row is None and not told["accepted"]:
                continue
            found.orders += 1
            if row is None:
                found.wrong.append(f"{told['name']} was accepted and is lost.")
            else:
                _order(found, told, row, done[row["reference"][:ORDER_LENGTH]])
        found.wrong += await _lost_webhooks(world, one)
    found.wrong += [f"No one sent the order {ref}." for ref in known]
    found.wrong += await _store(world)
    return found


async def audit_restored(world: World, sent: dict[str, Any]) -> Audit:
    """The same of one shop's orders after a restore, which webhooks do not come back from: the
    orders themselves, and what was done for them, are compared. `sent` is the shop's report."""
    found = Audit(persons=Counter(), wrong=[])
    await _judged(found, world, [sent])
    done: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in await world.ledger():
        done[entry["reference"][:ORDER_LENGTH]].append(entry)
    known = {row["ref"]: row for row in await world.rows(_ORDERS, SHOP)}
    for told in sent["refs"]:
        found.orders += 1
        row = known.pop(_ref(told), None)
        if row is None:
            found.wrong.append(f"{told['name']} is lost.")
        else:
            entries = done[row["reference"][:ORDER_LENGTH]]
            if _left_without_number(entries) or row["untracked"]:
                _forgive(found, row["number"])
            _order(found, told, row, entries, restored=True)
    found.wrong += [f"No one sent the order {ref}." for ref in known]
    # Those that came before their orders and were released then stay on the books.
    found.wrong += [one for one in await _store(world) if "quarantined letters" not in one]
    (row,) = await world.rows("SELECT count(*) FROM quarantine WHERE state = 'open'")
    if row["count"]:
        found.wrong.append(f"{row['count']} messages wait in quarantine.")
    return found


def _ref(told: dict[str, Any]) -> str:
    ref: str = told["ref"].rsplit("/", 1)[-1]
    return ref


async def _judged(found: Audit, world: World, sent: list[dict[str, Any]]) -> None:
    async with open_reports(world.runtime().postgres_dsn) as pool:
        refs = [told for one in sent for told in one["refs"]]
        fates = await read_fates(pool, SHOP, [_ref(told) for told in refs])
    verdict = await judged(world.partners.http, {"refs": refs}, fates)
    found.wrong += [*verdict["doubled"], *verdict["wrong"]]
    found.fulfilments, found.parcels = verdict["fulfilments"], verdict["parcels"]
    found.amended = verdict["amended"]


def _left_without_number(entries: list[dict[str, Any]]) -> bool:
    """Whether the shop shows goods of the order as sent without a number: in what was lost they had
    left before their label was bought, which a restored service can't know and buys."""
    return any(one["kind"] == "fulfilment" and not one["detail"]["numbers"] for one in entries)


def _forgive(found: Audit, number: str) -> None:
    """Drop the judge's sentence that the shop lacks the number of a label that one life bought and
    the other knows nothing of: afterwards, as above, or in what was lost, of goods whose hand-over
    was told again before what was packed, when no label is asked for any more."""
    told = re.compile(rf"{re.escape(number)} has the labels .*; the shop shows \[\]\.")
    found.wrong[:] = [one for one in found.wrong if not told.fullmatch(one)]


def _order(
    found: Audit,
    told: dict[str, Any],
    row: asyncpg.Record,
    entries: list[dict[str, Any]],
    *,
    restored: bool = False,
) -> None:
    number = row["number"]
    mails = sum(entry["kind"] == "mail" for entry in entries)
    # No one can ask a mail server what it took: such a mail is left to a person.
    unknown = row["stuck"].count(MAIL)
    found.mails_unknown += unknown
    if row["attention"] and not (row["final"] and unknown):
        reason = _may_wait(told, row, entries, restored=restored)
        if not reason:
            found.wrong.append(
                f"{number} is {row['stage']} and waits for {row['waiting_for']}: {row['stuck']}, "
                f"{row['tasks']}, {row['holds']}"
            )
        found.persons[reason or "no good reason"] += 1
    if not row["final"]:
        if not row["attention"]:
            found.wrong.append(f"{number} is still {row['stage']}, for {row['waiting_for']}.")
        return
    if row["stage"] == "closed":
        found.closed += 1
        if row["notify"] and not (mails or unknown):
            found.wrong.append(f"{number} is closed, and its customer was told nothing.")
    else:
        found.cancelled += 1
    left = sum(
        line["quantity"]
        for entry in entries
        if entry["kind"] == "parcel_handed_over"
        for line in entry["detail"]["lines"]
        if line["line_id"] not in row["uncounted"]  # of what no one counts, nothing is kept
    )
    if left != row["reserved"]:
        found.wrong.append(
            f"{left} pieces of {number} have left, and {row['reserved']} are held or taken off."
        )


def _may_wait(
    told: dict[str, Any], row: asyncpg.Record, entries: list[dict[str, Any]], *, restored: bool
) -> str:
    """Why an order of this shop may wait for a person; "": it may not."""
    stuck = set(row["stuck"]) - {MAIL}
    told_twice = stuck | set(row["refused"]) == {PUBLISH}
    if restored and told_twice and _left_without_number(entries):
        return "in what was lost it had left without a label"
    if stuck:
        return ""
    if any(one["applied"] and one["what"] in LATE for one in told.get("changes", ())):
        return "changed when it was too late to follow by itself"
    words = "; ".join(words for _, words, *_ in json.loads(row["tasks"] or "[]"))
    if words and _is_reprint(words, entries):
        return "FedEx gives a label's image once, and the answer was lost"
    return ""


_REPRINT = re.compile(
    r"FedEx has sold L\d+ and gives its image only once, in an answer that was lost: print "
    r"(?P<numbers>\d+(?:, \d+)*) at fedex\.com and hand it to the warehouse"
)


def _is_reprint(words: str, entries: list[dict[str, Any]]) -> bool:
    """Whether all that a person is asked for is to print labels that FedEx did sell for this
    order."""
    sold = json.dumps(
        [one for one in entries if (one["kind"], one["partner"]) == ("label", "fedex")]
    )
    found = [_REPRINT.fullmatch(one) for one in words.split("; ")]
    numbers = [n for one in found if one is not None for n in one["numbers"].split(", ")]
    return None not in found and all(number in sold for number in numbers)


async def _lost_webhooks(world: World, sent: dict[str, Any]) -> list[str]:
    """Those that were answered 2xx and reached neither their order nor quarantine. News is named by
    what is signed of it, so it is counted for each order."""
    rows = await world.rows(
        "SELECT input_id AS id FROM inbox UNION SELECT delivery_id FROM quarantine"
    )
    kept = {row["id"].rpartition(":")[2] for row in rows}
    noted = {row["ref"]: row["count"] for row in await world.rows(_NOTED)}
    lost = []
    for ref, name in _webhook_ids(sent):
        if name.partition("-")[2].partition("-")[0] in NEWS:
            noted[ref] = noted.get(ref, 0) - 1
            if noted[ref] < 0:
                lost.append(f"The webhook {name} is lost.")
        elif name not in kept:
            lost.append(f"The webhook {name} is lost.")
    return lost


_NOTED = """
SELECT o.ref, count(*) FROM inbox i JOIN orders o USING (order_id) WHERE i.input_id LIKE '%/note/%'
GROUP BY o.ref
"""


def _webhook_ids(sent: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each webhook's order and id."""
    recipe = Recipe(sent["seed"], sent["shop"])
    for told in sent["refs"]:
        if not told["accepted"]:
            continue
        number = recipe.order_id(int(told["name"].removeprefix("#")))
        ref = _ref(told)
        yield ref, f"{number:013d}-create"
        for name in _told_of(told):
            yield ref, f"{number:013d}-{name}"


def _told_of(told: dict[str, Any]) -> Iterator[str]:
    """The ends of the webhooks' ids that follow a create: the second of a topic ends with -2."""
    if "changes" not in told:
        yield from (topic for flag, topic in PLAIN.items() if told[flag])
        return
    times: Counter[str] = Counter(paid=int(told["paid_first"]))
    for change in told["changes"]:
        for topic in TOPICS[change["what"]] if change["applied"] else ():
            times[topic] += 1
            yield topic if times[topic] == 1 else f"{topic}-{times[topic]}"


async def _store(world: World) -> list[str]:
    wrong = []
    row = (await world.rows(_REST, IN_STOCK))[0]
    for name, count in row.items():
        if count:
            wrong.append(f"{count} {name.replace('_', ' ')} are left.")
    if row["timers_of_final_orders"]:
        wrong += [str(tuple(one)) for one in await world.rows(_LEFT)]
    words = ["orders", "replay", "--verify", "--data", str(world.data)]
    replay: Process = world.process("replay", "service.cli", words)
    if await replay.ended():
        wrong.append(f"The replay says: {replay.last_words()}")
    return wrong


_ORDERS = """
SELECT o.ref, o.number, o.reference, o.stage, o.final, o.attention, o.waiting_for,
       coalesce((convert_from(o.state, 'UTF8')::json ->> 'notify')::boolean, false) AS notify,
       convert_from(o.state, 'UTF8')::json ->> 'tasks' AS tasks,
       convert_from(o.state, 'UTF8')::json ->> 'holds' AS holds,
       ARRAY(
           SELECT e.kind FROM effects e
           WHERE e.order_id = o.order_id AND e.status IN ('person', 'suspended')
       ) AS stuck,
       -- What was refused is settled, and yet a person's.
       ARRAY(
           SELECT s ->> 2 FROM json_array_elements(convert_from(o.state, 'UTF8')::json -> 'stuck') s
           WHERE s ->> 5 = 'true'
       ) AS refused,
       ARRAY(
           SELECT r.line_id FROM reservations r WHERE r.order_id = o.order_id AND NOT r.tracked
       ) AS uncounted,
       EXISTS (
           SELECT FROM events e
           WHERE e.order_id = o.order_id AND e.type = 'parcel.untracked.v1'
       ) AND NOT EXISTS (
           SELECT FROM effects e
           WHERE e.order_id = o.order_id AND e.kind = 'carrier.buy_label.v2'
       ) AS untracked,
       (SELECT coalesce(sum(r.quantity), 0) FROM reservations r WHERE r.order_id = o.order_id
            AND r.line_id NOT IN (
                SELECT u.line_id FROM reservations u
                WHERE u.order_id = o.order_id AND NOT u.tracked
            ))
           - (SELECT coalesce(sum(m.reserved), 0) FROM stock_movements m
              WHERE m.order_id = o.order_id AND m.kind = 'consumed' AND m.line_id NOT IN (
                SELECT u.line_id FROM reservations u
                WHERE u.order_id = o.order_id AND NOT u.tracked
            )) AS reserved
FROM orders o WHERE o.channel = $1
"""
_REST = """
SELECT (SELECT count(*) FROM effects WHERE status = 'open') AS open_effects,
       (SELECT count(*) FROM effects WHERE status = 'suspended') AS suspended_effects,
       -- A copy of an order that was cancelled elsewhere asks a person in time.
       (SELECT count(*) FROM timers t JOIN orders o ON o.order_id = t.order_id
        WHERE o.final AND NOT (o.stage = 'duplicate' AND t.name IN ('twin', 'crowded', 'due')))
           AS timers_of_final_orders,
       (SELECT count(*) FROM timers WHERE error <> '') AS suspended_timers,
       (SELECT count(*) FROM quarantine) AS quarantined_letters,
       (SELECT count(*) FROM stock s WHERE s.on_hand > $1::bigint) AS miscounted_shelves,
       (SELECT count(*) FROM stock s WHERE s.reserved <> (
            SELECT coalesce(sum(r.quantity), 0) FROM reservations r
            WHERE r.sku = s.sku AND r.place = s.place AND r.tracked
       )) AS miscounted_reservations
"""

_LEFT = """
SELECT o.channel, o.ref, o.stage, o.waiting_for, t.key, t.name, t.due_at::text, t.error
FROM timers t JOIN orders o ON o.order_id = t.order_id
WHERE o.final LIMIT 5
"""
