"""The bench's table of calls holds together, and the bare loop runs as the product does."""

from __future__ import annotations

import ast
from pathlib import Path

from ops.bench import bare, calls
from schemas.messages import effects as f
from schemas.messages import inputs as i
from service.app import collector
from tests.given import K1, given_packed, sold

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
    intended = [number for step in calls.STEPS for number, _, _, _ in step.effects]
    settled = [step.settles for step in calls.STEPS if step.settles]
    assert sorted(intended) == sorted(settled) == list(range(1, 8))


def test_a_real_order_makes_the_calls_of_the_table() -> None:
    """One task, label, sales order, mail and fulfilment, and one question where the parcel is: an
    order of one fulfilment asks its partners for what the bare loop does."""
    story = given_packed()
    story.done(f.BuyLabel, sold(K1))
    story.when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="delivered"))
    story.done(f.PublishFulfilment, f.FulfilmentPublished(outside_ids=("f-1",)))
    assert story.state.stage == "closed"
    lanes = {"wms": "warehouse", "ups": "carrier", "bc": "erp", "smtp": "mail"}
    asked = [lanes.get(lane, lane) for lane in story.lanes.values()]
    table = [name.partition(":")[0] for step in calls.STEPS for _, name, _, _ in step.effects]
    assert sorted(asked) == sorted(name.replace("storefront", "acme-us") for name in table)
