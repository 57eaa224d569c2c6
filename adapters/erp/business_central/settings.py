"""Settings of Microsoft Dynamics 365 Business Central, API v2.0."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from adapters.kit.secret import Secret
from adapters.kit.settings import Name, PartnerSettings, Url

Customer = Annotated[str, Meta(min_length=1, max_length=20)]
Account = Annotated[str, Meta(max_length=20)]

MAX_ITEM_NUMBER = 20
"""Business Central's No. fields; a longer SKU can't be an item there."""
ACCOUNTS = frozenset({"shipping", "duty", "gift_card", "tip", "fee", "service"})
"""What is booked on an account: `<name>_account`."""

_BASES = ("net", "gross")
_CURRENCY = re.compile(r"[A-Z]{3}")
_CHANNEL = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


class Which(msgspec.Struct, frozen=True):
    """Which orders a customer is for: of a channel, a tax basis and a currency (None: any)."""

    channel: str | None = None
    gross: bool | None = None
    currency: str | None = None

    @property
    def rank(self) -> tuple[int, bool, bool]:
        """How much it names: what names most counts, then the channel, then the tax basis."""
        told = (self.channel, self.gross, self.currency)
        named = sum(one is not None for one in told)
        return named, self.channel is not None, self.gross is not None

    def fits(self, channel: str, *, gross: bool, currency: str) -> bool:
        """Say whether an order is one of them."""
        return (
            self.channel in (None, channel)
            and self.gross in (None, gross)
            and self.currency in (None, currency)
        )


def which_of(words: str) -> Which:
    """Read a key of `customers`. Raises ValueError with what is wrong."""
    found: dict[str, str | bool] = {}
    for word in words.split():
        if word in _BASES:
            name = "gross"
        elif _CURRENCY.fullmatch(word):
            name = "currency"
        elif _CHANNEL.fullmatch(word):
            name = "channel"
        else:
            raise ValueError(
                f"the name {words!r} of customers has {word!r}, which is neither a channel, net, "
                "gross nor a currency in three capitals"
            )
        if name in found:
            what = "tax" if name == "gross" else name
            raise ValueError(f"the name {words!r} of customers has two words for the {what}")
        found[name] = word == "gross" if name == "gross" else word
    return msgspec.convert(found, Which)


class BusinessCentralSettings(
    PartnerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """One company of one environment of Business Central."""

    base_url: Annotated[Url, Meta(description="API root, up to and including `/api/v2.0`.")]
    token_url: Annotated[Url, Meta(description="Where OAuth client credentials become a token.")]
    company_id: Annotated[Name, Meta(description="The company's GUID.")]
    client_id: Annotated[Name, Meta(description="The registered application's id.")]
    client_secret: Annotated[Secret, Meta(description="The registered application's secret.")]
    scope: Annotated[Name, Meta(description="OAuth scope to ask for.")] = (
        "https://api.businesscentral.dynamics.com/.default"
    )
    customer_number: Annotated[
        Customer,
        Meta(description="The collecting customer that storefront orders are booked on."),
    ]
    gross_customer_number: Annotated[
        Account,
        Meta(
            description="The collecting customer of orders whose prices include tax; its own prices"
            " must, too. Empty: `customer_number`."
        ),
    ] = ""
    customers: Annotated[
        dict[Annotated[str, Meta(min_length=1, max_length=64)], Customer],
        Meta(
            max_length=200,
            description="Collecting customers by what an order is: a channel, `net` or `gross` (its"
            " prices without or with tax), a currency, or several of them with spaces, such as"
            ' `"acme-eu gross EUR"`. What names most counts, then the channel, then the tax.'
            " Orders that nothing names: `customer_number`.",
        ),
    ] = msgspec.field(default_factory=dict)
    shipping_account: Annotated[
        Account,
        Meta(
            description="G/L account of shipping income; empty: an order with paid shipping is"
            " held."
        ),
    ] = ""
    duty_account: Annotated[
        Account,
        Meta(description="G/L account of duty; empty: an order with duty is held."),
    ] = ""
    gift_card_account: Annotated[
        Account,
        Meta(
            description="G/L account of gift cards sold, which are owed to their holders; empty: an"
            " order with one is held."
        ),
    ] = ""
    tip_account: Annotated[
        Account, Meta(description="G/L account of tips; empty: an order with one is held.")
    ] = ""
    fee_account: Annotated[
        Account, Meta(description="G/L account of fees; empty: an order with one is held.")
    ] = ""
    service_account: Annotated[
        Account,
        Meta(
            description="G/L account of services, such as wrapping; empty: an order with one is "
            "held."
        ),
    ] = ""

    def __post_init__(self) -> None:
        seen: dict[Which, str] = {}
        for words in self.customers:
            which = which_of(words)
            if which in seen:
                raise ValueError(f"the names {seen[which]!r} and {words!r} of customers are one")
            seen[which] = words

    def customer_of(self, channel: str, *, gross: bool, currency: str) -> str:
        """Return the customer that an order of this channel, tax basis and currency is booked
        on."""
        found = [
            (which.rank, number)
            for which, number in ((which_of(x), one) for x, one in self.customers.items())
            if which.fits(channel, gross=gross, currency=currency)
        ]
        if found:
            return max(found)[1]
        return (self.gross_customer_number if gross else "") or self.customer_number

    def channels_named(self) -> list[str]:
        """Return the channels that `customers` names."""
        return sorted({x for x in (which_of(one).channel for one in self.customers) if x})
