"""Who plays which role for each channel, from the settings alone: pure, and told in sentences where
the settings leave it open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec.structs import replace

from actors.kernel.setup import Place, Setup, brand
from adapters.kinds import kind_named
from adapters.kit.kind import Limits, Role
from adapters.kit.offering import Offers
from adapters.kit.settings import ChannelSettings
from schemas.messages.effects import WhoBuys
from service.settings.model import Settings
from service.settings.places import Place as PlaceSettings

MAIN = "main"
"""The place that one warehouse and one carrier make without a table of places."""

STOCK = "stock"
"""The lane of our own stock table."""

WAREHOUSES: tuple[Role, ...] = ("warehouse", "3pl")


def storefront_lane(channel: str) -> str:
    """Return the lane of a channel's storefront."""
    return f"storefront:{channel}"


def playing(settings: Settings, *roles: Role) -> tuple[str, ...]:
    """Return the partners that play one of the roles, by their names and in their order."""
    return tuple(
        name
        for name, partner in settings.partners.items()
        if set(roles) & set(kind_named(partner.kind).roles)
    )


def setups(settings: Settings) -> dict[str, Setup]:
    """Return who plays which role, for each channel. The settings are free of `inconsistencies`."""
    return {name: setup_of(settings, name) for name in settings.channels}


def setup_of(settings: Settings, name: str) -> Setup:
    """Return who plays which role for one channel. Raises KeyError for one that isn't there."""
    channel = settings.channels[name]
    collected = _folded(channel.collected_payment_methods)
    terms = _folded(channel.terms_payment_methods)
    erp = _chosen(channel.erp, playing(settings, "erp"))
    booked = _limits(settings, erp)
    part = kind_named(channel.kind).channel
    services = _address_services(settings, channel)
    return Setup(
        channel=name,
        storefront=storefront_lane(name),
        erp=erp,
        mail=_chosen(channel.mail, playing(settings, "messages")),
        stock=channel.keeps_stock,
        places=_places(settings, channel),
        promised=_folded(channel.promised_payment_methods) | collected | terms,
        collected=collected,
        writes=frozenset(channel.writes),
        short_pick=channel.short_pick,
        when_short=channel.when_short,
        release=channel.release,
        restock_by=channel.restock_by,
        notify_customer=channel.notify_customer,
        carriers=tuple(
            (brand(kind_named(settings.partners[one].kind).title), one)
            for one in playing(settings, "carrier")
        ),
        longest_sku=booked.longest_sku,
        unbooked=booked.unbooked,
        hears=part.hears(channel) if part is not None and part.hears is not None else frozenset(),
        claims=_claims(settings, channel),
        capture=channel.capture,
        capture_parts=channel.capture_parts,
        receivable=channel.hand_over_unpaid,
        authorised_days=channel.authorised_days if channel.capture != "none" else 0,
        voids=part is not None and part.voids,
        terms=terms,
        terms_limits=tuple(sorted(channel.terms_limits.items())),
        overdue_days=channel.terms_overdue_days,
        collect_limits=tuple(sorted(channel.collect_limits.items())),
        approvals=bool(settings.approvals.roles),
        refund=channel.refund,
        refunds=part is not None and part.refunds,
        returns=channel.returns,
        return_days=channel.return_days,
        return_refund=channel.return_refund,
        restocking_percent=channel.restocking_percent,
        addresses=services,
        held_addresses=frozenset(channel.held_addresses if services else ()),
        takes_corrections=channel.corrected_addresses == "take",
    )


def _address_services(
    settings: Settings, channel: ChannelSettings
) -> tuple[tuple[str, frozenset[str]], ...]:
    there = playing(settings, "address")
    names = there if channel.address_services is None else channel.address_services
    return tuple((one, kind_named(settings.partners[one].kind).addresses) for one in names)


def _claims(settings: Settings, channel: ChannelSettings) -> bool:
    """Whether a channel's orders may come through another one, too."""
    if channel.marketplace_orders is not None:
        return channel.marketplace_orders
    part = kind_named(channel.kind).channel
    if part is None or part.marketplace:
        return part is not None
    parts = (kind_named(one.kind).channel for one in settings.channels.values())
    return part.imports and any(one is not None and one.marketplace for one in parts)


