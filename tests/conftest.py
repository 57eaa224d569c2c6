"""What tests have to say at the end of the run, beside passed or failed: what was counted, and the
seed that makes it happen again."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable

import pytest

Say = Callable[[str], None]

_SAID = "said"


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Say:
    """Adds a line to what is printed at the end of the run, whether the test passes or fails. It
    travels with the test's report, because tests run in processes of their own."""

    def told(line: str) -> None:
        request.node.user_properties.append((_SAID, line))

    return told


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start: in the background of a shell it begins ignored, and every
    process would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what was imported and collected: it all stays to the end,
    and to look at it again and again is a tenth of the unit tests' time."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the lines, each once: every phase of a test reports them."""
    lines = dict.fromkeys(
        line
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport)
        for name, line in report.user_properties
        if name == _SAID
    )
    for line in lines:
        terminalreporter.write_line(str(line))
