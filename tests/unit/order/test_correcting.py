"""An address that a service writes otherwise: shown, taken over where the seller or a person wants
that, and never silently."""

from __future__ import annotations

from base64 import b64decode

import msgspec
import pytest
from msgspec.structs import replace

from actors.kernel.setup import Place
from actors.order.correcting import CHECK, AddressCheck
from actors.order.deliverable import written
from actors.order.mapping import ADDRESS_HOLD
from actors.rules.compiled import Compiled
from schemas.contracts.rules import Rule, Rules
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.codec import encode
from schemas.order.canonical import Address
from schemas.order.world import Corrected, Deliverability, World, WorldAsked, Written, plain
from tests.given import MAIN, SETUP, Story, an_order, given_released, later

US = (("usps", frozenset({"US"})),)
WRITTEN = Written(lines=("123 SHIPTON ST",), postal_code="40004")
FOUND = Corrected("corrected", "", ("street", "postal_code"), written=WRITTEN)
FINE = Deliverability("deliverable", "")
STATED = an_order().ship_to
assert STATED is not None
THERE = replace(STATED, lines=("123 SHIPTON ST",), postal_code="40004")


def story(found: Deliverability = FOUND, *, take: bool, held: bool = False) -> Story:
    """A seller with an address service that says this of every address."""
    verdicts = frozenset({"corrected"} if held else ())
    made = Story(
        setup=replace(SETUP, addresses=US, held_addresses=verdicts, takes_corrections=take)
    )
    made.world = World(address=found, asked=("address",))
    return made


def goes_to(found: Story) -> Address | None:
    """Return where the order's goods go."""
    assert found.order is not None
    return found.order.ship_to


def holds(found: Story) -> list[str]:
    """Return the ids of the order's open holds."""
    return [one.hold_id for one in found.state.holds]


def test_it_is_taken_over_where_the_settings_say_so_and_said() -> None:
    """The order goes there, the timeline says which parts and by whom, the channel's own statement
    stays beside it, and both addresses are kept with the order and in no event."""
    found = story(take=True, held=True)
    found.when(i.PlaceOrder(order=an_order()))
    assert goes_to(found) == THERE
    assert found.stated is not None
    assert found.stated.ship_to == STATED
    assert holds(found) == []
    (change,) = [one for one in found.events if isinstance(one, e.Changed)]
    assert (change.by, change.facets) == ("usps", ("address",))
    assert change.reason == (
        "the street and the postal code is now as usps has it, as the settings ask"
    )
    assert found.last is not None
    (file,) = found.last.documents
    kept = msgspec.json.decode(b64decode(file.base64), type=AddressCheck)
    assert (file.name, kept.checked, kept.written) == (CHECK, STATED, THERE)
    assert "SHIPTON" not in encode(found.events).decode()


def test_erp_and_warehouse_are_told_and_the_channel_is_not() -> None:
    """What they were told with the stated address follows as with a person's change."""
    found = given_released(story(take=False))
    found.act("correct")
    assert goes_to(found) == THERE
    found.then_effects(f.CancelTask)
    found.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone())
    found.then_effects(f.ReserveStock, f.AmendSalesOrder)


def test_it_is_offered_and_nothing_changes_by_itself() -> None:
    """Without the setting a person sees it, and the hold says that it can be taken over."""
    found = story(take=False, held=True)
    found.when(i.PlaceOrder(order=an_order()))
    assert goes_to(found) == STATED
    assert holds(found) == [ADDRESS_HOLD]
    assert "take that over, correct it, or release the hold" in found.state.holds[0].reason
    assert found.last is not None
    assert [one.name for one in found.last.documents] == [CHECK]


def test_a_person_takes_it_over() -> None:
    """The change bears the person's name and ends the hold; said twice, it says that nothing
    differs."""
    found = story(take=False, held=True)
    found.when(i.PlaceOrder(order=an_order()))
    found.act("correct")
    assert goes_to(found) == THERE
    assert holds(found) == []
    change = [one for one in found.events if isinstance(one, e.Changed)][-1]
    assert (change.by, change.facets) == ("ann", ("address",))
    found.world = World(address=FINE, asked=("address",))
    found.act("correct").then_events(e.ActionRefused)


