"""What the settings of every partner and channel have in common. Each kind adds its own fields in
its folder; bounds, defaults and descriptions stand beside the types and nowhere else."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from actors.kernel.setup import Capturing, Refunding, Returning
from actors.runtime.call_policy import CallPolicy
from adapters.kit.rounding import Level, Mode
from adapters.kit.secret import Secret
from schemas.messages.return_events import ReturnRefund
from schemas.order.canonical import CurrencyCode
from schemas.order.world import Verdict

Url = Annotated[str, Meta(pattern=r"^https?://[^\s/?#@]+[^\s?#]*$", max_length=512)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]
Text = Annotated[str, Meta(max_length=256)]
InstanceName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
"""An instance is a token of subjects and addresses and a label of metrics: short and plain."""

PaymentMethod = Annotated[str, Meta(min_length=1, max_length=128)]
LimitMinor = Annotated[int, Meta(ge=0, le=1_000_000_000_000)]
Template = Literal[
    "order_confirmed", "order_cancelled", "order_partly_cancelled", "order_refunded",
    "return_received",
]  # fmt: skip
Signing = Annotated[
    tuple[Secret, ...],
    Meta(
        min_length=1,
        max_length=2,
        description="One secret that signs webhooks; two while it is being rotated.",
    ),
]

StockBuffer = Annotated[
    int,
    Meta(
        ge=0,
        le=1_000_000,
        description="Units of each SKU that are kept back at each place whose stock the channel is "
        "told, for orders that are under way to us.",
    ),
]
StockSeconds = Annotated[
    float,
    Meta(
        ge=1.0,
        le=86_400.0,
        description="The channel is told its stock once in so many seconds: what has changed since,"
        " each SKU once.",
    ),
]


class Origin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where parcels are sent from, as a carrier prints it."""

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


class PartnerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One partner instance: an account at an ERP, a warehouse, a carrier or a mail server."""

    kind: Annotated[str, Meta(max_length=64, description="Which kind of partner it is.")]
    calls: Annotated[CallPolicy, Meta(description="Call policy.")] = CallPolicy()


class ChannelSettings(PartnerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sales channel: one shop of one storefront, or anyone who states canonical orders."""

    kind: Annotated[
        str, Meta(max_length=64, description="Whose shape its orders have: a kind's name.")
    ]
    erp: Annotated[
        Annotated[str, Meta(max_length=32)] | None,
        Meta(
            description="The partner that books its orders; empty: none. Left out: the only one "
            "there is."
        ),
    ] = None
    mail: Annotated[
        Annotated[str, Meta(max_length=32)] | None,
        Meta(
            description="The partner that writes to its customers; empty: none. Left out: the only "
            "one there is."
        ),
    ] = None
    places: Annotated[
        Annotated[tuple[InstanceName, ...], Meta(max_length=50)] | None,
        Meta(
            description="Places that its orders leave from, in order of preference. Left out: all.",
        ),
    ] = None
    address_services: Annotated[
        Annotated[tuple[InstanceName, ...], Meta(max_length=50)] | None,
        Meta(
            description="Partners that are asked whether an order's address can be delivered to: "
            "the first that knows its country is. Left out: all; empty: none.",
        ),
    ] = None
    held_addresses: Annotated[
        tuple[Verdict, ...],
        Meta(
            max_length=5,
            description="What an address service says of an address for which an order is held. An "
            "order is never held because a service is away; `unknown` is for those that it answered"
            " and could not decide.",
        ),
    ] = ("missing_unit", "undeliverable")
    corrected_addresses: Annotated[
        Literal["offer", "take"],
        Meta(
            description="What becomes of an address that such a service would write otherwise: "
            "`offer` shows it to a person, `take` has the order sent to the corrected one, as the "
            "timeline says, until the channel states another. The channel is told nothing."
        ),
    ] = "offer"
    public_availability: Annotated[
        bool,
        Meta(
            description="Tell anybody at `/availability/NAME` which SKUs are in stock, and how long"
            " delivery takes as it was measured. It shows no quantities."
        ),
    ] = False
    availability_buffer: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000,
            description="Of each SKU so many units at each place do not count as in stock there.",
        ),
    ] = 0
    time_zone: Annotated[
        Annotated[str, Meta(max_length=64)],
        Meta(
            description="The shop's time zone, such as `Europe/Berlin`: the ERP books an order on"
            " its day there. Empty: the day that the channel states, which is UTC's for some."
        ),
    ] = ""
    keeps_stock: Annotated[
        bool, Meta(description="Reserve stock for its orders; false: everything counts as there.")
    ] = True
    promised_payment_methods: Annotated[
        tuple[PaymentMethod, ...],
        Meta(
            max_length=100,
            description="Payment methods, as the channel names them, that count as a promise to "
            "pay, such as net terms: such an order is accepted before its money is there.",
        ),
    ] = ()
    collected_payment_methods: Annotated[
        tuple[PaymentMethod, ...],
        Meta(
            max_length=100,
            description="Promised payment methods whose amount is collected on delivery.",
        ),
    ] = ()
    terms_payment_methods: Annotated[
        tuple[PaymentMethod, ...],
        Meta(
            max_length=100,
            description="Promised payment methods that are paid on an account: the ERP is asked for"
            " the customer's limit, open balance and overdue invoices, and an order that is over is"
            " held until a person agrees.",
        ),
    ] = ()
    terms_limits: Annotated[
        dict[CurrencyCode, LimitMinor],
        Meta(
            max_length=200,
            description="Credit limits by currency, in minor units, of customers for whom the ERP "
            "states none. Without either an order on terms is held.",
        ),
    ] = msgspec.field(default_factory=dict)
    terms_overdue_days: Annotated[
        int,
        Meta(
            ge=0,
            le=365,
            description="For how many days an invoice of a customer on terms may be overdue.",
        ),
    ] = 0
    collect_limits: Annotated[
        dict[CurrencyCode, LimitMinor],
        Meta(
            max_length=200,
            description="What may be collected on delivery at most, by currency, in minor units; an"
            " order above is held until a person agrees. Left out: anything.",
        ),
    ] = msgspec.field(default_factory=dict)
    capture: Annotated[
        Capturing,
        Meta(
            description="When we have the channel capture payments that are only authorised: "
            "never (`none`: the shop does so by itself), when an order is accepted (`order`), or "
            "before its goods leave (`handover`)."
        ),
    ] = "none"
    capture_parts: Annotated[
        bool,
        Meta(
            description="Capture each fulfilment's share by itself; false: all of the payment with "
            "the first. Only where the gateway captures an authorisation more than once."
        ),
    ] = False
    hand_over_unpaid: Annotated[
        bool,
        Meta(
            description="Let goods leave before their payment is captured: what is not captured is "
            "a receivable."
        ),
    ] = False
    refund: Annotated[
        Refunding,
        Meta(
            description="Who gives money back that is owed, because units were cancelled or not "
            "found here: a person, who is asked to, or the channel by itself (`automatic`)."
        ),
    ] = "person"
    returns: Annotated[
        Returning,
        Meta(
            description="Who authorises or declines a return that is asked for here: a person, who "
            "is asked to, or the settings (`automatic`). Of one that is asked for in the channel, "
            "the channel says so."
        ),
    ] = "person"
    return_days: Annotated[
        int,
        Meta(
            ge=0,
            le=3_650,
            description="For how many days from the order's own time `automatic` authorises "
            "returns; it declines later ones. 0: any time.",
        ),
    ] = 0
    return_refund: Annotated[
        ReturnRefund,
        Meta(
            description="What is given back for goods that came back and were inspected: all that "
            "they come to (`full`), that without `restocking_percent` (`less_fee`), nothing "
            "(`none`), or a person decides. Only a channel that gives money back does so."
        ),
    ] = "person"
    restocking_percent: Annotated[
        int,
        Meta(ge=0, le=100, description="The fee of `less_fee`, in percent of the goods."),
    ] = 0
    authorised_days: Annotated[
        int,
        Meta(
            ge=0,
            le=60,
            description="How long an authorisation is good, from the order's own time; a person is "
            "told before it ends. 0: no one is.",
        ),
    ] = 7
    writes: Annotated[
        tuple[Template, ...],
        Meta(
            max_length=16,
            description="The messages that we send to its customers; the shop itself sends the "
            "others.",
        ),
    ] = ("order_confirmed", "order_cancelled")
    notify_customer: Annotated[
        bool, Meta(description="Whether the shop itself writes to the customer when it ships.")
    ] = False
    marketplace_orders: Annotated[
        bool | None,
        Meta(
            description="Whether its orders may come through another channel as well, because an "
            "app imports a marketplace's orders: then those of one marketplace id are shipped once."
            " Left out: yes for Amazon, and for Shopify beside a channel of Amazon's."
        ),
    ] = None
    short_pick: Annotated[
        Literal["ask", "backorder", "drop"],
        Meta(
            description="What a warehouse did not find: a person decides, it ships later, or it is "
            "cancelled."
        ),
    ] = "ask"
    when_short: Annotated[
        Literal["part", "whole"],
        Meta(
            description="What no place has: it waits and the rest leaves, or all that travels "
            "together waits for it."
        ),
    ] = "part"
    release: Annotated[
        Literal["at_once", "after_erp"],
        Meta(
            description="When a place is told to pack: as soon as stock is reserved, or once the "
            "ERP has taken the sales order, so that nothing leaves that the ERP refuses, such as "
            "an unknown item; nothing leaves while the ERP is away, either."
        ),
    ] = "at_once"
    restock_by: Annotated[
        Literal["us", "channel"],
        Meta(description="Who puts the units of a cancelled order back on sale."),
    ] = "us"
    rounding: Annotated[
        Mode,
        Meta(
            description="What happens to digits beyond the currency's places; `exact` refuses them."
        ),
    ] = "exact"
    rounding_level: Annotated[
        Level,
        Meta(
            description="What the channel rounds: each `line`, or only the `order`; then what is "
            "left over is shared out to the lines."
        ),
    ] = "line"
    backfill_seconds: Annotated[
        float,
        Meta(ge=0, le=86_400, description="Pause between two comparisons for lost orders; 0: off."),
    ] = 300.0
    backfill_window_seconds: Annotated[
        float,
        Meta(ge=1, le=2_592_000, description="How far back each comparison looks at least."),
    ] = 3_600.0
    backfill_grace_seconds: Annotated[
        float,
        Meta(ge=0, le=86_400, description="What changed so recently is left to its webhook."),
    ] = 120.0
    subscriptions_seconds: Annotated[
        float,
        Meta(ge=1, le=86_400, description="Pause between two checks of its subscriptions."),
    ] = 900.0
    facts: Annotated[
        bool | None,
        Meta(
            description="Publish what becomes of its orders and messages on "
            "`orders.out.<channel>.fact.>`. Left out: yes where our own contract is taken, no for "
            "storefronts."
        ),
    ] = None
    personal_data_days: Annotated[
        int,
        Meta(
            ge=0,
            le=3_650,
            description="Days after an order is final until its personal data is erased; 0: kept "
            "until someone asks.",
        ),
    ] = 0
    personal_data_from: Annotated[
        Literal["final", "shipped"],
        Meta(
            description="What `personal_data_days` count from: the order's end alone, or, where "
            "that is earlier, the moment when goods of it left last, also while the order is held "
            "or waits for a person."
        ),
    ] = "final"
