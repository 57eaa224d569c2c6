"""The same world driven by hypothesis, which looks for the shortest way to break it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.model import shop
from tests.model.checks import check
from tests.model.drain import drain
from tests.model.ends import judge
from tests.model.plan import Plan
from tests.model.setups import SETUPS
from tests.model.steps import PROFILES, STEPS
from tests.model.walk import world_of

T = TypeVar("T")

MANY = 1 << 30


class Drawn:
    """Choices that hypothesis makes."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.whole(0, len(options) - 1)]

    def whole(self, least: int, most: int) -> int:
        """Return a number in these bounds, both included."""
        return int(self._data.draw(st.integers(least, most)))

    def chance(self, percent: int) -> bool:
        """Return whether it happens: hypothesis tries what is unlikely as readily."""
        return self.whole(0, 99) >= 100 - percent


class OrderMachine(RuleBasedStateMachine):
    """One order among everyone it deals with."""

    @initialize(
        setup=st.sampled_from(sorted(SETUPS)),
        profile=st.sampled_from(sorted(PROFILES)),
        order=st.integers(0, 500),
        data=st.data(),
    )
    def begin(self, setup: str, profile: str, order: int, data: st.DataObject) -> None:
        """A shop sends an order, or news of it comes first."""
        self.world = world_of(Plan(setup, profile, order, ()))
        shop.first(self.world, Drawn(data))
        check(self.world, sampled=True)

    def teardown(self) -> None:
        """Once everyone answers and people close their tasks, the order reaches its end."""
        if hasattr(self, "world"):
            drain(self.world)
            check(self.world, sampled=True)
            judge(self.world)


def _rule(name: str) -> Callable[..., None]:
    act, can = STEPS[name]

    # Any: hypothesis' decorators are not typed.
    def step(self: Any, data: st.DataObject) -> None:
        act(self.world, Drawn(data))
        check(self.world, sampled=True)

    step.__name__ = name.replace(" ", "_")
    allowed = precondition(lambda self: hasattr(self, "world") and can(self.world))
    ruled: Callable[..., None] = rule(data=st.data())(allowed(step))
    return ruled


for _name in STEPS:
    setattr(OrderMachine, _name.replace(" ", "_"), _rule(_name))


OrderMachine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


TestOrder = OrderMachine.TestCase
