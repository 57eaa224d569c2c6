"""SIGHUP and `orderwright reload`: what is taken over, what is refused, how secrets change."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import nats
import nats.errors
import pytest
from nats.aio.client import Client

from ops.simulators.storefront import Moment, Recipe, payload
from schemas.order.ids import ref_token
from tests.e2e.world import free_port
from tests.integration.http import signed
from tests.integration.operating import Terminal, terminal
from tests.orders import an_order
from tests.waiting import eventually

CONFIGURATION = """[listen]
port = {port}

[limits]
body_bytes = 4194304

[channels.acme-us]
kind = "shopify"
shop_domain = "acme.myshopify.com"
api_base_url = "http://127.0.0.1:9"
access_token = "shpat_1"
webhook_secrets = ["file:{folder}/webhook"]
backfill_seconds = 0

[channels.wholesale]
kind = "canonical"
keeps_stock = false

[partners.east]
kind = "warehouse"
base_url = "{warehouse}"
token = "file:{folder}/token"
callback_secrets = ["file:{folder}/callback"]

[telemetry]
log_level = "info"
"""
OTHER = """
[channels.outlet]
kind = "canonical"
keeps_stock = false
"""


class _Warehouse(ThreadingHTTPServer):
    """A warehouse that lets in only who has its token of today."""

    daemon_threads = True
    token = "yesterday"
    let_in = 0
    sent_away = 0


class _Gate(BaseHTTPRequestHandler):
    server: _Warehouse

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        known = self.headers.get("Authorization") == f"Bearer {self.server.token}"
        self.server.let_in += known
        self.server.sent_away += not known
        # Whom it lets in it tells that it is closed: what becomes of the task does not matter.
        self.send_response(503 if known else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_PUT()

    def do_POST(self) -> None:
        self.do_PUT()

    def do_DELETE(self) -> None:
        self.do_PUT()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def _warehouse() -> Iterator[_Warehouse]:
    server = _Warehouse(("127.0.0.1", 0), _Gate)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class Shop:
    """The service, its warehouse, and its configuration."""

    def __init__(self, person: Terminal, warehouse: _Warehouse) -> None:
        self.person = person
        self.warehouse = warehouse
        self.config = person.folder / "orderwright.toml"
        for name in ("webhook", "token", "callback"):
            self.write(name, f"the first {name} secret")
        address = f"http://127.0.0.1:{warehouse.server_address[1]}"
        self.config.write_text(
            CONFIGURATION.format(port=free_port(), folder=person.folder, warehouse=address)
        )
        self.token = ""
        self._sent = 0

    def write(self, name: str, secret: str) -> None:
        """Put a secret into its file."""
        (self.person.folder / name).write_text(f"{secret}\n")

    def edit(self, old: str, new: str) -> None:
        """Change the configuration file."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    async def webhook(self, secret: str) -> int:
        """A signed webhook's answer."""
        self._sent += 1
        body = payload(Recipe(seed=5, shop="acme.myshopify.com"), self._sent, Moment())
        headers = signed(body, f"hook-{self._sent}", secret=secret)
        return (await self.person.asks("POST", "/hooks/acme-us", body=body, headers=headers))[0]

    async def place(self, channel: str, ref: str) -> int:
        """Place an order over the API."""
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": ref}
        headers["X-Orderwright-Channel"] = channel
        body = msgspec.json.encode(an_order(ref=ref, number=f"#{ref}"))
        return (await self.person.asks("POST", "/api/v1/orders", body=body, headers=headers))[0]


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """One service for all of this file; each test leaves it usable."""
    with terminal() as person, _warehouse() as warehouse:
        made = Shop(person, warehouse)
        asyncio.run(person.serves())
        words = "--scope orders:write --scope orders:read --channel '*'"
        made.token = person.types(f"orderwright keys create tests {words}").strip()
        yield made
        assert asyncio.run(person.service.terminated()) == 0, person.service.last_words()


