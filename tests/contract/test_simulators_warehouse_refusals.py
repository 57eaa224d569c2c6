"""What the simulated warehouses refuse: tasks that break the contract, strangers, odd habits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.simulated import BEARER, Client, Json, Running, calling, started
from tests.contract.simulated_warehouse import TASKS, order, reference


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


@pytest.fixture
async def sim(running: Running) -> AsyncIterator[Client]:
    async with calling(running) as client:
        await client.call("DELETE", "/_sim/warehouse/habits")
        await client.call("DELETE", "/_sim/credentials")
        yield client


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fulfilment": ""}, "`fulfilment` is missing"),
        ({"reference": "R-1"}, "`reference` must have"),
        ({"delivery": "drone"}, "`delivery` must be one of"),
        ({"labels": None}, "`labels` must be one of"),
        ({"ship_to": {"name": "Ada Archer", "country": "us"}}, "two capital letters"),
        ({"lines": []}, "`lines` must have"),
        ({"lines": [{"line_id": "1", "sku": "A", "title": "A", "quantity": 0}]}, "whole number"),
        ({"lines": [{"line_id": "1", "sku": "A", "title": "A", "quantity": 1}] * 2}, "repeats"),
        ({"amount_to_collect": {"minor": 1.5, "currency": "USD"}}, "`amount_to_collect`"),
        ({"ship_by": "tomorrow"}, "`ship_by`"),
        ({"note": "x" * 1001}, "`note`"),
        ({"label_url": "labels"}, "`label_url`"),
        ({"attributes": {"Engraving": 5}}, "`attributes`"),
    ],
)
async def test_what_breaks_the_contract_is_refused(sim: Client, change: Json, words: str) -> None:
    """A 422 names the field, and no task is made."""
    body = {**order(reference(22)), **change}
    headers = {**BEARER, "Idempotency-Key": "k"}
    answer = await sim.call("POST", TASKS, body, headers)
    assert (answer.status, answer.json["error"]["code"]) == (422, "InvalidTask")
    assert words in answer.json["error"]["message"]
    assert await sim.ledger() == []


async def test_a_wrong_token_or_no_key_is_refused(sim: Client) -> None:
    """Without a token, with one that begins with `wrong`, or without a key nothing is done."""
    for headers, status in [({}, 401), ({"Authorization": "Bearer wrong"}, 401), (BEARER, 400)]:
        assert (await sim.call("POST", TASKS, order(reference(23)), headers)).status == status
    assert await sim.ledger() == []


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"split_shares": 1}, "no habit named split_shares"),
        ({"split_share": 2}, "`split_share` must be a number from 0 to 1"),
        ({"hold": 1}, "`hold` must be true or false"),
        ({"callbacks": ["lost"]}, "`callbacks` must be a list of"),
        ({"warehouse": "No Name"}, "no warehouse named"),
    ],
)
async def test_a_misspelt_habit_is_refused(sim: Client, wish: Json, words: str) -> None:
    """A habit that would change nothing is a 400 which says what was expected."""
    answer = await sim.call("POST", "/_sim/warehouse/habits", wish)
    assert answer.status == 400
    assert words in answer.json["error"]


async def test_habits_may_come_from_the_command_line() -> None:
    """`--warehouse-habits` sets the usual habits of every warehouse."""
    with started("--warehouse-habits", '{"split_share": 0.25}') as running:
        async with calling(running) as sim:
            shown = (await sim.call("GET", "/_sim/warehouse/habits?warehouse=east")).json
            assert shown["usual"]["split_share"] == 0.25