def test_all_is_asked_before_it_is_taken_over() -> None:
    """What is asked after the change would be about the new address: a rule's question comes with
    the first one."""
    found = story(take=False, held=True)
    rule = Rule(name="dear", when="has(customer.orders) && customer.orders == 0", hold="x")
    found.rules = Compiled(Rules(review=(rule,)), 1)
    found.world = World(address=FOUND, asked=("address", "customer"))
    found.when(i.PlaceOrder(order=an_order()))
    found.world = None
    with pytest.raises(WorldAsked) as asked:
        found.act("correct")
    assert asked.value.parts == {"address", "customer"}


@pytest.mark.parametrize("take", [True, False])
def test_the_channel_s_repetition_does_not_take_it_back(take: bool) -> None:
    """A later statement with the same address and another note leaves the corrected one, without a
    hold; another address of the channel counts, and is checked again."""
    found = story(take=take, held=True)
    found.when(i.PlaceOrder(order=an_order()))
    if not take:
        found.act("correct")
    found.world = World(address=FINE, asked=("address",))
    found.when(i.UpdateOrder(order=later(1, note="ring twice")))
    assert (goes_to(found), holds(found)) == (THERE, [])
    assert STATED is not None
    moved = replace(STATED, lines=("9 Other Street",))
    found.when(i.UpdateOrder(order=later(2, ship_to=moved)))
    assert goes_to(found) == moved


def test_an_address_that_a_person_corrected_is_not_held_for_the_channel_s() -> None:
    """The check is of the address to which the order goes: a later statement about something else
    repeats the wrong one, and holds nothing."""
    asked: list[Address | None] = []
    found = story(Deliverability("undeliverable", "no_match"), take=False)
    found.setup = replace(found.setup, held_addresses=frozenset({"undeliverable"}))
    found.when(i.PlaceOrder(order=an_order()))
    found.world = World(address=FINE, asked=("address",))
    found.when(i.EditOrder(ref=an_order().ref, person="ann", ship_to=THERE))
    assert holds(found) == []
    found.world = None
    update = i.UpdateOrder(order=later(1, note="ring twice"))
    with pytest.raises(WorldAsked) as raised:
        found.when(update)
    asked.append(raised.value.order.ship_to)
    assert asked == [THERE]


def test_a_person_s_release_leaves_the_address_as_it_is() -> None:
    """Whoever decides to send it as it is has decided."""
    found = story(take=False, held=True)
    found.when(i.PlaceOrder(order=an_order()))
    found.act("release", ADDRESS_HOLD)
    found.setup = replace(found.setup, takes_corrections=True)
    found.when(i.TimerFired(name="mapping"))
    assert goes_to(found) == STATED


def test_a_late_answer_is_taken_over_before_a_label_is_bought() -> None:
    """The order went on without it; once a label says the other address it stays."""
    found = story(Deliverability(), take=True)
    found.when(i.PlaceOrder(order=an_order()))
    assert goes_to(found) == STATED
    found.world = World(address=FOUND, asked=("address",))
    found.when(i.TimerFired(name="mapping"))
    assert goes_to(found) == THERE
    found.when(i.TimerFired(name="mapping"))
    assert len([one for one in found.events if isinstance(one, e.Changed)]) == 1


def test_what_no_partner_could_send_to_is_not_taken_over() -> None:
    """A box instead of a street, for a carrier that needs one, is a person's to decide."""
    box = replace(FOUND, written=Written(lines=("PO BOX 7",)))
    setup = replace(
        SETUP,
        places=(replace(MAIN, refuses=frozenset({"post_box"})),),
        addresses=US,
        takes_corrections=True,
    )
    assert written(an_order(), setup, box) is None
    plain = replace(setup, places=(Place(name="WH1"),))
    there = written(an_order(), plain, box)
    assert there is not None
    assert there.lines == ("PO BOX 7",)


def test_rules_see_the_verdict_and_no_address() -> None:
    """What they knew is in the timeline without how the service writes the place."""
    found = story(take=True)
    found.rules = Compiled(
        Rules(review=(Rule(name="moved", when="address.verdict == 'corrected'", hold="look"),)), 1
    )
    found.when(i.PlaceOrder(order=an_order()))
    (told,) = [one for one in found.events if isinstance(one, e.RulesDecided)]
    assert told.world is not None
    assert told.world.address == plain(FOUND)
    assert holds(found) == ["rule-review-moved"]
