"""`orderwright backup`, `restore` and `restored …`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from service.app.errors import OperatorError, why_unread
from service.app.person import this_person
from service.cli.tables import print_json, print_over, print_table
from service.cli.tables import print_plain as print

application = typer.Typer(
    help="What is held since a backup was restored, for a person to decide about.",
    no_args_is_help=True,
)

MAX_PASSPHRASE_BYTES = 10_000
"""Longer than anybody's, so that a wrong file is not read whole."""

Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept permanently.")]
Passphrase = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help="A file with the passphrase; left out: you are asked.",
        dir_okay=False,
    ),
]
Orders = Annotated[
    list[str] | None, typer.Option("--order", help="Only of this order, by number; repeatable.")
]


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")],
    passphrase_file: Passphrase = None,
    data: Data = None,
) -> None:
    """Write everything that the running service has stored to one sealed file.

    It holds the database, the data directory's secrets and the streams' positions. Whoever restores
    it needs the passphrase, and the keys that the configuration names.
    """
    from service.backup.take import take

    passphrase = _passphrase(passphrase_file, twice=True)
    taken = asyncio.run(take(file, passphrase, data, _progress))
    print(
        f"{taken.path} is written: {taken.orders:,} orders, {taken.secrets} secrets, "
        f"{taken.bytes:,} bytes, as of {taken.taken_at:%Y-%m-%d %H:%M:%S} UTC."
    )
    print("Keep its passphrase and the configuration elsewhere: neither is in it.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `orderwright backup` wrote.")],
    passphrase_file: Passphrase = None,
    config_file: Annotated[
        Path | None, typer.Option("--config", help="The configuration file (TOML).", dir_okay=False)
    ] = None,
) -> None:
    """Restore a backup into the configuration's data directory, which must be empty.

    What may have been done since the backup is looked up by the next start before it is done; what
    can't be looked up is held: `orderwright restored list`.
    """
    from schemas.messages.words.parts import counted
    from service.backup.restore import restore as restored
    from service.settings import file_in_use, load

    settings = load(path=config_file or file_in_use())
    passphrase = _passphrase(passphrase_file, twice=False)
    header = asyncio.run(restored(file, passphrase, settings, print))
    waiting = sum(one.waiting for name, one in header.streams.items() if name != "EVENTS")
    print(f"{settings.data_dir} is as it was at {header.moment}. Next: `orderwright serve`.")
    others = f", and the {counted(waiting, 'message')} that waited then" if waiting else ""
    print(
        "Then: what shops with an API have changed since is fetched by itself; have every other"
        f" sender send again what it sent since{others}."
    )


@application.command("list")
def list_held(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Rows at most.")] = 200,
    data: Data = None,
) -> None:
    """List what may have been done before the restore and can't be looked up, such as mails."""
    from service.backup.held import open_held

    async def listed() -> None:
        async with open_held(data) as batch:
            last = await batch.restoration()
            found = []
            async for one in batch.held():
                found.append(one)
                if len(found) >= limit:
                    break
        if as_json:
            print_json(found)
            return
        ended = f", held until {last.ended_at:%Y-%m-%d %H:%M} UTC" if last.ended_at else ""
        taken = f"{last.taken_at:%Y-%m-%d %H:%M:%S} UTC" if last.taken_at else "an earlier moment"
        print(f"Restored to {taken}{ended}. Held: {len(found)}{'+' * (len(found) >= limit)}.")
        rows = [
            (one.order_number, one.channel, str(one.effect), one.kind, one.lane, one.key)
            for one in found
        ]
        if rows:
            print_table(("ORDER", "CHANNEL", "EFFECT", "WHAT", "PARTNER", "THING"), rows)

    asyncio.run(listed())


@application.command()
def send(reason: Reason, orders: Orders = None, data: Data = None) -> None:
    """Carry out what is held, because you know that it was not done before the restore."""
    _decide("send", reason, orders, data)


@application.command()
def drop(reason: Reason, orders: Orders = None, data: Data = None) -> None:
    """Leave out what is held, because it was done before the restore or is no longer wanted."""
    _decide("drop", reason, orders, data)


@application.command()
def end(reason: Reason, data: Data = None) -> None:
    """Stop holding what comes up from now on; what is held already stays so until it is decided."""
    from service.backup.held import open_held

    async def ended() -> bool:
        async with open_held(data) as batch:
            return await batch.end(this_person(), reason)

    told = "From now on nothing more is held." if asyncio.run(ended()) else "That was so already."
    print(
        f"{told} What is held already stays so until it is sent or dropped; what can be looked up"
        " is looked up before it is repeated, as ever."
    )


def _decide(verb: str, reason: str, orders: list[str] | None, data: Path | None) -> None:
    from schemas.messages.words.parts import counted
    from service.backup.held import open_held

    async def decided() -> int:
        async with open_held(data) as batch:
            return await batch.decide(verb, orders or (), this_person(), reason)

    count = asyncio.run(decided())
    if not count:
        print("Nothing is held" + (" of these orders." if orders else "."))
        return
    what = "is sent" if verb == "send" else "is left out"
    print(f"{counted(count, 'effect')} of those held {what}; the orders' timelines show it.")


def _passphrase(file: Path | None, *, twice: bool) -> str:
    if file is None:
        if not sys.stdin.isatty():
            raise OperatorError(
                "No one can be asked for the passphrase here; name a file with --passphrase-file."
            )
        return str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=twice, err=True))
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_PASSPHRASE_BYTES).decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(
            f"{file} can't be read as a passphrase ({why_unread(error)})."
        ) from error


def _progress(done: int) -> None:
    if sys.stderr.isatty():
        print_over(f" {done // 2**20} MiB …", end="\r")
