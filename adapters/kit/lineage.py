"""What a kind hands over so that `orderwright lineage` can try out where each field goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from schemas.messages.effects import Effect, LineCodes, PublishFulfilment, SentParcel, Units
from schemas.order.canonical import Order
from schemas.order.things import FULFILMENT, PARCEL, key_of

if TYPE_CHECKING:
    from actors.runtime.partner import Partner
    from adapters.kit.inbound import Translator
    from adapters.kit.instance import Kit
    from schemas.messages.privacy import Read

Path = tuple[str | int, ...]


class Example(Struct, frozen=True, kw_only=True):
    """A whole message. `when` says, after a comma, in which case it is sent; "" for the usual."""

    when: str
    tree: object


class Stated(Struct, frozen=True, kw_only=True):
    """How a channel states an order.

    `examples` have every field that it sends, and further ones for fields that count only in some
    case. `read` translates the bytes of one, going on where only a check refuses it: one field
    changed alone breaks the totals, and where it goes can be seen all the same. `own_names` are how
    attributes begin that the translation names itself.
    """

    examples: Callable[[], Sequence[Example]]
    read: Callable[[Translator, bytes], Read]
    own_names: tuple[str, ...] = ()


def no_answers(order: Order) -> Mapping[str, object]:
    """Return no answers: the partner is asked nothing first."""
    return {}


class Carried(Struct, frozen=True, kw_only=True):
    """How an order reaches a partner: by the request of the effect that is made for it, or, where
    no effect is asked of it, by a question: `asks` puts it to the adapter. Either is None.

    `answers` are what the partner answers, for that order, to the questions that come before that
    request, by a part of the address. `ref` writes a reference as the partner does. `recording`
    makes the adapter with a recorder in place of its network where that is not the HTTP client or
    the events of the kit; whatever it records is passed to the function, which ends the call.
    """

    effect: Callable[[Order], Effect] | None = None
    answers: Callable[[Order], Mapping[str, object]] = no_answers
    ref: Callable[[str], str] = str
    asks: Callable[[Any, Order], Awaitable[object]] | None = None
    recording: Callable[[Any, Kit, Callable[[object], None]], Partner] | None = None


def named(path: Path, own_names: tuple[str, ...] = ()) -> str:
    """Write a path without its indexes: `lines[].sku`. Attributes are named by whoever sends them,
    so they are one field, but for those whose names begin as `own_names` do: they are ours."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += "[]"
        elif text == "attributes":
            text += f'["{step}"]' if own_names and step.startswith(own_names) else "[*]"
        else:
            text += f".{step}" if text else step
    return text


def all_units(order: Order) -> tuple[Units, ...]:
    """Return every unit of an order."""
    return tuple(Units(one.line_id, one.sku, one.quantity) for one in order.lines)


def travelling_units(order: Order) -> tuple[Units, ...]:
    """Return the units of an order that travel."""
    return tuple(
        Units(one.line_id, one.sku, one.quantity) for one in order.lines if one.requires_shipping
    )


def one_parcel(order: Order) -> PublishFulfilment:
    """Return the publication of a fulfilment in which all that travels is in one parcel."""
    parcel = SentParcel(
        parcel=key_of(PARCEL, 1),
        units=travelling_units(order),
        carrier="UPS",
        tracking_number="1Z0001",
        codes=tuple(
            LineCodes(one.line_id, ("AZ:1",) * one.quantity)
            for one in order.lines
            if one.unit_codes
        ),
    )
    return PublishFulfilment(fulfilment=key_of(FULFILMENT, 1), parcels=(parcel,))
