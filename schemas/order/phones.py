"""Telephone numbers as people write them: the number and its extension, told apart."""

from __future__ import annotations

import re
import unicodedata

_EXTENSION = re.compile(
    r"(?:(?<![^\W\d_])(?:ext(?:ension|n)?|x|poste|durchwahl|ramal|int(?:erno)?|anexo|toestel|wew)|[#,;])"
    r"[\s.:=]*(?:ext=)?(\d{1,8})\D*$",
    re.IGNORECASE,
)
"""The word before it, in the languages of forms (`poste` in Quebec, `ramal` in Brazil, `;ext=` of
RFC 3966), glued to the number or not; or the pause that a telephone makes before dialling it."""
_USUAL = re.compile(r"[+0-9 ()./-]*")
"""A number without an extension."""
_TRUNK = re.compile(r"((?:\+|\b00)[\s\d]{1,6})\(\s*0\s*\)")
"""The zero of `+44 (0)20`, which is dialled from within the country alone."""


_WITH_DECIMAL = re.compile(r"(\+?[0-9]{5,15})\.0{1,2}")
_SHORTENED = re.compile(r"\+?[0-9](?:[.,][0-9]+)?E\+?[0-9]{1,3}", re.IGNORECASE)


def corrected(text: str) -> str:
    """Return a number as it was before a spreadsheet took it for an amount (`12075550142.0`); ""
    for one that it has shortened (`1.20756E+10`), whose digits no one knows any more."""
    text = text.strip()
    if (found := _WITH_DECIMAL.fullmatch(text)) is not None:
        return found[1]
    return "" if _SHORTENED.fullmatch(text) else text


def parted(text: str) -> tuple[str, str]:
    """Return a number as it is written and its extension, "" for none. Of one that a spreadsheet
    damaged it is what is left of it (`corrected`)."""
    text = corrected(text)
    if _USUAL.fullmatch(text) is not None:
        return text, ""
    found = _EXTENSION.search(text)
    if found is None or not any(map(str.isdecimal, text[: found.start()])):
        return text, ""
    return text[: found.start()].rstrip(" ,;-"), found[1]


def digits_of(text: str) -> str:
    """Return the text's digits, of any script, as 0 to 9."""
    if text.isascii():
        return "".join(filter(str.isdigit, text))
    return "".join(str(unicodedata.digit(sign)) for sign in text if sign.isdigit())


def dialled(text: str) -> tuple[str, str]:
    """Return a number's digits and its extension's, "" for none."""
    number, extension = parted(text)
    return digits_of(_TRUNK.sub(r"\1", number)), digits_of(extension)
