"""SIGTERM at any time: also to a service that is not ready yet."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from service.app import process, serve
from service.settings import Settings


async def test_a_start_that_waits_ends_when_asked_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A start may wait a minute for another process's lease; SIGTERM must not wait with it."""
    waiting = asyncio.Event()

    async def endless(*_: object) -> None:
        waiting.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(process.Service, "start", endless)
    serving = asyncio.create_task(serve.serve(Settings(data_dir=str(tmp_path))))
    async with asyncio.timeout(10):
        await waiting.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await serving


async def test_a_start_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a start raises is not lost on the way."""

    async def fails(*_: object) -> None:
        raise process.Fenced("Somebody else was first.")

    monkeypatch.setattr(process.Service, "start", fails)
    with pytest.raises(process.Fenced, match="Somebody else"):
        await serve.serve(Settings(data_dir=str(tmp_path)))
