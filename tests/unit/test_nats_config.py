"""What the embedded NATS server lets a channel's own user publish."""

from __future__ import annotations

import json
from pathlib import Path

from service.embedded.nats_config import NatsPlan, configuration


def test_a_channel_s_user_speaks_for_no_person_and_erases_no_one() -> None:
    """It may publish its orders, but no decision of a person and no request for erasure; and of the
    stream's API it may use its own consumer alone."""
    plan = NatsPlan(
        server_name="x",
        host="127.0.0.1",
        port=1,
        monitor_port=2,
        store_directory=Path("/nowhere"),
        max_file_store_bytes=1,
        max_payload_bytes=1,
        password="ours",
        channels={"acme": "theirs"},
    )
    (user,) = json.loads(configuration(plan))["accounts"]["CHANNEL-acme"]["users"]
    assert user["permissions"]["publish"] == {
        "allow": [
            "orders.in.acme.>",
            "$JS.ACK.EVENTS.channel-acme.>",
            "$JS.orderwright.API.CONSUMER.INFO.EVENTS.channel-acme",
            "$JS.orderwright.API.CONSUMER.MSG.NEXT.EVENTS.channel-acme",
        ],
        "deny": [f"orders.in.acme.{kind}.>" for kind in ("act", "edit", "return", "privacy")],
    }
