"""What a person skipped is looked up after a crash, too."""

from __future__ import annotations

from tests.stories.orders import an_order
from tests.stories.real import Real
from tests.stories.realm import realm_of_stories


def test_a_search_survives_kill_9_of_everything() -> None:
    """The label of a lost answer is skipped, everything dies, and the next process finds it."""
    with realm_of_stories() as realm:
        told = Real(realm).given("the carrier's answer is lost").answer_is_lost("label")
        told.places(an_order()).packs().person_is_asked("did not answer")
        told.when("a person skips the label").person("skip", "label").labels_are(1)
        told.when("the service, its NATS and its Postgres die at once")
        realm.run(realm.kill_and_restart())
        told.then("the next process finds it").answers("label").labels_are(1).sends()
        told.carrier_says("delivered").shop_shows({"l1": 2, "l2": 1}).stage_is("closed").ends()
