"""A whole world on this machine: simulated partners, a shop, and the service, each a process."""

from __future__ import annotations

import json
import os
import random
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import nats
import psutil
from msgspec.structs import replace

from adapters.nats.connection import Connection, addresses_of
from adapters.nats.consumers import ACK_WAIT_SECONDS
from adapters.nats.marks import JOURNAL
from adapters.nats.names import stream_names
from adapters.nats.streams import EVENTS
from adapters.postgres.quarantine_workflow import Filter, HeldItem, QuarantineWorkflow
from schemas.messages.effects import SendMail, tag_of
from service.app import running
from service.app.sealing_keys import sealing_in
from service.app.sessions import open_reports
from service.demo.run import STOCK_EACH, shelves
from service.demo.world import Pace, configuration, new_secret, toml
from service.demo.world import World as Partners
from service.inbound.intake import LONGEST_AWAY_SECONDS
from service.settings import Settings
from service.wiring.store import seed_stock
from tests.e2e.processes import ROOT, Process
from tests.waiting import eventually

SHOP = "acme-us"
ORDERS_A_REQUEST = 50
"""How many orders are booked with a shop at once: well below the megabyte of one request."""
START_SECONDS = 60.0
QUIET_SECONDS = ACK_WAIT_SECONDS + LONGEST_AWAY_SECONDS + 18.0
"""The longest that nothing may change: a killed process had a message, and the next one gave it
back with the longest delay. The rest is for a busy machine: three times what it takes to repeat a
request for messages that was lost with its connection (6 s)."""
MAIL = tag_of(SendMail)
IN_STOCK = STOCK_EACH

QUICK = Pace(
    first_track_seconds=0.3,
    track_every_seconds=0.5,
    timeout_seconds=1.0,
    retry_first_seconds=0.2,
    retry_most_seconds=1.0,
    retry_attempts=1_000,
    settle_seconds=0.3,
    breaker_failures=1_000,
    breaker_open_seconds=1.0,
)
"""A world that turns fast, whose partners are borne with whatever they do."""
PATIENT = replace(QUICK, timeout_seconds=10.0)
"""The same where no partner is made to be silent: it answers late because the machine is busy, and
no one should be told of that."""


def seed_of_run() -> int:
    """The seed of this run: ORDERWRIGHT_TEST_SEED, or a new one."""
    given = os.environ.get("ORDERWRIGHT_TEST_SEED", "")
    return int(given) if given else random.SystemRandom().randrange(1_000_000)


