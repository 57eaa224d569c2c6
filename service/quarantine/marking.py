"""Finds the places of a refused message that its sentences speak of: a page marks them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

MAX_MARKS = 20
"""Places that are marked: more than a person corrects at once."""

_LINE = re.compile(r"line ([0-9]{1,7}), column ([0-9]{1,7})")
_PATH = re.compile(r"\(((?:[\w$-]+|\[[0-9]{1,6}\])(?:\.[\w$-]+|\[[0-9]{1,6}\])*)\)")
_ALONE = re.compile(r"The ([\w ]{1,60}?) (?:is|lacks|has) ")
_STEP = re.compile(r"\[([0-9]{1,6})\]|([\w$-]+)")
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()

Span = tuple[int, int]
"""Where a part begins and where it ends, in characters."""


def spans_of(text: str, sentences: Sequence[str]) -> list[Span]:
    """Return the places of a text that the sentences name, in order and apart from each other:
    by line and column, or by the path of a value."""
    found: list[Span] = []
    for sentence in sentences:
        found += _named(text, sentence)
    apart: list[Span] = []
    for begins, ends in sorted(set(found)):
        if begins < ends and (not apart or begins >= apart[-1][1]):
            apart.append((begins, ends))
    return apart[:MAX_MARKS]


def parts_of(text: str, spans: Sequence[Span]) -> list[tuple[str, bool]]:
    """Return a text cut at its spans: each part, and whether it is marked."""
    parts: list[tuple[str, bool]] = []
    at = 0
    for begins, ends in spans:
        parts += [(text[at:begins], False), (text[begins:ends], True)]
        at = ends
    return [part for part in (*parts, (text[at:], False)) if part[0]]


def _named(text: str, sentence: str) -> Iterator[Span]:
    for line, column in _LINE.findall(sentence):
        yield from _at_line(text, int(line), int(column))
    paths = [tuple(_steps(path)) for path in _PATH.findall(sentence)]
    alone = _ALONE.match(sentence)
    if not paths and alone:
        paths = [(alone[1].replace(" ", "_"),)]
    for path in paths:
        place = _located(text, path)
        if place is not None:
            yield place


def _at_line(text: str, line: int, column: int) -> Iterator[Span]:
    lines = text.split("\n")
    if 1 <= line <= len(lines):
        begins = sum(len(one) + 1 for one in lines[: line - 1])
        at = min(begins + max(0, column - 1), max(0, len(text) - 1))
        yield at, at + 1


def _steps(path: str) -> Iterator[str | int]:
    for number, name in _STEP.findall(path):
        yield int(number) if number else name


def _located(text: str, path: Sequence[str | int]) -> Span | None:
    """Return where the value of a path is, or the nearest one around it that there is; None where
    the text so far is not JSON."""
    try:
        at = _skip(text, 0)
        for step in path:
            inside = _inside(text, at, step)
            if inside is None:
                break
            at = inside
        if at == _skip(text, 0):
            return None  # a whole message is not a place
        return at, _DECODER.raw_decode(text, at)[1]
    except (ValueError, IndexError, RecursionError):
        return None


def _inside(text: str, at: int, step: str | int) -> int | None:
    """Return where a member of the object or list at a place begins. Raises ValueError or
    IndexError where the text is not JSON."""
    if text[at] not in "{[" or (text[at] == "{") != isinstance(step, str):
        return None
    is_object, number = text[at] == "{", 0
    at = _skip(text, at + 1)
    while text[at] not in "}]":
        name: object = number
        if is_object:
            name, at = _DECODER.raw_decode(text, at)
            at = _skip(text, at)
            if text[at] != ":":
                return None
            at = _skip(text, at + 1)
        if name == step:
            return at
        at = _skip(text, _DECODER.raw_decode(text, at)[1])
        number += 1
        if text[at] == ",":
            at = _skip(text, at + 1)
    return None


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
