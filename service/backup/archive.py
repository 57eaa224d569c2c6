"""The file of a backup: a header that anyone may read, and sealed contents that only the passphrase
opens.

First a line that names the format, then the header as one line of JSON, then frames. A frame is the
length of its sealed bytes (4, big-endian) and these: AES-256-GCM under a key that scrypt makes of
the passphrase and the header's salt. The nonce counts the frames and marks the last one, and every
frame is bound to the header; so nothing can be altered, left out, put elsewhere or cut off
unnoticed. The first frame is empty of data: it alone tells a wrong passphrase from damage.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from service.app.errors import OperatorError

MAGIC = b"ORDERWRIGHT BACKUP\n"
FORMAT = 1

FRAME_BYTES = 1024 * 1024
"""What is sealed at once, and held in memory."""

MAX_HEADER_BYTES = 256 * 1024
"""A thousand channels' streams are 60 kB."""

# 32 MiB and a tenth of a second for each guess.
_COST, _BLOCK, _LANES = 2**15, 8, 1
_TAG_BYTES = 16


class BackupRefused(OperatorError):
    """The file is not good for a restore; the text says why."""


class StreamPosition(msgspec.Struct, frozen=True, kw_only=True):
    """How far a stream was: its newest message, and how many were not processed yet."""

    last: int
    waiting: int


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says of itself. `taken_at` (ISO 8601, UTC): everything that was stored before
    is in it. `version` is ours, `schema` the newest migration, `postgres` the dump program's
    version, `database_bytes` the size of the database when it was dumped. `streams` are their
    positions at `taken_at`, by name. `salt` and `first` (hexadecimal) are of the encryption."""

    format: int
    version: str
    schema: str
    postgres: str
    taken_at: str
    database_bytes: int
    orders: int
    streams: dict[str, StreamPosition]
    salt: str
    first: str

    @property
    def moment(self) -> str:
        """When it was taken, for a person."""
        return f"{datetime.fromisoformat(self.taken_at):%Y-%m-%d %H:%M:%S} UTC"


def new_salts() -> tuple[str, str]:
    """Return a header's `salt` and `first`; never use them twice."""
    return secrets.token_hex(16), secrets.token_hex(7)


class Writer:
    """Seals contents into a file that is open for writing; `close` makes it whole. Blocks for a
    tenth of a second when it is made."""

    def __init__(self, file: BinaryIO, header: Header, passphrase: str) -> None:
        line = msgspec.json.encode(header) + b"\n"
        file.write(MAGIC + line)
        self._file = file
        self._sealer = _Sealer(header, line, passphrase)
        self._rest = bytearray()
        self.bytes_in = 0
        self._frame(b"", last=False)

    def write(self, data: bytes) -> None:
        """Add bytes of any length."""
        self.bytes_in += len(data)
        self._rest += data
        while len(self._rest) > FRAME_BYTES:
            self._frame(bytes(self._rest[:FRAME_BYTES]), last=False)
            del self._rest[:FRAME_BYTES]

    def close(self) -> None:
        """Write the last frame; the file itself stays open."""
        self._frame(bytes(self._rest), last=True)

    def _frame(self, data: bytes, *, last: bool) -> None:
        sealed = self._sealer.seal(data, last=last)
        self._file.write(len(sealed).to_bytes(4, "big") + sealed)


def read_header(file: BinaryIO) -> tuple[Header, bytes]:
    """Return the header and its line, from the beginning of a file. Raises BackupRefused for what
    is not a backup, or one of a newer version's format."""
    if file.read(len(MAGIC)) != MAGIC:
        raise BackupRefused("The file is not a backup of Orderwright; name another one.")
    line = file.readline(MAX_HEADER_BYTES)
    try:
        told = msgspec.json.decode(line, type=dict[str, object]).get("format")
        if told != FORMAT and isinstance(told, int):
            raise BackupRefused(
                f"The file has format {told}, and this version reads format {FORMAT}: restore it "
                "with the version that wrote it, or a newer one."
            )
        return msgspec.json.decode(line, type=Header), line
    except msgspec.MsgspecError:
        raise BackupRefused("The beginning of the file is damaged; take another backup.") from None


def read(file: BinaryIO, header: Header, line: bytes, passphrase: str) -> Iterator[bytes]:
    """Yield the contents after the header, at most FRAME_BYTES at once. Raises BackupRefused for a
    wrong passphrase, and for a file that is damaged or cut off: whoever has not reached the end
    must not rely on what came before."""
    sealer = _Sealer(header, line, passphrase)
    first = True
    while True:
        size = int.from_bytes(file.read(4), "big")
        if not _TAG_BYTES <= size <= FRAME_BYTES + _TAG_BYTES:
            raise _damaged()
        sealed = file.read(size)
        data, last = sealer.open(sealed)
        if data is None and first:
            raise BackupRefused(
                "The passphrase is not the one that the backup was made with, or the beginning of "
                "the file is damaged; give the right one."
            )
        if data is None or (last and file.read(1)):
            raise _damaged()
        yield data
        first = False
        if last:
            return


def _damaged() -> BackupRefused:
    return BackupRefused(
        "The file is damaged or was cut off: its contents are not what was written. Nothing was "
        "restored; take another backup."
    )


class _Sealer:
    """Counts the frames of one file, in one direction."""

    def __init__(self, header: Header, line: bytes, passphrase: str) -> None:
        salt, self._first = bytes.fromhex(header.salt), bytes.fromhex(header.first)
        derived = Scrypt(salt=salt, length=32, n=_COST, r=_BLOCK, p=_LANES)
        self._cipher = AESGCM(derived.derive(passphrase.encode()))
        self._bound = hashlib.sha256(line).digest()
        self._count = 0

    def seal(self, data: bytes, *, last: bool) -> bytes:
        sealed = self._cipher.encrypt(self._nonce(last=last), data, self._bound)
        self._count += 1
        return sealed

    def open(self, sealed: bytes) -> tuple[bytes | None, bool]:
        """Return the data and whether it is the last; None for what does not open."""
        for last in (False, True):
            try:
                data = self._cipher.decrypt(self._nonce(last=last), sealed, self._bound)
            except InvalidTag:
                continue
            self._count += 1
            return data, last
        return None, False

    def _nonce(self, *, last: bool) -> bytes:
        return self._first + self._count.to_bytes(4, "big") + bytes([last])
