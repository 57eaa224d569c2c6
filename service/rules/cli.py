"""`orderwright rules …`: what is decided about orders, by rules that a person writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from schemas.contracts.rules import RulesRefused
from service.app.errors import OperatorError
from service.cli.tables import print_json, print_table
from service.cli.tables import print_plain as print

if TYPE_CHECKING:
    from schemas.contracts.rules import Rules
    from schemas.order.canonical import Order
    from schemas.order.world import World
    from service.rules.examine import Examined

application = typer.Typer(
    help="Decide by rules where goods leave from, who carries them, and what waits.",
    no_args_is_help=True,
)

Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]
Config = Annotated[
    Path | None, typer.Option("--config", help="The configuration file (TOML).", dir_okay=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
File = Annotated[Path, typer.Argument(help="A file of rules (TOML).", dir_okay=False)]


class Refused(OperatorError):
    """The rules can't be used, or can't be changed this way."""

    exit_code = 1


@application.command()
def lint(file: File, config: Config = None, data: Data = None, as_json: AsJson = False) -> None:
    """Check a file of rules against the settings; exit with 1 for an error."""
    examined = _examine(file, config, data)
    if as_json:
        print_json({"findings": examined.findings, "left": examined.left})
    else:
        _tell(file, examined)
    if not examined.is_good:
        raise typer.Exit(1)


@application.command("test")
def try_order(
    file: File,
    order: Annotated[Path, typer.Argument(help="An order (JSON of order.v1).", dir_okay=False)],
    channel: Annotated[str, typer.Option(help="The channel that it came from.")] = "",
    home: Annotated[str, typer.Option(help="The country of the first place.")] = "",
    known: Annotated[
        Path | None,
        typer.Option(
            "--known", help="What is known beyond the order (JSON), such as of its customer."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what the rules in a file decide about one order; changes nothing. Without --known nothing
    is known beyond the order."""
    from actors.rules.compiled import Compiled
    from actors.rules.facts import away_of
    from service.rules.file import read_file

    try:
        read = read_file(file)
        if read.findings:
            raise RulesRefused([one.sentence for one in read.findings])
        compiled = Compiled(read.rules)
    except OSError as error:
        raise Refused(f"{file} can't be read: {error.strerror}.") from error
    except RulesRefused as error:
        raise Refused(f"{error} `orderwright rules lint {file}` says more.") from error
    one = _order(order)
    rulings = compiled.decide(one, channel, away_of(one, home), _known(known))
    if as_json:
        print_json({"rulings": rulings})
        return
    print_table(
        ("set", "rule", "asks for", "facts"),
        [
            (
                x.set,
                x.rule or "(no rule matched)",
                ", ".join(f"{k} {v}" for k, v in x.asks),
                ", ".join(f"{k} {v}" for k, v in x.facts),
            )
            for x in rulings
        ],
        most=120,
    )


@application.command()
def facts(as_json: AsJson = False) -> None:
    """List the facts that a condition can ask for, with their types."""
    from actors.rules.facts import WHAT, flat
    from actors.rules.facts import facts as known

    rows = {name: (one, WHAT[name]) for name, one in known().items()}
    rows |= {path: (one, "may be missing: has(…)" if one.maybe else "")
             for path, one in flat().items()}  # fmt: skip
    told = [(path, _kind(one), note) for path, (one, note) in rows.items()]
    if as_json:
        print_json([{"fact": x, "type": y, "note": z} for x, y, z in told])
        return
    print_table(("fact", "type", ""), told, most=90)


@application.command()
def bench() -> None:
    """Measure what 10, 50 and 200 rules cost for one order on this machine."""
    from service.rules.bench import measure

    print_table(
        ("rules", "µs an order", "ms to compile"),
        [
            (str(x.rules), f"{x.microseconds:.1f}", f"{x.compile_milliseconds:.1f}")
            for x in measure()
        ],
    )


def _kind(found: object) -> str:
    from actors.rules.facts import Type

    assert isinstance(found, Type), "the rows are typed"
    if found.values:
        return " | ".join(repr(one) for one in found.values)
    if found.of is not None:
        return f"{found.kind} of {found.of.name or found.of.kind}"
    return found.name if found.kind == "struct" else found.kind


def _examine(file: Path, config: Path | None, data: Path | None) -> Examined:
    from service.app.located import settings_meant
    from service.rules.examine import examine, world_of

    try:
        return examine(file, world_of(settings_meant(config, data)))
    except OSError as error:
        raise Refused(f"{file} can't be read: {error.strerror}.") from error
    except RulesRefused as error:
        raise Refused(str(error)) from error


def examined_or_refused(file: Path, data: Path | None) -> Rules:
    """Return the rules in a file, checked against the settings of the running service. Raises
    Refused for any error, after its findings were printed."""
    examined = _examine(file, None, data)
    if not examined.is_good:
        _tell(file, examined)
        raise Refused("Nothing is published: correct the errors above, and run it again.")
    return examined.read.rules


def _tell(file: Path, examined: Examined) -> None:
    for one in examined.findings:
        where = f"{file}:{one.line}" + (f":{one.column}" if one.column else "")
        what = f"{one.set} {one.rule}".strip()
        print(f"{where if one.line else file}: {one.severity}: {what}: {one.sentence}")
    rules = examined.read.rules
    from schemas.contracts.rules import SETS

    count = sum(len(rules.of(name)) for name in SETS)
    errors = sum(one.severity == "error" for one in examined.findings)
    warnings = len(examined.findings) - errors
    print(f"{count} rules, {len(rules.tables)} tables: {errors} errors, {warnings} warnings.")
    for left in examined.left:
        print(f"Not looked at: {left}.")


def _known(path: Path | None) -> World:
    from schemas.order.world import UNKNOWN, World

    if path is None:
        return UNKNOWN
    try:
        return msgspec.json.decode(path.read_bytes(), type=World)
    except OSError as error:
        raise Refused(f"{path} can't be read: {error.strerror}.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Refused(
            f"{path} does not say what is known beyond an order: {error}. Such a file is "
            '{"customer": {"orders": 3}}; `orderwright rules facts` lists the names.'
        ) from error


def _order(path: Path) -> Order:
    from schemas.messages.codec import decode_order

    try:
        return decode_order(path.read_bytes())
    except OSError as error:
        raise Refused(f"{path} can't be read: {error.strerror}.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Refused(f"{path} is not an order as order.v1 describes it: {error}.") from error
