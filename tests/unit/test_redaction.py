"""What partners and people write keeps its sense and loses the customer."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.order.redaction import masked, redacted
from schemas.messages import effects as f
from schemas.messages import inputs as i
from schemas.messages.return_inputs import ReturnLine
from schemas.order.canonical import Address, Customer
from schemas.order.things import Key
from tests.given import an_order

ORDER = replace(
    an_order(),
    customer=Customer(name="Jane Xyzzy-Doe", email="jane.doe@example.com", phone="+1 555 625 1199"),
    ship_to=Address(
        name="J. Xyzzy-Doe",
        lines=("12 Plugh Street", "Apt. 4"),
        city="Frobozz",
        country="US",
        region="NY",
        postal_code="10118-1234",
    ),
)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("Where is 12 PLUGH  STREET, FROBOZZ?", "Where is ***, ***?"),
        ("No such person: XYZZY, Jane", "No such person: ***, ***"),
        ("mail to <jane.doe@example.com> bounced", "mail to <***> bounced"),
        ("call 1-555-625-1199 or (555) 000", "call *** or (555) 000"),
        ("postal code 10118-1234 has 10 signs", "postal code *** has 10 signs"),
        ("SKU-1 costs 10118 cents; order 1042", "SKU-1 costs 10118 cents; order 1042"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_partner_s_words_lose_the_customer(told: str, kept: str) -> None:
    """Names, streets, numbers and mail addresses go in any case and spacing; figures stay."""
    assert masked(told, ORDER) == kept


@pytest.mark.parametrize("said", ["-", ".", " , ", "", "J"])
def test_what_names_no_one_hides_nothing(said: str) -> None:
    """A form that wants a name is filled with a dash; a partner's words are not cut up for it."""
    order = replace(
        ORDER,
        customer=Customer(name=said),
        ship_to=Address(name=said, lines=(",,,", "---"), city="...", country="US"),
    )
    told = "No stock - please wait, J. (--- at noon...), or ,,, not."
    assert masked(told, order) == told


def test_without_an_order_mail_addresses_go_all_the_same() -> None:
    """What comes before its order, or after it was erased, is at least no mail address."""
    assert masked("jane.doe@example.com rang", None) == "*** rang"


def test_every_free_text_of_an_input_is_redacted() -> None:
    """Reasons of refusals and of people, the carrier's details, and news of a channel."""
    told, kept = "left with Jane", "left with ***"
    for given, field in (
        (i.EffectRefused(number=1, reason=told), "reason"),
        (i.EffectGivenUp(number=1, reason=told), "reason"),
        (i.CancelOrder(ref="1", reason=told), "reason"),
        (
            i.ReportTaskCancelled(ref="1", fulfilment=Key("F1"), task_id="t", reason=told),
            "reason",
        ),
        (i.ActOnOrder(ref="1", verb="skip", person="clerk", reason=told), "reason"),
        (i.EditOrder(ref="1", person="clerk", note="", reason=told), "reason"),
        (i.NoteReport(ref="1", source="x", topic="y", words=told), "words"),
    ):
        assert getattr(redacted(given, ORDER), field) == kept
    for result in (f.Tracked(status="delivered", detail=told), f.Undone(detail=told)):
        found = redacted(i.EffectDone(number=1, result=result), ORDER)
        assert isinstance(found, i.EffectDone)
        assert isinstance(found.result, f.Tracked | f.Undone)
        assert found.result.detail == kept


def test_what_has_no_free_text_is_not_copied() -> None:
    """The way of nearly every input costs a look at its kind."""
    for given in (i.TimerFired(name="x"), i.EffectDone(number=1, result=f.Undone())):
        assert redacted(given, ORDER) is given


def test_a_return_names_no_customer() -> None:
    """Neither its reason nor those of its lines."""
    line = ReturnLine(line_id="1", quantity=1, reason="Jane said so")
    step = i.HandleReturn(ref="1", step="request", lines=(line,), reason="Xyzzy-Doe rang")
    found = redacted(step, ORDER)
    assert isinstance(found, i.HandleReturn)
    assert found.lines[0].reason == "*** said so"
    assert not any(word in found.reason for word in ("Xyzzy", "Doe"))
    assert found.reason.endswith(" rang")