def places_of(settings: Settings) -> tuple[Place, ...]:
    """Return every place that goods leave from. Without a table there is one, or none where no one
    packs and no one carries."""
    warehouses, carriers = playing(settings, *WAREHOUSES), playing(settings, "carrier")
    return tuple(
        _place(settings, name, table, warehouses, carriers)
        for name, table in _tables(settings).items()
    )


def inconsistencies(settings: Settings) -> list[str]:
    """Return what the tables leave open or contradict among each other, one sentence each."""
    return [*_names(settings), *_place_faults(settings), *_channel_faults(settings)]


def _names(settings: Settings) -> Iterator[str]:
    for name in settings.partners:
        if name in settings.channels:
            yield (
                f"A channel and a partner are both named {name}; rename one, for both are reached "
                f"at /hooks/{name}."
            )
        if name == STOCK:
            yield "partners.stock: the name is taken by our own stock table; choose another."


def _place_faults(settings: Settings) -> Iterator[str]:
    warehouses, carriers = playing(settings, *WAREHOUSES), playing(settings, "carrier")
    for name, table in _tables(settings).items():
        where = f"places.{name}" if settings.places else "[places.NAME]"
        yield from _count_faults(settings, name, where)
        yield from _choice(f"{where}.warehouse", table.warehouse, warehouses, "warehouses")
        yield from _choice(f"{where}.carrier", table.carrier, carriers, "carriers")
        if table.labels == "us" and not _chosen(table.carrier, carriers):
            yield f'{where}.labels is "us", but no carrier is configured there to buy them from.'
        if table.labels == "them" and not _chosen(table.warehouse, warehouses):
            yield f'{where}.labels is "them", but no warehouse is configured there to buy them.'


def _count_faults(settings: Settings, place: str, where: str) -> Iterator[str]:
    partner = _tables(settings)[place].counted_by
    found = {name: kind_named(one.kind) for name, one in settings.partners.items()}
    able = [name for name, kind in found.items() if kind.counter or kind.counts]
    if partner and partner not in able:
        known = ", ".join(able) or "none"
        yield f"{where}.counted_by: {partner} tells no stock; those that do: {known}."
        return
    counts = [name for name, one in _tables(settings).items() if one.counted_by == partner]
    if partner and found[partner].counter and counts[1:] and place == counts[0]:
        yield (
            f"{where}.counted_by: {partner} has one figure for all places and counts "
            f"{', '.join(counts)}: leave it to one of them."
        )


def _channel_faults(settings: Settings) -> Iterator[str]:
    erps, mails = playing(settings, "erp"), playing(settings, "messages")
    for name, channel in settings.channels.items():
        where = f"channels.{name}"
        yield from _choice(f"{where}.erp", channel.erp, erps, "ERPs")
        if channel.time_zone and not _is_zone(channel.time_zone):
            yield (
                f"{where}.time_zone: no time zone is called {channel.time_zone!r}; write one like "
                "Europe/Berlin or UTC."
            )
        yield from _capture_faults(where, channel)
        yield from _terms_faults(settings, where, channel)
        yield from _refund_faults(where, channel)
        yield from _choice(f"{where}.mail", channel.mail, mails, "partners that send messages")
        for place in channel.places or ():
            if place not in _tables(settings):
                yield f"{where}.places names {place}; there is no [places.{place}]."
        services = playing(settings, "address")
        for one in channel.address_services or ():
            if one not in services:
                known = ", ".join(services) or "none"
                yield f"{where}.address_services names {one}; the address services are: {known}."
        yield from _offer_faults(settings, where, channel)


def offers_of(channel: ChannelSettings) -> Offers | None:
    """Return what a channel is told of free stock, None for nothing."""
    part = kind_named(channel.kind).channel
    if part is None or part.offers is None:
        return None
    found: Offers | None = part.offers(channel)
    return found


def _offer_faults(settings: Settings, where: str, channel: ChannelSettings) -> Iterator[str]:
    offers = offers_of(channel)
    for place in offers.places if offers is not None else ():
        if place not in _tables(settings):
            known = ", ".join(sorted(_tables(settings))) or "none"
            yield f"{where} is to be told the stock of {place}; the places are: {known}."


def _capture_faults(where: str, channel: ChannelSettings) -> Iterator[str]:
    part = kind_named(channel.kind).channel
    able = "" if part is None else part.captures
    if channel.capture != "none" and not able:
        yield (
            f'{where}.capture is "{channel.capture}", but no payments are captured through '
            f'{channel.kind}; leave it out, or set it to "none".'
        )
    if channel.capture != "none" and channel.capture_parts and able == "whole":
        yield (
            f"{where}.capture_parts is true, but {channel.kind} captures a payment only as a "
            "whole; leave it out."
        )


