"""The bench's rules: a file as people publish it, of which nothing comes."""

from __future__ import annotations

from pathlib import Path

from actors.rules.compiled import Compiled
from actors.rules.lint import World as Known
from actors.rules.lint import lint
from ops.bench.brain import RULES, as_toml, brain_rules
from ops.bench.fill import an_order
from schemas.order.world import History, World
from service.rules.file import read_file


def test_the_file_says_what_is_measured(tmp_path: Path) -> None:
    """What is published is read back as it is, passes the checks, and is twenty rules."""
    path = tmp_path / "rules.toml"
    path.write_text(as_toml(brain_rules()))
    found = read_file(path)
    assert (tuple(found.findings), found.rules) == ((), brain_rules())
    assert [one for one in lint(found.rules, Known()) if one.severity == "error"] == []
    assert Compiled(found.rules).count == RULES


def test_nothing_comes_of_them_and_everything_is_asked() -> None:
    """No rule matches an order of the bench, and the customer and the address are looked up."""
    rules = Compiled(brain_rules())
    assert rules.reads == {"customer", "address"}
    world = World(customer=History(orders=3), asked=("address", "customer"))
    rulings = rules.decide(an_order(7), "acme-us", "home", world)
    assert [one.rule for one in rulings if one.rule] == []