async def test_a_webhook_secret_changes_without_a_refusal(shop: Shop) -> None:
    """Old and new are both taken while the shop changes; afterwards the old one is refused."""
    assert await shop.webhook("the first webhook secret") == 200
    assert await shop.webhook("the second") == 401
    shop.write("webhook-new", "the second")
    folder = shop.person.folder
    before = f'webhook_secrets = ["file:{folder}/webhook"]'
    both = f'webhook_secrets = ["file:{folder}/webhook-new", "file:{folder}/webhook"]'
    shop.edit(before, both)
    found = await shop.person.hangs_up()
    assert found.reload_words == "Reloaded; changed: channels.acme-us.webhook_secrets."
    assert await shop.webhook("the second") == 200
    assert await shop.webhook("the first webhook secret") == 200
    shop.edit(both, f'webhook_secrets = ["file:{folder}/webhook-new"]')
    assert shop.person.types("orderwright reload").startswith("Reloaded; changed: channels.acme-us")
    assert await shop.webhook("the first webhook secret") == 401
    assert await shop.webhook("the second") == 200


async def test_a_partner_s_credential_changes_and_what_waited_goes_at_once(shop: Shop) -> None:
    """A refused credential rests for a minute; a reload with the new one calls at once."""
    shop.warehouse.token = "today"
    assert await shop.place("wholesale", "credential-1") == 202
    await eventually(lambda: shop.warehouse.sent_away, 30.0)
    assert shop.warehouse.let_in == 0
    shop.write("token", "today")
    said = shop.person.types("orderwright reload")
    assert said == "Reloaded; changed: partners.east.token.\n"
    await eventually(lambda: shop.warehouse.let_in, 20.0)


async def test_a_new_channel_works_on_every_road(shop: Shop) -> None:
    """Its orders come in over HTTP and NATS with a user of its own, and commands know it; the
    others' connections and orders go on."""
    runtime = shop.person.runtime()
    watching = await nats.connect(runtime.nats_url)
    assert await shop.place("outlet", "outlet-0") == 403
    shop.config.write_text(shop.config.read_text() + OTHER)
    said = shop.person.types("orderwright reload")
    assert said == "Reloaded; changed: channels.outlet (new).\n"
    assert watching.is_connected
    await watching.close()
    assert await shop.place("outlet", "outlet-1") == 202
    accounts = msgspec.json.decode((shop.person.data / "nats" / "nats.conf").read_bytes())
    (user,) = accounts["accounts"]["CHANNEL-outlet"]["users"]
    place = runtime.nats_url.rpartition("@")[2]
    client = await nats.connect(f"nats://{user['user']}:{user['password']}@{place}")
    body = msgspec.json.encode(an_order(ref="outlet-2", number="#outlet-2"))
    subject = f"orders.in.outlet.place.{ref_token('outlet-2')}"
    await client.jetstream().publish(subject, body, timeout=5)
    await client.close()
    for ref in ("outlet-1", "outlet-2"):

        async def known(ref: str = ref) -> bool:
            return bool(await shop.person.stage(shop.token, ref))

        await eventually(known, 30.0)
    assert "outlet" in shop.person.types("orderwright channels list")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[limits]", "[limts]", "limts is not a setting; did you mean limits?"),
        ("[limits]", "[limits", "is not valid TOML"),
        ('token = "file:', 'token = "file:/none', "which can't be read"),
        ('kind = "canonical"', 'kind = "canonicl"', "canonicl"),
    ],
)
async def test_a_broken_configuration_is_refused_and_the_old_one_stays(
    shop: Shop, old: str, new: str, words: str
) -> None:
    """One log line says what is wrong, an incident opens, and the service works on; the command
    refuses it before it signals."""
    good = shop.config.read_text()
    shop.edit(old, new)
    try:
        found = await shop.person.hangs_up()
        assert not found.reloaded
        assert "Not reloaded, and the configuration stays as it was: " in found.reload_words
        assert words in found.reload_words
        assert (
            found.reload_words
            in msgspec.json.decode(
                next(x for x in reversed(shop.person.log().splitlines()) if "Not reloaded" in x)
            )["event"]
        )
        assert words in shop.person.types("orderwright reload", code=2)
        assert shop.person.runtime().reloads == found.reloads
    finally:
        shop.config.write_text(good)
    assert await shop.place("wholesale", f"broken-{len(words)}-{len(new)}") == 202

    def opened() -> bool:
        said = shop.person.types("orderwright incidents list --open --json")
        return "configuration_refused" in said

    await eventually(opened, 20.0)
    assert shop.person.types("orderwright reload").startswith("Reloaded; ")


