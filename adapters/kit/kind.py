"""What a kind of partner or channel is: one `KIND` in its folder, from which all else is derived.

The settings tree, the wiring, `doctor`, lineage, the tables in the docs and the tests that walk all
kinds read it. Nothing else is registered anywhere but the kind's one line in `adapters/kinds.py`,
or its entry point in the group `orderwright.kinds`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, get_args

import msgspec
from msgspec import Struct

from actors.kernel.setup import AddressKind, Hears, Reach
from adapters.kit.instance import Instance, Kit
from adapters.kit.lineage import Carried, Stated
from adapters.kit.secret import Secret
from adapters.kit.settings import ChannelSettings, PartnerSettings

if TYPE_CHECKING:  # settings are read by every command, and the HTTP client takes a while to load
    from actors.runtime.partner import Partner
    from adapters.kit.books import Books, Side
    from adapters.kit.counting import CountsReport, StockCounter
    from adapters.kit.inbound import Source, Translator
    from adapters.kit.offering import Offers, StockTeller
    from adapters.kit.polling import Queue
    from adapters.kit.sync import ChannelSync

Role = Literal[
    "storefront",
    "erp",
    "warehouse",
    "3pl",
    "carrier",
    "messages",
    "supplier",
    "payments",
    "crm",
    "address",
    "tax",
    "files",
]
RESERVED: frozenset[Role] = frozenset({"supplier", "payments", "crm", "tax", "files"})
"""Roles that no decision asks for yet. A kind may name them beside one that is asked for."""

Mapped = Literal["skus", "bundles", "tax_codes", "shipping_methods"]
Transport = Literal["webhook", "api", "nats", "poll", "file"]

S = TypeVar("S", bound=PartnerSettings)
C = TypeVar("C", bound=ChannelSettings)


class Channel(Struct, Generic[C], frozen=True, kw_only=True):
    """What a storefront has beside its partner adapter. Every part is stated, None where the kind
    has none.

    `transports` say how its orders reach us. `webhooks` makes what checks and reads webhooks;
    a kind without them has a `translator` alone. `sync` makes what lists changed orders and keeps
    the subscriptions (None: the channel can't be asked). `fetches`: its partner has `bundle`, the
    order as it is now (`adapters.kit.fetching.Shows`). `queue` makes what its messages are fetched
    from, None where the settings name none. `statuses` are all that it can report of an
    order, each with what it means here. `mapped` are the tables of the mappings that its orders
    need. `speaks` says the API version in words, "" where none is named. `hears` is what its
    partner can be told beside what left and what was cancelled (None: nothing). `marketplace` is
    whose orders it brings, as `Order.marketplace_ref` names it ("": its own shop's); `imports`:
    apps bring orders of marketplaces into such a shop. `captures` says whether its partner captures
    what is authorised: not at all, as a whole, or in parts; `voids`: what was not captured is free
    again once the channel shows the order as cancelled; `refunds`: it gives money back. `offers`
    says what it is told of free stock by its settings (None: nothing), and `teller` makes what
    tells it; both, or neither.
    """

    transports: tuple[Transport, ...]
    webhooks: Callable[[C, Instance], Source] | None
    translator: Callable[[C, Instance], Translator] | None
    sync: Callable[[C, Kit], ChannelSync] | None
    fetches: bool
    statuses: Mapping[str, str]
    mapped: tuple[Mapped, ...]
    speaks: Callable[[C], str]
    stated: Stated
    queue: Callable[[C, Kit], Queue | None] | None = None
    hears: Callable[[C], frozenset[Hears]] | None = None
    marketplace: str = ""
    imports: bool = False
    captures: Literal["", "whole", "parts"] = ""
    voids: bool = False
    offers: Callable[[C], Offers | None] | None = None
    teller: Callable[[C, Kit], StockTeller] | None = None
    refunds: bool = False

    def reader(self, settings: C, instance: Instance) -> Translator:
        """Make what reads this channel's messages."""
        make = self.webhooks or self.translator
        assert make is not None, "a kind that reads nothing is refused when it is registered"
        return make(settings, instance)


class Limits(Struct, frozen=True, kw_only=True):
    """What a partner can't carry out, so that an order is held before stock is spent on it:
    characters of the longest SKU (0: any), kinds of money that it has no account for (kinds of
    lines, `shipping`, `duty`), kinds of addresses that it does not deliver to, and the characters
    of each line for a street on its labels (none: any). `reach_from` says for what a carrier sells
    labels from a country, "" for that of its account (None: that is not known before it is
    asked)."""

    longest_sku: int = 0
    unbooked: frozenset[str] = frozenset()
    refuses: frozenset[AddressKind] = frozenset()
    label_lines: tuple[int, ...] = ()
    reach_from: Callable[[str], Reach] | None = None


class Bookkeeping(Struct, Generic[S], frozen=True, kw_only=True):
    """Whose books can be read: the lists there, in the order in which they are read, each with the
    side that it shows, and what makes their reader."""

    sources: Mapping[str, Side]
    reader: Callable[[S, Kit], Books]


class Kind(Struct, Generic[S], frozen=True, kw_only=True):
    """A kind of partner or channel.

    `title` is what people call it, `words` one sentence for the tables in the docs. `example` are
    settings that a check accepts and that lead nowhere: tests, lineage and whoever reads a message
    of a channel that is no longer configured use them. `partner` makes the adapter. `probe` makes
    one harmless call with the configured credentials and returns what it found as a sentence; it
    raises PartnerError. `channel` is what a storefront has, `reports` makes what reads the webhooks
    of another partner. `carried` shows how an order reaches it. `limits` says what it can't carry
    out, by its settings (None: anything that `order.v1` can say). `accounts`: its partner tells how
    a customer's account stands (`adapters.kit.accounts.TellsAccounts`). `addresses`: the countries
    of which it tells whether an address can be delivered to
    (`adapters.kit.deliverability.TellsDeliverability`). `counter` makes what can be
    asked how much lies at a place (None: it can't be asked). `counts` reads what it reports of that
    by itself, in webhooks whose receipt is `at_once`, and raises Refused (None: it does not).
    `books` are what of its books can be read and compared with ours (None: nothing).
    """

    name: str
    title: str
    words: str
    roles: tuple[Role, ...]
    settings: type[S]
    example: Mapping[str, object]
    partner: Callable[[S, Kit], Partner]
    probe: Callable[[S, Kit], Awaitable[str]]
    carried: Carried
    channel: Channel[Any] | None = None
    reports: Callable[[S, Instance], Source] | None = None
    limits: Callable[[S], Limits] | None = None
    accounts: bool = False
    addresses: frozenset[str] = frozenset()
    counter: Callable[[S, Kit], StockCounter] | None = None
    counts: Callable[[S, bytes], CountsReport] | None = None
    books: Bookkeeping[S] | None = None


def example_of(kind: Kind[S]) -> S:
    """Return the kind's example as settings. Raises msgspec.ValidationError for a wrong one."""
    raw = {"kind": kind.name, **kind.example}
    settings: S = msgspec.convert(raw, kind.settings, dec_hook=_secret)
    return settings


def _secret(wanted: type, raw: object) -> object:
    if wanted is Secret and isinstance(raw, str):
        return Secret(raw)
    raise ValueError("is not a secret that is written as text")


def faults_of(kind: Kind[Any]) -> list[str]:
    """Return what is wrong or missing, one sentence each. Nothing is made up for a missing part."""
    found = [f"Its role {role!r} is unknown." for role in kind.roles if role not in get_args(Role)]
    if not set(kind.roles) - RESERVED:
        found.append("It plays no role that is asked for; name at least one in `roles`.")
    found += [f"`{name}` is empty." for name in ("name", "title", "words") if not _text(kind, name)]
    is_channel = "storefront" in kind.roles
    if is_channel != (kind.channel is not None):
        found.append("`channel` belongs to the role storefront: give both, or neither.")
    wanted = ChannelSettings if is_channel else PartnerSettings
    if not _derives(kind.settings, wanted):
        found.append(f"`settings` must be a struct that derives from {wanted.__name__}.")
    elif not is_channel and _derives(kind.settings, ChannelSettings):
        found.append("`settings` derive from ChannelSettings, but it plays no storefront.")
    else:
        found += _example_faults(kind)
    if {"warehouse", "3pl"} & set(kind.roles) and kind.reports is None:
        found.append("`reports` is missing: a warehouse says what it picked, packed and shipped.")
    found += [f"`{name}` must be callable." for name in ("partner", "probe") if _dead(kind, name)]
    if not _is(kind.carried, Carried):
        found.append("`carried` is missing: it says by which effect an order reaches the partner.")
    elif (kind.carried.effect is None) == (kind.carried.asks is None):
        found.append("`carried` needs either an `effect`, or what it `asks`.")
    if ("address" in kind.roles) != bool(kind.addresses):
        found.append("`addresses` belongs to the role address: name the countries that it knows.")
    if kind.channel is not None:
        found += _channel_faults(kind.channel)
    return found


def _example_faults(kind: Kind[Any]) -> list[str]:
    try:
        example_of(kind)
    except (msgspec.ValidationError, TypeError) as error:
        return [f"`example` is refused by its own settings: {error}."]
    return []


def _channel_faults(channel: Channel[Any]) -> list[str]:
    found = []
    if (channel.webhooks is None) == (channel.translator is None):
        found.append("`channel` needs either `webhooks` or a `translator`: who reads its messages?")
    if ("webhook" in channel.transports) != (channel.webhooks is not None):
        found.append("`channel.webhooks` and the transport `webhook` belong together.")
    if (channel.offers is None) != (channel.teller is None):
        found.append("`channel.offers` and `channel.teller` belong together.")
    if not channel.transports:
        found.append("`channel.transports` is empty: how do its orders reach us?")
    if not channel.statuses:
        found.append("`channel.statuses` is empty: which statuses does it report?")
    if not _is(channel.stated, Stated):
        found.append("`channel.stated` is missing: a whole example of its orders.")
    return found


def _text(kind: Kind[Any], name: str) -> bool:
    value = getattr(kind, name)
    return isinstance(value, str) and bool(value.strip())


def _dead(kind: Kind[Any], name: str) -> bool:
    return not callable(getattr(kind, name))


def _derives(value: object, wanted: type) -> bool:
    return isinstance(value, type) and issubclass(value, wanted)


def _is(value: object, wanted: type) -> bool:
    return isinstance(value, wanted)
