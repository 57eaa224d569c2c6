"""Postgres's own tools, as they come with the embedded server: one dump, which is one moment."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO
from urllib.parse import unquote, urlsplit, urlunsplit

from service.app.errors import OperatorError
from service.embedded.programs import postgres_tool

READ_BYTES = 256 * 1024
WORDS = 500
"""Characters of what a tool says in the end that are shown."""


class ToolFailed(OperatorError):
    """`pg_dump` or `pg_restore` failed; the text has its last words."""


def tool_version() -> str:
    """Return the version of `pg_dump`, such as `18.6`."""
    answered = subprocess.run(  # noqa: S603 - the program is the embedded one
        [str(postgres_tool("pg_dump")), "--version"], capture_output=True, text=True, check=False
    )
    return answered.stdout.split()[-1] if answered.returncode == 0 and answered.stdout else "0"


def dump(dsn: str, taken: Callable[[bytes], None]) -> None:
    """Hand a dump of the whole database over, at most READ_BYTES at once; others write meanwhile.
    Blocks until it is over. Raises ToolFailed."""
    words = ["--format=custom", "--compress=1", "--no-owner", "--no-privileges"]
    with _running("pg_dump", words, dsn, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        while data := child.stdout.read(READ_BYTES):
            taken(data)


def load(dsn: str, parts: Iterable[bytes]) -> None:
    """Load a dump into an empty database, all or nothing. Blocks until it is over. Raises
    ToolFailed, and what `parts` raises."""
    words = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
    with _running("pg_restore", words, dsn, stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        try:
            for part in parts:
                child.stdin.write(part)
            child.stdin.close()
        except BrokenPipeError:
            return  # it has ended, and what it said is told


@contextmanager
def _running(
    name: str, words: list[str], dsn: str, *, stdin: int | None = None, stdout: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a tool, which ends with the block; the password is not among its arguments, which others
    may see."""
    bare, password = _without_password(dsn)
    with TemporaryFile() as said:
        child = subprocess.Popen(  # noqa: S603 - one of two programs, with words of ours
            [str(postgres_tool(name)), *words, f"--dbname={bare}"],
            stdin=stdin if stdin is not None else subprocess.DEVNULL,
            stdout=stdout if stdout is not None else subprocess.DEVNULL,
            stderr=said,
            env={"PGPASSWORD": password, "LC_ALL": "C", "PGCONNECT_TIMEOUT": "20"},
        )
        try:
            yield child
            status = child.wait()
        finally:
            for pipe in (child.stdin, child.stdout):
                _closed(pipe)
            if child.poll() is None:
                child.kill()
                child.wait()
        if status != 0:
            said.seek(0)
            last = said.read().decode("utf-8", "replace").strip()[-WORDS:]
            raise ToolFailed(f"{name} failed ({status}): {last or 'it said nothing'}")


def _closed(pipe: IO[bytes] | None) -> None:
    """Close a pipe whose other end may be gone."""
    if pipe is None:
        return
    try:
        pipe.close()
    except BrokenPipeError:
        return


def _without_password(dsn: str) -> tuple[str, str]:
    """Return the address without the password, and the password."""
    parts = urlsplit(dsn)
    user, _, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    place = f"{name}@{host}" if name else host
    return urlunsplit(parts._replace(netloc=place)), unquote(password)
