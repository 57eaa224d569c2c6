"""Connections to Postgres with deadlines that hold, also against a server that stopped answering.

asyncpg's own time-outs wait for a frozen server; here a call that ran out of time ends the
connection without asking the server. What was under way then may or may not have happened: callers
of a write repeat it, and the inbox makes the repeat harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from actors.runtime.deadlines import Deadlines
from actors.runtime.errors import JournalUnavailable
from adapters.postgres.plain_arrays import use_plain_arrays

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

T = TypeVar("T")

use_plain_arrays()

DEADLINE_SECONDS = 3.0
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.25

# Faults of what was asked, not of the server: data, constraints, limits of a row, the statement
# itself.
_CLIENT_FAULTS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.SyntaxOrAccessError,
    asyncpg.RaiseError,
)
# A standby after a failover refuses to write: no fault of the statement; look for the primary.
_SERVERS_FAULT = (asyncpg.ReadOnlySQLTransactionError,)

# Plans by key: the driver's arrays hide their size from the planner, and a plan made while a table
# is small must not scan it when it is large. Such plans never need a hash or merge join.
_BY_KEY = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}


class Reads(Protocol):
    """What answers a reading statement: a pool, or one moment of the database."""

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Return the rows that the statement finds. Raises JournalUnavailable."""


class Pool:
    """At most `max_connections` connections, opened when needed and again after any loss.

    Every call ends within `deadline_seconds` (waiting for a connection included) and raises
    JournalUnavailable when the server is gone, restarting, full, read-only or silent. While it
    restarts, calls wait for it within their deadline. Errors of the statement itself
    (asyncpg.DataError, constraint violations, syntax) come through as they are. Use `by_key=False`
    for reports that scan.
    """

    def __init__(
        self,
        dsn: str,
        *,
        max_connections: int = 8,
        deadline_seconds: float = DEADLINE_SECONDS,
        by_key: bool = True,
        application_name: str = "orderwright",
    ) -> None:
        self.deadline_seconds = deadline_seconds
        self._dsn = dsn
        self._slots = asyncio.Semaphore(max_connections)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._closed = False
        self._deadlines = Deadlines()
        milliseconds = str(round(deadline_seconds * 1000))
        self._settings = {
            "application_name": application_name,
            "jit": "off",
            "timezone": "UTC",
            # Whatever the server's default: an acknowledged commit is on disk.
            "synchronous_commit": "on",
            # The server gives up when we do, so that a statement we left doesn't land minutes
            # later.
            "statement_timeout": milliseconds,
            "idle_in_transaction_session_timeout": milliseconds,
            **(_BY_KEY if by_key else {}),
        }

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Run one statement (prepared once per connection) in a transaction of its own."""
        return await self.run(lambda connection: connection.fetch(sql, *arguments))

    async def at_one_moment(self, work: Callable[[Reads], Awaitable[T]]) -> T:
        """Do `work`, whose statements all see the database as it was at the first of them, whatever
        is committed meanwhile; they only read, and share one deadline."""

        async def reading(connection: Connection) -> T:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return await work(connection)

        return await self.run(reading)

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do `work` with a connection; open a transaction in it when several statements belong
        together."""
        if self._closed:
            raise JournalUnavailable("The connections to Postgres were closed: we are stopping.")
        try:
            with self._deadlines.start(self.deadline_seconds):
                async with self._slots:
                    return await self._with_connection(work)
        except TimeoutError as error:
            raise JournalUnavailable(
                f"Postgres did not answer within {self.deadline_seconds:g} seconds; whether the "
                f"last statement took effect is unknown."
            ) from error

    async def _with_connection(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        connection = await self._connected()
        self._busy.add(connection)
        usable = False
        try:
            result = await work(connection)
            usable = True
        except _SERVERS_FAULT as error:
            raise _unavailable(error) from error
        except _CLIENT_FAULTS:
            usable = True
            raise
        except (
            OSError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            # kill -9 of a backend may come out as "cannot switch to state".
            asyncpg.InternalClientError,
        ) as error:
            raise _unavailable(error) from error
        finally:
            self._busy.discard(connection)
            if (
                self._closed
                or not usable
                or connection.is_closed()
                or connection.is_in_transaction()
            ):
                connection.terminate()
            else:
                self._idle.append(connection)
        return result

    async def _connected(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        pause_seconds = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return await self._connect()
            except (
                OSError,
                asyncpg.CannotConnectNowError,
                asyncpg.PostgresConnectionError,
                asyncpg.TooManyConnectionsError,
                asyncpg.TargetServerAttributeNotMatched,
                # Of a server that ends while it is asked for the first time.
                asyncpg.InternalClientError,
            ) as error:
                # Nothing was asked yet, so waiting for a restart within the deadline is safe.
                last = error
            except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                raise _unavailable(error) from error
            try:
                await asyncio.sleep(pause_seconds)
            except asyncio.CancelledError as cancelled:
                raise cancelled from last
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)

    async def _connect(self) -> Connection:
        connection = await asyncpg.connect(
            self._dsn,
            server_settings=self._settings,
            # Never forgotten: preparing the append again costs milliseconds.
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=0,
            target_session_attrs=SessionAttribute.read_write,
        )
        if connection.get_server_version().major >= 17:
            milliseconds = round(self.deadline_seconds * 1000)
            try:
                await connection.execute(f"SET transaction_timeout = {milliseconds}")
            except BaseException:
                connection.terminate()
                raise
        return connection

    async def close(self) -> None:
        """End every connection at once; calls under way raise JournalUnavailable. Harmless
        twice."""
        self._closed = True
        for connection in [*self._idle, *self._busy]:
            connection.terminate()
        self._idle.clear()
        # Lets the loop close the sockets, so that none is left when it ends.
        await asyncio.sleep(0)


def _unavailable(error: Exception) -> JournalUnavailable:
    state = getattr(error, "sqlstate", None)
    name = f"{type(error).__name__}, SQLSTATE {state}" if state else type(error).__name__
    return JournalUnavailable(
        f"Postgres could not do it ({name}: {error}); whether the last "
        f"statement took effect is unknown."
    )
