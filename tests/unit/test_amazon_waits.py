"""A pending order of Amazon's waits, goes on when it is ready, and no echo moves it."""

from __future__ import annotations

from actors.lifecycle import Stage
from adapters.channels.amazon_order import input_of, package_reference
from adapters.channels.amazon_shapes import Fetched
from schemas.effects import ReserveStock
from schemas.inputs import Input
from schemas.validation import read_foreign
from tests.amazon_payloads import REF, Json, an_order
from tests.given import Story


def fetched(order: Json) -> Input:
    """Return what a fetched order becomes."""
    return input_of(read_foreign({"order": order}, Fetched).order)


def test_pending_waits_and_unshipped_goes_on() -> None:
    """Nobody is called for a pending order, with or without its data; then it is accepted."""
    bare = an_order("PENDING", lastUpdatedTime="2026-11-27T10:10:00Z")
    del bare["recipient"], bare["proceeds"]
    story = Story().when(fetched(bare))
    story.then_stage(Stage.EXPECTED)
    assert not story.effects
    story.when(fetched(an_order("PENDING", lastUpdatedTime="2026-11-27T10:20:00Z")))
    story.then_stage(Stage.PLACED)
    assert not story.effects
    story.when(fetched(an_order()))
    story.then_stage(Stage.ACCEPTED).then_effects(ReserveStock)


def test_the_echo_of_our_package_changes_nothing() -> None:
    """Amazon's statement of the package that we confirmed starts nothing and holds nothing."""
    story = Story().when(fetched(an_order()))
    before, effects = story.state, dict(story.effects)
    package = {"packageReferenceId": package_reference(REF, "1Z1"), "trackingNumber": "1Z1"}
    changes = {"packages": [package], "lastUpdatedTime": "2026-11-27T12:00:00Z"}
    story.when(fetched(an_order("SHIPPED", **changes)))
    assert story.state.stage == before.stage
    assert story.state.holds == before.holds
    assert story.effects == effects
