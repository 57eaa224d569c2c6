"""What Shopify tells of returns: each webhook of one says that it came to a step of its life.

https://shopify.dev/docs/api/webhooks/latest?reference=graphql (`returns/*`, 2026-10). The webhooks
name the return and its order, and no lines: which goods come back is known when they are here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from adapters.channels.shopify.naming import at, named_order, return_in
from schemas.messages.return_inputs import HandleReturn, ReturnStep

STEPS: Mapping[str, ReturnStep] = MappingProxyType(
    {
        "returns/request": "request",
        "returns/approve": "authorise",
        "returns/decline": "decline",
        "returns/cancel": "cancel",
        "returns/close": "close",
    }
)
"""The step that each topic tells of. Others are news: a return that is opened again, that changed,
or of which Shopify processed some goods."""

# A code, such as `return_period_ended`; what a merchant typed may be personal, and stays there.
_CODE = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)


def step_in(topic: str, tree: object) -> HandleReturn | None:
    """Return the step of a return that a payload tells of; None for one that tells of none, or that
    names no return or no order. When Shopify closes one, the order may have changed with it."""
    step, gid, ref = STEPS.get(topic), return_in(tree), named_order(topic, tree)
    if step is None or not gid or not ref:
        return None
    why = at(tree, "decline.reason")
    return HandleReturn(
        ref=ref,
        step=step,
        source="channel",
        outside_id=gid,
        reason=why if isinstance(why, str) and _CODE.fullmatch(why) else "",
        refetch=step == "close",
    )
