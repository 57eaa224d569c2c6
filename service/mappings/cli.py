"""`orderwright mappings …`: the names that channels use, and the names that we use."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from schemas.contracts.mappings import Mappings, MappingsRefused, unconfigured
from service.app.clock import SystemClock
from service.app.errors import OperatorError
from service.app.person import this_person
from service.cli.tables import age, print_json, print_table
from service.cli.tables import print_plain as print
from service.mappings.adding import Kind, added

if TYPE_CHECKING:
    from service.app.local import LocalSession

application = typer.Typer(help="Translate names of the channels into ours.", no_args_is_help=True)

Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the version.")]
File = Annotated[Path, typer.Argument(help="TOML, or JSON by its name.", dir_okay=False)]

T = TypeVar("T")

MAX_WORDS = 300
"""Characters of what an order waits for; the missing name is at the end."""


class Refused(OperatorError):
    """The mappings can't be used, or can't be changed this way."""

    exit_code = 1


@application.command()
def show(data: Data = None) -> None:
    """Print the current mappings as JSON."""
    version, mappings = _with(data, lambda session: session.mappings.current())
    print_json({"version": version, "mappings": mappings})


@application.command()
def check(file: File) -> None:
    """Check a file of mappings; changes nothing."""
    mappings = _read(file)
    print(f"{file} is valid: tables of {len(mappings.channels)} channels.")


@application.command()
def load(file: File, reason: Reason, data: Data = None) -> None:
    """Load the mappings in a file; the running service uses them within seconds."""
    mappings = _read(file)
    _save(data, lambda _: mappings, reason)


@application.command()
def add(
    kind: Annotated[Kind, typer.Argument(help="What kind of name it is.")],
    channel: Annotated[str, typer.Argument(help="The channel's name, or '*' for all.")],
    theirs: Annotated[str, typer.Argument(metavar="FROM", help="What the channel calls it.")],
    ours: Annotated[str, typer.Argument(metavar="TO", help="What we call it.")],
    reason: Reason,
    data: Data = None,
) -> None:
    """Add one entry; orders that wait for it continue by themselves."""
    _save(data, lambda mappings: added(mappings, kind, channel, theirs, ours), reason)


@application.command()
def history(as_json: AsJson = False, data: Data = None) -> None:
    """List the versions, newest first: who, when and why."""
    versions = _with(data, lambda session: session.mappings.history())
    if as_json:
        print_json(versions)
        return
    print_table(
        ("version", "when", "who", "from", "why"),
        [(str(x.version), age(x.at), x.person, x.source, x.reason) for x in versions],
    )


@application.command()
def waiting(as_json: AsJson = False, data: Data = None) -> None:
    """List the orders that wait for a mapping, and which one."""
    orders, count = _with(data, lambda session: session.mappings.waiting())
    if as_json:
        print_json({"orders": orders, "count": count})
        return
    print_table(
        ("number", "channel", "waits for"),
        [(x.number, x.channel, x.waiting_for) for x in orders],
        most=MAX_WORDS,
    )
    if count > len(orders):
        print(f"{count - len(orders)} more orders wait.")


def _read(file: Path) -> Mappings:
    from service.mappings.file import read_file

    try:
        return read_file(file)
    except OSError as error:
        raise Refused(f"{file} can't be read: {error.strerror}.") from error
    except MappingsRefused as error:
        raise Refused(f"{file}: {error}") from error


def _save(data: Path | None, change: Callable[[Mappings], Mappings], reason: str) -> None:
    if not reason.strip():
        raise Refused("Say why with --reason; it is kept with the version.")

    async def save(session: LocalSession) -> tuple[int | None, tuple[str, ...]]:
        saved = await kept(session, change, reason)
        _, mappings = await session.mappings.current()
        return saved, unconfigured(mappings, session.channels)

    try:
        saved, strangers = _with(data, save)
    except MappingsRefused as error:
        raise Refused(str(error)) from error
    if saved is None:
        raise Refused("Someone else changed the mappings meanwhile; run it again.")
    print(f"Version {saved} of the mappings is stored; the service uses it within seconds.")
    if strangers:
        print(
            f"No channel is configured as {', '.join(strangers)}: those tables have no effect; "
            "check for misspelt names."
        )


async def kept(
    session: LocalSession, change: Callable[[Mappings], Mappings], reason: str
) -> int | None:
    """Store the changed document and return its version, None when someone else was first. Raises
    Refused when the mappings come from a file."""
    if session.mappings_file:
        raise Refused(
            f"The mappings come from the file {session.mappings_file} (setting mappings_file):"
            " change that file; the service uses it within seconds."
        )
    version, mappings = await session.mappings.current()
    return await session.mappings.save(
        change(mappings),
        seen=version,
        at=SystemClock().now(),
        person=this_person(),
        reason=reason,
        source="command line",
    )


def _with(data: Path | None, work: Callable[[LocalSession], Awaitable[T]]) -> T:
    from service.app import local

    async def run() -> T:
        async with local.open_local(data) as opened:
            return await work(opened)

    return asyncio.run(run())
