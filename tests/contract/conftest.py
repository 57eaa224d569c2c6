"""Fixtures of the adapters' tests. How the simulators are started differs, so each file says it
in a fixture named `running`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.kit.http_client import HttpClient
from tests.chance import be_patient
from tests.contract.partner_calls import http_client
from tests.contract.simulated import Client, Running, calling

be_patient()


@pytest.fixture
async def simulators(running: Running) -> AsyncIterator[Client]:
    """What asks the running simulators; no knob is set then, and their ledger is empty."""
    async with calling(running) as client:
        yield client


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    """The HTTP client that adapters share."""
    async with http_client() as found:
        yield found
