"""Templates, in which every value is escaped; money, times and names as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from schemas.order.money import decimal_text

TEMPLATES = Path(__file__).resolve().parents[1]
"""The folder of the features: a template is named by its feature and its file."""

TONES: Mapping[str, str] = {
    **dict.fromkeys(("delivered", "completed", "closed", "done", "shipped", "handed_over"), "good"),
    **dict.fromkeys(("released", "reserved", "picked", "packed", "open", "in_transit"), "busy"),
    **dict.fromkeys(("bought", "sent", "accepted", "placed", "expected"), "busy"),
    **dict.fromkeys(("backordered", "short", "cancelling", "held", "exception"), "warn"),
    **dict.fromkeys(("lost", "refused", "suspended"), "bad"),
}
"""How a stage looks; others are neutral."""


class Renderer:
    """Renders templates. Each is read and compiled once."""

    def __init__(self) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(
            money=money, ago=ago, utc=utc, clock=clock, words=words, tone=tone, count=count,
            iso=iso, short=short, counted=counted, code=code,
        )  # fmt: skip

    def render(self, template: str, values: Mapping[str, object]) -> str:
        """Return the text of a template."""
        return self._environment.get_template(template).render(values)


def money(total_minor: int, currency: str) -> str:
    """Return an amount with its currency, its thousands apart: `1,404.95 USD`."""
    text = decimal_text(total_minor, currency)
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, part = digits.partition(".")
    return f"{sign}{int(whole):,}{'.' if part else ''}{part} {currency}"


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment was, or in how long it will be."""
    seconds = (now - moment).total_seconds()
    size = abs(seconds)
    for name, unit in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if size >= 2 * unit:
            told = f"{int(size // unit)} {name}"
            break
    else:
        told = f"{int(size)} s"
    return f"{told} ago" if seconds >= 0 else f"in {told}"


def utc(moment: datetime) -> str:
    """Return a moment for people: `2026-11-27 09:30:12 UTC`."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def clock(moment: datetime) -> str:
    """Return the time of day with tenths of a second, in UTC."""
    return f"{moment:%H:%M:%S}.{moment.microsecond // 100_000}"


def iso(moment: datetime) -> str:
    """Return a moment for programs."""
    return moment.isoformat()


def words(name: str) -> str:
    """Return a name of ours as words: `handed_over` is `handed over`."""
    return name.replace("_", " ")


def tone(stage: str) -> str:
    """Return how a stage looks."""
    return TONES.get(stage, "plain")


def counted(number: int, one: str) -> str:
    """Return a number with its word: `1 call`, `28 calls`."""
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def code(text: str) -> Markup:
    """Return a text of ours whose commands stand between backticks, as HTML."""
    parts = text.split("`")
    told = [
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    ]
    return Markup("").join(told)


def count(number: int) -> str:
    """Return a number with its thousands apart."""
    return f"{number:,}"


def short(text: str, most: int = 120) -> str:
    """Return a text of at most so many characters, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def masked(text: str) -> str:
    """Return a text of a person as it is shown to who may not know it: `S••• S•••`."""
    return " ".join(f"{word[0]}•••" for word in text.split()[:4])
