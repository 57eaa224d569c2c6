"""A person's first days with the service, typed as a person types them: from an empty directory to
two shops, changed secrets and restarts. Every error that our pages show is among what is said."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator

import asyncpg
import msgspec
import pytest

from tests.e2e.processes import ROOT
from tests.e2e.world import free_port
from tests.integration.operating import Terminal, terminal
from tests.orders import an_order
from tests.waiting import eventually

REASON = '--reason "customer rang"'


class Days:
    """What the steps of the story hand on: the terminal, an API key, and every error that was
    said."""

    def __init__(self, person: Terminal) -> None:
        self.person = person
        self.said: list[str] = []
        self.token = ""

    def fails(self, line: str, code: int, **environ: str) -> str:
        """Type a command that is refused; return its error."""
        said = self.person.types(line, code=code, environ=environ)
        errors = re.findall(r"^orderwright: .*$", said, re.M)
        assert errors, said
        self.said += errors
        return str(errors[-1])

    async def place(self, channel: str, ref: str, number: str) -> None:
        """Another service places an order that waits for its payment."""
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": ref}
        headers["X-Orderwright-Channel"] = channel
        body = msgspec.json.encode(an_order(ref=ref, number=number, payment="pending"))
        status, said = await self.person.asks("POST", "/api/v1/orders", body=body, headers=headers)
        assert status == 202, said
        await self.until(ref, "placed")

    async def until(self, ref: str, stage: str) -> None:
        """Wait for an order's stage."""

        async def there() -> bool:
            return await self.person.stage(self.token, ref) == stage

        await eventually(there, 30.0)


@pytest.fixture(scope="module")
def days() -> Iterator[Days]:
    """One person, one directory; the tests of this file are one story, in their order."""
    with terminal() as person:
        yield Days(person)
        assert asyncio.run(person.service.terminated()) == 0, person.service.last_words()


async def test_the_first_day(days: Days) -> None:
    """`init`, `doctor`, `serve` in an empty directory; nothing is overwritten, secrets are closed
    to others, and each refusal says the way out."""
    person = days.person
    said = days.fails("orderwright orders list", 10)
    assert "Start one with `orderwright serve`" in said
    said = days.fails("orderwright init acme-us=shopfy", 2)
    assert "is not NAME=KIND; the kinds are: amazon, bigcommerce," in said
    domain = "acme-us.shop_domain=acme-us.myshopify.com"
    said = days.fails(f"orderwright init acme-us=shopify --set {domain}", 2)
    assert "channels.acme-us.webhook_secrets is missing" in said
    assert list(person.folder.iterdir()) == []
    port = free_port()
    person.types(f"orderwright init --set listen.port={port}")
    assert "no channel is configured" in person.types("orderwright doctor", code=1)
    days.fails("orderwright doctor --config orderwright.toml", 1)
    said = days.fails("orderwright init acme-eu=canonical", 2)
    assert "exists, and nothing was changed" in said
    said = person.types(
        "orderwright init acme-eu=canonical east=warehouse --force "
        f"--set listen.port={port} --set east.base_url=http://127.0.0.1:9/api "
        "--set east.token=hush-1 --set east.callback_secrets=hush-2"
    )
    assert "Next: `orderwright doctor` checks it, `orderwright serve` runs it." in said
    files = [person.folder / "orderwright.toml", *(person.folder / "orderwright-secrets").iterdir()]
    assert len(files) == 3
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert "hush" not in files[0].read_text()
    shown = person.types("orderwright config show")
    assert "hush" not in shown
    token = person.folder / "orderwright-secrets" / "east.token"
    assert re.search(
        rf"partners\.east\.token = \S+  # orderwright\.toml:\d+ \(file:{token}\)", shown
    )
    said = person.types("orderwright doctor", code=1)
    (fault,) = [line for line in said.splitlines() if "✘" in line]
    assert fault.startswith(" ✘ east (warehouse):")
    await person.serves()
    assert person.types("orderwright orders list").endswith("(none)\n")


