"""What processes that share the orders tell each other, on a real server."""

from __future__ import annotations

from adapters.nats.whispers import SUBJECT, Whisper, Whispers
from service.embedded.supervisor import EmbeddedServers
from tests.integration.test_nats_adapter import connected
from tests.waiting import eventually


async def test_the_others_hear_it_and_oneself_does_not(servers: EmbeddedServers) -> None:
    """Erased orders and a partner's wish reach every other process; what can't be read is passed
    over."""
    async with connected(servers.nats_url) as connection:
        heard: dict[str, list[Whisper]] = {"one": [], "two": [], "three": []}
        members = {name: Whispers(connection, name, told.append) for name, told in heard.items()}
        for member in members.values():
            await member.start()
        await connection.client.publish(SUBJECT, b"not JSON")
        await members["one"].say(forget=("a", "b"))
        await members["one"].say(lane="erp", pause_seconds=30.0)
        await eventually(lambda: len(heard["two"]) == len(heard["three"]) == 2)
        assert heard["two"] == heard["three"]
        assert heard["two"][0].forget == ("a", "b")
        assert (heard["two"][1].lane, heard["two"][1].pause_seconds) == ("erp", 30.0)
        assert heard["one"] == []
