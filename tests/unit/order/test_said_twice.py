"""Two statements for one second: which was the last is not known until the channel says more."""

from __future__ import annotations

import pytest

from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import an_order, given_placed, later


@pytest.mark.parametrize("method", ["Express", "Standard"])
def test_a_later_statement_ends_the_doubt_between_two_of_one_second(method: str) -> None:
    """Whichever of them was the last, the channel says now how the order is; no one is asked."""
    story = given_placed(shipping_method="Standard")
    story.when(i.UpdateOrder(order=an_order(shipping_method="Express"))).then_events(e.Held)
    story.when(i.UpdateOrder(order=later(5, an_order(shipping_method=method))))
    assert story.state.holds == ()
    assert story.order is not None
    assert story.order.shipping_method == method