async def test_the_second_shop(days: Days) -> None:
    """It is added to the file and taken over without a restart; a slip in the file stops nothing;
    its number that the first shop has too is refused until the shop is named."""
    person = days.person
    words = "--scope orders:write --scope orders:read --channel '*'"
    days.token = person.types(f"orderwright keys create shop {words}").strip()
    config = person.folder / "orderwright.toml"
    good = config.read_text()
    config.write_text(f'{good}\n[channels.acme-us]\nkind = "canonicl"\n')
    said = days.fails("orderwright reload", 2)
    assert "channels.acme-us" in said
    found = await person.hangs_up()
    assert found.reload_words.startswith("Not reloaded, and the configuration stays as it was: ")
    config.write_text(f'{good}\n[channels.acme-us]\nkind = "canonical"\n')
    said = person.types("orderwright reload")
    assert said == "Reloaded; changed: channels.acme-us (new).\n"
    for channel in ("acme-eu", "acme-us"):
        await days.place(channel, f"{channel}-7002", "#7002")
    said = days.fails(f"orderwright orders cancel 7002 {REASON}", 11)
    assert "#7002 of acme-eu" in said
    assert "#7002 of acme-us" in said
    person.types(f"orderwright orders cancel 7002 --channel acme-us {REASON} --wait")
    await days.until("acme-us-7002", "cancelled")
    await days.until("acme-eu-7002", "placed")
    page = (ROOT / "docs" / "csv-import.md").read_text()
    (sheet,) = re.findall(r"```csv\n(ref,placed_at.*?)```", page, re.S)[:1]
    (person.folder / "orders.csv").write_text(sheet)
    days.fails("orderwright orders import orders.csv --channel acme-eu", 1)


async def test_the_secrets_that_a_restart_changes(days: Days) -> None:
    """The signing key, the embedded servers' passwords and the key of personal data change as
    docs/operations.md says; orders, references and addresses of before are still known."""
    person = days.person
    await days.place("acme-eu", "before", "#1")
    before = msgspec.json.decode(person.types("orderwright orders show before --json"))
    person.types('orderwright privacy rotate-key --reason "once a year"')
    # Postgres: the role first, then the file; the restart follows at once.
    connection = await asyncpg.connect(person.runtime().postgres_dsn)
    await connection.execute("ALTER ROLE orderwright PASSWORD 'another-password-1'")
    await connection.close()
    secrets = person.data / "secrets"
    (secrets / "postgres-password").write_text("another-password-1\n")
    (secrets / "nats-password").unlink()
    (secrets / "signing-2").write_text("b" * 40 + "\n")
    (secrets / "signing-2").chmod(0o600)
    keys = f'1 = "file:{secrets}/correlation-key", 2 = "file:{secrets}/signing-2"'
    with (person.folder / "orderwright.toml").open("a") as file:
        file.write(f'\n[correlation]\nactive = "2"\nkeys = {{ {keys} }}\n')
    said = person.types("orderwright reload")
    assert "Only a restart changes: correlation" in said
    assert await person.service.terminated() == 0, person.service.last_words()
    days.fails(f"orderwright orders cancel before {REASON}", 10)
    await person.serves()
    await days.place("acme-eu", "after", "#2")
    after = msgspec.json.decode(person.types("orderwright orders show after --json"))
    for view in (before, after):
        reference = view["row"]["reference"]
        found = msgspec.json.decode(person.types(f"orderwright orders show {reference} --json"))
        assert found["row"]["order_id"] == view["row"]["order_id"]
    assert "after" in person.types("orderwright orders list --json")
    exported = person.types("orderwright orders show before --json")
    assert msgspec.json.decode(exported)["row"] == before["row"]


async def test_a_restart_and_what_is_in_its_way(days: Days) -> None:
    """A second start on the same data, a port in use, and a variable that goes before the file are
    named."""
    person = days.person
    said = days.fails("orderwright serve", 3)
    assert f"process {person.service.pid}" in said
    assert await person.service.terminated() == 0, person.service.last_words()
    text = (person.folder / "orderwright.toml").read_text()
    port = int(re.search(r"^port = (\d+)", text, re.M).group(1))  # type: ignore[union-attr]  # set
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen(1)
        days.fails("orderwright serve", 9)
        said = person.types("orderwright doctor", code=1, environ={"ORDERWRIGHT_PORT": "1"})
        assert "ORDERWRIGHT_PORT goes before listen.port of orderwright.toml:" in said
    await person.serves()
    await days.until("before", "placed")


def test_every_error_on_our_pages_was_said(days: Days) -> None:
    """What stands behind `orderwright: ` on a page was printed by the story above, but for ids,
    numbers and paths."""
    shown = [
        line
        for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
        for line in re.findall(r"^orderwright: .*$", page.read_text(), re.M)
    ]
    assert len(shown) >= 8
    said = {_form(line) for line in days.said}
    assert [line for line in shown if _form(line) not in said] == []


def _form(line: str) -> str:
    """Return an error with what differs from run to run taken out."""
    line = re.sub(r"\b[A-Z0-9]{19,20}\b", "ID", line)
    line = re.sub(r"(?<![\w.])/[\w./-]+", "PATH", line)
    return re.sub(r"\d+", "N", line)
