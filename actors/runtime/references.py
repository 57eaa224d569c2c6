"""Signs the references of an order and its things, always with the key the order began with."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.order.ids import KEY_ID_LENGTH, OrderId, Reference, sign_reference
from schemas.order.things import ORDER, Key


class SigningKeyMissing(Exception):
    """A reference can't be signed as its order's others were. The text says what to do."""


class References:
    """`active` is the id of the key that signs new orders; `keys` has all that may be needed.

    A thing must have one name for as long as it lives, also after the active key was exchanged: its
    partner is searched for it. So the order's own reference, which is stored, says which key signs.
    """

    def __init__(self, keys: Mapping[str, bytes], active: str) -> None:
        self._keys = dict(keys)
        self._active = active

    def new(self, order_id: OrderId) -> Reference:
        """Return the reference of an order that begins now."""
        return sign_reference(order_id, ORDER, self._active, self._keys)

    def of(self, reference: Reference, order_id: OrderId, key: Key) -> Reference:
        """Return a thing's reference, signed as the order's own `reference` is. Raises
        SigningKeyMissing when that key was taken out of the configuration."""
        key_id = reference[:KEY_ID_LENGTH]
        if key_id not in self._keys:
            raise SigningKeyMissing(
                f"This order's references are signed with the key {key_id!r}, which is not"
                " configured any more: add it to the correlation keys again, then retry."
            )
        return sign_reference(order_id, key, key_id, self._keys)
