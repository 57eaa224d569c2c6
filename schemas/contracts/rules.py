"""The rules of a seller as one document: sets of rules in order, and the tables that they look
things up in. A person writes it as TOML with CSV files beside it; stored it is JSON.

What a condition may say is checked by `actors.rules`; here is only the document's own shape.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta, Struct

RULES_SCHEMA = "orderwright.rules.v1"

SetName = Literal["accept", "review", "route", "ship", "notify", "approve"]
SETS: tuple[SetName, ...] = get_args(SetName)
"""The sets, in the order in which they are asked."""
FIRST_MATCH: frozenset[SetName] = frozenset({"accept", "route", "ship", "notify"})
"""Sets of which the first rule that matches decides; of the others every rule that matches does."""

MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
"""Bytes of a stored document with its tables."""
MAX_FILE_BYTES = 1024 * 1024
"""Bytes of the file of rules, and of each file of a table."""
MAX_RULES = 500
"""Rules of a document: they cost 0.1 ms an order, and a second to compile."""
MAX_TOGETHER = 50
"""Rules of a set of which every one that matches decides: all of them may stand in one event."""
MAX_TABLES = 50
"""Tables of a document; long lists of values belong into few of them."""
MAX_ROWS = 50_000
"""Rows of one table: every postal code of a large country."""
MAX_CONDITION = 2_000
"""Characters of one condition."""

Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*(?![\s\S])")]
Text = Annotated[str, Meta(max_length=500)]
Label = Annotated[str, Meta(min_length=1, max_length=64)]
Condition = Annotated[str, Meta(min_length=1, max_length=MAX_CONDITION)]


class Rule(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One rule: when its condition holds, what it asks for.

    `when` is CEL over typed facts (docs/rules.md lists them). `place` is where goods leave from
    before others, with `only` from nowhere else; `carrier` a partner's name; `method` one of our
    own shipping methods. `accept` takes an order whose payment is only expected. `hold` is the
    reason for which a person looks before the order goes on; with `pick` the warehouse picks
    meanwhile, and only label and hand-over wait. `mails` are the templates that are
    sent for it. `place`, `carrier` and `method` may be looked up: `=` and an expression that
    gives a text, "" for none.
    """

    name: Name
    when: Condition
    why: Text = ""
    place: Annotated[str, Meta(max_length=MAX_CONDITION)] = ""
    only: bool = False
    carrier: Annotated[str, Meta(max_length=MAX_CONDITION)] = ""
    method: Annotated[str, Meta(max_length=MAX_CONDITION)] = ""
    accept: bool = False
    hold: Text = ""
    pick: bool = False
    mails: Annotated[tuple[Label, ...], Meta(max_length=20)] | None = None
    tag: Annotated[str, Meta(max_length=64)] = ""
    priority: Annotated[int, Meta(ge=0, le=9)] = 0


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lookup table as it stood in its CSV file: the first column is what is looked up."""

    columns: Annotated[tuple[Label, ...], Meta(min_length=2, max_length=50)]
    rows: Annotated[tuple[tuple[str, ...], ...], Meta(max_length=MAX_ROWS)]


Rows = Annotated[tuple[Rule, ...], Meta(max_length=MAX_RULES)]
Few = Annotated[tuple[Rule, ...], Meta(max_length=MAX_TOGETHER)]


class Rules(
    Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="schema",
    tag=RULES_SCHEMA,
):
    """Every set in its order, and the tables by name. A set without rules changes nothing."""

    accept: Rows = ()
    review: Few = ()
    route: Rows = ()
    ship: Rows = ()
    notify: Rows = ()
    approve: Few = ()
    tables: Annotated[dict[Name, Table], Meta(max_length=MAX_TABLES)] = {}

    def of(self, name: SetName) -> tuple[Rule, ...]:
        """Return the rules of a set."""
        found: tuple[Rule, ...] = getattr(self, name)
        return found

    @property
    def is_empty(self) -> bool:
        """Whether there is no rule at all."""
        return not any(self.of(name) for name in SETS)


class RulesRefused(Exception):
    """A document that can't be read; `sentences` say what is wrong, each by itself."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


ACTIONS: dict[SetName, frozenset[str]] = {
    "accept": frozenset({"accept", "hold"}),
    "review": frozenset({"hold", "pick"}),
    "route": frozenset({"place", "only"}),
    "ship": frozenset({"carrier", "method"}),
    "notify": frozenset({"mails"}),
    "approve": frozenset({"hold"}),
}
"""What the rules of each set may ask for, beside a tag and a priority."""
ANYWHERE = frozenset({"tag", "priority"})

_read = msgspec.json.Decoder(Rules).decode
_write = msgspec.json.Encoder(order="deterministic").encode


def read_rules(document: bytes) -> Rules:
    """Return a stored document. Raises RulesRefused."""
    try:
        return _read(document)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RulesRefused([f"The document is not of the schema {RULES_SCHEMA}: {error}."]) from (
            error
        )


def write_rules(rules: Rules) -> bytes:
    """Return the document as it is stored. Raises RulesRefused for one that is too large."""
    document = _write(rules)
    if len(document) > MAX_DOCUMENT_BYTES:
        told = (
            f"The rules with their tables are {len(document):,} bytes, and {MAX_DOCUMENT_BYTES:,} "
            "are allowed: shorten the largest table."
        )
        raise RulesRefused([told])
    return document
