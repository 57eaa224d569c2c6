"""An order of the journal as one side of the books."""

from __future__ import annotations

from msgspec.structs import replace

from service.recon.cases import OurOrder
from service.recon.ours import our_order
from tests.stories.orders import an_order, cups, jars
from tests.stories.pure import Pure


def ours(told: Pure) -> OurOrder:
    """The order of a story, as reconciliation takes it from the journal."""
    world = told.world
    assert world.body is not None
    return our_order(
        "O", world.state, world.body, told.setup, None, stated=world.stated or world.body
    )


def test_an_order_that_a_person_edited_is_compared() -> None:
    """What the shop states is kept beside it from then on, and is what the shop is compared with;
    the ERP is compared with what it was told of the edit."""
    told = Pure("full").given("an order").places(an_order())
    plain = ours(told)
    assert not plain.unsettled
    assert plain.told is not None
    told.when("a person takes a cup away").edits(l1=1)
    assert told.world.state.beside
    edited = ours(told)
    assert not edited.unsettled
    assert edited.amounts == plain.amounts
    assert edited.told is not None
    assert edited.told.amounts.goods_minor == plain.told.amounts.goods_minor - 500
    told.when("the shop takes the jar away").states_lines(cups())
    changed = ours(told)
    assert changed.amounts.total_minor == plain.amounts.total_minor - 750
    assert changed.stated_at > plain.stated_at


def test_the_shop_is_compared_with_what_it_stated() -> None:
    """Not with what became of it here: mappings and people change that."""
    told = Pure("full").given("an order").places(an_order(cups(), jars()))
    stated = told.world.body
    assert stated is not None
    body = replace(stated, totals=replace(stated.totals, total_minor=1))
    found = our_order("O", told.world.state, body, told.setup, None, stated=stated)
    assert found.amounts.total_minor == stated.totals.total_minor


def test_an_order_that_waits_for_the_erp_is_left_to_the_next_run() -> None:
    """An answer that is under way may be what differs."""
    told = Pure("full").given("a slow ERP").is_slow("post").places(an_order())
    assert ours(told).unsettled
    told.answers("post")
    assert not ours(told).unsettled
