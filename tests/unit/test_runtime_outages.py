"""The runtime when partners are away, answer rubbish or were never configured."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from actors.runtime.errors import JournalUnavailable, Retryable, Unauthorised
from actors.runtime.mailbox import DUPLICATE, POISON
from actors.runtime.ports import Append, Call, Loaded, Outcome
from schemas.messages import effects as f
from schemas.messages import inputs as i
from schemas.order.ids import OrderId
from tests.fakes import RESULTS, ScriptedPartner
from tests.house import House, place
from tests.waiting import eventually

HOUR = 3600


async def let_pass(house: House, seconds: int) -> None:
    """Let time pass second by second, so that whoever waits gets its turn."""
    for _ in range(seconds):
        await house.move(1.0)
        for _ in range(10):
            await asyncio.sleep(0)


async def test_a_long_outage_burns_no_ones_tries(house: House) -> None:
    """An ERP that can't be reached for an hour gets the order afterwards, without a person."""
    erp = house.partners["erp"]
    erp.raises = [(Retryable("It can't be reached."), False)] * 10_000
    house.post(place(), "d1")
    await house.until("reserved")
    await let_pass(house, HOUR)
    assert house.state().stuck == ()
    erp.raises.clear()
    await house.while_time_passes(lambda: house.state().erp_id != "")


async def test_a_partner_that_names_no_time_is_left_alone_longer_each_time(house: House) -> None:
    """429 without Retry-After slows the whole lane down, not each effect by a second."""
    erp = house.partners["erp"]
    erp.raises = [(Retryable("Slow down.", throttled=True), False)] * 1_000
    house.post(place(), "d1")
    await house.until("reserved")
    await let_pass(house, HOUR // 6)
    assert 1_000 - len(erp.raises) <= 12
    assert house.state().stuck == ()
    erp.raises.clear()
    await house.while_time_passes(lambda: house.state().erp_id != "")


async def test_an_answer_that_cannot_be_kept_goes_to_a_person(house: House) -> None:
    """An answer no order can take would be asked for again permanently."""
    house.partners["erp"].answers[f.PostSalesOrder] = RESULTS[f.ReserveStock]
    house.post(place(), "d1")
    await house.while_time_passes(lambda: house.state().is_stuck("erp.post_sales_order.v1"))
    assert house.state().stuck[0].outcome_known is False


async def test_a_label_that_is_no_base64_goes_to_a_person(house: House) -> None:
    """What fails on the way to the store neither holds the order nor its carrier up."""
    label = f.LabelBought(shipment_id="s", tracking_number="t", carrier="UPS", label_base64="abc")
    house.partners["carrier"].answers[f.BuyLabel] = label
    house.post(place(), "d1")
    await house.while_time_passes(lambda: house.state().task_id != "")
    parcels = (f.Parcel(parcel_id="1"),)
    house.post(i.ReportPacked(ref="1042", task_id="t-1", parcels=parcels), "d2")
    await house.while_time_passes(lambda: house.state().is_stuck("carrier.buy_label.v1"))
    await eventually(lambda: house.dispatcher.lanes["carrier"].under_way == 0)


async def test_a_stored_order_that_cannot_be_read_leaves_no_one_waiting(house: House) -> None:
    """Whoever sent the input is told, so that the message is put aside and its place is free."""
    house.post(place(), "d1")
    await house.while_time_passes(lambda: house.state().task_id != "")
    again, load = House(house.journal), house.journal.load

    async def malformed(order_id: OrderId) -> Loaded | None:
        loaded = await load(order_id)
        return replace(loaded, state=b"[]") if loaded else None

    again.runtime.journal.load = malformed  # type: ignore[method-assign]  # a fault for the test
    again.post(i.CancelOrder(ref="1042"), "d2")
    await eventually(lambda: again.ends == [POISON])


async def test_a_fault_of_ours_leaves_no_one_waiting(house: House) -> None:
    """An error no one thought of gives the inputs back instead of keeping them permanently."""

    async def fails(append: Append) -> Outcome:
        raise RuntimeError("no one thought of this")

    house.runtime.journal.append = fails  # type: ignore[method-assign]  # a fault for the test
    house.post(place(), "d1")
    await eventually(lambda: house.ends == ["stopped"])


async def test_effects_for_no_one_end_at_a_person(house: House) -> None:
    """Without an ERP an order waits for one, then for a person; then a cancellation ends too."""
    del house.dispatcher.lanes["erp"]
    house.post(place(), "d1")
    await house.until("reserved")
    await let_pass(house, 2 * HOUR)
    assert "No erp is configured" in house.state().stuck[0].reason
    house.post(i.CancelOrder(ref="1042"), "d2")
    await house.while_time_passes(lambda: house.state().stage == "cancelled")


async def test_effects_of_inputs_committed_unheard_are_found_soon(house: House) -> None:
    """Two inputs were on disk though their commit's answer was lost: what they intend is looked
    for at once, also when the lane has other work."""
    write, lost = house.journal.append, [True]

    async def deaf(append: Append) -> Outcome:
        outcome = await write(append)
        if lost:
            lost.clear()
            raise JournalUnavailable("The answer was lost.")
        return outcome

    house.runtime.journal.append = deaf  # type: ignore[method-assign]  # a fault for the test
    for lane in house.dispatcher.lanes.values():
        lane.more_in_store = False
    house.post(place(), "d1")
    house.post(i.ConfirmPayment(ref="1042"), "d2")
    await eventually(lambda: house.ends == [DUPLICATE, DUPLICATE])
    assert all(lane.more_in_store for lane in house.dispatcher.lanes.values())


class Picky(ScriptedPartner):
    """Refuses our credential for one order, and takes all others."""

    async def perform(self, call: Call) -> f.Result:
        """Act, unless it is that order."""
        if call.ref == "odd":
            raise Unauthorised("This customer is not yours.")
        return await super().perform(call)


async def test_a_credential_that_others_get_in_with_is_not_to_blame(house: House) -> None:
    """A partner that words the refusal of one order as one of our credential must not be paused
    for all orders again and again: that order goes to a person."""
    house.dispatcher.lanes["erp"].partner = Picky("erp")
    house.post(place("odd"), "d0", ref="odd")
    for number in range(8):
        house.post(place(str(number)), "d1", ref=str(number))
        await let_pass(house, 120)
    assert all(house.state(str(number)).erp_id for number in range(8))
    await house.while_time_passes(lambda: house.state("odd").is_stuck("erp.post_sales_order.v1"))
