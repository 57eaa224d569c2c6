"""Everything that is wrong with a file of rules: its shape, its conditions, what it names, and what
a solver and the CEL engine of its authors say, where they are installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from msgspec import Struct

from actors.rules.lint import Finding, World, lint
from adapters.kit.settings import Template
from schemas.contracts.rules import SETS, Rules
from service.rules.file import Read, read_file
from service.rules.proofs import prove, z3_there
from service.rules.reference import Reference, cel_there
from service.settings import Settings
from service.settings.roles import places_of, playing

MAILS = frozenset(get_args(Template))


class Examined(Struct, frozen=True):
    """What a file says, what is wrong with it, and what was not looked for."""

    read: Read
    findings: tuple[Finding, ...]
    left: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether it may be published."""
        return all(one.severity != "error" for one in self.findings)


def world_of(settings: Settings) -> World:
    """Return what the settings let rules choose among."""
    return World(
        places=places_of(settings),
        carriers=frozenset(playing(settings, "carrier")),
        mails=MAILS,
    )


def examine(path: Path, world: World) -> Examined:
    """Read a file and return everything that is wrong with it, in the order of its lines. Raises
    OSError, and RulesRefused for a file that can't be read at all."""
    return examined(read_file(path), world)


def examined(read: Read, world: World, *, proofs: bool = True) -> Examined:
    """Return everything that is wrong with rules that were read, in the order of their lines.
    Without `proofs` neither solver nor CEL's engine is asked, which may take seconds."""
    found = [*read.findings, *lint(read.rules, world)]
    found = [one for one in found if not one.rule.startswith("unreadable-")]
    left: list[str] = []
    if proofs and not any(one.severity == "error" for one in found):
        found += _second_opinion(read.rules, left)
        found += _proofs(read.rules, world, left)
    located = [read.located(one) for one in found]
    located.sort(key=lambda one: (one.line or 1_000_000, one.column))
    return Examined(read, tuple(located), tuple(left))


def _second_opinion(rules: Rules, left: list[str]) -> Iterator[Finding]:
    if not cel_there():
        left.append("cel-expr-python is not installed: conditions were checked by our reader alone")
        return
    reference = Reference()
    for name in SETS:
        for rule in rules.of(name):
            fault = reference.fault(rule.when)
            if fault:
                sentence = f"CEL refuses it: {' '.join(fault.split())[:300]}"
                yield Finding(set=name, rule=rule.name, field="when", sentence=sentence)


def _proofs(rules: Rules, world: World, left: list[str]) -> list[Finding]:
    if not z3_there():
        left.append(
            "z3-solver is not installed: conditions that can never hold, rules that are never "
            "reached and contradictions were not looked for"
        )
        return []
    return prove(rules, world.places)