def _terms_faults(settings: Settings, where: str, channel: ChannelSettings) -> Iterator[str]:
    if not channel.terms_payment_methods:
        return
    erp = _chosen(channel.erp, playing(settings, "erp"))
    if not erp or not kind_named(settings.partners[erp].kind).accounts:
        told = f"{erp} tells none" if erp else "there is no ERP"
        yield (
            f"{where}.terms_payment_methods asks an ERP for its customers' accounts, and {told}; "
            "leave it out, and name the methods in promised_payment_methods."
        )


def _refund_faults(where: str, channel: ChannelSettings) -> Iterator[str]:
    part = kind_named(channel.kind).channel
    if channel.refund == "automatic" and (part is None or not part.refunds):
        yield (
            f'{where}.refund is "automatic", but no money is given back through {channel.kind}; '
            'leave it out, or set it to "person".'
        )
    if channel.return_refund in ("full", "less_fee") and (part is None or not part.refunds):
        yield (
            f'{where}.return_refund is "{channel.return_refund}", but no money is given back '
            f'through {channel.kind}; set it to "person" or "none".'
        )
    if channel.restocking_percent and channel.return_refund != "less_fee":
        yield (
            f'{where}.restocking_percent has an effect with return_refund = "less_fee" alone; set '
            "that, or leave it out."
        )


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _choice(path: str, stated: str | None, there: tuple[str, ...], what: str) -> Iterator[str]:
    if stated is None and len(there) > 1:
        yield f"{path} is missing; there are several {what}: {', '.join(there)}."
    if stated and stated not in there:
        known = f"there are: {', '.join(there)}" if there else "there are none"
        yield f"{path} names {stated}, which is not among the {what}; {known}."


def _chosen(stated: str | None, there: tuple[str, ...]) -> str:
    if stated is not None:
        return stated
    return there[0] if there else ""


def _tables(settings: Settings) -> Mapping[str, PlaceSettings]:
    """Return the tables of places, or the one that a warehouse or a carrier makes without any."""
    if settings.places or not playing(settings, *WAREHOUSES, "carrier"):
        return settings.places
    return {MAIN: PlaceSettings()}


def _places(settings: Settings, channel: ChannelSettings) -> tuple[Place, ...]:
    every = places_of(settings)
    if channel.places is None:
        return every
    named = {place.name: place for place in every}
    return tuple(named[name] for name in channel.places)


def _place(
    settings: Settings,
    name: str,
    table: PlaceSettings,
    warehouses: tuple[str, ...],
    carriers: tuple[str, ...],
) -> Place:
    warehouse = _chosen(table.warehouse, warehouses)
    carrier = _chosen(table.carrier, carriers)
    labels = table.labels or _buyer(settings, warehouse, carrier)
    home = table.ship_from.country if table.ship_from is not None else ""

    def carried_by(one: str) -> Place:
        limits = _limits(settings, one)
        return Place(
            name=name,
            warehouse=warehouse,
            carrier=one,
            labels=labels,
            refuses=limits.refuses,
            label_lines=limits.label_lines,
            reach=limits.reach_from(home) if limits.reach_from is not None else None,
            parcel_minor=table.parcel_cost_minor,
            unit_minor=table.unit_cost_minor,
            leaves_hours=table.leaves_after_hours,
        )

    others = (one for one in carriers if one != carrier and labels == "us")
    return replace(carried_by(carrier), others=tuple(map(carried_by, others)))


def _limits(settings: Settings, partner: str) -> Limits:
    """Return what a partner can't carry out; nothing for none."""
    if not partner:
        return Limits()
    stated = settings.partners[partner]
    limits = kind_named(stated.kind).limits
    return Limits() if limits is None else limits(stated)


def _buyer(settings: Settings, warehouse: str, carrier: str) -> WhoBuys:
    if carrier:
        return "us"
    is_3pl = bool(warehouse) and "3pl" in kind_named(settings.partners[warehouse].kind).roles
    return "them" if is_3pl else "none"


def _folded(methods: tuple[str, ...]) -> frozenset[str]:
    return frozenset(one.strip().casefold() for one in methods)
