"""What stories call the partners' calls, and the lines of orders."""

from __future__ import annotations

from schemas.messages import effects as f
from tests.stories.runner import Call

CALLS: dict[Call, type[f.Effect]] = {
    "reserve": f.ReserveStock,
    "release": f.ReleaseStock,
    "post": f.PostSalesOrder,
    "amend": f.AmendSalesOrder,
    "unpost": f.CancelSalesOrder,
    "task": f.CreateTask,
    "cancel task": f.CancelTask,
    "label": f.BuyLabel,
    "void": f.VoidLabel,
    "track": f.TrackParcel,
    "publish": f.PublishFulfilment,
    "cancel": f.CancelAtChannel,
    "fetch": f.FetchOrder,
    "mail": f.SendMail,
    "capture": f.CapturePayment,
    "refund": f.RefundPayment,
    "restock": f.RestockReturn,
}


def by_line(units: dict[str, int]) -> dict[str, int]:
    """Return counts by line id, of what stories call by `l` and the id."""
    return {name[1:]: count for name, count in units.items()}
