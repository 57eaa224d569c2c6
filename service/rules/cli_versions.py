"""The commands of `orderwright rules` about versions: which rules decide, since when and why."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from schemas.contracts.rules import SETS, Rules, RulesRefused
from service.app.clock import SystemClock
from service.app.person import this_person
from service.cli.tables import age, print_json, print_table
from service.cli.tables import print_plain as print
from service.rules.cli import AsJson, Data, File, Refused, application, examined_or_refused

if TYPE_CHECKING:
    from adapters.postgres.rules import InUse
    from service.app.local import LocalSession
    from service.rules.publishing import Published, Publishing

T = TypeVar("T")

Reason = Annotated[str, typer.Option(help="Why; it is kept with the version.")]
Which = Annotated[int, typer.Argument(help="The version.", min=1)]


@application.command()
def show(
    version: Annotated[int, typer.Argument(help="A version; 0: the one in use.")] = 0,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Print the rules in use, or those of a version, in the order in which they are asked."""
    found, rules = _with(data, lambda session: _one(session, version))
    if as_json:
        print_json({"version": found, "rules": rules})
        return
    print(f"Version {found}" if found else "No rules are in use.")
    rows = [(name, one.name, one.when, one.why) for name in SETS for one in rules.of(name)]
    print_table(("set", "rule", "when", "why"), rows, most=100)
    for name, table in rules.tables.items():
        print(f"table {name}: {len(table.rows)} rows of {', '.join(table.columns)}")


@application.command()
def history(as_json: AsJson = False, data: Data = None) -> None:
    """List the versions, newest first: who, when, why, and which one is in use."""
    versions = _with(data, lambda session: session.rules.versions())
    if as_json:
        print_json(versions)
        return
    print_table(
        ("version", "when", "who", "used", "why"),
        [
            (
                f"{x.version}{' (in use)' if x.in_use else ''}",
                age(x.at),
                x.person,
                x.used or "never",
                x.reason,
            )
            for x in versions
        ],
    )


@application.command()
def diff(file: File, data: Data = None, as_json: AsJson = False) -> None:
    """Say what publishing a file would change in the rules in use."""
    from service.rules.file import read_file
    from service.rules.publishing import differences

    try:
        read = read_file(file)
    except OSError as error:
        raise Refused(f"{file} can't be read: {error.strerror}.") from error
    except RulesRefused as error:
        raise Refused(str(error)) from error
    before = _with(data, lambda session: session.rules.in_use())
    found = list(differences(before.rules, read.rules))
    if as_json:
        print_json({"version": before.version, "differences": found})
        return
    for one in found or ["Nothing differs."]:
        print(one)


@application.command()
def publish(file: File, reason: Reason, data: Data = None) -> None:
    """Check a file of rules and use it; the running service does within seconds."""
    rules = examined_or_refused(file, data)
    print(_changing(data, lambda one: one.publish(rules, reason)))


@application.command()
def approve(version: Which, reason: Reason, data: Data = None) -> None:
    """Have a version used that another person published."""
    print(_changing(data, lambda one: one.approve(version, reason)))


@application.command()
def rollback(version: Which, reason: Reason, data: Data = None) -> None:
    """Return to a version that was in use before."""
    print(_changing(data, lambda one: one.rollback(version, reason)))


async def _one(session: LocalSession, version: int) -> tuple[int, Rules]:
    if not version:
        found: InUse = await session.rules.in_use()
        return found.version, found.rules
    stored = await session.rules.one(version)
    if stored is None:
        raise Refused(f"There is no version {version}; `orderwright rules history` lists them.")
    return version, stored.rules


def _changing(data: Path | None, work: Callable[[Publishing], Awaitable[Published]]) -> str:
    from service.rules.publishing import Publishing

    async def change(session: LocalSession) -> str:
        publishing = Publishing(
            session.rules,
            second=session.settings.rules_need_second_person,
            person=this_person(),
            now=SystemClock().now(),
        )
        return (await work(publishing)).told

    try:
        return _with(data, change)
    except RulesRefused as error:
        raise Refused(str(error)) from error


def _with(data: Path | None, work: Callable[[LocalSession], Awaitable[T]]) -> T:
    from service.app import local

    async def run() -> T:
        async with local.open_local(data) as opened:
            return await work(opened)

    return asyncio.run(run())
