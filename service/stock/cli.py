"""`orderwright stock …`: what lies where, what is promised of it, and who said so."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from service.app.clock import SystemClock
from service.app.errors import OperatorError
from service.app.person import this_person
from service.cli.tables import age, print_json, print_over, print_table
from service.cli.tables import print_plain as print
from service.stock.cli_printing import print_balances, print_promised, say_changed

if TYPE_CHECKING:
    from adapters.postgres.stock_ledger import Balance, Changed, Figure, StockLedger
    from service.app.local import LocalSession
    from service.stock.service import Added

application = typer.Typer(help="Count, show and move stock.", no_args_is_help=True)

Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the movement.")]
PlaceName = Annotated[str, typer.Option("--place", help="The place, if there are several.")]
Sku = Annotated[str, typer.Argument(help="The SKU.")]

T = TypeVar("T")

IMPORT_SECONDS = 600.0
"""For all rows of a file to be entered, in one transaction."""


class StockRefused(OperatorError):
    """The change can't be made; nothing was changed."""

    exit_code = 1


class NotCounted(OperatorError):
    """No place counts this SKU."""

    exit_code = 11


class Unequal(OperatorError):
    """Balances differ from the sum of their movements."""

    exit_code = 1


@application.command("import")
def import_counts(
    file: Annotated[Path | None, typer.Argument(help="The CSV file.", dir_okay=False)] = None,
    place: PlaceName = "",
    reason: Reason = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check the file; enter nothing.")
    ] = False,
    template: Annotated[
        bool, typer.Option("--template", help="Print a head and an example, and end.")
    ] = False,
    data: Data = None,
) -> None:
    """Enter a file of counted stock: all of its rows, or none."""
    from service.stock.file import TEMPLATE, read_counts

    if template:
        print(TEMPLATE, end="")
        return
    if file is None:
        raise StockRefused("Name the file: orderwright stock import FILE.")

    async def work(session: LocalSession) -> tuple[list[Figure], Changed | None]:
        places = _places(session)
        where = place or (places[0] if len(places) == 1 else "")
        figures = await asyncio.to_thread(read_counts, file, places, where)
        if dry_run:
            return figures, None
        return figures, await _enter(session, figures, reason or f"the file {file.name}")

    figures, changed = in_session(data, work)
    if changed is None:
        print(f"{file}: {len(figures):,} rows are good; nothing was entered.")
        return
    say_changed(
        changed, f"{file}: {changed.rows:,} rows are entered, {changed.changed:,} balances differ"
    )


async def _enter(session: LocalSession, figures: list[Figure], reason: str) -> Changed:
    """Enter counts with a longer deadline than a single order has; orders that need one of these
    SKUs wait meanwhile."""
    from adapters.postgres.pool import Pool
    from adapters.postgres.stock_ledger import StockLedger

    pool = Pool(session.postgres_dsn, max_connections=1, deadline_seconds=IMPORT_SECONDS)
    shows = sys.stderr.isatty()

    def told(rows: int) -> None:
        if shows:
            print_over(f" {rows:,} of {len(figures):,} rows", clear=True)

    try:
        return await StockLedger(pool).put(
            figures, kind="counted", person=this_person(), reason=reason, told=told
        )
    finally:
        if shows:
            print_over("", clear=True)
        await pool.close()


