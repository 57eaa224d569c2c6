"""`orderwright alerts …`: what people are told of, that someone knows, and whether it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from service.app.clock import SystemClock
from service.app.errors import OperatorError
from service.app.person import this_person
from service.cli.tables import age, print_json, print_table
from service.cli.tables import print_plain as print

if TYPE_CHECKING:
    from adapters.postgres.alerts import Alert
    from service.app.local import LocalSession

application = typer.Typer(help="Alerts: what people are told of.", no_args_is_help=True)

T = TypeVar("T")

Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class AlertRefused(OperatorError):
    """There is no such alert or route, or a test did not arrive."""

    exit_code = 11


@application.command("list")
def list_alerts(
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    limit: Annotated[int, typer.Option(help="Rows on a page.", min=1, max=200)] = 50,
    cursor: Annotated[int | None, typer.Option(help="The last id of the page before.")] = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """List open alerts, newest first."""
    from adapters.postgres.alerts import Alerts
    from service.alerts.words import title_of

    async def page(session: LocalSession) -> list[Alert]:
        return await Alerts(session.pool).page(resolved=every, before=cursor, limit=limit)

    rows = _with(data, page)
    if as_json:
        print_json(rows)
        return
    print_table(
        ("id", "severity", "", "since", "what", "why"),
        [(str(x.id), x.severity, _state(x), age(x.opened_at), title_of(x), x.words) for x in rows],
    )
    if len(rows) == limit:
        print(f"More: add --cursor {rows[-1].id}")


@application.command()
def ack(
    alert_id: Annotated[int, typer.Argument(help="An id from `alerts list`.", min=1)],
    reason: Annotated[str, typer.Option(help="What is being done about it; it is audited.")],
    data: Data = None,
) -> None:
    """Say that you know of an alert: it is not repeated, and its end is still said."""
    from adapters.postgres.alerts import Alerts
    from service.alerts.api import why_not

    if not reason.strip():
        raise AlertRefused("Say with --reason what is being done about it.")

    async def work(session: LocalSession) -> None:
        alerts = Alerts(session.pool)
        if await alerts.acknowledge(alert_id, this_person(), reason, SystemClock().now()):
            return
        found = await alerts.find(alert_id)
        if found is None:
            raise AlertRefused(f"There is no alert {alert_id}; `alerts list --all` shows them.")
        raise AlertRefused(why_not(found))

    _with(data, work)
    print(f"Alert {alert_id} is acknowledged: it is not repeated, and its end is still said.")


@application.command("test")
def try_routes(
    route: Annotated[str, typer.Argument(help="One route's name (default: all).")] = "",
    data: Data = None,
) -> None:
    """Send a test message by each route of the configuration, and say whether it was taken."""
    from adapters.alerts.sending import AlertNotSent, send
    from service.alerts.words import trial

    async def work(session: LocalSession) -> list[str]:
        settings, clock, faults = session.settings, SystemClock(), []
        routes = settings.alert_routes
        if not routes:
            raise AlertRefused(
                "No alert route is configured, so alerts are only logged: add [alert_routes.NAME]"
                " (docs/alerts.md)."
            )
        if route and route not in routes:
            raise AlertRefused(f"No alert route is named {route!r}: {', '.join(routes)}.")
        for name, one in routes.items():
            if route not in ("", name):
                continue
            try:
                await send(name, one, trial(clock.now(), settings.alerts.time_zone), clock)
                print(f"{name}: the test message was taken.")
            except AlertNotSent as error:
                faults.append(str(error))
        return faults

    faults = _with(data, work)
    if faults:
        raise AlertRefused("\n".join(faults))


def _state(alert: Alert) -> str:
    if alert.resolved_at is not None:
        return "over"
    return f"known to {alert.acknowledged_by}" if alert.acknowledged_at is not None else "open"


def _with(data: Path | None, work: Callable[[LocalSession], Awaitable[T]]) -> T:
    from service.app import local

    async def run() -> T:
        async with local.open_local(data) as opened:
            return await work(opened)

    return asyncio.run(run())
