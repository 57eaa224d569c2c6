"""Backup and restore as an operator types them: what is refused, in which words, and what of it is
left behind. That nothing is done twice is tried in tests/e2e/test_restore.py."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.backup.archive import MAGIC
from tests.integration.servers import temporary_home
from tests.integration.whole import Whole

WORD = "twelve words or so"
REASON = ("--reason", "a test")


@pytest.fixture(scope="module")
def kept() -> Iterator[Path]:
    """A folder for the backup and its passphrase."""
    with temporary_home() as home:
        (home / "word").write_text(f"{WORD}\n")
        yield home


@pytest.fixture(scope="module")
def backup(whole: Whole, kept: Path) -> Path:
    """A backup of the running service."""
    path = kept / "orders.backup"
    said = whole.cli("backup", str(path), "--passphrase-file", str(kept / "word"))
    assert "is written" in said
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in kept.iterdir() if one.name.startswith(".")] == []
    return path


def _config(folder: Path) -> Path:
    config = folder / "orderwright.toml"
    config.write_text(f'data_dir = "{folder / "data"}"\n')
    return config


def _restore(whole: Whole, backup: Path, config: Path, word: Path, code: int = 0) -> str:
    words = ("restore", str(backup), "--passphrase-file", str(word), "--config", str(config))
    return whole.cli(*words, code=code, running=False)


def test_a_backup_overwrites_nothing_and_needs_a_passphrase(
    whole: Whole, backup: Path, kept: Path, empty: Path
) -> None:
    """A file that is there, a short passphrase, no one to ask and no service are sentences, and no
    file is begun."""
    before = backup.stat().st_size
    word = str(kept / "word")
    assert "overwrites nothing" in whole.cli(
        "backup", str(backup), "--passphrase-file", word, code=1
    )
    assert backup.stat().st_size == before
    (empty / "short").write_text("short\n")
    said = whole.cli("backup", str(empty / "b"), "--passphrase-file", str(empty / "short"), code=1)
    assert "at least 12" in said
    said = whole.cli("backup", str(empty / "none" / "b"), "--passphrase-file", word, code=1)
    assert "can't be used" in said
    away = ("--data", str(empty / "nowhere"))
    whole.cli("backup", str(empty / "b"), "--passphrase-file", word, *away, code=10)
    assert sorted(one.name for one in empty.iterdir()) == ["short"]


def test_what_can_not_be_restored_is_refused_before_anything_is_made(
    whole: Whole, backup: Path, kept: Path, empty: Path
) -> None:
    """A wrong passphrase, a damaged file, no backup at all and one of a newer schema: a sentence
    each, and no data directory."""
    config = _config(empty)
    (empty / "wrong").write_text("thirteen words or so\n")
    assert "passphrase is not the one" in _restore(whole, backup, config, empty / "wrong", 1)
    raw = backup.read_bytes()
    (empty / "damaged").write_bytes(raw[: len(raw) // 2])
    assert "damaged or was cut off" in _restore(whole, empty / "damaged", config, kept / "word", 1)
    (empty / "other").write_bytes(b"something else")
    assert "not a backup" in _restore(whole, empty / "other", config, kept / "word", 1)
    (empty / "later").write_bytes(MAGIC + b'{"format": 99}\n')
    assert "has format 99" in _restore(whole, empty / "later", config, kept / "word", 1)
    assert not (empty / "data").exists()


def test_a_restore_overwrites_no_data(whole: Whole, backup: Path, kept: Path) -> None:
    """The running service's own directory is refused, and goes on."""
    said = _restore(whole, backup, whole.world.config, kept / "word", 6)
    assert "is not empty" in said
    assert whole.world.is_ready()


def test_a_restored_directory_is_whole(whole: Whole, backup: Path, kept: Path, empty: Path) -> None:
    """What was kept secret is back, for its owner alone; an interrupted restore is named by a
    start and begun again by the next one; a second one is refused."""
    config = _config(empty)
    folder = empty / "data"
    folder.mkdir(mode=0o711)
    (folder / "lock").touch()
    (folder / "restoring").write_text("orders.backup\n")
    (folder / "secrets").mkdir()
    (folder / "secrets" / "of-a-restore-that-was-killed").touch()
    said = whole.cli("serve", "--config", str(config), code=6, running=False)
    assert "did not get to its end" in said
    said = _restore(whole, backup, config, kept / "word")
    assert "The database is loaded" in said
    assert sorted(os.listdir(folder / "secrets")) == sorted(
        one for one in os.listdir(whole.world.data / "secrets") if not one.startswith(".")
    )
    for secret in (folder / "secrets").iterdir():
        assert secret.stat().st_mode & 0o777 == 0o600
        assert secret.read_text() == (whole.world.data / "secrets" / secret.name).read_text()
    ours = (whole.world.data / "instance-id").read_text()
    assert (folder / "instance-id").read_text() != ours
    assert not (folder / "restoring").exists()
    assert "is not empty" in _restore(whole, backup, config, kept / "word", 6)
    said = whole.cli("migrate", "--config", str(config), running=False)
    assert said.startswith("0 migrations applied")
    shutil.rmtree(folder)


def test_a_service_that_was_never_restored_holds_nothing(whole: Whole) -> None:
    """`restored …` says so, with the code of things that are not there."""
    assert "never restored" in whole.cli("restored", "list", code=11)
    assert "never restored" in whole.cli("restored", "end", *REASON, code=11)
    for verb in ("send", "drop"):
        assert "never restored" in whole.cli("restored", verb, *REASON, code=11)


def test_the_header_tells_everyone_what_the_file_is(backup: Path) -> None:
    """When it was taken, by what, and how far the streams were; nothing that is secret."""
    with backup.open("rb") as file:
        assert file.readline() == MAGIC
        header = json.loads(file.readline())
    assert set(header) == {
        "format", "version", "schema", "postgres", "taken_at", "database_bytes", "orders",
        "streams", "salt", "first",
    }  # fmt: skip
    assert "ORDERS" in header["streams"]