async def test_what_only_a_start_changes_is_named(shop: Shop) -> None:
    """Addresses, servers and bounds of the database stay, by name; what can change does."""
    good = shop.config.read_text()
    shop.edit("[limits]\nbody_bytes = 4194304", "[limits]\nbody_bytes = 2048\npool_size = 7")
    shop.edit("[listen]\n", '[listen]\npublic_url = "https://orders.example"\n')
    shop.edit('log_level = "info"', 'log_level = "debug"')
    try:
        said = shop.person.types("orderwright reload")
        assert "changed: limits.body_bytes, telemetry.log_level." in said
        assert "Only a restart changes: listen.public_url, limits.pool_size." in said
        headers = signed(b"x" * 3000)
        body = b"x" * 3000
        status, _ = await shop.person.asks("POST", "/hooks/acme-us", body=body, headers=headers)
        assert status == 413
    finally:
        shop.config.write_text(good)
    shop.person.types("orderwright reload")


async def test_a_channel_that_is_gone_stays_until_the_restart(shop: Shop) -> None:
    """Orders of it may be under way: it goes on, and the words name it."""
    good = shop.config.read_text()
    start, end = good.index("[channels.wholesale]"), good.index("[partners.east]")
    shop.config.write_text(good[:start] + good[end:])
    try:
        said = shop.person.types("orderwright reload")
        assert "Only a restart changes: channels.wholesale (removed or of another kind)." in said
        assert await shop.place("wholesale", "gone-1") == 202
    finally:
        shop.config.write_text(good)
    assert "nothing has changed" in shop.person.types("orderwright reload")


async def test_a_publisher_s_password_changes_by_its_file(shop: Shop) -> None:
    """Without its file a channel gets a new password with the reload: the old one is refused, and
    the other publishers keep theirs."""
    person = shop.person
    file = person.data / "secrets" / f"nats-channel-{b'wholesale'.hex()}"
    place = person.runtime().nats_url.rpartition("@")[2]

    async def may(password: str) -> bool:
        client = Client()
        address = f"nats://channel-wholesale:{password}@{place}"
        try:
            await client.connect(address, allow_reconnect=False)
        except nats.errors.Error:
            return False
        finally:  # a client that was refused keeps its socket
            await client.close()
        return True

    old = file.read_text().strip()
    assert await may(old)
    file.unlink()
    person.types("orderwright reload")
    assert not await may(old)
    assert await may(file.read_text().strip())
    assert await shop.place("wholesale", "nats-1") == 202


async def test_an_api_key_changes_by_a_second_one(shop: Shop) -> None:
    """Both keys are good until the old one is revoked."""
    old = shop.token
    words = "--scope orders:write --scope orders:read --channel '*'"
    shop.token = shop.person.types(f"orderwright keys create second {words}").strip()
    assert await shop.place("wholesale", "key-1") == 202
    listed = msgspec.json.decode(shop.person.types("orderwright keys list --json"))
    (first,) = [one["id"] for one in listed if one["name"] == "tests"]
    shop.person.types(f"orderwright keys revoke {first}")
    fresh, shop.token = shop.token, old

    async def refused() -> bool:
        return await shop.place("wholesale", "key-2") == 401

    await eventually(refused, 90.0)
    shop.token = fresh
    assert await shop.place("wholesale", "key-3") == 202


async def test_twenty_reloads_leave_nothing_open(shop: Shop) -> None:
    """A partner that gets another secret again and again leaves no connection of the former one,
    while orders are placed and its calls are made."""
    pid = shop.person.service.pid

    def opened() -> int:
        return len(os.listdir(f"/proc/{pid}/fd"))

    await shop.place("wholesale", "reload-first")
    before = opened()
    for number in range(20):
        shop.write("callback", f"callback secret {number}")
        assert (await shop.person.hangs_up()).reloaded
        assert await shop.place("wholesale", f"reload-{number}") == 202
    await eventually(lambda: opened() <= before + 4, 30.0)


def test_commands_without_a_service_say_so(tmp_path: Path) -> None:
    """Where none runs, `reload` says how to start one."""
    with terminal() as person:
        said = person.types("orderwright reload", code=10)
    assert "No service runs with the data directory orderwright-data." in said
