"""What the command line shows of one order, and of a list of them."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from msgspec.structs import replace

from actors.kernel.setup import Place
from actors.order.stream import State
from adapters.postgres.order_parts import parts_of
from adapters.postgres.views import OrderRow, OrderView, Page
from schemas.messages import effects as f
from schemas.messages import inputs as i
from schemas.order.ids import OrderId
from service.orders.cli_view import print_page, print_view
from tests.given import REF, RESERVED, SETUP, Story, given_labelled, given_placed

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def view_of(state: State, number: str = "#1042", currency: str = "USD") -> OrderView:
    """Return what is shown of an order in this state."""
    row = OrderRow(
        order_id=OrderId("0" * 19), channel="acme-us", ref=REF, number=number, reference="1" * 35,
        stage=state.stage, progress=state.stage, waiting_for="", currency=currency, total_minor=0,
        final=False, attention=False, version=state.version, placed_at=NOON, updated_at=NOON,
        next_due_at=None,
    )  # fmt: skip
    parts = msgspec.structs.asdict(parts_of(state))
    return OrderView(**parts, row=row, notable=(), effects=(), timers=(), files=())


def test_an_order_that_has_not_come_is_named_by_its_reference(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """News of it came first: there is no number yet, and no one has said what it costs."""
    view = view_of(Story().when(i.CancelOrder(ref=REF, reason="")).state, number="", currency="")
    print_view(view)
    assert capsys.readouterr().out.splitlines()[0] == f"order of acme-us ({REF})"
    print_page(Page(rows=(view.row,), next_cursor=None), more=False)
    assert capsys.readouterr().out.splitlines()[1].startswith(f"{REF}  acme-us")


def test_a_voided_label_is_not_to_be_voided(capsys: pytest.CaptureFixture[str]) -> None:
    """What was wished and done is not said to be still wished."""
    story = given_labelled()
    assert story.order is not None
    assert story.order.ship_to is not None
    moved = replace(story.order.ship_to, city="Newtown")
    story.when(i.EditOrder(ref=REF, person="ann", ship_to=moved))
    print_view(view_of(story.state))
    assert "to be voided" in capsys.readouterr().out
    story.done(f.VoidLabel, f.Undone())
    print_view(view_of(story.state))
    assert "to be voided" not in capsys.readouterr().out


def test_a_parcel_that_a_person_packed_has_no_empty_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No warehouse gave it an id."""
    setup = replace(SETUP, erp="", mail="", places=(Place(name="home"),))
    story = given_placed(Story(setup=setup)).done(f.ReserveStock, RESERVED).act("done", "pack-F1")
    story.done(f.PublishFulfilment, f.FulfilmentPublished(outside_ids=("f-1",)))
    print_view(view_of(story.state))
    shown = capsys.readouterr().out
    assert "K1           ended: untracked" in shown
    assert "F1/" not in shown
