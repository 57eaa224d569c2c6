"""What the demo writes: one status line that is redrawn, a summary, and a port that is free."""

from __future__ import annotations

import io
import socket
from pathlib import Path

import pytest

from adapters.postgres.figures import Figures
from service.demo import children, run
from service.demo.report import summary
from service.demo.terminal import Terminal


class Screen(io.StringIO):
    """A terminal that shows what the escape sequences make of it."""

    def isatty(self) -> bool:
        """It is one."""
        return True

    def shown(self) -> list[str]:
        """The lines as a person sees them."""
        lines = self.getvalue().split("\n")
        return [line.rpartition("\x1b[K")[2] for line in lines]


def test_a_terminal_has_one_status_line_below_the_others() -> None:
    """A status replaces the last one whole, also a longer one; other lines stand above it."""
    screen = Screen()
    terminal = Terminal(screen, width=20)
    said = (" begins", "\r 1 open, 1 placed", "\r 2 open", "\n The carrier fails", "\r 3 open")
    for line in said:
        terminal.say(line)
    assert screen.shown() == [" begins", "", " The carrier fails", " 3 open"]
    terminal.say(f"\r{'x' * 40}")
    assert screen.shown()[-1] == f"{'x' * 18}…"
    terminal.end_status()
    terminal.say(" The end.")
    assert screen.shown()[2:] == [" The carrier fails", " The end.", ""]


def test_elsewhere_every_line_stays() -> None:
    """A file or a pipe gets plain lines without escape sequences."""
    stream = io.StringIO()
    terminal = Terminal(stream, width=20)
    for line in (" begins", "\r 1 open", "\r 2 open   "):
        terminal.say(line)
    terminal.end_status()
    assert stream.getvalue() == " begins\n 1 open\n 2 open\n"


def test_a_busy_default_port_is_told_and_another_one_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a port that was asked for by its number is refused when it is taken."""
    said: list[str] = []
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        monkeypatch.setattr(run, "PORT", taken)
        port = run.port_of(None, said.append)
        assert port != taken
        assert said == [f" Port {taken} is taken by another program; the demo uses {port}."]
        with pytest.raises(children.PortTaken, match=f"The port {taken}"):
            run.port_of(taken, said.append)
    assert run.port_of(None, said.append) == taken


def test_the_summary_counts_this_run() -> None:
    """What came before is in the folder already and is not counted again."""
    before = Figures(stages={"closed": 5, "open": 2}, final=5, attention=0, quarantined=1)
    after = Figures(
        stages={"closed": 25, "cancelled": 3, "open": 9}, final=28, attention=2, quarantined=2
    )
    told = summary(before, after, Path("/there"))
    assert "30 orders came in, 23 became final (20 closed, 3 cancelled)." in told
    assert "9 are under way" in told
    assert "2 need a person, 2 messages are in quarantine." in told
    assert "/there" in told
