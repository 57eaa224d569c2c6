"""Commands that run the service, and commands that only print."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from service.alerts import cli as alerts
from service.app.errors import OperatorError
from service.backup import cli as backups
from service.batches import cli as batches
from service.books import cli as books
from service.channels import cli as channels
from service.cli import keys
from service.cli.tables import print_plain as print
from service.console import cli as users
from service.imports.cli import import_orders
from service.incidents import cli as incidents
from service.lineage.cli import lineage
from service.mappings import cli as mappings
from service.orders import cli as orders
from service.orders import cli_returns as returns
from service.privacy import cli as privacy
from service.quarantine import cli as quarantine
from service.recon import cli as recon
from service.reviews import cli as reviews
from service.rules import commands as rules
from service.stock import commands as stock

application = typer.Typer(
    name="orderwright",
    help="E-commerce order automation: from webhook to delivered, none lost, none twice.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
config = typer.Typer(help="The configuration and where it comes from.", no_args_is_help=True)
spec = typer.Typer(help="The published contracts.", no_args_is_help=True)
orders.application.command("import")(import_orders)
application.add_typer(orders.application, name="orders")
application.add_typer(returns.application, name="returns")
application.add_typer(channels.application, name="channels")
application.add_typer(channels.kind, name="channel")
application.add_typer(incidents.application, name="incidents")
application.add_typer(alerts.application, name="alerts")
application.add_typer(keys.application, name="keys")
application.add_typer(users.application, name="users")
application.add_typer(quarantine.application, name="quarantine")
application.add_typer(mappings.application, name="mappings")
application.add_typer(reviews.application, name="reviews")
application.add_typer(batches.application, name="batch")
application.add_typer(recon.application, name="recon")
application.add_typer(books.application, name="books")
application.add_typer(rules.application, name="rules")
application.add_typer(privacy.application, name="privacy")
application.add_typer(stock.application, name="stock")
application.add_typer(config, name="config")
application.add_typer(spec, name="spec")
application.command("lineage")(lineage)
application.command("backup")(backups.backup)
application.command("restore")(backups.restore)
application.add_typer(backups.application, name="restored")

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="The configuration file (TOML).", dir_okay=False)
]

Data = Annotated[
    Path | None,
    typer.Option("--data", help="The configuration of the service that runs in this directory."),
]


class NotGood(OperatorError):
    """The demo lost or doubled orders, or doctor found faults."""

    exit_code = 1


@application.command()
def init(
    instances: Annotated[
        list[str] | None,
        typer.Argument(help="Channels and partners, each as NAME=KIND (acme-us=shopify)."),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", help="A value: NAME.KEY=VALUE, or listen.port=9090. Repeatable."),
    ] = None,
    into: Annotated[Path, typer.Option(help="The folder to write into.")] = Path("."),
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write a commented configuration, by flags or, on a terminal, by asking for what is missing.

    Secrets go to files that only you can read. Nothing is overwritten without --force.
    """
    from schemas.messages.words.parts import counted
    from service.app.beginning import Beginning

    beginning = Beginning(into, _asked if sys.stdin.isatty() else None)
    for stated in instances or ():
        beginning.add(stated)
    for stated in values or ():
        beginning.set(stated)
    beginning.ask_for()
    path, settings = beginning.write(overwrite=force)
    channels = counted(len(settings.channels), "channel")
    print(f"{path} is written: {channels}, {counted(len(settings.partners), 'partner')}.")
    print("Next: `orderwright doctor` checks it, `orderwright serve` runs it.")


def _asked(question: str, *, hidden: bool = False) -> str:
    from service.app.beginning import InitEnded

    try:
        return str(
            typer.prompt(question, default="", hide_input=hidden, show_default=False, err=True)
        )
    except typer.Abort:  # Ctrl-C, or Ctrl-D
        raise InitEnded("You ended it, and nothing was written.") from None


@application.command()
def serve(
    config_file: ConfigFile = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that share the orders and the port; left out: `workers.count`.",
            min=1,
            max=32,
        ),
    ] = None,
    front: Annotated[
        bool,
        typer.Option(
            "--front",
            help="One process more takes all webhooks and requests; left out: `workers.front`.",
        ),
    ] = False,
) -> None:
    """Run the service until SIGTERM."""
    from msgspec import structs

    from service.settings import file_in_use, load, overruled_in

    config_file = config_file or file_in_use()
    settings = load(path=config_file)
    chosen = structs.replace(
        settings.workers,
        count=workers or settings.workers.count,
        front=front or settings.workers.front,
    )
    settings = structs.replace(settings, workers=chosen)

    import uvloop

    from service.app.clock import SystemClock
    from service.app.serve import serve as run
    from service.telemetry.logs import start_logs

    telemetry = settings.telemetry
    start_logs(SystemClock().monotonic, level=telemetry.log_level, form=telemetry.log_format)
    for sentence in overruled_in(settings, None, config_file):
        logging.getLogger("service.settings").warning("%s", sentence)
    uvloop.run(run(settings, _tick, config=config_file))


