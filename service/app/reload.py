"""Takes a new configuration over while the service runs.

Everything that may fail is done first; then all parts change over at once. A configuration that is
wrong changes nothing: it is refused in words, and the service goes on with the one it has.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from msgspec import Struct

from actors.runtime.errors import JournalUnavailable
from adapters.nats.connection import NatsUnusable
from schemas.contracts.service_incidents import CONFIGURATION_REFUSED
from service.app.errors import OperatorError
from service.settings import ConfigurationRefused, Settings
from service.settings.changes import Changes, changes
from service.settings.roles import inconsistencies

log = logging.getLogger(__name__)

Apply = Callable[[Settings, Settings], Awaitable[None]]
"""Changes the service over from one configuration to another; raises before it has begun."""

APPLY_SECONDS = 30.0
"""How long the servers may take to make room for new channels."""


class Outcome(Struct, frozen=True, kw_only=True):
    """How a reload ended; `count` is how many there were since the start."""

    count: int = 0
    good: bool = True
    words: str = ""


class Reloads:
    """Reloads when asked to. `read` returns the configuration as it is now, and `told` hears how
    each reload ended."""

    def __init__(
        self,
        settings: Settings,
        *,
        read: Callable[[], Settings],
        told: Callable[[Outcome], None],
        refused: Callable[[str, str], None],
    ) -> None:
        self.settings = settings
        self._read = read
        self._apply: Apply = _nothing
        self._told = told
        self._refused = refused
        self._count = 0
        self._asked = asyncio.Event()

    def begin(self, settings: Settings, *, apply: Apply) -> None:
        """The service is up with these settings; `apply` changes it over."""
        self.settings = settings
        self._apply = apply

    def ask(self) -> None:
        """Reload soon: a signal came. Several together are one."""
        self._asked.set()

    async def run(self) -> None:
        """Reload whenever asked, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self.reload()

    async def reload(self) -> Outcome:
        """Reload once. No error leaves this: what can't be taken over is told."""
        self._count += 1
        try:
            found = await self._changed()
        except (OperatorError, JournalUnavailable, NatsUnusable, TimeoutError, OSError) as error:
            outcome = self._refuse(str(error) or f"no answer in {APPLY_SECONDS:g} seconds.")
        except Exception as error:  # a fault of ours must not end the service
            log.exception("The reload failed.")
            outcome = self._refuse(f"an error of ours, {type(error).__name__}: the log has it.")
        else:
            outcome = Outcome(count=self._count, words=f"Reloaded; {found.words()}")
            log.info("%s", outcome.words)
        self._told(outcome)
        return outcome

    async def _changed(self) -> Changes:
        found = changes(self.settings, await asyncio.to_thread(self._read))
        faults = inconsistencies(found.settings)
        if faults:
            stays = "; ".join(found.later)
            why = f"Restart the service to take it over, because without that stays: {stays}."
            raise ConfigurationRefused([*faults, why])
        async with asyncio.timeout(APPLY_SECONDS):
            await self._apply(self.settings, found.settings)
        self.settings = found.settings
        return found

    def _refuse(self, why: str) -> Outcome:
        words = f"Not reloaded, and the configuration stays as it was: {' '.join(why.split())}"
        log.error("%s", words)
        self._refused(CONFIGURATION_REFUSED, "")
        return Outcome(count=self._count, good=False, words=words)


async def _nothing(old: Settings, new: Settings) -> None:
    """Stands in until the service is up."""
