"""The glossary as functions: words that ours have replaced, in names and in prose.

Each returns findings in sentences. The right-hand words are what this code calls the thing; what
looks like a refused word and means something else is listed with its reason.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "letter": "message",
        "lent": "delivery",
        "posted": "envelope",
        "shell": "runtime",
        "caller": "principal, client or effect executor",
        "care": "call policy",
        "desk": "the service's own name, or local session",
        "at hand": "local session",
        "upkeep": "channel sync",
        "look again": "refetch",
        "stray": "unroutable",
        "spoilt": "malformed",
        "spoil": "corrupt",
        "door": "edge, or ingress",
        "discretion": "redaction",
        "discreet": "redacted",
        "mend": "fix, or correct",
        "mended": "fixed",
        "nobody": "no one",
        "anew": "again",
        "for ever": "always, or permanently",
    }
)
"""What a part of a name may not be, in the singular, and what to write."""

ELSEWHERE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "posted": ("actors/runtime/", "service/inbound/"),
    }
)
"""Words that are refused in these places alone: everywhere else an ERP posts documents to its
ledger."""

ALPHABET = (
    *("actors/kernel/", "actors/order/", "actors/incidents/", "adapters/postgres/order_parts.py"),
    *(
        "schemas/order/",
        "tests/model/",
        "tests/unit/order/",
        "tests/unit/test_ids.py",
        "tests/contract/",
    ),
)
"""Where a letter is one of an alphabet: those that name machines, accounts and references."""

PROSE: Mapping[str, str] = MappingProxyType(
    {
        r"\bnobody\b": 'no one, or "X does not …"',
        r"\bfor ever\b": "always, or permanently",
        r"\banew\b": "again",
        r"\bmend(s|ed|ing)?\b": "fix, or correct",
        r"\bspoilt\b": "malformed",
        r"\bupkeep\b": "channel sync",
        r"\bstrays?\b(?! carriage)": "unroutable message",
        r"\bdesks?\b": "the service's own name, or local session",
        r"\bdoors?\b": "edge, or ingress",
        r"\bthe shell\b(?! gets)": "the runtime",
        r"\blook(s|ed|ing)? again\b": "fetch the order again, or check again",
        r"\b(lent|lends?) (us|to|out)\b": "deliver",
        r"\bdiscretion\b": "redaction",
        r"(?<![Tt]here )\b(is|are|was|were) no (?!longer\b|more\b|one\b|way\b|need\b|other\b)": (
            '"X is not …", or "X does not …"'
        ),
    }
)
"""What prose may not say, and what to write."""

MEANT = re.compile(r"back door|Blue Door|Door B\b|/nobody\b|'nobody'|nobody@|a stray \.env")
"""Other meanings: addresses, a note to a carrier, names that are not configured."""


def refused_names(source: str, path: str) -> list[str]:
    """Names that a module defines or uses with a word the glossary replaced."""
    found: dict[str, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        name = token.string
        if token.type == tokenize.NAME and name not in found:
            word = _refused(name)
            if (
                word
                and path.startswith(ELSEWHERE.get(word, ""))
                and not (word == "letter" and path.startswith(ALPHABET))
            ):
                found[name] = f"{token.start[0]}: {name} says {word!r}; say {NAMES[word]}."
    return sorted(found.values())


def refused_prose(text: str, path: str) -> list[str]:
    """Words in comments, docstrings, messages and pages that the glossary replaced."""
    found = []
    for number, passage in passages(text) if path.endswith(".py") else pages(text):
        said = MEANT.sub("", passage)
        for pattern, use in PROSE.items():
            match = re.search(pattern, said, re.IGNORECASE)
            if match:
                found.append(f"{number}: says {match.group().strip()!r}; say {use}.")
    return found


def passages(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, text) of a module's comments and of its strings that hold a space, each in one
    line, so that a phrase that is broken over two is found."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        prose = token.type == tokenize.STRING and " " in token.string
        if prose or token.type == tokenize.COMMENT:
            yield token.start[0], " ".join(token.string.split())


def pages(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line, text) of a page, without the code in it."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, re.sub(r"`[^`]*`|\]\([^)]*\)", "", line)


def _refused(name: str) -> str | None:
    """Return the first refused word in a name, "" never."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_+", " ", name).lower().split()
    parts = [part.removesuffix("s") if part.removesuffix("s") in NAMES else part for part in spaced]
    parts += [" ".join(pair) for pair in pairwise(spaced)]
    return next((part for part in parts if part in NAMES), None)
