"""The file of a backup: what opens it, and what it notices."""

from __future__ import annotations

import io
from collections.abc import Callable

import msgspec
import pytest

from service.backup.archive import (
    FORMAT,
    FRAME_BYTES,
    MAGIC,
    BackupRefused,
    Header,
    StreamPosition,
    Writer,
    new_salts,
    read,
    read_header,
)

PASSPHRASE = "correct horse battery staple"
CONTENTS = bytes(range(256)) * 8192 + b"the end"  # two whole frames and a rest


def _header() -> Header:
    salt, first = new_salts()
    return Header(
        format=FORMAT,
        version="1",
        schema="0001_journal.sql",
        postgres="18.6",
        taken_at="2026-11-20T10:00:00+00:00",
        database_bytes=1,
        orders=2,
        streams={"ORDERS": StreamPosition(last=7, waiting=1)},
        salt=salt,
        first=first,
    )


@pytest.fixture(scope="module")
def whole() -> bytes:
    """A backup, as bytes."""
    file = io.BytesIO()
    writer = Writer(file, _header(), PASSPHRASE)
    for begin in range(0, len(CONTENTS), 100_000):
        writer.write(CONTENTS[begin : begin + 100_000])
    writer.close()
    return file.getvalue()


def _read(whole: bytes, passphrase: str = PASSPHRASE) -> bytes:
    file = io.BytesIO(whole)
    header, line = read_header(file)
    return b"".join(read(file, header, line, passphrase))


def test_what_was_written_is_read_back(whole: bytes) -> None:
    """Contents of several frames come back as they were, and are not to be seen in the file."""
    assert _read(whole) == CONTENTS
    assert bytes(range(64)) not in whole


def test_contents_of_whole_frames_and_none_come_back() -> None:
    """Exactly one frame's bytes, and no byte at all, are read back as well."""
    for contents in (b"", b"x" * FRAME_BYTES):
        file = io.BytesIO()
        writer = Writer(file, _header(), PASSPHRASE)
        writer.write(contents)
        writer.close()
        assert _read(file.getvalue()) == contents


def test_a_wrong_passphrase_is_told_from_damage(whole: bytes) -> None:
    """Another passphrase is said to be one; nothing is yielded before."""
    with pytest.raises(BackupRefused, match="passphrase is not the one"):
        _read(whole, "correct horse battery stapler")


def _cut(whole: bytes) -> bytes:
    return whole[:-20]


def _frame_cut(whole: bytes) -> bytes:
    """Leave the last frame out altogether."""
    begin, at = 0, whole.index(b"\n", len(MAGIC)) + 1
    while at < len(whole):
        begin, at = at, at + 4 + int.from_bytes(whole[at : at + 4], "big")
    return whole[:begin]


def _flipped(whole: bytes) -> bytes:
    at = len(whole) // 2
    return whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]


def _longer(whole: bytes) -> bytes:
    return whole + b"\x00"


@pytest.mark.parametrize("corrupt", [_cut, _frame_cut, _flipped, _longer])
def test_damage_is_noticed(whole: bytes, corrupt: Callable[[bytes], bytes]) -> None:
    """A file that was cut, cut between frames, altered in one bit or added to is refused."""
    with pytest.raises(BackupRefused, match="damaged or was cut off"):
        _read(corrupt(whole))


def test_the_header_is_bound_to_the_contents(whole: bytes) -> None:
    """A header that says something else than was written opens nothing."""
    with pytest.raises(BackupRefused):
        _read(whole.replace(b"2026-11-20T10", b"2026-11-21T10", 1))


def test_other_files_and_newer_formats_are_named() -> None:
    """What is not a backup, a damaged beginning, and a format to come are told apart."""
    with pytest.raises(BackupRefused, match="not a backup of Orderwright"):
        read_header(io.BytesIO(b"PGDMP and more"))
    with pytest.raises(BackupRefused, match="beginning of the file is damaged"):
        read_header(io.BytesIO(MAGIC + b"{nonsense\n"))
    later = MAGIC + msgspec.json.encode({"format": FORMAT + 1}) + b"\n"
    with pytest.raises(BackupRefused, match=f"has format {FORMAT + 1}"):
        read_header(io.BytesIO(later))
