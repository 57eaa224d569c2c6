"""What a person says of money that he gives back, on a command line and to the API."""

from __future__ import annotations

import msgspec
import pytest

from schemas.contracts.edits import edit_of
from schemas.contracts.refusals import Refused
from schemas.messages.inputs import LineEdit, RefundAsk
from schemas.order.money import MoneyRefused
from service.orders.refunding import Told


def edit(**told: object) -> RefundAsk | None:
    """Return the refund of an edit as the API reads it."""
    body = msgspec.json.encode({"reason": "late", **told})
    return edit_of(body, "1", "ann").refund


def test_amounts_are_in_the_customer_s_currency() -> None:
    """5.00 dollars are 500 cents, and 500 yen are 500."""
    assert Told(amount="5.00").ask("USD")["amount_minor"] == 500
    assert Told(amount="500", goodwill=True).ask("JPY") == {
        "lines": (), "amount_minor": 500, "goodwill": True
    }  # fmt: skip
    with pytest.raises(MoneyRefused):
        Told(amount="5.50").ask("JPY")


def test_a_refund_goes_by_itself() -> None:
    """What is told on the command line is what the API takes; nothing else is changed with it."""
    lines = ({"line_id": "71", "quantity": 1},)
    asked = edit(refund=Told(lines=lines, shipping=True, again=True).ask("USD"))
    named = (LineEdit(line_id="71", quantity=1),)
    assert asked == RefundAsk(lines=named, shipping=True, again=True)
    with pytest.raises(Refused, match="send two edits"):
        edit(refund={}, note="ring twice")
    with pytest.raises(Refused, match="twice"):
        edit(refund={"lines": [*lines, *lines]})
    with pytest.raises(Refused):
        edit(refund={"amount_minor": 0})
