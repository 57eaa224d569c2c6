"""Two services on three NATS servers, as docs/operations.md sets them up: whichever server is lost,
nothing is lost and nothing is done twice."""

from __future__ import annotations

import tomllib
from collections import Counter
from contextlib import suppress
from secrets import token_hex

import nats.errors
import pytest
from nats.js.api import StreamInfo
from nats.js.errors import APIError

from actors.runtime.errors import StreamUnavailable
from adapters.nats.connection import Connection, NatsUnusable, connect
from adapters.nats.names import stream_names
from adapters.nats.publisher import Publisher
from adapters.nats.seal import Seal
from adapters.nats.streams import ensure_streams
from service.app.errors import ServerUnusable
from service.embedded.external import check_nats
from tests.conftest import Say
from tests.e2e.nats_cluster import NODES, PASSWORD, cluster_in, clustered, compose
from tests.e2e.processes import ROOT
from tests.e2e.test_workers import begin, count_up, orders_flow, shops
from tests.e2e.world import seed_of_run
from tests.integration.servers import temporary_home
from tests.waiting import eventually

SIZE = 2
ORDERS_EACH, RATE = 40, 4.0
ELECTED_SECONDS = 60.0
"""Some seconds are usual; the machine may be busy."""


def test_the_documented_compose_file_has_three_of_each() -> None:
    """Three NATS servers with stores of their own, three containers with data directories of their
    own, and a configuration that keeps streams on all three servers."""
    told = compose()
    services, volumes = told["services"], set(told["volumes"])
    servers = {name for name, one in services.items() if one["image"].startswith("nats:")}
    ours = {name for name, one in services.items() if one["image"] == "orderwright"}
    assert servers == set(NODES)
    assert len(ours) == 3
    assert servers | ours == set(services)
    own = {volume.partition(":")[0] for one in services.values() for volume in one["volumes"]}
    assert volumes == own - {"./nats.conf", "./orderwright.toml"} == set(services)
    assert {services[name]["environment"]["NODE"] for name in servers} == servers
    assert all(services[name]["stop_grace_period"] == "30s" for name in ours)
    text = (ROOT / "docs" / "operations.md").read_text()
    (block,) = (x for x in text.split("```toml\n")[1:] if x.startswith("postgres_dsn"))
    settings = tomllib.loads(block.partition("```")[0])
    assert settings["nats_replicas"] == 3
    assert settings["workers"]["shared"] is True


async def published(publisher: Publisher) -> None:
    """Publish, again until a stream takes it."""

    async def taken() -> bool:
        with suppress(StreamUnavailable):
            await publisher.publish(
                "shop", "place", "1", b"{}", delivery_id=token_hex(8), source="test", topic=""
            )
            return True
        return False

    await eventually(taken, ELECTED_SECONDS)


async def all_names(connection: Connection) -> list[str]:
    """The streams' names, once the cluster has a leader that knows them."""

    async def told() -> list[str]:
        with suppress(NatsUnusable):
            return await stream_names(connection)
        return []

    return await eventually(told, ELECTED_SECONDS)


async def kept(connection: Connection) -> dict[str, tuple[int, int]]:
    """How many servers keep each stream, and how many messages it holds, once all have a leader."""
    found = {}
    for name in await all_names(connection):

        async def told(name: str = name) -> StreamInfo | None:
            with suppress(APIError, nats.errors.Error):
                return await connection.jetstream.stream_info(name)
            return None

        one = await eventually(told, ELECTED_SECONDS)
        assert one is not None
        found[name] = (one.config.num_replicas or 0, one.state.messages)
    return found


async def copied(connection: Connection) -> None:
    """Wait until every stream has been copied to all the servers that are to keep it."""

    async def all_current() -> bool:
        for name in await all_names(connection):
            with suppress(APIError, nats.errors.Error):
                found = (await connection.jetstream.stream_info(name)).cluster
                others = (found.replicas if found else None) or []
                if len(others) == 2 and all(one.current for one in others):
                    continue
            return False
        return True

    await eventually(all_current, ELECTED_SECONDS)


async def refusal(url: str) -> ServerUnusable | None:
    """Why a start would refuse the servers. One that led goes on for some seconds alone."""
    try:
        await check_nats(url)
    except ServerUnusable as error:
        return error
    return None


async def test_streams_are_spread_later_and_a_client_changes_over() -> None:
    """Streams of one server are kept by three once the setting says so, with what they hold. A
    client that was told of one server goes to another with its password when that is lost; a start
    does with the servers that are up, and says so where they are too few."""
    with temporary_home() as home:
        async with cluster_in(home) as cluster:
            first, second, _ = NODES
            connection = await connect(cluster.address(first))
            try:
                await ensure_streams(connection, None, ["shop"])
                publisher = Publisher(connection, Seal({}), channels=["shop"])
                await publisher.start()
                await published(publisher)
                assert set(await kept(connection)) == {"ORDERS", "ORDERS-shop", "UNROUTABLE"}
                assert (await kept(connection))["ORDERS-shop"] == (1, 1)
                connection.replicas = 3
                await ensure_streams(connection, None, ["shop"])
                assert await kept(connection) == {
                    "ORDERS": (3, 0), "ORDERS-shop": (3, 1), "UNROUTABLE": (3, 0),
                }  # fmt: skip
                await copied(connection)
                cluster.kill(first)
                await eventually(lambda: connection.generation > 0, ELECTED_SECONDS)
                await published(publisher)
                assert (await kept(connection))["ORDERS-shop"] == (3, 2)
            finally:
                await connection.close()
            assert await check_nats(cluster.url)
            with pytest.raises(ServerUnusable, match="cannot be used"):
                await check_nats(cluster.address(first))
            cluster.kill(second)
            refused = await eventually(lambda: refusal(cluster.url), ELECTED_SECONDS)
            assert refused is not None
            assert "can't elect a leader" in str(refused)
            assert refused.exit_code == 4
            assert PASSWORD not in str(refused)


@pytest.mark.timeout(600)
async def test_a_nats_server_that_is_lost_loses_and_doubles_nothing(say: Say) -> None:
    """Under orders the server that leads the most streams is killed and started again on what it
    kept; then another one is killed for good, and a service starts on the two that are left.
    All orders end, and the partners did everything once."""
    seed = seed_of_run()
    say(f"Two services on three NATS servers with ORDERWRIGHT_TEST_SEED={seed}:")
    with temporary_home() as home:
        async with clustered(home, SIZE) as (fleet, cluster):
            await begin(fleet, seed, SIZE)
            await fleet.balanced(SIZE)
            connection = await connect(cluster.url)
            try:
                streams = await kept(connection)
            finally:
                await connection.close()
            assert {replicas for replicas, _ in streams.values()} == {3}
            sent = shops(fleet, ORDERS_EACH, RATE, seed)
            await orders_flow(fleet, 20)
            ((first, led),) = Counter((await cluster.leads()).values()).most_common(1)
            cluster.kill(first)
            await orders_flow(fleet, 20)
            cluster.start(first)
            await cluster.healthy(first)
            sent += shops(fleet, ORDERS_EACH, RATE, seed, first=2001)
            await orders_flow(fleet, 20)
            second = next(node for node in NODES if node != first)
            cluster.kill(second)
            await orders_flow(fleet, 20)
            say(f"  {first}, which led {led} of {len(streams)} streams, and then {second} lost:")
            assert await fleet.members[1].terminated() == 0
            fleet.start(1)
            await fleet.started(1)
            await count_up(fleet, sent, say)
            for number in range(SIZE):
                assert await fleet.members[number].terminated() == 0
