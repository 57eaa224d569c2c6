"""`orderwright lineage`: where each field of a source goes at a partner, and what is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from service.app.errors import OperatorError
from service.cli.tables import print_json, print_table
from service.cli.tables import print_plain as print

if TYPE_CHECKING:
    from service.lineage.ways import Lineage, Way

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class NoSuchSide(OperatorError):
    """No source or no partner has that name."""

    exit_code = 11


class Told(Struct, frozen=True, kw_only=True):
    """How much of a source arrives at a partner, in fields."""

    source: str
    partner: str
    fields: int
    arrive: int
    lost: int
    not_carried: int


def lineage(
    source: Annotated[str, typer.Argument(help="Whose field, such as shopify.")] = "",
    partner: Annotated[
        str, typer.Argument(help="Where it goes, such as business_central; left out: all.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Show where each field of a source goes at a partner, and what is lost, by trying it out."""
    from service.lineage.ways import find_out, partners_of, sources

    _refuse_unknown("source", source, sources())
    _refuse_unknown("partner", partner, partners_of(source))
    found = asyncio.run(find_out())
    if source and partner:
        ways = found.ways(source, partner)
        if as_json:
            print_json(ways)
        else:
            _print_ways(ways)
        return
    counts = [
        _counted(found, one, to)
        for one in ([source] if source else sources())
        for to in partners_of(one)
    ]
    if as_json:
        print_json(counts)
        return
    print_table(
        ("SOURCE", "PARTNER", "FIELDS", "ARRIVE", "LOST ON THE WAY", "NOT CARRIED"),
        [
            (c.source, c.partner, str(c.fields), str(c.arrive), str(c.lost), str(c.not_carried))
            for c in counts
        ],
    )


def _refuse_unknown(what: str, name: str, known: tuple[str, ...]) -> None:
    if name and name not in known:
        raise NoSuchSide(f"No {what} is named {name}; there are: {', '.join(known)}.")


def _counted(found: Lineage, source: str, partner: str) -> Told:
    ways = found.ways(source, partner)
    arrive = sum(bool(way.arrives) for way in ways)
    carried = sum(bool(way.becomes) for way in ways)
    return Told(
        source=source,
        partner=partner,
        fields=len(ways),
        arrive=arrive,
        lost=carried - arrive,
        not_carried=len(ways) - carried,
    )


def _print_ways(ways: tuple[Way, ...]) -> None:
    """Print what arrives as a table of whole paths; then what doesn't, by reason."""
    for way in ways:
        if not way.arrives:
            continue
        print(f"{way.field}{_only(way.when)}")
        print(f"  → {', '.join(way.becomes)}")
        for arrival in way.arrives:
            print(f"    → {arrival.path}{_only(arrival.when)}")
    reasons = Counter(way.lost for way in ways if way.lost)
    for reason, count in reasons.most_common():
        print(f"\n{count} field{'s' * (count != 1)}: {reason}")
        for way in ways:
            if way.lost == reason:
                becomes = f" → {', '.join(way.becomes)}" if way.becomes else ""
                print(f"  {way.field}{becomes}")


def _only(when: str) -> str:
    return f"   (only {when})" if when else ""
