"""The embedded NATS server's configuration: durable JetStream, bounds everywhere, one account per
channel."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ACCOUNT = "ORDERWRIGHT"
USER = "orderwright"
DOMAIN = "orderwright"
"""Under which a channel's account reaches the stream's API: under the usual subject the server
itself answers, too, that the account has no streams of its own."""
LARGEST_PAYLOAD_BYTES = 8 * 1024 * 1024
_CHANNEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class NatsPlan:
    """Everything in the configuration file. `channels` maps each channel to its publisher's
    password."""

    server_name: str
    host: str
    port: int
    monitor_port: int
    store_directory: Path
    max_file_store_bytes: int
    max_payload_bytes: int
    password: str
    channels: Mapping[str, str]


NOT_OVER_NATS = ("act", "edit", "return", "privacy")
"""Kinds that name a person or erase: no channel's user may publish them."""


def check_channel(channel: str) -> str:
    """Return the channel; raises ValueError when it can't be one token of a subject."""
    if not _CHANNEL.fullmatch(channel):
        raise ValueError(
            f"{channel!r} can't name a channel: use 1 to 64 of A-Z, a-z, 0-9, '_' and '-', a "
            f"letter or digit first."
        )
    return channel


def channel_user(channel: str) -> str:
    """Return the NATS user that may publish this channel's orders."""
    return f"channel-{channel}"


def configuration(plan: NatsPlan, *, passing: bool = False) -> str:
    """Return the file's text: JSON, which is valid in the server's own format.

    A channel's publisher gets an account of its own that imports `orders.in.<channel>.>` from ours
    as a service. Permissions alone would not do: the server sends a JetStream ack to whatever reply
    subject the publisher names, so a publisher inside our account could make it write into another
    channel's subjects. Across accounts the reply can only come back to the publisher's own. The
    same account may subscribe to the published events of its own orders (`orders.out.<channel>.>`),
    and catch up on them with its own durable consumer: it may ask what that has next, and
    acknowledge it. `passing` adds an account of no one, so that the next reload changes accounts.
    """
    if plan.max_payload_bytes > LARGEST_PAYLOAD_BYTES:
        raise ValueError(f"max_payload_bytes is at most {LARGEST_PAYLOAD_BYTES}.")
    accounts: dict[str, object] = {
        ACCOUNT: {
            "jetstream": "enabled",
            "users": [{"user": USER, "password": plan.password}],
            "exports": [
                {**export, "accounts": [_account(channel)]}
                for channel in plan.channels
                for export in _exports(channel)
            ],
        }
    }
    if passing:
        accounts["PASSING"] = {}
    for channel, password in plan.channels.items():
        accounts[_account(channel)] = _channel_account(check_channel(channel), password)
    return json.dumps(
        {
            "server_name": plan.server_name,
            "host": plan.host,
            "port": plan.port,
            "http": f"127.0.0.1:{plan.monitor_port}",
            "max_payload": plan.max_payload_bytes,
            "max_connections": 1024,
            "max_subscriptions": 10_000,
            "max_pending": 32 * 1024 * 1024,
            "write_deadline": "5s",
            "ping_interval": "10s",
            "ping_max": 2,
            "lame_duck_duration": "30s",
            "lame_duck_grace_period": "2s",
            "jetstream": {
                "store_dir": str(plan.store_directory),
                "max_memory_store": 64 * 1024 * 1024,
                "max_file_store": plan.max_file_store_bytes,
                # The default syncs every two minutes: a power failure would lose what was
                # acknowledged since.
                "sync_interval": "always",
            },
            "accounts": accounts,
        },
        indent=1,
    )


def _subjects(channel: str) -> str:
    return f"orders.in.{channel}.>"


def _denied(channel: str) -> list[str]:
    return [f"orders.in.{channel}.{kind}.>" for kind in NOT_OVER_NATS]


def _events(channel: str) -> str:
    return f"orders.out.{channel}.>"


def _asked(channel: str) -> list[str]:
    """What a reader of the channel's durable consumer asks of the stream's API: which consumer that
    is, and what is next."""
    name = f"EVENTS.{channel_user(channel)}"
    return [f"CONSUMER.INFO.{name}", f"CONSUMER.MSG.NEXT.{name}"]


def _taken(channel: str) -> str:
    """Where it says that it has taken an event."""
    return f"$JS.ACK.EVENTS.{channel_user(channel)}.>"


def _exports(channel: str) -> list[dict[str, object]]:
    exports: list[dict[str, object]] = [
        {"service": _subjects(channel)},
        {"stream": _events(channel)},
        {"service": _taken(channel)},
    ]
    # Several events may answer one request.
    answer: dict[str, object] = {"response_type": "stream"}
    return exports + [{"service": f"$JS.API.{asked}", **answer} for asked in _asked(channel)]


def _account(channel: str) -> str:
    return f"CHANNEL-{channel}"


def _channel_account(channel: str, password: str) -> dict[str, object]:
    permissions = {
        # Actions must carry a person's name, so only the API and the command line publish them. And
        # permanent erasure needs a storefront's signature, or a person.
        "publish": {
            "allow": [
                _subjects(channel),
                _taken(channel),
                *(f"$JS.{DOMAIN}.API.{asked}" for asked in _asked(channel)),
            ],
            "deny": _denied(channel),
        },
        "subscribe": {"allow": ["_INBOX.>", _events(channel)]},
    }
    user = {"user": channel_user(channel), "password": password, "permissions": permissions}
    imports = [
        *(
            {"service": {"account": ACCOUNT, "subject": subject}}
            for subject in (_subjects(channel), _taken(channel))
        ),
        *(
            {
                "service": {"account": ACCOUNT, "subject": f"$JS.API.{asked}"},
                "to": f"$JS.{DOMAIN}.API.{asked}",
            }
            for asked in _asked(channel)
        ),
        {"stream": {"account": ACCOUNT, "subject": _events(channel)}},
    ]
    return {"users": [user], "imports": imports}
