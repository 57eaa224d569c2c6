"""What a warehouse reports of its stock (`schemas/contracts/json/warehouse.stock.v1.json`)."""

from __future__ import annotations

from datetime import datetime

from adapters.kit.counting import Counted, CountsReport
from adapters.warehouses.http.settings import WarehouseSettings
from schemas.contracts import published, refusals
from schemas.contracts.refusals import refused
from schemas.contracts.strict_json import parse, shown
from schemas.contracts.validation import read
from schemas.messages.callbacks import WarehouseStock

STOCK_COUNTED = "stock.counted"


def counts(settings: WarehouseSettings, raw: bytes) -> CountsReport:
    """Read a report of stock, strictly. Raises Refused."""
    told = read(published.WAREHOUSE_STOCK, parse(raw), WarehouseStock)
    try:
        at = datetime.fromisoformat(told.counted_at)
    except ValueError:  # the shape of a time, and no time: the 31st of February
        raise refused(
            refusals.DATE_IMPOSSIBLE,
            f"There is no time {shown(told.counted_at)}; send in counted_at when it was counted.",
        ) from None
    return CountsReport(
        place=told.place,
        at=at,
        counts=tuple(Counted(sku=one.sku, units=one.on_hand) for one in told.counts),
        enters_new=settings.new_skus == "enter",
    )
