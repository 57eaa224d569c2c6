"""How a story in the real servers ends: everyone does what is left to them until the order is at
its end, and then the simulators' judge compares what the partners were left with."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from actors.order.state import State
from actors.order.table import FINAL
from ops.simulators.shop_expected import expected
from tests.stories.realm import PLACES, PLENTY, SELLERS, Json

if TYPE_CHECKING:
    from tests.stories.acting import Acting

MOST = 60
"""Steps within which a story's order ends."""

AT_WORK = ("released", "picked", "packed")


async def finish(told: Acting) -> None:
    """Bring the order to its end, and judge it."""
    for line in told.lines.values():
        for place in PLACES:
            await told.realm.put_on_shelf(place, told.sku(line.sku), PLENTY)
    tried: Counter[str] = Counter()
    for _step in range(MOST):
        await told.rest()
        state = await told.state()
        if not await _next(told, state, tried):
            if state.stage in FINAL:
                break
            raise AssertionError(told.story("no one can do anything", await told.shown()))
    else:
        raise AssertionError(told.story("the order does not end", await told.shown()))
    await _judge(told)


async def _next(told: Acting, state: State, tried: Counter[str]) -> bool:
    """Do the next thing; False: there is none."""
    if state.stuck:
        number = str(state.stuck[0].number)
        tried[number] += 1
        await told.decide("skip" if tried[number] > 1 else "retry", number)
        return True
    if state.holds:
        hold = state.holds[0]
        is_short = hold.hold_id.startswith("short-pick")
        await told.decide(*(("ship-short", hold.key) if is_short else ("release", hold.hold_id)))
        return True
    if await _warehouse(told, state):
        return True
    if any(one.number for one in state.parcels.values()):
        await told.deliver("delivered")
        return True
    if state.tasks:
        await told.decide("done", state.tasks[0].task_id)
        return True
    if state.stage == "placed" and not state.accepted_by:
        await told.decide("accept")
        return True
    short = [key for key, one in state.fulfilments.items() if one.stage == "short"]
    if short and tried["stock"] < 10:
        tried["stock"] += 1  # its timer is short here, and rest() waits for what follows
        return True
    return False


async def _warehouse(told: Acting, state: State) -> bool:
    """Let a warehouse pack what is left of a task, or hand over what is packed."""
    books = await told.books()
    for key in books.live_keys():
        thing = state.fulfilments.get(key)  # type: ignore[call-overload]  # a key is a text
        if thing is None or thing.stop or thing.stage not in AT_WORK:
            continue
        waits = thing.missing or (thing.stage == "packed" and not thing.more)
        if books.rest_of(key) and not waits:
            await told.pack(key)
            return True
        if books.unsent(key):
            await told.act(key, "handed_over")
            return True
    return False


async def _judge(told: Acting) -> None:
    """Have the simulators compare their ledger with the shop's last word, and with what the story
    itself decided beside it."""
    shown, state = await told.shop(), await told.state()
    payment = "cod" if told.order.payment_method == "cod" else "card"
    wanted: Json = dict(expected(shown["order"], {}, payment))
    wanted["ship_to"]["zip"] = told.goes_to
    wanted["cancelled"] = state.stage == "cancelled"
    units = {told.name_of(x["line_item_id"]): x["quantity"] for x in wanted["lines"]}
    counts = Counter(units) if told.kept is None else Counter(told.kept)
    for key, most in told.edited.items():
        counts[key] = min(counts[key], most)
    prices = {k: line.unit_price_minor for k, line in told.lines.items()}
    billed = sum(prices[k] * n for k, n in counts.items()) - told.gifts
    shipped: Counter[str] = Counter(counts)
    shipped.update(told.excess)
    shipped.subtract(told.others)
    shipped.update(told.returned)
    wanted["lines"] = [
        {"line_item_id": told.line(k), "quantity": n} for k, n in shipped.items() if n
    ]
    wanted["total"], wanted["tax"] = f"{billed / 100:.2f}", "0.00"
    if told.taken >= 0:
        wanted["to_capture"] = f"{told.taken / 100:.2f}"
    if told.refunded >= 0:
        wanted["to_refund"] = f"{told.refunded / 100:.2f}"
    gid = told.recipe.gid(told.number)
    name = f"#{told.number}"
    body: Json = {
        "refs": [{"ref": gid, "name": name, "accepted": True, "expected": wanted}],
        "references": {gid: state.reference},
        "attention": [],
    }
    verdict = await told.realm.ask("POST", "/_sim/judge", body)
    wrong = verdict["wrong"]
    if not SELLERS[told.seller].get("erp", "bc"):
        wrong = [one for one in wrong if one != f"{name} has 0 sales orders."]
    if told.seller == "no warehouse":
        # A person packed it: no simulator saw what left.
        wrong = [one for one in wrong if " left, and " not in one and not one.endswith(" left.")]
    if +told.excess:
        # No shop shows more of a line than was ordered of it; the story says what this one shows.
        wrong = [one for one in wrong if "left, and the shop shows" not in one]
    if +told.returned:
        # What came back is credited in the ERP by a person: the sales order keeps what left.
        wrong = [one for one in wrong if "; the ERP has " not in one]
    if told.is_moved:
        # The warehouse goes on with what it packed: its task says the old address, the label not.
        wrong = [one for one in wrong if "its warehouse_task says" not in one]
    assert verdict["orders"] == 1, verdict
    assert (wrong, verdict["doubled"]) == ([], []), told.story(verdict, await told.shown())
