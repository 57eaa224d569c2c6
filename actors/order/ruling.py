"""What the seller's rules mean for an order: asked when it comes and when it changes, recorded with
the rule, the version and the facts, and from then on who plays which role for this order.

Without rules nothing here is reached but one comparison. An order keeps what was decided about it
until it changes: a newer version alone decides nothing again.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from actors.kernel.setup import Place, Setup
from actors.order.decision import Context
from actors.order.state import Ruled, State
from actors.order.work import Work
from actors.rules.facts import away_of
from schemas.messages import events as e
from schemas.order.canonical import Order
from schemas.order.world import UNKNOWN, known, lasting

HOLD = "rule-"
"""How the ids of holds by a rule begin; the set and the rule follow."""
UNREADY = ("rule-accept-", "rule-approve-", "rule-route-")
"""Holds by rules of these sets keep an order from being accepted; for those of the others stock is
reserved, and warehouse and carrier wait."""
ELEVATED = "rule-elevated-"
"""How holds of rules that let the warehouse pick begin: label and hand-over alone wait."""
BY_RULES = "the rules"
MAX_HOLDS = 8
"""Holds by rules that one order carries: half of what people can look through."""
MAX_NAMED = 5
"""Rules that a hold for several names."""

CHANGES = frozenset({"address", "contact", "lines", "method", "money"})
"""Facets that have the rules asked again, and their holds made again even if a person released
them: an address that is changed after the review is the classic fraud."""


def asked(order: Order, context: Context) -> tuple[e.Ruling, ...]:
    """Return what the rules in use say about an order. Raises WorldAsked where they ask for what
    has to be found out first."""
    rules = context.rules
    if not rules.count:
        return ()
    places = (context.plain or context.setup).places
    home = next((x.reach.home for x in places if x.reach is not None), "")
    world = known(context.world, order, rules.reads) if rules.reads else UNKNOWN
    return rules.decide(order, context.channel, away_of(order, home), world)


def in_terms_of(order: Order, rulings: tuple[e.Ruling, ...]) -> Order:
    """Return the order with the shipping method that a rule names."""
    method = Ruled(0, rulings).asked("ship", "method") if rulings else ""
    if not method or method == order.shipping_method:
        return order
    theirs = order.channel_shipping_method or order.shipping_method
    return replace(order, shipping_method=method, channel_shipping_method=theirs)


def steered(state: State, context: Context) -> Context:
    """Return the context in which everyone plays the role that the rules give them."""
    ruled = state.ruled
    plain = context.plain or context.setup
    if ruled is None:
        return context if context.plain is None else replace(context, setup=plain, plain=None)
    return replace(context, setup=_setup(plain, ruled), plain=plain)


def setup_for(context: Context, rulings: tuple[e.Ruling, ...]) -> Setup:
    """Return the setup as rulings would have it, with no place but the one that they insist on."""
    plain = context.plain or context.setup
    if not rulings:
        return plain
    found = _setup(plain, Ruled(0, rulings))
    only = insisted(rulings)
    if not only:
        return found
    return replace(found, places=tuple(x for x in found.places if x.name == only))


def insisted(rulings: tuple[e.Ruling, ...]) -> str:
    """Return the place from which alone the goods may leave, "" for any."""
    ruled = Ruled(0, rulings)
    return ruled.asked("route", "place") if ruled.asked("route", "only") else ""


def _setup(plain: Setup, ruled: Ruled) -> Setup:
    known = ruled.__dict__.get("setup")
    if known is not None and known[0] is plain:
        found: Setup = known[1]
        return found
    made = _made(plain, ruled)
    ruled.__dict__["setup"] = plain, made
    return made


def _made(plain: Setup, ruled: Ruled) -> Setup:
    place, carrier = ruled.asked("route", "place"), ruled.asked("ship", "carrier")
    mails = _mails(ruled)
    places = plain.places
    if carrier:
        places = tuple(_carried(one, carrier) for one in places)
    if place:
        places = tuple(sorted(places, key=lambda one: one.name != place))
    writes = plain.writes if mails is None else frozenset(mails.split(",")) - {""}
    return replace(plain, places=places, writes=writes)


def _carried(place: Place, carrier: str) -> Place:
    return next((one for one in place.others if one.carrier == carrier), place)


def _mails(ruled: Ruled) -> str | None:
    for one in ruled.rulings:
        for name, value in one.asks:
            if one.set == "notify" and name == "mails":
                return value
    return None


def say(
    work: Work,
    rulings: tuple[e.Ruling, ...],
    facets: Collection[str] = CHANGES,
    *,
    person: str = "",
    reason: str = "",
) -> None:
    """Record what the rules said, and hold the order where they ask for it. `facets` changed; when
    none of them matters only a new decision is recorded. `person` had them asked, for a reason."""
    before = work.state.ruled
    if not rulings and before is None:
        return
    earlier = () if before is None else before.rulings
    if _without_facts(rulings) == earlier and CHANGES.isdisjoint(facets):
        return
    rules, world = work.context.rules, work.context.world
    work.say(
        e.RulesDecided(
            rule="rules",
            version=rules.version,
            rulings=rulings,
            person=person,
            reason=reason,
            world=lasting(world) if world is not None and rules.reads else None,
        )
    )
    work.context = steered(work.state, work.context)
    _hold(work, rulings, set(earlier) if CHANGES.isdisjoint(facets) else set())


def _without_facts(rulings: tuple[e.Ruling, ...]) -> tuple[e.Ruling, ...]:
    return tuple(e.Ruling(one.set, one.rule, one.asks) for one in rulings)


def kept(event: e.RulesDecided) -> Ruled | None:
    """Return what an order keeps of a decision."""
    return Ruled(event.version, _without_facts(event.rulings)) if event.rulings else None


def _few(wanted: dict[str, str]) -> dict[str, str]:
    """Return at most MAX_HOLDS holds: the last stands for all that there is no room for, and keeps
    the order from being accepted if one of them would."""
    if len(wanted) <= MAX_HOLDS:
        return wanted
    kept = list(wanted)[: MAX_HOLDS - 1]
    rest = [one for one in wanted if one not in kept]
    strict = any(one.startswith(UNREADY) for one in rest)
    names = ", ".join(one.removeprefix(HOLD) for one in rest[:MAX_NAMED])
    more = f" and {len(rest) - MAX_NAMED} more" if len(rest) > MAX_NAMED else ""
    found = {one: wanted[one] for one in kept}
    found[f"{HOLD}{'approve' if strict else 'review'}-others"] = (
        f"{len(rest)} more rules hold it: {names}{more}; the timeline has their reasons"
    )
    return found


def _hold_id(ruling: e.Ruling) -> str:
    if ("pick", "yes") in ruling.asks:
        return f"{ELEVATED}{ruling.rule}"
    return f"{HOLD}{ruling.set}-{ruling.rule}"


def _hold(work: Work, rulings: tuple[e.Ruling, ...], known: Collection[e.Ruling]) -> None:
    wanted: dict[str, str] = {}
    for one in rulings:
        reason = dict(one.asks).get("hold", "")
        if reason:
            wanted[_hold_id(one)] = reason
    only = insisted(rulings)
    if only and only not in {one.name for one in work.context.setup.places}:
        route = next(one for one in rulings if one.set == "route")
        wanted[f"{HOLD}route-{route.rule}"] = (
            f"it may leave from {only} alone, which is none of the places of "
            f"{work.context.channel}: add it there, or change the rule"
        )
    wanted = _few(wanted)
    there = {one.hold_id for one in work.state.holds}
    for hold_id in sorted(there):
        if hold_id.startswith(HOLD) and hold_id not in wanted:
            work.say(
                e.HoldReleased(
                    rule="free",
                    hold_id=hold_id,
                    person=BY_RULES,
                    reason="the rule matches the order no longer",
                )
            )
    # What the same rule held before and a person released; one that asks for it only now is new.
    stays = {_hold_id(one) for one in known if one.set == "route" or dict(one.asks).get("hold")}
    for hold_id, reason in wanted.items():
        if hold_id not in there and hold_id not in stays:
            work.say(e.Held(rule="hold", hold_id=hold_id, reason=reason))
