"""What an address is to a carrier: a post office box, a military post office, too long for a label.
Pure; by the words that each country writes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from schemas.order.canonical import Address
from schemas.order.regions import plain, region_code

_POST_BOX = re.compile(
    r"\b(?=[abcfglps])(?:"
    r"g?\W?p\W{0,2}o\W{0,2}box|p\W{0,2}o\W{0,2}b\W{0,3}(?=\d)|post[\s-]?(?:al|office)?[\s-]?box"
    r"|locked bag|private bag|parcel (?:locker|collect)|general delivery|poste restante"
    r"|packstation|postfach|postfiliale|postlagernd|post(?:bus|boks)\W*(?=\d)|postilokero"
    r"|bo[iî]te postale|case postale|casella postale|fermo\s?posta|caixa postal|skrytka pocztowa"
    r"|(?:apartado|apdo)\W*(?:de correos|postal|a[eé]reo)?\W*(?:n\W{0,2})?(?=\d)"
    r")",
    re.IGNORECASE,
)
"""Boxes, lockers and counters of the post, by the names that mean nothing else anywhere."""

_HINTS = (
    "box", "post", "pack", "bag", "locker", "collect", "delivery", "caixa", "skrytka", "apartado",
    "apdo", "o.b", "ob", "o b",
)  # fmt: skip
"""One of them is in each of those names: most streets need no closer look."""

_FRENCH = re.compile(r"\bb\W?p\W{0,3}\d", re.IGNORECASE)
_CASE = re.compile(r"\bc\W?p\W{0,3}\d", re.IGNORECASE)
_SHORT: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        **dict.fromkeys(("FR", "BE", "LU", "MC", "MA", "TN", "DZ", "SN", "CI", "CM"), _FRENCH),
        **dict.fromkeys(("CA", "CH", "IT"), _CASE),
        "FI": re.compile(r"\bpl\s?\d", re.IGNORECASE),
        "NO": re.compile(r"\bpb\W{0,2}\d", re.IGNORECASE),
        "SE": re.compile(r"^\s*box\s*\d", re.IGNORECASE),
    }
)
"""What stands for a box in a country, and for something else in others (`C.P.` is a postal code in
Mexico)."""

_DIGIT = re.compile(r"\d")

_MILITARY: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "US": re.compile(r"^\W*[adf]\W?p\W?o\b", re.IGNORECASE),
        "GB": re.compile(r"\bbfpo?\b", re.IGNORECASE),
        "CA": re.compile(r"\bcfpo\b|\b(?:stn|succ)\W{1,2}forces\b", re.IGNORECASE),
        "DE": re.compile(r"\bfeldpost", re.IGNORECASE),
    }
)
"""Post offices of armed forces: in the place for the United States, in any line for others."""
_MILITARY_CODES: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "US": re.compile(r"(?:09[0-8]|340|96[2-6])\d\d"),
        "GB": re.compile(r"BF\s?\d", re.IGNORECASE),
        "FR": re.compile(r"00\d{3}"),
    }
)
"""Their postal codes, which are used for nothing else."""
_MILITARY_REGIONS = frozenset({"AA", "AE", "AP"})


def is_military(at: Address) -> bool:
    """Say whether it is a post office of armed forces (APO, FPO, DPO; BFPO; CFPO; armées)."""
    codes, words = _MILITARY_CODES.get(at.country), _MILITARY.get(at.country)
    if codes is not None and codes.match(plain(at.postal_code)) is not None:
        return True
    if words is None:
        return False
    if at.country == "US":
        region = region_code("US", at.region)
        return region in _MILITARY_REGIONS or words.search(plain(at.city)) is not None
    texts = (*at.lines, at.city, at.region, at.postal_code)
    return any(words.search(plain(text)) for text in texts)


def is_post_box(at: Address) -> bool:
    """Say whether one of its lines is a box, a locker or a counter of the post."""
    short = _SHORT.get(at.country)
    if short is None and not _is_hinted(at):
        return False
    lines = [plain(line) for line in at.lines]
    if any(map(_POST_BOX.search, lines)):
        return True
    if short is None:
        return False
    # Beside a street it is where letters go.
    numbered = [line for line in lines if _DIGIT.search(line)]
    return bool(numbered) and all(map(short.search, numbered))


def _is_hinted(at: Address) -> bool:
    text = " ".join(at.lines)
    text = (text if text.isascii() else plain(text)).lower()
    for hint in _HINTS:  # noqa: SIM110 - twice as quick as any()
        if hint in text:
            return True
    return False


def is_cut(at: Address, limits: Sequence[int]) -> bool:
    """Say whether a label with lines of these characters has no room for all of the street. It is
    set there by words."""
    if len(at.lines) <= len(limits) and max(map(len, at.lines)) <= min(limits):
        return False
    lines = [line for line in at.lines if line.strip()]
    if len(lines) <= len(limits) and all(map(_fits, lines, limits)):
        return False
    words = ", ".join(lines).split()
    for most in limits:
        words = list(_after(words, most))
    return bool(words)


def _fits(line: str, most: int) -> bool:
    return len(line) <= most


def _after(words: Sequence[str], most: int) -> Iterator[str]:
    """Yield what is left of words once a line has been filled; a longer one is broken."""
    used = 0
    for index, word in enumerate(words):
        used += len(word) + (1 if index else 0)
        if used > most:
            rest = list(words[index:])
            if index == 0:
                rest[0] = word[most:]
            yield from rest
            return
