"""What the command line says to a new user: complete, and without numbers of system errors."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from adapters.postgres.keys import SCOPES
from service.app.errors import why_unread
from service.cli import keys
from tests.commands import program, run_command


def test_the_help_of_keys_names_every_scope() -> None:
    """Each scope that a key may have, and none that it may not."""
    assert sorted(keys.SCOPES) == sorted(SCOPES)


@pytest.mark.parametrize(
    "words",
    [
        "backup new.bin --passphrase-file {file}",
        "restore old.bin --passphrase-file {file}",
        "users add bob --role viewer --password-file {file}",
    ],
)
@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file or directory"), (b"\xff\xfe", "not text in UTF-8")]
)
def test_a_file_that_can_not_be_read_is_told_in_words(
    words: str, content: bytes | None, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names the file once, and why, without the number of the system's error."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "word"
    if content is not None:
        file.write_bytes(content)
    ran = run_command(*words.format(file=file).split())
    told = str(ran.exception)
    assert why in told
    assert told.count(str(file)) == 1
    assert "Errno" not in told


def test_a_system_s_error_without_words_is_still_a_sentence() -> None:
    """Some have a number alone."""
    assert why_unread(OSError()) == "the system does not say why"


@pytest.mark.parametrize("group", ["list", "release"])
def test_since_and_until_are_told_apart(group: str) -> None:
    """The help says of each option what it does, not of both what one of them does."""
    command = program()
    quarantine = command.get_command(typer.Context(command), "quarantine")
    texts = {
        one.name: one.help
        for one in quarantine.get_command(typer.Context(quarantine), group).params
        if one.name in ("since", "until")
    }
    assert len(set(texts.values())) == 2