@application.command(hidden=True)
def worker() -> None:
    """Run as one of the workers that `serve` starts, told on the input which one."""
    import uvloop

    from service.app.clock import SystemClock
    from service.app.serve import serve_worker
    from service.app.worker import assigned_worker, settings_of
    from service.telemetry.logs import start_logs

    async def run() -> None:
        told = await assigned_worker()
        settings = settings_of(told.assigned)
        telemetry = settings.telemetry
        start_logs(SystemClock().monotonic, level=telemetry.log_level, form=telemetry.log_format)
        await serve_worker(told, settings)

    uvloop.run(run())


@application.command("reload")
def reload_service(
    data: Annotated[
        Path | None, typer.Option("--data", help="The data directory of the running service.")
    ] = None,
) -> None:
    """Have the running service take its configuration over, as SIGHUP does."""
    from service.app.reloading import reload

    print(asyncio.run(reload(data)))


@application.command()
def demo(
    data: Annotated[Path | None, typer.Option(help="Where the demo keeps its data.")] = None,
    port: Annotated[
        int | None,
        typer.Option(
            help="Port of the HTTP server; 0: a free one. Left out: 8080, or a free one if that is"
            " taken.",
            min=0,
            max=65_535,
        ),
    ] = None,
    rate: Annotated[
        float, typer.Option(help="Orders a second; 0: as fast as possible.", min=0)
    ] = 20.0,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 1,
    orders: Annotated[
        int, typer.Option(help="Run this many orders and count the results; 0: run live.", min=0)
    ] = 0,
    report: Annotated[Path | None, typer.Option(help="Write the results as JSON.")] = None,
) -> None:
    """Run a small world on this machine: shops, partners, and every order from start to end."""
    from service.demo.run import Options, run
    from service.demo.terminal import Terminal
    from service.settings import refuse_for_demo

    refuse_for_demo()
    terminal = Terminal(sys.stderr)
    options = Options(data=data, port=port, rate=rate, seed=seed, orders=orders, report=report)
    try:
        good = asyncio.run(run(options, terminal.say))
    finally:
        terminal.end_status()
    if not good:
        raise NotGood("The demo lost or doubled something; the lines above say which orders.")


@application.command()
def migrate(config_file: ConfigFile = None) -> None:
    """Bring the database schema up to date, as `serve` does when it starts.

    Safe to repeat, and to run by several at once on an outside Postgres. While a service runs on
    the embedded one, its data directory is held and nothing is left to do.
    """
    from service.app.maintenance import migrate as run
    from service.settings import load

    applied = asyncio.run(run(load(path=config_file)))
    for name in applied:
        _tick(name)
    print(f"{len(applied)} migration{'s' * (len(applied) != 1)} applied; the schema is up to date.")


@application.command()
def doctor(
    config_file: ConfigFile = None,
    data: Data = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also print times and TLS certificates.")
    ] = False,
) -> None:
    """Check for problems that would keep the service from working, and say whose turn it is."""
    from service.app.doctor import examine
    from service.app.located import meant
    from service.settings import overruled_in

    found = meant(config_file, data, _note)
    overruled = overruled_in(found.settings, found.environ, found.path)
    findings = asyncio.run(examine(found.settings, overruled))
    for finding in findings:
        print(f" {finding.line()}")
        for detail in finding.details if verbose else ():
            print(f"     {detail}")
    bad = sum(not finding.good for finding in findings)
    if bad:
        raise NotGood(f"Doctor found {bad} fault{'s' * (bad != 1)}; the lines above say which.")


@application.command()
def version() -> None:
    """Print the version."""
    try:
        found = metadata.version("orderwright")
    except metadata.PackageNotFoundError:
        found = "(not installed: run from its source)"
    print(f"orderwright {found}")


@config.command("show")
def config_show(config_file: ConfigFile = None, data: Data = None) -> None:
    """Print every setting with its value and where that comes from; secrets are masked."""
    from service.app.located import meant
    from service.settings import told

    found = meant(config_file, data, _note)
    for line in told(found.settings, found.environ, found.path):
        print(line)


@spec.command("openapi")
def spec_openapi() -> None:
    """Print the OpenAPI document of all HTTP paths."""
    from service.app.front import routes_of_all
    from service.app.specs import Specs

    json.dump(Specs(routes_of_all()).openapi_document(), sys.stdout, indent=2)
    print()


@spec.command("asyncapi")
def spec_asyncapi() -> None:
    """Print the AsyncAPI document of what goes over NATS."""
    from service.app import asyncapi
    from service.app.specs import installed_version

    json.dump(asyncapi.document(installed_version()), sys.stdout, indent=2)
    print()


@spec.command("schemas")
def spec_schemas(
    name: Annotated[str, typer.Argument(help="One schema's name (default: all).")] = "",
) -> None:
    """Print the JSON Schemas of everything that comes in and goes out."""
    from schemas.contracts.published import all_schemas

    schemas = all_schemas()
    if name and name not in schemas:
        raise OperatorError(f"There is no schema {name}; use one of: {', '.join(schemas)}.")
    json.dump(schemas[name] if name else dict(schemas), sys.stdout, indent=2)
    print()


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _tick(line: str) -> None:
    print(f" ✔ {line}", file=sys.stderr, flush=True)
