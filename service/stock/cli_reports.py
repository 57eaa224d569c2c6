"""`orderwright stock reports`: what partners reported of the stock that they count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.cli.tables import age, print_json, print_table
from service.stock.cli import AsJson, Data, application, in_session

if TYPE_CHECKING:
    from adapters.postgres.stock_reports import Report
    from service.app.local import LocalSession


@application.command()
def reports(as_json: AsJson = False, data: Data = None) -> None:
    """List the last report of each place whose stock a partner counts."""

    async def every(session: LocalSession) -> list[Report]:
        from adapters.postgres.stock_reports import StockReports

        return await StockReports(session.pool).all()

    rows = in_session(data, every)
    if as_json:
        print_json(rows)
        return
    print_table(
        ("place", "by", "asked", "figures", "changed", "too old", "missing", "fault"),
        [
            (
                x.place, x.partner, age(x.at), str(x.figures), str(x.changed), str(x.stale),
                str(x.missing), x.fault,
            )
            for x in rows
        ],
        most=120,
    )  # fmt: skip
