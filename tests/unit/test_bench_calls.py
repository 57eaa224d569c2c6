"""The bench's table of calls holds together, and the bare loop runs as the product does."""

from __future__ import annotations

import ast
from pathlib import Path

from ops.bench import bare, calls
from schemas.messages import effects as f
from schemas.messages import inputs as i
from service.app import collector
from tests.given import LABEL, PARCELS, Story, an_order

BENCH = Path(bare.__file__).parent
OURS = {"schemas", "actors", "adapters", "service"}


def test_the_bare_loop_imports_nothing_of_the_product() -> None:
    """Neither the loop nor its helpers know the product: they could not borrow its speed."""
    for file in (*BENCH.glob("bare*.py"), BENCH / "calls.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not {name.split(".")[0] for name in names} & OURS, file.name


def test_both_run_with_the_same_collector() -> None:
    """The comparison is not won by a setting of the interpreter."""
    assert bare.COLLECTOR == (collector.YOUNG, collector.MIDDLE, collector.OLD)


def test_every_effect_of_the_table_is_intended_once_and_settled_once() -> None:
    """Seven effects, numbered without a gap, each with its answer."""
    intended = [number for step in calls.STEPS for number, _, _ in step.effects]
    settled = [step.settles for step in calls.STEPS if step.settles]
    assert sorted(intended) == sorted(settled) == list(range(1, 8))


def test_the_table_writes_what_a_real_order_decides() -> None:
    """The same events, effects and timers, step by step, as the product's own decisions."""
    story = Story()
    ref = an_order().ref
    ordered = f.SalesOrderPosted(erp_id="e-1", number="S-1")
    decided = [
        _written(story.when(i.PlaceOrder(order=an_order()))),
        _written(story.done(f.ReserveStock, f.StockReserved(place="main"))),
        _written(story.done(f.PostSalesOrder, ordered)),
        _written(story.done(f.CreateWarehouseTask, f.TaskCreated(task_id="t-1"))),
        _written(story.done(f.SendMail, f.MailSent(message_id="m-1"))),
        _written(story.when(i.ReportPacked(ref=ref, task_id="t-1", parcels=PARCELS))),
        _written(story.done(f.BuyLabel, LABEL)),
        _written(story.when(i.TimerFired(name="track"))),
        _written(story.done(f.TrackShipment, f.Tracked(status="delivered"))),
        _written(story.done(f.PublishFulfilment, f.FulfilmentPublished(fulfilment_id="f-1"))),
    ]
    assert decided == [
        (len(step.events), len(step.effects), sorted(step.sets), sorted(step.clears))
        for step in calls.STEPS
    ]
    assert story.state.stage == "closed"


def _written(story: Story) -> tuple[int, int, list[str], list[str]]:
    last = story.last
    assert last is not None
    set_timers = sorted(name for name, _ in last.set_timers)
    return len(last.events), len(last.effects), set_timers, sorted(last.clear_timers)
