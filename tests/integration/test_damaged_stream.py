"""What becomes of messages when a file of the embedded NATS server is damaged, and the remedy that
docs/operations.md gives."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from nats.js import JetStreamContext

from adapters.nats.connection import connect
from adapters.nats.streams import ORDERS, ensure_streams
from service.app.errors import EmbeddedServerFailed
from service.embedded import nats as embedded
from service.embedded.data_directory import DataDirectory
from service.embedded.nats import EmbeddedNats
from tests.e2e.processes import ROOT
from tests.integration.servers import temporary_home

MESSAGES = 200


@asynccontextmanager
async def started(data: DataDirectory) -> AsyncIterator[JetStreamContext]:
    """The server with our streams, which must come up as at a start of the service."""
    server = EmbeddedNats(data, channels=("acme-us",))
    try:
        address = await server.start()
        connection = await connect(address.url)
        try:
            await ensure_streams(connection)
            yield connection.jetstream
        finally:
            await connection.close()
    finally:
        await server.stop()


async def filled(data: DataDirectory) -> Path:
    """Publish messages that no one has taken yet, stop the server, and return the stream's
    folder."""
    async with started(data) as stream:
        for number in range(MESSAGES):
            await stream.publish(f"orders.in.acme-us.place.R-{number}", b"x" * 2_000)
    (folder,) = (data.path / "nats" / "jetstream").rglob(f"streams/{ORDERS}")
    return folder


async def count(data: DataDirectory) -> int:
    """How many messages there are after a start; a new one must be taken as well."""
    async with started(data) as stream:
        found = (await stream.stream_info(ORDERS)).state.messages
        assert (await stream.publish("orders.in.acme-us.place.new", b"new", timeout=5)).stream
    return found


def remedy() -> str:
    """The command that the page shows."""
    page = (ROOT / "docs" / "operations.md").read_text()
    section = page.partition("## When a file of a stream is damaged")[2].partition("\n## ")[0]
    (shown,) = re.findall(r"```sh\n(.*?)```", section, re.S)
    return str(shown)


def put_back(data: DataDirectory) -> None:
    """Run the page's command in the data directory."""
    subprocess.run(["/bin/sh", "-e", "-c", remedy()], cwd=data.path, check=True, timeout=10)


async def test_a_damaged_description_is_put_back_as_the_page_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The start ends with code 7 and names the stream; the command of the page brings every message
    back."""
    with temporary_home() as home, DataDirectory(home / "data") as data:
        folder = await filled(data)
        (folder / "meta.inf").write_bytes(os.urandom(100))
        with monkeypatch.context() as patched:
            patched.setattr(embedded, "_READY_SECONDS", 1.0)
            with pytest.raises(EmbeddedServerFailed, match="could not be recovered") as caught:
                async with started(data):
                    raise AssertionError("it started")
        assert caught.value.exit_code == 7
        assert "ORDERS" in str(caught.value)
        put_back(data)
        assert await count(data) == MESSAGES


async def test_a_damaged_index_costs_nothing() -> None:
    """The server makes it again from the messages."""
    with temporary_home() as home, DataDirectory(home / "data") as data:
        folder = await filled(data)
        (folder / "msgs" / "index.db").write_bytes(b"rubbish")
        assert await count(data) == MESSAGES


async def test_a_damaged_file_of_messages_stops_nothing() -> None:
    """The server keeps what is before the damage and says so in the log, in the words that the page
    quotes; new messages are taken."""
    with temporary_home() as home, DataDirectory(home / "data") as data:
        folder = await filled(data)
        (block,) = (folder / "msgs").glob("*.blk")
        raw = block.read_bytes()
        half = len(raw) // 2
        block.write_bytes(raw[:half] + os.urandom(5_000) + raw[half + 5_000 :])
        assert MESSAGES // 2 - 1 <= await count(data) < MESSAGES
        said = (data.path / "logs" / "nats.log").read_text()
        assert "corrupt" in said or "checksum did not match" in said


async def test_a_stream_that_was_moved_away_is_made_again() -> None:
    """The last resort of the page: the server starts, and takes messages."""
    with temporary_home() as home, DataDirectory(home / "data") as data:
        folder = await filled(data)
        folder.rename(home / "damaged")
        assert await count(data) == 0
