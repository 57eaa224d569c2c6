"""What long tests have to say at the end of the run, beside passed or failed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

_LINES = pytest.StashKey[list[str]]()

Say = Callable[[str], None]


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Say:
    """Adds a line to what is printed at the end of the run, whether the test passes or fails."""
    lines = request.config.stash.setdefault(_LINES, [])
    return lines.append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the lines."""
    for line in config.stash.get(_LINES, []):
        terminalreporter.write_line(line)
