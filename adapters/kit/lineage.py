"""What a kind hands over so that `orderwright lineage` can try out where each field goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct

from actors.runtime.ports import Partner
from adapters.kit.inbound import Translator
from schemas.messages.effects import Effect
from schemas.messages.privacy import Read


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


class Carried(Struct, frozen=True, kw_only=True):
    """How an order reaches a partner: by the request of this effect.

    `answers` are what the partner answers to the questions that come before that request, by a part
    of the address. `ref` writes a reference as the partner does. `recording` makes the adapter with
    a recorder in place of its network where that is not the HTTP client or the events of the kit;
    whatever it records is passed to the function, which ends the call.
    """

    effect: Effect
    answers: Mapping[str, object] = MappingProxyType({})
    ref: Callable[[str], str] = str
    recording: Callable[[Callable[[object], None]], Partner] | None = None
