"""Who tells the stories."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.stories.pure import Pure
from tests.stories.real import Real
from tests.stories.realm import Realm, realm_of_stories
from tests.stories.runner import Runner

Seller = Callable[..., Runner]
"""`seller("full")`: a story's runner for a seller of this shape (`tests.model.setups`)."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A story marked `both` is told against the machines alone, and in the real servers."""
    if "seller" in metafunc.fixturenames:
        both = metafunc.definition.get_closest_marker("both") is not None
        metafunc.parametrize("seller", ["pure", "real"] if both else ["pure"], indirect=True)


@pytest.fixture(scope="session")
def realm() -> Iterator[Realm]:
    """The servers of all real stories of this process."""
    with realm_of_stories() as found:
        yield found


@pytest.fixture
def seller(request: pytest.FixtureRequest) -> Seller:
    """Return how a story begins."""
    if request.param == "pure":
        return Pure
    found: Realm = request.getfixturevalue("realm")
    found.run(found.ask("DELETE", "/_sim/faults"))
    return partial(Real, found)
