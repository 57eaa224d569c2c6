"""`orderwright stock offered`: what sales channels were told of the stock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.tables import age, print_json, print_table
from service.cli.tables import print_plain as print
from service.stock.cli import AsJson, Data, application, in_session

if TYPE_CHECKING:
    from adapters.postgres.stock_offers import Told
    from service.app.local import LocalSession


@application.command()
def offered(
    faults: Annotated[
        bool, typer.Option("--faults", help="Only what a channel does not know or refused.")
    ] = False,
    limit: Annotated[int, typer.Option(help="Rows of a page.", min=1, max=200)] = 50,
    cursor: Annotated[
        str, typer.Option(help="Where the page before ended: CHANNEL PLACE SKU.")
    ] = "",
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """List what channels were told last of what may be sold, and what became of it."""
    channel, _, rest = cursor.partition(" ")
    place, _, sku = rest.partition(" ")

    async def page(session: LocalSession) -> list[Told]:
        from adapters.postgres.stock_offers import StockOffers

        store = StockOffers(session.pool)
        return await store.page(after=(channel, place, sku), only_faults=faults, limit=limit)

    rows = in_session(data, page)
    if as_json:
        print_json(rows)
        return
    print_table(
        ("channel", "place", "sku", "units", "told", "what", "why"),
        [(x.channel, x.place, x.sku, str(x.units), age(x.at), x.outcome, x.why) for x in rows],
    )
    if len(rows) == limit:
        last = rows[-1]
        print(f"More: add --cursor '{last.channel} {last.place} {last.sku}'")
