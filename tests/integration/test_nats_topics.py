"""What a channel calls its message: one header of ours, whatever it holds."""

from __future__ import annotations

import pytest

from adapters.nats.intake_source import IntakeSource
from service.embedded.supervisor import EmbeddedServers
from tests.integration.test_nats_adapter import connected, started_publisher, take


@pytest.mark.parametrize(
    ("topic", "kept"),
    [
        ("store/x\r\nOrderwright-Source: canonical\r\nNats-Msg-Id: 1", None),
        ("a\r\n\r\n{}", None),
        ("orders/\udcff\u202ecreate", "orders/create"),
        ("größe/日本", "größe/日本"),
    ],
)
async def test_a_topic_is_one_header(
    servers: EmbeddedServers, topic: str, kept: str | None
) -> None:
    """A channel whose payload names its topic can't add headers of ours by it, nor break it off."""
    async with connected(servers.nats_url) as connection:
        source = IntakeSource(connection)
        await source.start()
        publisher = await started_publisher(connection)
        for number in (1, 2):
            await publisher.publish(
                *("acme-us", "place", "1042", b"{}"),
                delivery_id=f"delivery {number}",
                source="shopify",
                topic=topic,
            )
        messages = [one.message for one in await take(source, 2)]
        assert [one.source for one in messages] == ["shopify"] * 2
        assert len({one.delivery_id for one in messages}) == 2
        assert messages[0].raw == b"{}"
        assert messages[0].topic == (kept or " ".join(topic.split()))
        await source.stop()
