"""What stories call the partners' calls."""

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
}
