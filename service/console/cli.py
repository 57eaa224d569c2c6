"""`orderwright users …`: who may use the console. Only hashes of passwords are stored."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from service.app.errors import OperatorError, why_unread
from service.app.person import this_person
from service.cli.tables import age, print_json, print_table
from service.cli.tables import print_plain as print

if TYPE_CHECKING:
    from service.console.users import LocalUsers

T = TypeVar("T")

application = typer.Typer(help="Who may use the console.", no_args_is_help=True)

Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]
Name = Annotated[str, typer.Argument(help="The user's name.")]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        help="Where the password is, `-` for standard input. Left out: asked for on a terminal.",
        allow_dash=True,
    ),
]


@application.command()
def add(
    name: Name,
    role: Annotated[
        str, typer.Option(help="viewer, auditor, finance, warehouse, agent, operator or admin.")
    ] = "viewer",
    channel: Annotated[
        list[str] | None, typer.Option(help="Channels it sees. Left out: all.")
    ] = None,
    password_file: PasswordFile = None,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="It signs in by `users link` alone.")
    ] = False,
    data: Data = None,
) -> None:
    """Add a user."""
    password = "" if no_password else _password(password_file)
    _run(data, lambda users: users.add(name, role, channel or ["*"], password, this_person()))
    print(f"{name} may sign in as {role}.")


@application.command("list")
def list_users(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    data: Data = None,
) -> None:
    """List the users: what they may, and when they last signed in."""
    users = _run(data, lambda users: users.list_users())
    if as_json:
        fields = ("name", "role", "channels", "created_at", "seen_at", "disabled_at")
        print_json([{name: getattr(user, name) for name in fields} for user in users])
        return
    print_table(
        ("name", "role", "channels", "signs in by", "last signed in", "state"),
        [
            (
                user.name,
                user.role,
                " ".join(sorted(user.channels)),
                "password" if user.password else "link",
                age(user.seen_at) if user.seen_at else "never",
                f"disabled {age(user.disabled_at)}" if user.disabled_at else "may sign in",
            )
            for user in users
        ],
    )


@application.command()
def password(name: Name, password_file: PasswordFile = None, data: Data = None) -> None:
    """Give a user another password. It is signed out everywhere."""
    new = _password(password_file)
    _run(data, lambda users: users.set_password(name, new, this_person()))
    print(f"{name} has another password, and is signed out everywhere.")


@application.command()
def disable(name: Name, data: Data = None) -> None:
    """Bar a user from the console and sign it out everywhere; its decisions stay under its name."""
    _run(data, lambda users: users.disable(name, this_person()))
    print(f"{name} may not sign in any more.")


@application.command()
def link(name: Name, data: Data = None) -> None:
    """Print an address that signs a user in once, within a quarter of an hour."""
    print(_run(data, lambda users: users.link(name, this_person())))


def _run(data: Path | None, work: Callable[[LocalUsers], Awaitable[T]]) -> T:
    from service.console.users import open_users

    async def run() -> T:
        async with open_users(data) as users:
            return await work(users)

    return asyncio.run(run())


def _password(file: Path | None) -> str:
    """Return a password: the first line of a file, else what a person types twice."""
    if file is None:
        if not sys.stdin.isatty():
            raise OperatorError("Name a --password-file; `-` reads it from standard input.")
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    try:
        text = sys.stdin.readline() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{file} can't be read ({why_unread(error)}).") from error
    return text.split("\n", 1)[0].rstrip("\r")
