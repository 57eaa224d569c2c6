"""Effects in words: what a partner is asked to do for a thing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from schemas.messages import effects as f
from schemas.messages.effects import tag_of
from schemas.order.things import ORDER, Key

EFFECTS: Mapping[str, str] = MappingProxyType(
    {
        tag_of(f.ReserveStock): "Reserve the stock of fulfilment {key}",
        tag_of(f.ReleaseStock): "Give back the stock of fulfilment {key}",
        tag_of(f.RestockReturn): "Put back into stock what came with return {key}",
        tag_of(f.PostSalesOrder): "Post sales order {key} to the ERP",
        tag_of(f.AmendSalesOrder): "Amend sales order {key} in the ERP",
        tag_of(f.CancelSalesOrder): "Cancel sales order {key} in the ERP",
        tag_of(f.CreateTask): "Give the warehouse its task for fulfilment {key}",
        tag_of(f.CancelTask): "Cancel the warehouse's task for fulfilment {key}",
        tag_of(f.BuyLabel): "Buy label {key}",
        tag_of(f.VoidLabel): "Void label {key}",
        tag_of(f.TrackParcel): "Ask the carrier where parcel {key} is",
        tag_of(f.PublishFulfilment): "Tell the storefront what left with fulfilment {key}",
        tag_of(f.CancelAtChannel): "Tell the storefront that the order is cancelled",
        tag_of(f.TellStanding): "Tell the storefront how far {key} is",
        tag_of(f.CapturePayment): "Have the channel capture money by {key}",
        tag_of(f.RefundPayment): "Have the channel give money back by {key}",
        tag_of(f.FetchOrder): "Fetch the order from the storefront",
        tag_of(f.SendMail): "Send message {key} to the customer",
    }
)
"""Every kind of effect; a test proves that none is left out."""


def effect_words(kind: str, key: Key) -> str:
    """Return what is asked, without a full stop. A kind that a newer version asks is named."""
    words = EFFECTS.get(kind)
    name = "the order" if key == ORDER else key
    return f"{kind} for {key}" if words is None else words.format(key=name)
