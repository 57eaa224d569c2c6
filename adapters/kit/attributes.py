"""What a channel says of an order beyond our fields, within what `order.v1` takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

import msgspec

from schemas.contracts.doubts import TOO_MANY_ATTRIBUTES, Doubt
from schemas.order.canonical import DOUBT

MAX_ATTRIBUTES = 100
"""What `order.v1` takes."""
MAX_TEXT, MAX_NAME = 5_000, 256
"""The same, of one attribute's text and name."""
ROOM = 10
"""What is left free where there are too many: for doubts, and for what we add."""

_TAKEN = MAX_ATTRIBUTES - ROOM
_KEPT = (_TAKEN - 1, 80, 60, 30, 0)
"""How many stay attributes of their own: fewer where the others need more room."""
_PACKED = re.compile(r"[a-z_]{1,64}\.more_attributes\.[0-9]{1,2}")
_decode = msgspec.json.Decoder(dict[str, str]).decode


def bounded(found: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Return the attributes as they are. Of too many the first stay, and the others are JSON in
    `<prefix>.more_attributes.1` and so on, which `unpacked` reads; a doubt says so, and how many
    did not even fit there (beyond about 400,000 characters). No order is refused for them."""
    if len(found) <= _TAKEN:
        return {name[:MAX_NAME]: text[:MAX_TEXT] for name, text in found.items()}
    # One that looks like ours is none.
    plain = {name: text for name, text in found.items() if _PACKED.fullmatch(name) is None}
    kept: dict[str, str] = {}
    packs: list[dict[str, str]] = []
    left_out = 0
    for count in _KEPT:
        kept = dict(islice(plain.items(), count))
        rest = {name: text for name, text in found.items() if name not in kept}
        packs, left_out = _packs(rest, _TAKEN - len(kept))
        if not left_out:
            break
    made = {name[:MAX_NAME]: text[:MAX_TEXT] for name, text in kept.items()}
    for number, pack in enumerate(packs, 1):
        made[f"{prefix}.more_attributes.{number}"] = msgspec.json.encode(pack).decode()
    told = (
        f"The order has {len(found):,} attributes; those after the first {len(kept)} are together "
        f"in {prefix}.more_attributes."
    )
    if left_out:
        told += f" {left_out:,} did not fit: read them in the channel."
    add_doubts(made, [Doubt(TOO_MANY_ATTRIBUTES, told)])
    return made


def unpacked(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return every attribute by its own name, also those that `bounded` put together."""
    found: dict[str, str] = {}
    for name, text in attributes.items():
        pack = None
        if _PACKED.fullmatch(name) is not None:
            try:
                pack = _decode(text)
            except msgspec.MsgspecError:  # a customer's own, by chance
                pack = None
        if pack is None:
            found[name] = text
            continue
        for inner, piece in pack.items():  # a long text goes on in the next one
            found[inner] = found.get(inner, "") + piece
    return found


def add_doubts(attributes: dict[str, str], doubts: Iterable[Doubt]) -> None:
    """Note what is in doubt, a name for each reason, while there is room."""
    for doubt in doubts:
        if len(attributes) < MAX_ATTRIBUTES:
            name = DOUBT + doubt.reason
            attributes[name] = f"{attributes.get(name, '')} {doubt.sentence}".strip()[:MAX_TEXT]


def _packs(rest: Mapping[str, str], most: int) -> tuple[list[dict[str, str]], int]:
    """Return them in at most so many objects of at most MAX_TEXT characters as JSON each, and how
    many of them have no room there. Reads no more of a text than has room."""
    packs: list[dict[str, str]] = []
    size = MAX_TEXT
    for before, (whole, text) in enumerate(rest.items()):
        name = whole[:MAX_NAME]
        for piece in _pieces(name, text):
            needs = _size(name) + _size(piece) + 2
            if size + needs > MAX_TEXT or name in packs[-1]:
                if len(packs) == most:
                    return packs, len(rest) - before
                packs.append({})
                size = 2
            packs[-1][name] = piece
            size += needs
    return packs, 0


def _pieces(name: str, text: str) -> Iterator[str]:
    room = MAX_TEXT - 4 - _size(name)
    begin = 0
    while True:
        piece = text[begin : begin + room]
        while _size(piece) > room:
            piece = piece[: len(piece) // 2]
        yield piece
        begin += len(piece)
        if begin >= len(text):
            return


def _size(text: str) -> int:
    return len(msgspec.json.encode(text).decode())
