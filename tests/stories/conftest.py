"""Who tells the stories."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stories.pure import Pure
from tests.stories.runner import Runner

Seller = Callable[..., Runner]
"""`seller("full")`: a story's runner for a seller of this shape (`tests.model.setups`)."""


@pytest.fixture
def seller() -> Seller:
    """Return how a story begins."""
    return Pure
