"""The whole way of a field: from its source through the canonical order to each partner."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from adapters.kinds import channels, kind_named, kinds
from service.lineage.declared import REACHES_NO_ONE
from service.lineage.probing import ORDER, Found, Outcome, probe
from service.lineage.trying import Requests, canonical_of

Reached = dict[str, dict[str, Found]]
"""For each partner, where each canonical field goes."""
NOT_READ = "not carried: the translation does not read it"
ONLY_CHECKED = "not carried: it is only checked, and a wrong value is refused"
HOLDS = "is not a field of a request: the order waits, or is held until a person has looked"
CANCELS = "is not a field of a request: an order that was cancelled is undone at every partner"


def sources() -> tuple[str, ...]:
    """Return the kinds of channels that state orders."""
    return tuple(kind.name for kind in channels())


def partners() -> tuple[str, ...]:
    """Return the kinds of partners that orders are sent to, storefronts last."""
    found = sorted(kinds(), key=lambda kind: ("storefront" in kind.roles, kind.name))
    return tuple(kind.name for kind in found)


def partners_of(source: str) -> tuple[str, ...]:
    """Return the partners that orders of a source go to: a storefront hears of its own alone."""
    others = set(sources()) - {source}
    return tuple(name for name in partners() if not source or name not in others)


class Arrival(Struct, frozen=True, kw_only=True):
    """A field of a partner's request. `when` is the case in which alone it follows ours."""

    path: str
    when: str = ""


class Way(Struct, frozen=True, kw_only=True):
    """Where one field of a source goes at one partner. `lost` says why, when it goes nowhere."""

    field: str
    becomes: tuple[str, ...]
    when: str = ""
    arrives: tuple[Arrival, ...] = ()
    lost: str = ""


class Lineage(Struct, frozen=True, kw_only=True):
    """Everything that was found: what each source's fields become, and where they arrive."""

    sources: dict[str, dict[str, Found]]
    reached: Reached

    def ways(self, source: str, partner: str) -> tuple[Way, ...]:
        """Return the way of every field of a source to a partner, in the source's order."""
        return tuple(
            self._way(field, found, source, partner)
            for field, found in self.sources[source].items()
        )

    def anywhere(self, field: str, among: Sequence[str] = ()) -> tuple[str, ...]:
        """Return which of the partners (none named: all) a canonical field reaches."""
        return tuple(name for name in among or partners() if self._arrivals(field, name))

    def _way(self, field: str, found: Found, source: str, partner: str) -> Way:
        arrives = {one.path: one for to in found.paths for one in self._arrivals(to, partner)}
        return Way(
            field=field,
            becomes=found.paths,
            when=found.when,
            arrives=tuple(arrives[path] for path in sorted(arrives)),
            lost="" if arrives else self._why(found, source),
        )

    def _arrivals(self, field: str, partner: str) -> list[Arrival]:
        return [
            Arrival(path=path, when=found.when)
            for name, found in self.reached[partner].items()
            if _within(name, field)
            for path in found.paths
        ]

    def _why(self, found: Found, source: str) -> str:
        if not found.paths:
            return ONLY_CHECKED if found.checked else NOT_READ
        reasons: dict[str, None] = {}
        for field in found.paths:
            elsewhere = ", ".join(self.anywhere(field, partners_of(source)))
            if elsewhere:
                reasons[f"not sent here; goes to {elsewhere}"] = None
            elif field.startswith("order.cancel"):
                reasons[CANCELS] = None
            elif field.startswith("order.note_report"):
                reasons[HOLDS] = None
            else:
                said = [why for name, why in REACHES_NO_ONE.items() if _within(name, field)]
                reasons.update(dict.fromkeys(said or ["lost, and no one said why"]))
        return "; ".join(reasons)


async def find_out() -> Lineage:
    """Try out every kind of channel and partner; takes about a second, and calls no one."""
    found = {}
    for kind in channels():
        assert kind.channel is not None, "channels have what a channel has"

        async def become(tree: object, source: str = kind.name) -> Outcome:
            return canonical_of(source, tree)

        stated = kind.channel.stated
        found[kind.name] = await probe(stated.examples(), become, _own_names())
    requests = Requests()
    canonical = kind_named("canonical").channel
    assert canonical is not None, "our own contract is a channel"
    examples = canonical.stated.examples()
    reached = {}
    for partner in partners():

        async def arrive(tree: object, partner: str = partner) -> Outcome:
            return ORDER, await requests.body(partner, tree)

        reached[partner] = await probe(examples, arrive, _own_names())
    return Lineage(sources=found, reached=reached)


def _own_names() -> tuple[str, ...]:
    """Return how attributes begin that our translations name themselves."""
    parts = [kind.channel for kind in channels() if kind.channel is not None]
    return tuple(name for part in parts for name in part.stated.own_names)


def _within(name: str, field: str) -> bool:
    """Say whether a field is another, or in it: what comes or goes as a whole takes all with it."""
    plain = _plain(field)
    return name in {field, plain} or name.startswith((f"{plain}.", f"{plain}[]."))


def _plain(field: str) -> str:
    """Every attribute goes where attributes go."""
    return "attributes[*]" if field.startswith("attributes[") else field
