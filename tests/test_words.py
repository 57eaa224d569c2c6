"""The check of the glossary can fail: it is shown texts that are wrong and texts that are right."""

from __future__ import annotations

import pytest

from tests import words


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("letters = 1\n", "letter"),
        ("class PrivacyDesk: ...\n", "desk"),
        ("def call(caller): ...\n", "caller"),
        ("look_again = True\n", "look again"),
        ("def test_nobody_waits(): ...\n", "nobody"),
        ("self.at_hand = AtHand()\n", "at hand"),
        ("POSTED = 1\n", "posted"),
    ],
)
def test_a_replaced_word_in_a_name_is_told(source: str, word: str) -> None:
    """Whatever case and part of a name it is in, with the word to use instead."""
    (found, *_) = words.refused_names(source, "service/inbound/a.py")
    assert repr(word) in found
    assert words.NAMES[word] in found


def test_other_meanings_of_a_word_pass() -> None:
    """An ERP posts documents, a reference has letters, and longer words are other words."""
    fine = "silent = amended = scare = artefact = delivery = 1\n"
    assert words.refused_names(fine, "service/inbound/a.py") == []
    assert words.refused_names("SalesOrderPosted = 1\n", "adapters/erp/a.py") == []
    assert words.refused_names("letter = 1\n", words.ALPHABET[0]) == []


@pytest.mark.parametrize(
    "said",
    [
        '"""Nobody waits."""',
        '"""It is kept\n    for ever."""',
        "# made anew",
        'told = "Mend it and send it again."',
        '"""At one of our doors."""',
        '"""A cart is no order."""',
        "# the upkeep of a channel",
        '"""A stray has no order."""',
    ],
)
def test_a_replaced_word_in_prose_is_told(said: str) -> None:
    """In comments, docstrings (also across the end of a line) and messages; and in pages."""
    assert words.refused_prose(f"{said}\n", "service/a.py")
    assert words.refused_prose(" ".join(said.split()) + "\n", "docs/a.md")


def test_english_that_only_looks_so_passes() -> None:
    """What is no longer so, code in pages, and an address that has the word in it."""
    fine = "It is no longer there, there is no order, and the back door has no bell. `nobody`\n"
    assert words.refused_prose(fine, "docs/a.md") == []
    assert words.refused_prose("```sh\nfor ever\n```\n", "docs/a.md") == []
    assert words.refused_prose('name = "nobody"\n', "service/a.py") == []
