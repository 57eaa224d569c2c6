"""Settings of what lies outside: channels, ERP, warehouse, carrier, mail; and the care for each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from msgspec import Meta, Struct

from service.settings import amazon as of_amazon
from service.settings.amazon import Amazon
from service.settings.bigcommerce import BigCommerceSettings, check_secrets
from service.settings.secret import Secret

Url = Annotated[str, Meta(pattern=r"^https?://[^\s/?#@]+[^\s?#]*$", max_length=512)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]
Text = Annotated[str, Meta(max_length=256)]


USUAL_BACKFILL_SECONDS = 300.0
BACKFILL_SECONDS: Mapping[str, float] = MappingProxyType({"amazon": of_amazon.BACKFILL_SECONDS})
"""How often a kind of channel is compared with ours unless its settings say otherwise."""

PERSONAL_DATA_DAYS: Mapping[str, int] = MappingProxyType({"amazon": of_amazon.PERSONAL_DATA_DAYS})
"""How many days after delivery a kind of channel lets personal data be kept at most; a kind that
isn't here sets no bound."""


class CallLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How gently one partner is called, and how long its failures are borne."""

    rate_per_second: Annotated[
        float, Meta(gt=0, le=10_000, description="Calls a second at most; more wait in Postgres.")
    ] = 50.0
    concurrency: Annotated[
        int, Meta(ge=1, le=1_000, description="Calls under way at the same time at most.")
    ] = 32
    timeout_seconds: Annotated[
        float, Meta(ge=0.05, le=300, description="After this a call's outcome counts as unknown.")
    ] = 15.0
    retry_first_seconds: Annotated[
        float,
        Meta(ge=0.01, le=3_600, description="Wait before the first repeat; doubles, jittered."),
    ] = 1.0
    retry_most_seconds: Annotated[
        float, Meta(ge=0.01, le=86_400, description="The longest wait between two repeats.")
    ] = 300.0
    retry_attempts: Annotated[
        int, Meta(ge=1, le=1_000, description="Calls of one effect before a person gets it.")
    ] = 20
    breaker_failures: Annotated[
        int, Meta(ge=1, le=1_000, description="Failures in a row that open the breaker.")
    ] = 5
    breaker_open_seconds: Annotated[
        float, Meta(ge=0.05, le=3_600, description="Rest before an open breaker lets a probe pass.")
    ] = 15.0
    settle_seconds: Annotated[
        float,
        Meta(ge=0, le=3_600, description="Rest before an unknown outcome is looked up."),
    ] = 5.0
    rest_seconds: Annotated[
        float, Meta(ge=0.05, le=86_400, description="Rest after a credential was refused.")
    ] = 60.0

    def __post_init__(self) -> None:
        if self.retry_first_seconds > self.retry_most_seconds:
            raise ValueError("retry_first_seconds must not be above retry_most_seconds")


class Channel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sales channel: one shop of one storefront, or anyone who states canonical orders."""

    kind: Annotated[
        Literal["shopify", "bigcommerce", "amazon", "canonical"],
        Meta(description="Whose shape the orders have; `canonical` is our own."),
    ]
    shop_domain: Annotated[
        str,
        Meta(
            pattern=r"^$|^[a-z0-9][a-z0-9.-]{0,252}$",
            description="The shop's myshopify domain; needed for `shopify`.",
        ),
    ] = ""
    api_base_url: Annotated[
        Url | None,
        Meta(
            description="Where the shop's API answers; left out: https:// and the shop domain, or "
            "where the kind's API is."
        ),
    ] = None
    api_version: Annotated[
        str,
        Meta(pattern=r"^\d{4}-\d{2}$", description="API version, also expected of webhooks."),
    ] = "2026-10"
    webhook_secrets: Annotated[
        tuple[Secret, ...],
        Meta(
            max_length=2,
            description="One secret that signs webhooks; two while it is being rotated.",
        ),
    ] = ()
    access_token: Annotated[
        Secret | None, Meta(description="API token; needed for `shopify` and `bigcommerce`.")
    ] = None
    notify_customer: Annotated[
        bool, Meta(description="Whether the shop itself writes to the customer when it ships.")
    ] = False
    rounding: Annotated[
        Literal["exact", "half_even", "half_up", "down"] | None,
        Meta(
            description="What happens to digits beyond the currency's places; `exact` refuses "
            "them. Left out: as the kind has it."
        ),
    ] = None
    rounding_level: Annotated[
        Literal["line", "order"] | None,
        Meta(
            description="What the channel rounds: each `line`, or only the `order`; then what is "
            "left over is shared out to the lines. Left out: as the kind has it."
        ),
    ] = None
    calls: Annotated[CallLimits, Meta(description="CallPolicy when calling this shop.")] = (
        CallLimits()
    )
    backfill_seconds: Annotated[
        Annotated[float, Meta(ge=0, le=86_400)] | None,
        Meta(
            description="Pause between two comparisons for lost orders; 0: off. Left out: 300, and "
            "1800 for `amazon`, which lets itself be asked so rarely.",
        ),
    ] = None
    backfill_window_seconds: Annotated[
        float,
        Meta(ge=1, le=2_592_000, description="How far back each comparison looks at least."),
    ] = 3_600.0
    subscriptions_seconds: Annotated[
        float,
        Meta(ge=1, le=86_400, description="Pause between two looks at its subscriptions."),
    ] = 900.0
    personal_data_days: Annotated[
        Annotated[int, Meta(ge=0, le=3_650)] | None,
        Meta(
            description="Days after an order is final until its personal data is erased; 0: kept "
            "until somebody asks. Left out: 0, and for `amazon` the 30 that Amazon allows at most.",
        ),
    ] = None
    backfill_grace_seconds: Annotated[
        float,
        Meta(ge=0, le=86_400, description="What changed so recently is left to its webhook."),
    ] = 120.0
    bigcommerce: Annotated[
        BigCommerceSettings | None,
        Meta(description="The store; needed for `bigcommerce`."),
    ] = None
    amazon: Annotated[
        Amazon | None, Meta(description="What only an Amazon channel has; needed for `amazon`.")
    ] = None

    @property
    def compares_seconds(self) -> float:
        """The pause between two comparisons, as set or as the kind has it; 0: off."""
        if self.backfill_seconds is not None:
            return self.backfill_seconds
        return BACKFILL_SECONDS.get(self.kind, USUAL_BACKFILL_SECONDS)

    @property
    def keeps_personal_data_days(self) -> int:
        """How long personal data is kept after an order's end, as set or as the kind demands; 0:
        until somebody asks."""
        if self.personal_data_days is not None:
            return self.personal_data_days
        return PERSONAL_DATA_DAYS.get(self.kind, 0)

    def __post_init__(self) -> None:
        most = PERSONAL_DATA_DAYS.get(self.kind)
        if most is not None and not 1 <= self.keeps_personal_data_days <= most:
            raise ValueError(
                f"a channel of kind {self.kind} must erase personal data after at most {most} "
                "days: set personal_data_days from 1 on, or leave it out"
            )
        if (self.kind == "amazon") != (self.amazon is not None):
            raise ValueError("a channel of kind amazon needs a table amazon, and no other has one")
        if self.kind == "amazon" and not self.webhook_secrets:
            raise ValueError(
                "a channel of kind amazon needs webhook_secrets, with which its forwarder signs"
            )
        if self.kind == "bigcommerce":
            if not (self.bigcommerce and self.access_token and self.webhook_secrets):
                raise ValueError(
                    "a channel of kind bigcommerce needs access_token, webhook_secrets and a table "
                    "bigcommerce with its store_hash"
                )
            check_secrets(self.webhook_secrets)
        if self.kind == "shopify" and not (
            self.shop_domain and self.access_token and self.webhook_secrets
        ):
            raise ValueError(
                "a channel of kind shopify needs shop_domain, access_token and webhook_secrets"
            )


