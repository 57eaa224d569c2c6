"""Errors that an operator must act on; each carries the exit code of the process.

Exit codes: 3 data directory held, 4 outside server unreachable, 5 outside server too old or lacking
a feature, 6 data directory unusable (permissions, space), 7 an embedded server would not start, 12
the database's schema does not match this version, 13 the secrets do not belong to the database.
"""

from __future__ import annotations

from typing import ClassVar


class OperatorError(Exception):
    """The text is one whole sentence for the operator; no traceback is printed."""

    exit_code: ClassVar[int] = 1


def why_unread(error: OSError | UnicodeDecodeError) -> str:
    """Return why a file could not be read, for a person: without a number or a path."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not text in UTF-8"
    return error.strerror or "the system does not say why"


class DataDirectoryHeld(OperatorError):
    """Another running process has locked this data directory."""

    exit_code: ClassVar[int] = 3


class ServerUnusable(OperatorError):
    """An external Postgres or NATS can't be reached, or refuses us."""

    exit_code: ClassVar[int] = 4


class ServerTooOld(ServerUnusable):
    """An external server answers, but it is too old or lacks a feature."""

    exit_code: ClassVar[int] = 5


class DataDirectoryUnusable(OperatorError):
    """Permissions, free space or contents of the data directory prevent a start."""

    exit_code: ClassVar[int] = 6


class EmbeddedServerFailed(OperatorError):
    """An embedded Postgres or NATS did not start, or died too often in a row."""

    exit_code: ClassVar[int] = 7


class SchemaRefused(OperatorError):
    """The database was migrated by another version, or a migration failed; nothing was changed."""

    exit_code: ClassVar[int] = 12


class SecretsDiffer(OperatorError):
    """The keys that seal personal data or sign correlation ids do not belong to the database."""

    exit_code: ClassVar[int] = 13
