"""One order of a marketplace that two channels bring. What two real channels do at once is told in
`tests/integration/test_imported_twice.py`."""

from __future__ import annotations

from schemas.order.canonical import Order
from tests.model.setups import of_marketplace
from tests.stories.orders import an_order, cups
from tests.stories.pure import Pure


def an_imported_order(**changes: object) -> Order:
    """An order of Amazon's."""
    return of_marketplace(an_order(**changes))


def test_the_other_channel_was_first() -> None:
    """No one hears of the second one, whatever its shop says of it, and no one is asked."""
    told = Pure("imported").given("the order is worked on elsewhere").stands_elsewhere("open")
    told.places(an_imported_order()).then("it is recorded").stage_is("duplicate")
    told.when("its shop changes it").states(note="Ring twice.").states_lines(cups(3))
    told.when("and shows a part as sent").others_send("1", 1).hours(48)
    told.then("nothing was done").stage_is("duplicate").tasks_are(0).labels_are(0).erp_has()
    told.mails_are().stock_is_held().no_one_is_asked()
    told.ends()


def test_the_other_one_is_cancelled_and_a_person_takes_over() -> None:
    """Nothing happens by itself; then the second one goes the whole way as it is by now."""
    told = Pure("imported").given("the order is worked on elsewhere").stands_elsewhere("open")
    told.places(an_imported_order()).states(note="Ring twice.")
    told.when("a person claims it too early").person("claim").stage_is("duplicate")
    told.when("the other one is cancelled").stands_elsewhere("cancelled").hours(24)
    told.then("it stays as it is").stage_is("duplicate")
    told.when("a person claims it").person("claim").tasks_are(1).packs().sends()
    told.carrier_says("delivered").then("it is done").stage_is("closed").no_one_is_asked().ends()


def test_the_duplicate_is_cancelled_by_its_channel() -> None:
    """It stays recorded and can't be taken over any more; a person is told that the other one goes
    on."""
    told = Pure("imported").given("the order is worked on elsewhere").stands_elsewhere("open")
    told.places(an_imported_order()).when("its shop cancels it").shop_cancels()
    told.then("a person is told").person_was_told("its channel cancelled", "is worked on")
    told.stands_elsewhere("cancelled").person("claim").stage_is("duplicate").mails_are()
    told.person("done").tasks_are(0).no_one_is_asked().ends()


def test_the_first_one_goes_its_way() -> None:
    """That its marketplace may bring it again changes nothing for it."""
    told = Pure("imported").given("no other one").places(an_imported_order()).packs().sends()
    told.carrier_says("delivered").then("it is done").stage_is("closed").no_one_is_asked().ends()