class Erp(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ERP: Microsoft Dynamics 365 Business Central, API v2.0."""

    kind: Annotated[Literal["business_central"], Meta(description="Which ERP it is.")] = (
        "business_central"
    )
    base_url: Annotated[Url, Meta(description="API root, up to and including `/api/v2.0`.")]
    token_url: Annotated[Url, Meta(description="Where OAuth client credentials become a token.")]
    company_id: Annotated[Name, Meta(description="The company's GUID.")]
    client_id: Annotated[Name, Meta(description="The registered application's id.")]
    client_secret: Annotated[Secret, Meta(description="The registered application's secret.")]
    scope: Annotated[Name, Meta(description="OAuth scope to ask for.")] = (
        "https://api.businesscentral.dynamics.com/.default"
    )
    customer_number: Annotated[
        Annotated[str, Meta(min_length=1, max_length=20)],
        Meta(description="The collecting customer that storefront orders are booked on."),
    ]
    shipping_account: Annotated[
        Annotated[str, Meta(max_length=20)],
        Meta(description="G/L account of shipping income; empty: shipping is left out."),
    ] = ""
    duty_account: Annotated[
        Annotated[str, Meta(max_length=20)],
        Meta(description="G/L account of duty; empty: an order with duty goes to a person."),
    ] = ""
    calls: Annotated[CallLimits, Meta(description="CallPolicy when calling the ERP.")] = (
        CallLimits()
    )


class Warehouse(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The warehouse or 3PL, by Orderwright's own HTTP contract."""

    kind: Annotated[Literal["http"], Meta(description="Which contract it speaks.")] = "http"
    name: Annotated[Name, Meta(description="What people call it.")] = "warehouse"
    place: Annotated[
        Annotated[str, Meta(min_length=1, max_length=64)],
        Meta(description="The stock-keeping place it serves, as in the stock table."),
    ] = "main"
    base_url: Annotated[Url, Meta(description="Where it takes tasks.")]
    token: Annotated[Secret, Meta(description="Bearer token we call it with.")]
    callback_secrets: Annotated[
        tuple[Secret, ...],
        Meta(
            min_length=1,
            max_length=2,
            description="One secret that signs its reports to us; two while it is being rotated.",
        ),
    ]
    calls: Annotated[CallLimits, Meta(description="CallPolicy when calling it.")] = CallLimits()


class Shipper(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where parcels are sent from, as the carrier prints it."""

    name: Annotated[str, Meta(min_length=1, max_length=35, description="Name on the label.")]
    phone: Annotated[str, Meta(max_length=15, description="Telephone number.")] = ""
    lines: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=35)], ...],
        Meta(min_length=1, max_length=3, description="Street lines."),
    ]
    city: Annotated[str, Meta(min_length=1, max_length=30, description="City.")]
    region: Annotated[str, Meta(max_length=5, description="State or province code.")] = ""
    postal_code: Annotated[str, Meta(max_length=9, description="Postal code.")] = ""
    country: Annotated[
        str, Meta(pattern=r"^[A-Z]{2}$", description="Country, two letters (ISO 3166-1).")
    ]


class Carrier(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The carrier: UPS."""

    kind: Annotated[Literal["ups"], Meta(description="Which carrier it is.")] = "ups"
    base_url: Annotated[Url, Meta(description="API root.")] = "https://onlinetools.ups.com"
    client_id: Annotated[Name, Meta(description="OAuth client id.")]
    client_secret: Annotated[Secret, Meta(description="OAuth client secret.")]
    account_number: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z0-9]{6}$", description="Six-character shipper account number."),
    ]
    shipper: Annotated[Shipper, Meta(description="Where parcels are sent from.")]
    services: Annotated[
        dict[Text, Annotated[str, Meta(pattern=r"^\d{2}$")]],
        Meta(
            max_length=200,
            description="The order's shipping method to the carrier's service code.",
        ),
    ] = {}
    default_service: Annotated[
        str,
        Meta(
            pattern=r"^\d{2}$",
            description="Service code for shipping methods that `services` does not name.",
        ),
    ] = "03"
    recovery_lag_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=3_600,
            description="A label counts as not bought when two searches so far apart miss it.",
        ),
    ] = 60.0
    calls: Annotated[CallLimits, Meta(description="CallPolicy when calling the carrier.")] = (
        CallLimits()
    )


class Mail(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The mail server."""

    host: Annotated[Name, Meta(description="SMTP server.")]
    port: Annotated[int, Meta(ge=1, le=65_535, description="SMTP port.")] = 587
    security: Annotated[
        Literal["none", "starttls", "tls"],
        Meta(description="How the connection is protected; `none` is for loopback."),
    ] = "starttls"
    user: Annotated[Text, Meta(description="SMTP user; empty: no login.")] = ""
    password: Annotated[Secret | None, Meta(description="SMTP password.")] = None
    from_address: Annotated[
        str, Meta(pattern=r"^[^@\s<>]+@[^@\s<>]+$", description="Sender's address.")
    ]
    from_name: Annotated[Text, Meta(description="Sender's name.")] = ""
    domain: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9.-]{1,253}$",
            description="Domain of message ids; one permanently, so that a repeat is recognised.",
        ),
    ]
    calls: Annotated[CallLimits, Meta(description="CallPolicy when calling it.")] = CallLimits()
