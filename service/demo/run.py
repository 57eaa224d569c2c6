"""Runs the demo: starts the world, shows what happens, and at the end says what became of every
order."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from actors.runtime.errors import JournalUnavailable
from adapters.postgres.figures import Figures, read_fates, read_figures
from adapters.postgres.pool import Pool
from service.app import running
from service.app.errors import ServerUnusable
from service.app.sessions import open_reports
from service.demo import children, story
from service.demo.console import sign_in_link
from service.demo.report import Report, accepted_refs, count_up, has_ended, progress, summary
from service.demo.world import PLACES, SHOPS, World, configuration, new_secret, toml
from service.embedded.external import check_nats, check_postgres
from service.wiring.store import seed_stock

T = TypeVar("T")
Say = Callable[[str], None]

PORT = 8080

QUIET_SECONDS = 120.0
"""How long nothing may change before orders that are not final count as lost."""

RESTARTS = 1_000
"""How often a killed service is started again; a demo is killed by hand."""

FAILED_STARTS = 3
"""Starts in a row that end by themselves, not by a kill; then the demo says why and ends."""

ASK_AGAIN_SECONDS = 0.2
"""Between two questions to a store that is away because its service was killed."""

STOCK_SKUS, STOCK_EACH = 400, 1_000_000

WEST_ONLY = 10
"""Of each so many SKUs one is on no shelf but the second place's, so that some orders are split."""


class Options(Struct, frozen=True, kw_only=True):
    """What `orderwright demo` was asked. `orders` 0: live until Ctrl-C. `rate` is orders a second
    (0: as fast as they are taken). `port` None: PORT, or a free one where that is taken."""

    data: Path | None = None
    port: int | None = None
    rate: float = 20.0
    seed: int = 1
    orders: int = 0
    report: Path | None = None


async def run(options: Options, say: Say) -> bool:
    """Run the demo; return whether nothing was lost and nothing done twice."""
    # Chosen once: shops and partners must find a service that was killed where it was.
    port = port_of(options.port, say)
    _can_be_written(options.report)
    folder, borrowed = _folder(options)
    good = False
    try:
        good = await Demo(options, port, folder, say).run()
        return good
    finally:
        if borrowed and good:
            await asyncio.to_thread(shutil.rmtree, folder)
        elif borrowed:
            say(f" The logs are kept in {folder}.")


def port_of(wanted: int | None, say: Say) -> int:
    """Return the port to listen on. Raises PortTaken for one that was asked for by number."""
    try:
        return children.free_port(PORT if wanted is None else wanted)
    except children.PortTaken:
        if wanted is not None:
            raise
        port = children.free_port(0)
        say(f" Port {PORT} is taken by another program; the demo uses {port}.")
        return port


def _can_be_written(report: Path | None) -> None:
    """Raise DemoFailed now rather than when all orders have been run."""
    try:
        if report is not None:
            report.open("a").close()
    except OSError as error:
        raise children.DemoFailed(
            f"The report can't be written to {report} ({error.strerror}); name another file."
        ) from error


def _folder(options: Options) -> tuple[Path, bool]:
    """The folder asked for; a measured run that names none borrows one, which is thrown away after
    when all was well.

    The embedded servers' user must be able to pass through it.
    """
    if options.data is not None or not options.orders:
        folder = (options.data or Path("orderwright-data")).resolve()
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        return folder, False
    made = Path(tempfile.mkdtemp(prefix="orderwright-demo-"))
    made.chmod(0o711)
    return made, True