@application.command("list")
def list_stock(
    place: Annotated[str, typer.Option(help="Only of this place.")] = "",
    missing: Annotated[
        bool, typer.Option("--missing", help="Only where promised units are missing.")
    ] = False,
    out: Annotated[bool, typer.Option("--out", help="Only where nothing is free.")] = False,
    uncounted: Annotated[
        bool,
        typer.Option("--uncounted", help="What left a place although no one counts it there."),
    ] = False,
    untracked: Annotated[
        bool, typer.Option("--untracked", help="What is declared not to be counted.")
    ] = False,
    limit: Annotated[int, typer.Option(help="Rows on a page.", min=1, max=200)] = 50,
    cursor: Annotated[str, typer.Option(help="Where the page before ended: SKU PLACE.")] = "",
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """List balances by SKU and place, a page at a time."""
    if uncounted or untracked:
        _list_declared(data, uncounted=uncounted, as_json=as_json)
        return
    sku, _, after = cursor.rpartition(" ")

    async def page(ledger: StockLedger) -> list[Balance]:
        return await ledger.page(
            after=(sku, after), place=place, only_missing=missing, only_out=out, limit=limit
        )

    rows = _ledger(data, page)
    if as_json:
        print_json(rows)
        return
    print_balances(rows)
    if len(rows) == limit:
        print(f"More: add --cursor '{rows[-1].sku} {rows[-1].place}'")


def _list_declared(data: Path | None, *, uncounted: bool, as_json: bool) -> None:
    if uncounted:
        found = _ledger(data, lambda ledger: ledger.uncounted())
        if as_json:
            print_json(found)
            return
        rows = [(x.sku, x.place, str(x.units), age(x.last_at)) for x in found]
        print_table(("sku", "place", "left", "last"), rows)
        return
    declared = _ledger(data, lambda ledger: ledger.untracked())
    if as_json:
        print_json(declared)
        return
    print_table(
        ("sku", "place", "declared", "by", "why"),
        [(x.sku, x.place, age(x.at), x.person, x.reason) for x in declared],
    )


@application.command()
def show(sku: Sku, place: PlaceName = "", as_json: AsJson = False, data: Data = None) -> None:
    """Show an SKU at each place, and its last movements."""
    from service.stock.service import shown

    found = _ledger(data, lambda ledger: shown(ledger, sku, place))
    if found is None:
        raise NotCounted(
            f"No place counts {sku}. `orderwright stock import` or `stock adjust --to` counts it; "
            "until then whatever is asked of it is promised."
        )
    if as_json:
        print_json(found)
        return
    print_balances(found.balances)
    if found.promised:
        print()
        print_promised(found.promised)
    print()
    print_table(
        ("when (UTC)", "what", "place", "on hand", "reserved", "who", "why"),
        [
            (
                f"{x.at:%Y-%m-%d %H:%M:%S}", x.kind, x.place, f"{x.on_hand:+}", f"{x.reserved:+}",
                x.person or f"{x.order_id} {x.key}".strip(), x.reason,
            )
            for x in found.movements
        ],
    )  # fmt: skip


@application.command()
def adjust(
    sku: Sku,
    reason: Reason,
    to: Annotated[int | None, typer.Option(help="So many were counted.")] = None,
    by: Annotated[int | None, typer.Option(help="So many more; below 0: fewer.")] = None,
    safety: Annotated[int | None, typer.Option(help="With --to: never promise these.")] = None,
    received: Annotated[bool, typer.Option("--received", help="They were delivered.")] = False,
    returned: Annotated[
        bool, typer.Option("--returned", help="They came back and can be sold again.")
    ] = False,
    place: PlaceName = "",
    data: Data = None,
) -> None:
    """Count one SKU (--to), or add to it or take off it (--by)."""
    if (to is None) == (by is None):
        raise StockRefused("Say either how many there are (--to), or how many more (--by).")
    if received and returned:
        raise StockRefused("They were either --received or --returned.")
    if to is not None and (received or returned):
        raise StockRefused("--received and --returned go with --by.")
    if by is not None and safety is not None:
        raise StockRefused("--safety goes with --to.")
    kind: Added = "received" if received else "returned" if returned else "adjusted"

    async def work(session: LocalSession) -> Changed:
        from adapters.postgres.stock_ledger import Figure
        from service.stock.service import add

        where, who = _place(session, place), this_person()
        if to is None:
            one = Figure(place=where, sku=sku, units=by or 0)
            return await add(_of(session), one, kind, person=who, reason=_why(reason))
        one = Figure(place=where, sku=sku, units=to, safety=safety)
        return await _of(session).put([one], kind="counted", person=who, reason=_why(reason))

    say_changed(in_session(data, work), f"{sku} is entered")


@application.command()
def move(
    sku: Sku,
    reason: Reason,
    units: Annotated[int, typer.Option(help="How many.")],
    source: Annotated[str, typer.Option("--from", help="The place they leave.")],
    to: Annotated[str, typer.Option(help="The place they come to.")],
    data: Data = None,
) -> None:
    """Move units that are free from one place to another."""
    from service.stock import service

    async def work(session: LocalSession) -> Changed:
        here, there = _place(session, source), _place(session, to)
        who = this_person()
        return await service.move(
            _of(session), sku, units, here, there, person=who, reason=_why(reason)
        )

    in_session(data, work)
    print(f"{units} of {sku} are at {to} now.")


@application.command()
def untrack(
    reason: Reason,
    sku: Annotated[str, typer.Option(help="The SKU; '*' for all of the place.")] = "*",
    place: Annotated[str, typer.Option(help="The place; '*' for every one.")] = "*",
    data: Data = None,
) -> None:
    """Declare that an SKU, or a whole place, is not counted."""
    from service.stock import service

    async def work(session: LocalSession) -> None:
        if wrong := service.unknown_place(place, _places(session), every=True):
            raise StockRefused(wrong)
        now, who = SystemClock().now(), this_person()
        await service.declare(_of(session), place, sku, at=now, person=who, reason=_why(reason))

    in_session(data, work)
    print("It is declared: whatever is asked of it is promised, and no one is asked to count it.")


@application.command()
def verify(as_json: AsJson = False, data: Data = None) -> None:
    """Compare every balance with the sum of its movements."""
    found = _ledger(data, lambda ledger: ledger.verify())
    if as_json:
        print_json(found)
    for one in found.differences if not as_json else ():
        print(
            f"{one.sku} at {one.place}: {one.on_hand} on hand, its movements come to {one.moved}; "
            f"{one.reserved} reserved, reservations come to {one.promised}."
        )
    if found.faults:
        raise Unequal(
            f"{found.faults} of {found.balances} balances are not what their movements come to: "
            "something wrote them past the ledger. Count these SKUs again (`orderwright stock "
            "adjust SKU --to …`) and tell who looks after the database."
        )
    if not as_json:
        print(
            f"{found.balances} balances, {found.movements} movements and {found.reservations} "
            "reservations were compared; every balance is the sum of its movements."
        )


def _places(session: LocalSession) -> tuple[str, ...]:
    from service.stock.service import place_names

    places = place_names(session.settings)
    if not places:
        raise StockRefused("No place is configured that goods leave from, so none has stock.")
    return places


def _place(session: LocalSession, named: str) -> str:
    from service.stock.service import unknown_place

    places = _places(session)
    if not named and len(places) == 1:
        return places[0]
    if not named:
        raise StockRefused(f"Say at which place with --place; there are: {', '.join(places)}.")
    if wrong := unknown_place(named, places):
        raise StockRefused(wrong)
    return named


def _why(reason: str) -> str:
    if not reason.strip():
        raise StockRefused("Say why with --reason; it is kept with the movement.")
    return reason


def _of(session: LocalSession) -> StockLedger:
    from adapters.postgres.stock_ledger import StockLedger

    return StockLedger(session.pool)


def _ledger(data: Path | None, work: Callable[[StockLedger], Awaitable[T]]) -> T:
    return in_session(data, lambda session: work(_of(session)))


def in_session(data: Path | None, work: Callable[[LocalSession], Awaitable[T]]) -> T:
    """Do something in a session with the running service's database. Raises StockRefused."""
    from adapters.postgres.stock_ledger import LedgerRefused
    from service.app import local

    async def run() -> T:
        async with local.open_local(data) as opened:
            try:
                return await work(opened)
            except LedgerRefused as error:
                raise StockRefused(str(error)) from error

    return asyncio.run(run())