def free_port() -> int:
    """A port that stays the service's own over its restarts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class World:
    """Starts and stops the processes. `home` must let the servers' user pass."""

    def __init__(self, home: Path, stack: ExitStack, *, data: Path | None = None) -> None:
        self.home = home
        self.data = data or home / "data"
        self.url = f"http://127.0.0.1:{free_port()}"
        self.partners = Partners(http="", smtp_port=0, webhook_secret="", callback_secret="")
        self._stack = stack
        self._service: Process | None = None
        self._shops = 0

    @property
    def service(self) -> Process:
        assert self._service is not None, "the service was not started"
        return self._service

    @property
    def config(self) -> Path:
        return self.home / "orderwright.toml"

    async def start_partners(self, *arguments: str, seed: int = 1, pace: Pace = QUICK) -> None:
        """Start the simulated partners, and write the configuration that names them."""
        ready = self.home / "simulators.json"
        secrets = {"webhook_secret": new_secret(), "callback_secret": new_secret()}
        words = ["--seed", str(seed), "--callback-secret", secrets["callback_secret"]]
        words += ["--ready-file", str(ready), "--callbacks", "picked,packed,handed_over"]
        words += ["--hand-over-after-seconds", "0.5", "--deliver-after-seconds", "2.4", *arguments]
        child = self.process("the simulated partners", "ops.simulators", words)

        def listens() -> bool:
            child.must_run()
            return ready.exists()

        await eventually(listens, START_SECONDS)
        found = json.loads(ready.read_text())
        self.partners = Partners(http=found["http"], smtp_port=found["smtp_port"], **secrets)
        self.configure(self.data, pace)

    def configure(self, data: Path, pace: Pace = QUICK) -> None:
        """Have the next start of the service use that data directory and pace."""
        self.data = data
        port = int(self.url.rpartition(":")[2])
        table = configuration(self.partners, port=port, data_dir=str(data), pace=pace)
        self.config.write_text(toml(table))
        self.config.chmod(0o600)

    def process(
        self, name: str, module: str, arguments: list[str], *, code: Path = ROOT
    ) -> Process:
        """Start a process that ends with this world; its output is in a file of that name. `code`
        is the checkout that it runs."""
        log = self.home / f"{name.replace(' ', '-')}.log"
        environ = {"PYTHONPATH": str(code)}
        child = Process(name, [module, *arguments], log, directory=code, environ=environ)
        self._stack.callback(child.stop)
        return child

    def start_service(self) -> Process:
        """Start the service, without waiting for it."""
        words = ["serve", "--config", str(self.config)]
        self._service = self.process("the service", "service.cli", words)
        return self._service

    async def ready(self) -> None:
        """Wait until the service has said where it is. Raises EndedByItself."""

        def is_ready() -> bool:
            self.service.must_run()
            return self.is_ready()

        await eventually(is_ready, START_SECONDS)

    def is_ready(self) -> bool:
        """Whether the process that runs now has become ready."""
        try:
            return self.runtime().pid == self.service.pid
        except running.NotRunning:
            return False

    def runtime(self) -> running.Running:
        """Where the service's servers are."""
        return running.read(self.data)

    def channel_nats(self, channel: str) -> str:
        """The address of NATS with a channel's own user and password."""
        configured = (self.data / "nats" / "nats.conf").read_text()
        (user,) = json.loads(configured)["accounts"][f"CHANNEL-{channel}"]["users"]
        place = urlsplit(self.runtime().nats_url)
        return f"nats://{user['user']}:{user['password']}@{place.hostname}:{place.port}"

    def server(self, program: str) -> psutil.Process | None:
        """The service's own `nats-server` or `postgres`, whoever started it last; None: none."""
        try:
            for child in psutil.Process(self.service.pid).children():
                if child.name() == program and child.status() != psutil.STATUS_ZOMBIE:
                    return child
        except psutil.NoSuchProcess:
            return None
        return None

    def writers(self) -> list[psutil.Process]:
        """The service and everything it started, itself first."""
        service = psutil.Process(self.service.pid)
        return [service, *service.children(recursive=True)]

    async def kill_all(self) -> None:
        """kill -9 of the service and its servers at once, whatever state they are in."""
        if self._service is None:
            return
        writers = self.writers() if self.service.running else []
        for writer in writers:
            with suppress(psutil.NoSuchProcess):
                writer.kill()
        self.service.stop()

        def gone() -> bool:
            return not any(writer.is_running() for writer in writers)

        await eventually(gone, 10)

    def start_shop(
        self, *arguments: str, orders: int, rate: float, seed: int, first_number: int
    ) -> tuple[Process, Path]:
        """Start a shop that sends its orders; the path is its report, once it has ended."""
        self._shops += 1
        report = self.home / f"shop-{self._shops}.json"
        words = ["--url", f"{self.url}/hooks/{SHOP}", "--secret", self.partners.webhook_secret]
        words += ["--shop", f"{SHOP}.myshopify.com", "--orders", str(orders), "--rate", str(rate)]
        words += ["--seed", str(seed), "--first-number", str(first_number), "--quiet"]
        words += ["--report", str(report), "--book", self.partners.http, *arguments]
        name = f"shop {self._shops}"
        return self.process(name, "ops.simulators.storefront", words), report

    async def fault(self, partner: str, operation: str, **knobs: object) -> None:
        """Set the knobs of one operation of a partner."""
        await self.ask(
            "POST", "/_sim/faults", {"partner": partner, "operation": operation, **knobs}
        )

    async def ask(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        """Ask the simulators."""
        timeout = aiohttp.ClientTimeout(total=10.0)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, f"{self.partners.http}{path}", json=body) as answer,
        ):
            text = await answer.text()
            assert answer.status < 300, f"{method} {path}: {answer.status} {text}"
            found: dict[str, Any] = json.loads(text) if text else {}
            return found

    async def book(self, shop: str, orders: Sequence[tuple[int, bytes]]) -> None:
        """Put orders into a shop's book, by their numbers: its API knows their lines then, as that
        of a real shop does. A shop that runs on its own does it itself."""
        for begin in range(0, len(orders), ORDERS_A_REQUEST):
            told = [
                {"id": number, "updated_at": order["updated_at"], "order": order}
                for number, order in (
                    (number, json.loads(body))
                    for number, body in orders[begin : begin + ORDERS_A_REQUEST]
                )
            ]
            await self.ask("POST", f"/_sim/shops/{shop}/orders", {"orders": told})

    async def ledger(self) -> list[dict[str, Any]]:
        """Every real-world consequence."""
        entries: list[dict[str, Any]] = []
        after = 0
        while True:
            page = await self.ask("GET", f"/_sim/ledger?after={after}&limit=10000")
            entries += page["entries"]
            if page["next"] is None:
                return entries
            after = page["next"]

    async def seed_stock(self) -> None:
        """Put much of every SKU on the shelves; some are in the second place alone."""
        async with open_reports(self.runtime().postgres_dsn) as pool:
            for place, skus in shelves().items():
                await seed_stock(pool, skus, IN_STOCK, place=place)

    async def rows(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Ask the service's Postgres."""
        connection = await asyncpg.connect(self.runtime().postgres_dsn, timeout=10)
        try:
            return await connection.fetch(sql, *arguments, timeout=30)
        finally:
            await connection.close(timeout=5)

    async def quarantined(self) -> list[HeldItem]:
        """Every item of the quarantine, opened, oldest first; a test has some hundred at most."""
        found: list[HeldItem] = []
        async with open_reports(self.runtime().postgres_dsn) as pool:
            store = QuarantineWorkflow(pool, sealing_in(Settings(), self.data))
            while True:
                after = found[-1].id if found else 0
                page = await store.originals(Filter(state=None), after=after, upto=2**62)
                if not page:
                    return found
                found += page

    async def messages(self) -> int:
        """How many messages the streams hold that no order has taken yet."""
        client = await nats.connect(addresses_of(self.runtime().nats_url))
        try:
            names = await stream_names(Connection(client))
            streams = [
                await client.jetstream().stream_info(name)
                for name in names
                if name not in (EVENTS, JOURNAL)
            ]
        finally:
            await client.close()
        return sum(one.state.messages for one in streams)

    async def _waiting(self) -> list[str]:
        """What the streams still hold, and what their consumers say of it: for people."""
        client = await nats.connect(addresses_of(self.runtime().nats_url))
        try:
            jetstream = client.jetstream()
            told = [f"{await self.messages()} messages"]
            for stream in await jetstream.streams_info():
                name = stream.config.name or ""
                told += [
                    f"{one.name}: {one.num_ack_pending} delivered and not acknowledged, "
                    f"{one.num_pending} not delivered, {one.num_redelivered} redelivered, "
                    f"{one.num_waiting} requests waiting, {one.delivered}, {one.ack_floor}"
                    for one in await jetstream.consumers_info(name)
                ]
                state = stream.state
                told.append(f"{name}: {state}")
                if state.messages:
                    first = await jetstream.get_msg(name, state.first_seq)
                    told.append(f"first: {first.seq} {first.subject} {first.headers} {first.time}")
        finally:
            await client.close()
        return told

    async def until_final(self, quiet_seconds: float = QUIET_SECONDS) -> None:
        """Wait until the streams are empty and every order is final or waits for a person. An order
        that waits only because no one knows whether a mail was sent goes on to its end.

        Fails when nothing has changed for `quiet_seconds`.
        """
        last: object = None
        while True:

            async def moved(seen: object = last) -> object:
                self.service.must_run()
                found = (await self.rows(_PROGRESS, MAIL))[0]
                left = await self.messages()
                if found["open"] == found["effects"] == left == 0:
                    return ("done",)
                return (*found, left) != seen and (*found, left)

            try:
                last = await eventually(moved, quiet_seconds)
            except AssertionError:
                stuck = [dict(row) for row in await self.rows(_STUCK, MAIL)]
                words = "\n".join([*await self._waiting(), *map(str, stuck)])
                raise AssertionError(
                    f"Nothing has moved for {quiet_seconds:g} s. Stuck:\n{words}\nThe service "
                    f"said:\n{self.service.last_words()}"
                ) from None
            if last == ("done",):
                return


_GOES_ON = """
NOT o.final AND (NOT o.attention OR EXISTS (
    SELECT FROM (SELECT convert_from(o.state, 'UTF8')::json AS of) s
    WHERE coalesce(of -> 'holds', of -> 'tasks', of -> 'overdue') IS NULL AND NOT EXISTS (
        SELECT FROM json_array_elements(of -> 'stuck') x WHERE x ->> 2 <> $1
    )
))
"""
_PROGRESS = f"""
SELECT (SELECT count(*) FROM orders o WHERE {_GOES_ON}) AS open,
       (SELECT count(*) FROM effects WHERE status = 'open') AS effects,
       (SELECT count(*) FROM effects) AS all_effects,
       (SELECT count(*) FROM inbox) AS inputs
"""
_STUCK = f"""
SELECT o.number, o.stage, o.progress, o.waiting_for, o.reference,
       now() - o.updated_at AS unchanged, e.number AS effect, e.key, e.lane, e.kind,
       e.attempts, e.error, e.due_at - now() AS due_in, e.written_by,
       (SELECT string_agg(i.input_id, ' ' ORDER BY i.at) FROM inbox i WHERE i.order_id = o.order_id)
           AS inputs
FROM orders o LEFT JOIN effects e ON e.order_id = o.order_id AND e.status = 'open'
WHERE ({_GOES_ON}) OR e.number IS NOT NULL LIMIT 20
"""


W = TypeVar("W", bound=World)


@asynccontextmanager
async def world_in(home: Path, *, data: Path | None = None) -> AsyncIterator[World]:
    """A world whose processes all end with the block, the service's servers among them."""
    async with made_in(World, home, data=data) as world:
        yield world


@asynccontextmanager
async def made_in(make: type[W], home: Path, *, data: Path | None = None) -> AsyncIterator[W]:
    """As `world_in`, a world of another kind."""
    with ExitStack() as stack:
        world = make(home, stack, data=data)
        try:
            yield world
        finally:
            await world.kill_all()