class Demo:
    """One run in one folder."""

    def __init__(self, options: Options, port: int, folder: Path, say: Say) -> None:
        self.options = options
        self.port = port
        self.folder = folder
        self.data_dir = folder / "data"
        self.say = say
        self.ended = asyncio.Event()
        self.world = World(http="", smtp_port=0, webhook_secret="", callback_secret="")
        self.runtime = running.Running(pid=0, url="", postgres_dsn="", nats_url="")
        self._keeper: asyncio.Task[None] | None = None

    async def run(self) -> bool:
        """Start the world, let the orders come, and count up at the end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.ended.set)
        async with AsyncExitStack() as stack:
            await self._start_world(stack)
            await self._start_service(stack)
            pool = await stack.enter_async_context(open_reports(self.runtime.postgres_dsn))
            for place, skus in shelves().items():
                await self._answer(partial(seed_stock, pool, skus, STOCK_EACH, place=place))
            before = await self._answer(lambda: read_figures(pool))
            self.say(await self._servers())
            self.say(
                " ✔ 3 shops, 2 carriers, 1 ERP, 2 warehouses, 1 mail server (simulated partners)"
            )
            self.say(
                f" Service  {self.runtime.url}   (pid {self.runtime.pid}; kill -9 it if you like)"
            )
            link = await self._answer(lambda: sign_in_link(pool, self.runtime.url))
            self.say(f" Console  {link}   (signs in once, within 15 minutes)")
            self.say(f" Metrics  {self.runtime.url}/metrics")
            self.say(f" This is a demo: everything is on this machine. Data: {self.folder}")
            if self.options.orders:
                return await self._measured(stack, pool, before)
            await self._live(stack, pool, before)
            return True

    async def _servers(self) -> str:
        """Name the servers that run; a service that was killed meanwhile takes them along."""
        try:
            postgres = await check_postgres(self.runtime.postgres_dsn)
            nats = await check_nats(self.runtime.nats_url)
        except ServerUnusable:
            return " ✔ postgres, nats, schema"
        return f" ✔ postgres {postgres}  ✔ nats {nats}  ✔ schema"

    async def _start_world(self, stack: AsyncExitStack) -> None:
        secret, callback_secret = new_secret(), new_secret()
        child, ready = children.simulators(
            self.folder,
            seed=self.options.seed,
            callback_secret=callback_secret,
            live=not self.options.orders,
        )
        await child.start()
        stack.push_async_callback(child.stop)
        found: dict[str, Any] = await child.ready(ready)
        self.world = World(
            http=str(found["http"]),
            smtp_port=int(found["smtp_port"]),
            webhook_secret=secret,
            callback_secret=callback_secret,
        )

    async def _start_service(self, stack: AsyncExitStack) -> None:
        table = configuration(self.world, port=self.port, data_dir=str(self.data_dir))
        # Nothing is exported; but every timeline then shows the traces that calls carried along.
        table["telemetry"] = {"sample_ratio": 1.0}
        config = self.folder / "demo.toml"
        config.write_text(toml(table))
        config.chmod(0o600)
        self.data_dir.mkdir(mode=0o755, exist_ok=True)
        child, _ = children.service(self.folder, config)
        while not await self._started(child):
            self.say(" The service was killed before it was ready; it is started again.")
        self._keeper = asyncio.create_task(self._keep_running(child))
        stack.push_async_callback(self._stop_service, child, self._keeper)

    async def _started(self, child: children.Child) -> bool:
        """Start the service; return whether it got ready and was not killed before. Raises
        DemoFailed when it ends by itself."""
        ready = self.data_dir / running.FILE
        ready.unlink(missing_ok=True)
        await child.start()
        try:
            await child.ready(ready)
        except children.DemoFailed:
            if child.was_killed:
                return False
            await child.stop()
            raise
        self.runtime = running.read(self.data_dir)
        return True

    async def _keep_running(self, child: children.Child) -> None:
        """Start the service again whenever it ends, also when it is killed while it starts. Raises
        DemoFailed when it ends by itself again and again."""
        failed = 0
        for _ in range(RESTARTS):
            code = await child.wait()
            if self.ended.is_set():
                return
            self.say(f"\n The service ended (code {code}); it is started again.")
            try:
                if await self._started(child):
                    self.say(f" It runs again as pid {self.runtime.pid}.")
                failed = 0
            except children.DemoFailed:
                failed += 1
                if failed >= FAILED_STARTS:
                    raise
        raise children.DemoFailed(f"The service ended {RESTARTS} times, and so does the demo.")

    async def _answer(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the store until it answers: it is away while a killed service starts again. Raises
        DemoFailed when the service won't start any more, or after QUIET_SECONDS."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + QUIET_SECONDS
        while True:
            self._must_be_kept()
            try:
                return await ask()
            except JournalUnavailable as error:
                if loop.time() > give_up:
                    raise children.DemoFailed(f"The store does not answer: {error}") from error
                await asyncio.sleep(ASK_AGAIN_SECONDS)

    def _must_be_kept(self) -> None:
        """Raise DemoFailed when the service was given up."""
        if self._keeper is not None and self._keeper.done():
            self._keeper.result()

    async def _stop_service(self, child: children.Child, keeper: asyncio.Task[None]) -> None:
        self.ended.set()
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await child.stop()

    async def _measured(self, stack: AsyncExitStack, pool: Pool, before: Figures) -> bool:
        options = self.options
        shop, file = children.shop(
            self.folder,
            SHOPS[0],
            url=self.runtime.url,
            secret=self.world.webhook_secret,
            orders=options.orders,
            rate=options.rate,
            seed=options.seed,
            first_number=1001 + before.orders,
            book=self.world.http,
        )
        await shop.start()
        stack.push_async_callback(shop.stop)
        ended = asyncio.create_task(shop.wait())
        await self._until_final(pool, ended, file, before.final)
        sent = _told(file)
        if sent is None:
            raise children.DemoFailed(f"{shop.name} wrote no report; see {self.folder}.")
        report = await self._answer(
            lambda: count_up(
                pool,
                SHOPS[0],
                sent,
                self.world.http,
                quarantined_before=before.quarantined,
            )
        )
        self.say("")
        self.say(report.in_words(self.folder))
        if options.report is not None:
            options.report.write_text(report.as_json())
            self.say(f" Report written to {options.report}.")
        return report.good

    async def _until_final(
        self, pool: Pool, shop: asyncio.Task[int], file: Path, final_before: int
    ) -> None:
        """Wait until every accepted order is final or waits for a person, or nothing has changed
        for a long while."""
        loop = asyncio.get_running_loop()
        last, changed_at = "", loop.time()
        while not self.ended.is_set():
            figures = await self._answer(lambda: read_figures(pool))
            line = progress(figures, self.options.orders, final_before)
            if line != last:
                last, changed_at = line, loop.time()
                self.say(f"\r{line}")
            if shop.done() and await self._all_ended(pool, file):
                return
            if loop.time() - changed_at > QUIET_SECONDS:
                return
            try:
                async with asyncio.timeout(0.5):
                    await self.ended.wait()
            except TimeoutError:
                continue

    async def _all_ended(self, pool: Pool, file: Path) -> bool:
        """Whether every order that the shop was told is accepted is final or waits for a person.
        One that is in the stream alone, because the service was killed, is in no figure yet."""
        sent = _told(file)
        refs = accepted_refs(sent) if sent is not None else []
        found = await self._answer(lambda: read_fates(pool, SHOPS[0], refs))
        return all(has_ended(found.get(ref)) for ref in refs)

    async def _live(self, stack: AsyncExitStack, pool: Pool, before: Figures) -> None:
        options = self.options
        shops = []
        for index, name in enumerate(SHOPS):
            shop, _ = children.shop(
                self.folder,
                name,
                url=self.runtime.url,
                secret=self.world.webhook_secret,
                orders=0,
                rate=options.rate / len(SHOPS),
                seed=options.seed + index,
                first_number=1001 + before.orders,
                book=self.world.http,
            )
            await shop.start()
            stack.push_async_callback(shop.stop)
            shops.append(shop)
        self.say(f" Orders arriving {options.rate:g}/s. Press Ctrl-C to end.")
        telling = asyncio.create_task(story.tell(self.world, self.runtime.url, self.say))
        stack.callback(telling.cancel)
        last = ""
        while not self.ended.is_set():
            try:
                async with asyncio.timeout(1.0):
                    await self.ended.wait()
            except TimeoutError:
                self._must_be_kept()
                for shop in shops:
                    shop.must_run()
                try:
                    line = progress(await read_figures(pool), 0, 0)
                except JournalUnavailable:
                    continue
                if line != last:
                    self.say(f"\r{line}")
                last = line
        self.say(await self._summary(pool, before))

    async def _summary(self, pool: Pool, before: Figures) -> str:
        """Say at the end what came and what became of it; a killed service can't be asked."""
        try:
            return summary(before, await read_figures(pool), self.folder)
        except JournalUnavailable:
            return f" The demo ended while its service was down. Its orders are in {self.folder}."


def shelves() -> dict[str, list[str]]:
    """Return the SKUs that each place has."""
    skus = {n: f"SKU-{n:03d}" for n in range(1, STOCK_SKUS + 1)}
    first, second = PLACES
    return {
        first: [sku for n, sku in skus.items() if n % WEST_ONLY],
        second: list(skus.values()),
    }


def _told(file: Path) -> dict[str, Any] | None:
    """Return what a shop wrote at its end; None when it did not get so far."""
    if not file.exists():
        return None
    told: dict[str, Any] = json.loads(file.read_text())
    return told


__all__ = ["Options", "Report", "run"]
