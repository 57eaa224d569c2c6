"""What `orderwright quarantine` refuses before it asks any service."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from service.app.errors import OperatorError
from tests.commands import run_command


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("release --reason x", "Name one item, or what to match"),
        ("release 7 --fault total_mismatch --reason x", "Name one item, or what to match"),
        ("release 7", "Say why with --reason"),
        ("discard 7 --reason ''", "Say why with --reason"),
        ("list --state shut", "There is no state 'shut'"),
        ("groups --state shut", "There is no state 'shut'"),
        ("fix 7 --reason x --file {missing}", "can't be read"),
        ("check 7 --file {missing}", "can't be read"),
    ],
)
def test_a_wrong_command_says_what_to_type(words: str, told: str, tmp_path: Path) -> None:
    """Each is one sentence and a way out."""
    typed = shlex.split(words.format(missing=tmp_path / "none.json"))
    answer = run_command("quarantine", *typed)
    assert isinstance(answer.exception, OperatorError)
    assert told in str(answer.exception)


@pytest.mark.parametrize("words", ["fix 7 --file x", "discard 7", "release x", "list --since noon"])
def test_what_is_missing_or_malformed_is_named(words: str) -> None:
    """An option that is left out or makes no sense ends with 2."""
    assert run_command("quarantine", *words.split()).exit_code == 2
