"""`orderwright keys …`: API keys for other services. Only their digests are stored."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from service.app.errors import OperatorError
from service.cli.tables import age, print_json, print_table
from service.cli.tables import print_plain as print

application = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)

SCOPES = (
    *("orders:read", "orders:write", "orders:act", "returns:act", "labels:read"),
    *("quarantine:read", "quarantine:act", "privacy:read", "privacy:act", "mappings:read"),
    *("mappings:write", "rules:read", "rules:write", "rules:approve", "stock:read", "stock:write"),
    *("alerts:act", "recon:read", "recon:act", "books:read"),
)
"""What a key may do; written out here because the help is printed without the database's driver."""

Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]


@application.command()
def create(
    name: Annotated[str, typer.Argument(help="Who will use it, such as `billing`.")],
    scope: Annotated[
        list[str],
        typer.Option(help=f"What it may do, of: {', '.join(SCOPES)}. Repeatable."),
    ],
    channel: Annotated[
        list[str], typer.Option(help="A channel it may use; '*': every one. Repeatable.")
    ],
    data: Data = None,
) -> None:
    """Create a key. It is printed once and can't be shown again."""
    from service.app import local
    from service.app.clock import SystemClock

    async def run() -> str:
        async with local.open_local(data) as opened:
            return await opened.create_key(name, scope, channel, SystemClock().now())

    print(asyncio.run(run()))


@application.command("list")
def list_keys(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    data: Data = None,
) -> None:
    """List the keys: who uses them, what for, and when last."""
    from service.app import local

    async def run() -> list[local.ApiKey]:
        async with local.open_local(data) as opened:
            return await opened.list_keys()

    keys = asyncio.run(run())
    if as_json:
        print_json(keys)
        return
    print_table(
        ("id", "name", "scopes", "channels", "last used", "state"),
        [
            (
                key.id,
                key.name,
                " ".join(sorted(key.scopes)),
                " ".join(sorted(key.channels)),
                age(key.last_used_at) if key.last_used_at else "never",
                f"revoked {age(key.revoked_at)}" if key.revoked_at else "valid",
            )
            for key in keys
        ],
    )


@application.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, from `keys list`.")],
    data: Data = None,
) -> None:
    """Revoke a key. It is refused everywhere within half a minute."""
    from service.app import local
    from service.app.clock import SystemClock

    async def run() -> bool:
        async with local.open_local(data) as opened:
            return await opened.revoke_key(key_id, SystemClock().now())

    if not asyncio.run(run()):
        raise OperatorError(f"There is no valid key {key_id}; `orderwright keys list` shows them.")
    print(f"{key_id} is revoked.")
