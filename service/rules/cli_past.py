"""The commands of `orderwright rules` that try rules on the stored past."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.app.clock import SystemClock
from service.cli.tables import print_json, print_over, print_table
from service.cli.tables import print_plain as print
from service.rules.cli import AsJson, Data, File, Refused, application, examined_or_refused

if TYPE_CHECKING:
    from adapters.postgres.past import Past
    from service.app.local import LocalSession
    from service.rules.past import Homes, Tell

Last = Annotated[str, typer.Option(help="How far back: 90min, 12h or 30d.")]
_SPAN = re.compile(r"([1-9][0-9]{0,4})(min|h|d)")
_UNITS = {"min": "minutes", "h": "hours", "d": "days"}


@application.command()
def backtest(file: File, last: Last = "30d", as_json: AsJson = False, data: Data = None) -> None:
    """Try a file of rules on the stored past: which orders would go another way than by the rules
    in use; changes nothing."""
    from actors.rules.compiled import Compiled
    from service.rules.past import backtest as run

    new = Compiled(examined_or_refused(file, data))
    since = SystemClock().now() - _span(last)

    async def work(session: LocalSession, past: Past, homes: Homes, tell: Tell) -> object:
        now = await session.rules.in_use()
        return await run(past, homes, Compiled(now.rules, now.version), new, since, tell)

    found = _over_the_past(data, since, work)
    if as_json:
        print_json(found)
        return
    from service.rules.past import Backtest

    assert isinstance(found, Backtest), "what the run returns"
    told = f", {found.not_evaluable} not evaluable" if found.not_evaluable else ""
    print(f"{found.orders} orders of the last {last}: {found.differ} would go another way{told}.")
    if found.costed:
        more = "more" if found.cost_minor > 0 else "less"
        print(
            f"{found.costed} of them would leave from a place with another cost: {more} by "
            f"{abs(found.cost_minor):,} minor units (cents) together, one parcel each."
        )
    if found.changes:
        rows = [(str(count), change) for change, count in found.changes[:20]]
        print_table(("orders", "what would differ"), rows, most=160)
        print("For example:")
        samples = [(x.number, x.channel, x.was, x.would_be) for x in found.samples]
        print_table(("number", "channel", "was", "would be"), samples, most=70)


@application.command()
def coverage(
    file: Annotated[
        Path | None, typer.Argument(help="A file of rules; none: those in use.", dir_okay=False)
    ] = None,
    last: Last = "30d",
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Count how often each rule matched and decided in the stored past."""
    from actors.rules.compiled import Compiled
    from service.rules.past import Coverage
    from service.rules.past import coverage as run

    rules = None if file is None else examined_or_refused(file, data)
    since = SystemClock().now() - _span(last)

    async def work(session: LocalSession, past: Past, homes: Homes, tell: Tell) -> object:
        now = await session.rules.in_use()
        compiled = Compiled(now.rules, now.version) if rules is None else Compiled(rules)
        return await run(past, homes, compiled, since, tell)

    found = _over_the_past(data, since, work)
    if as_json:
        print_json(found)
        return
    assert isinstance(found, Coverage), "what the run returns"
    told = f", {found.not_evaluable} not evaluable" if found.not_evaluable else ""
    print(f"{found.orders} orders of the last {last}{told}.")
    rows = [(x.set, x.rule, str(x.matched), str(x.decided), x.verdict) for x in found.rules]
    print_table(("set", "rule", "matched", "decided", ""), rows)
    for name, count in found.unmatched.items():
        print(f"{name}: no rule matched {count} orders.")


def _span(last: str) -> timedelta:
    found = _SPAN.fullmatch(last)
    if found is None:
        raise Refused(f"--last {last!r} is not a span: write 90min, 12h or 30d.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


Work = Callable[["LocalSession", "Past", "Homes", "Tell"], Awaitable[object]]


def _over_the_past(data: Path | None, since: datetime, work: Work) -> object:
    from adapters.postgres.past import Past
    from service.app import local
    from service.rules.past import Homes
    from service.settings.roles import setups

    async def run() -> object:
        async with local.open_local(data) as opened:
            past = Past(opened.pool, opened.sealing)
            total = await past.count(since)
            shows = sys.stderr.isatty()

            def tell(done: int) -> None:
                if shows:
                    print_over(f"{done:,} of {total:,} orders")

            found = await work(opened, past, Homes(setups(opened.settings)), tell)
            if shows:
                print_over("", clear=True)
            return found

    return asyncio.run(run())
