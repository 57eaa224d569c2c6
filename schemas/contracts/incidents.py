"""Categories of failures: what each is, who must act, and how to fix it.

Codes are published (API, metrics) and never renamed. `actors.incidents` decides which category an
event, refusal or item belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from schemas.contracts.refusals import (
    CSV_MALFORMED,
    ORDER_DIFFERS,
    ORDER_UNKNOWN,
    PRIVACY_REQUEST,
    REASONS,
    TOO_LARGE,
    UNDECIDABLE,
    UNREADABLE,
)
from schemas.contracts.return_incidents import OF_MONEY_AND_GOODS, OVERDUE_RETURNS
from schemas.contracts.service_incidents import told_of_the_service

ORDERS, EDGE, BOTH, SERVICE = "orders", "the edge", "orders, the edge", "the service"

SIGNATURE_INVALID = "signature_invalid"
SENDER_UNKNOWN = "sender_unknown"
KEY_REFUSED = "key_refused"
KEY_NOT_ALLOWED = "key_not_allowed"
REQUEST_INCOMPLETE = "request_incomplete"
ADDRESS_FORMAT_INVALID = "address_format_invalid"
SKU_UNMAPPED = "sku_unmapped"
TAX_CODE_UNMAPPED = "tax_code_unmapped"
SHIPPING_METHOD_UNMAPPED = "shipping_method_unmapped"
INVENTORY_UNAVAILABLE = "inventory_unavailable"
STOCK_UNDECIDED = "stock_undecided"
ERP_REFUSED = "erp_refused"
ERP_OUTCOME_UNKNOWN = "erp_outcome_unknown"
WAREHOUSE_REFUSED = "warehouse_refused"
WAREHOUSE_OUTCOME_UNKNOWN = "warehouse_outcome_unknown"
LABEL_REFUSED = "label_refused"
LABEL_OUTCOME_UNKNOWN = "label_outcome_unknown"
TRACKING_REFUSED = "tracking_refused"
FULFILMENT_REFUSED = "fulfilment_refused"
FULFILMENT_OUTCOME_UNKNOWN = "fulfilment_outcome_unknown"
FETCH_REFUSED = "fetch_refused"
MAIL_REFUSED = "mail_refused"
MAIL_UNCONFIRMED = "mail_unconfirmed"
COMPENSATION_REFUSED = "compensation_refused"
COMPENSATION_OUTCOME_UNKNOWN = "compensation_outcome_unknown"
PARTNER_REFUSED = "partner_refused"
SHORT_PICKED = "short_picked"
TASK_CANCELLED_BY_WAREHOUSE = "task_cancelled_by_warehouse"
CHANGED_AFTER_WORK_BEGAN = "changed_after_work_began"
LABEL_TO_PRINT = "label_to_print"
COPY_OF_CANCELLED = "copy_of_cancelled"
SAID_TWICE = "said_twice"
HELD = "held"
DELIVERY_EXCEPTION = "delivery_exception"
PARCEL_RETURNED = "parcel_returned"
PARCEL_LOST = "parcel_lost"
MONEY_OWED = "money_owed"
CANCELLED_TOO_LATE = "cancelled_too_late"
ACTION_REFUSED = "action_refused"
ORDERS_MISSED = "orders_missed"
SUBSCRIPTION_MISSING = "subscription_missing"
CHANNEL_UNREACHABLE = "channel_unreachable"
API_VERSION_DRIFT = "api_version_drift"
DELIVERIES_REFUSED = "deliveries_refused"
PRIVACY_LATE = "privacy_late"
UNCATEGORISED = "uncategorised"


class Category(Struct, frozen=True, kw_only=True):
    """One kind of failure. `counted_from` is ORDERS (events), EDGE (quarantine and refusals), BOTH,
    or SERVICE (what the service notices of itself)."""

    code: str
    words: str
    who: str
    fix: str
    counted_from: str = ORDERS


_SENDER = "the sender"
_SERVICE = "customer service"
_BUYER = "purchasing"
_STORE = "the warehouse manager"
_BOOKS = "finance"
_RUN = "the operator of Orderwright"

_RETRY = "`orders retry` after fixing it there, or `orders skip` to go on without it"
_LOOK = "search for our reference, then `orders skip` if it was done, `orders retry` if not"

# code: what it is, who must act, how to fix it.
_OF_ORDERS: Mapping[str, tuple[str, str, str]] = {
    ADDRESS_FORMAT_INVALID: (
        "An address does not have the form that its country or a partner requires.",
        _SERVICE,
        "Ask the customer, correct the address in the shop, then `orders retry`.",
    ),
    SKU_UNMAPPED: (
        "An article of the order is unknown to our tables or to the ERP.",
        _BUYER,
        "`mappings add sku`, and held orders continue; or add it in the ERP, then `orders retry`.",
    ),
    TAX_CODE_UNMAPPED: (
        "A tax of the order is missing in our tables.",
        _BOOKS,
        "`mappings add tax-code`; the orders continue by themselves.",
    ),
    SHIPPING_METHOD_UNMAPPED: (
        "A shipping method of the order is missing in our tables.",
        _STORE,
        "`mappings add shipping-method`; the orders continue by themselves.",
    ),
    INVENTORY_UNAVAILABLE: (
        "An article is short, so the order waits for stock.",
        _BUYER,
        "Buy or move stock; the orders continue by themselves when it is there.",
    ),
    STOCK_UNDECIDED: (
        "Stock could not be reserved or released, although none is short.",
        _RUN,
        "Read the reason in the order's timeline, fix it, then `orders retry`.",
    ),
    ERP_REFUSED: ("The ERP refused the sales order.", _BOOKS, f"Read its reason; {_RETRY}."),
    ERP_OUTCOME_UNKNOWN: (
        "It is unknown whether the ERP has the sales order.",
        _BOOKS,
        f"In the ERP {_LOOK}.",
    ),
    WAREHOUSE_REFUSED: ("The warehouse refused the task.", _STORE, f"Read its reason; {_RETRY}."),
    WAREHOUSE_OUTCOME_UNKNOWN: (
        "It is unknown whether the warehouse has the task.",
        _STORE,
        f"In the warehouse's system {_LOOK}.",
    ),
    LABEL_REFUSED: ("The carrier refused to sell a label.", _STORE, f"Read its reason; {_RETRY}."),
    LABEL_OUTCOME_UNKNOWN: (
        "It is unknown whether the carrier sold a label.",
        _STORE,
        "Search at the carrier for our reference; void duplicates, then `orders retry`.",
    ),
    TRACKING_REFUSED: (
        "The carrier does not say where the parcel is.",
        _STORE,
        "Look at the carrier's page; `orders retry` asks again, `orders skip` asks later.",
    ),
    FULFILMENT_REFUSED: (
        "The storefront refused the tracking number.",
        _SERVICE,
        f"Look at the order in the shop; {_RETRY}.",
    ),
    FULFILMENT_OUTCOME_UNKNOWN: (
        "It is unknown whether the storefront shows the tracking number.",
        _SERVICE,
        f"In the shop {_LOOK}.",
    ),
    FETCH_REFUSED: (
        "The channel did not return the current order.",
        _SERVICE,
        "Search for it in the shop: `orders retry` fetches it again, `orders cancel` ends it.",
    ),
    MAIL_REFUSED: (
        "The mail server refused the message.",
        _SERVICE,
        f"Correct the address with the customer; {_RETRY}.",
    ),
    MAIL_UNCONFIRMED: (
        "It is unknown whether the mail was sent.",
        _SERVICE,
        "Check the mail server's log; a second mail is better than none, or `orders skip`.",
    ),
    COMPENSATION_REFUSED: (
        "Work on a cancelled order could not be undone at a partner.",
        _SERVICE,
        f"Undo it there by hand; {_RETRY}.",
    ),
    COMPENSATION_OUTCOME_UNKNOWN: (
        "It is unknown whether the work on a cancelled order was undone.",
        _SERVICE,
        f"At the partner {_LOOK}.",
    ),
    PARTNER_REFUSED: ("A partner refused a request.", _RUN, f"Read its reason; {_RETRY}."),
    SHORT_PICKED: (
        "The warehouse found less than was asked.",
        _SERVICE,
        "Decide: `orders ship-short`, `orders backorder` or `orders drop`; have the stock counted.",
    ),
    TASK_CANCELLED_BY_WAREHOUSE: (
        "The warehouse cancelled its task by itself.",
        _STORE,
        "Ask the warehouse; `orders release` if it resumes the task, or `orders cancel`.",
    ),
    CHANGED_AFTER_WORK_BEGAN: (
        "An order and what has left of it differ: it changed too late, or too much was sent.",
        _SERVICE,
        "The order's task names what differs: settle it with the customer, then `orders done`.",
    ),
    LABEL_TO_PRINT: (
        "A carrier sold a label and gives its image once, in an answer that was lost.",
        _STORE,
        "Print the label at the carrier, as the order's task says; then `orders done`.",
    ),
    COPY_OF_CANCELLED: (
        "Two channels brought the same order, and only one of them has cancelled it.",
        _SERVICE,
        "The copy's task names both: cancel the other one, too, or have it sent (`orders claim`).",
    ),
    MONEY_OWED: (
        "Units that were paid for are not coming, so money is owed to the customer.",
        _BOOKS,
        "Refund it in the shop; the order's task names the amount. Then `orders done`.",
    ),
    **OF_MONEY_AND_GOODS,
    SAID_TWICE: (
        "The channel stated an order twice with the same time and different contents.",
        _SERVICE,
        "Compare with the shop; `orders release` if ours is right, or `orders cancel`.",
    ),
    HELD: ("An order is held for a person.", _SERVICE, "Review it, then `orders release`."),
    DELIVERY_EXCEPTION: (
        "The carrier reports a delivery exception.",
        _SERVICE,
        "Read the carrier's report in the timeline; help the carrier or write to the customer.",
    ),
    PARCEL_RETURNED: (
        "The carrier returns the parcel.",
        _SERVICE,
        "Ask the customer whether to send it again; receive the return.",
    ),
    PARCEL_LOST: (
        "The carrier does not find a parcel any more.",
        _SERVICE,
        "Claim it from the carrier and settle it with the customer, then `orders done`.",
    ),
    CANCELLED_TOO_LATE: (
        "A cancellation arrived after the parcel had left.",
        _SERVICE,
        "Tell the customer how to return it.",
    ),
    ACTION_REFUSED: (
        "A person asked for something that the order can't do.",
        "the person who asked",
        "The order's timeline says why; choose another action.",
    ),
    UNCATEGORISED: (
        "A message was refused for a reason that this version does not know.",
        _RUN,
        "Inspect the newest samples; a newer version may know the reason.",
    ),
}

# For each stage: what an order or a thing of it waits for, and who must act when it waits too long.
OVERDUE_STAGES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "expected": ("A payment or cancellation arrived without its order.", _SENDER),
        "placed": ("The customer does not pay.", _SERVICE),
        "accepted": ("The remaining partners do not answer.", _RUN),
        "planned": ("The stock reservation does not complete.", _RUN),
        "short": ("The stock does not arrive.", _BUYER),
        "reserved": ("The warehouse does not take the task.", _STORE),
        "released": ("The warehouse does not pack.", _STORE),
        "picked": ("The warehouse does not pack what it picked.", _STORE),
        "packed": ("The parcel is not scanned; it may still be in the warehouse.", _STORE),
        "handed_over": ("Parcels do not arrive, or their channel is not told.", _SERVICE),
        "in_transit": ("The parcel does not arrive.", _SERVICE),
        "exception": ("The parcel does not arrive after an exception.", _SERVICE),
        "recalled": ("Partners do not undo what was done.", _SERVICE),
        **OVERDUE_RETURNS,
        "ship_by": ("Goods are here that have to leave soon, or had to: see `ship_by`.", _STORE),
    }
)

_EDGE: Mapping[str, tuple[str, str, str]] = {
    SIGNATURE_INVALID: (
        "A webhook's signature was missing or wrong; it was answered 401 and not kept.",
        _RUN,
        "Compare the sender's secret with ours; after a rotation set both. Else it is forged.",
    ),
    SENDER_UNKNOWN: (
        "A webhook arrived from a sender that is not configured; it was answered 404.",
        _RUN,
        "Configure the channel, or correct the address on the sender's side.",
    ),
    KEY_REFUSED: (
        "An order was posted without a valid API key; it was answered 401.",
        _SENDER,
        "Give the sender a key that is not revoked; `orderwright keys list` shows them.",
    ),
    KEY_NOT_ALLOWED: (
        "An order was posted with a key that lacks the scope or the channel; it was answered 403.",
        _SENDER,
        "Use a key with the scope orders:write for that channel, and configure the channel.",
    ),
    ORDERS_MISSED: (
        "A channel had orders that no webhook reported; they were found by comparison and fetched.",
        _RUN,
        "`orderwright channels show` has the channel's status; its webhooks don't arrive.",
    ),
    SUBSCRIPTION_MISSING: (
        "A channel's webhook subscription was missing; it is created again where permitted.",
        _RUN,
        "`orderwright channels show` names it: grant the permission, or see who deleted it.",
    ),
    CHANNEL_UNREACHABLE: (
        "A channel refuses our credential or does not answer, so its orders are not compared.",
        _RUN,
        "`orderwright channels show` has its message: renew the token, or ask the channel.",
    ),
    DELIVERIES_REFUSED: (
        "A sender's webhooks are refused without end (5xx): it will delete its subscription.",
        _RUN,
        "`/readyz?verbose` and the log say what is missing; missed orders are found afterwards.",
    ),
    TOO_LARGE: (
        "A message was larger than is accepted (413): repeated, it costs the subscription.",
        _RUN,
        "Raise `limits.body_bytes` to 4 MiB; above that, `channels reimport` fetches the order.",
    ),
    API_VERSION_DRIFT: (
        "A channel sends or answers in another API version than it is configured for.",
        _RUN,
        "Set the webhook version in the channel's app; update Orderwright, then `api_version`.",
    ),
    PRIVACY_REQUEST: (
        REASONS[PRIVACY_REQUEST],
        _SERVICE,
        "`privacy list` shows what waits: `privacy export`, or `privacy now` or `privacy stop`.",
    ),
    PRIVACY_LATE: (
        "A customer's request by law is due within a week and not done.",
        _SERVICE,
        "`orderwright privacy show` says what it waits for: resolve that, or `privacy force`.",
    ),
    CSV_MALFORMED: (
        REASONS[CSV_MALFORMED],
        _SENDER,
        "The import's report names the rows and the reasons; fix them and import the file again.",
    ),
    ORDER_DIFFERS: (
        REASONS[ORDER_DIFFERS],
        _SENDER,
        "See `orders show`; if the file is right, cancel the order and import it as another ref.",
    ),
    ORDER_UNKNOWN: (
        REASONS[ORDER_UNKNOWN],
        _SENDER,
        "It came too early or for the wrong channel: release it when the order exists.",
    ),
    UNDECIDABLE: (
        REASONS[UNDECIDABLE],
        _RUN,
        "`quarantine show` and the log of that time say why; fix that, then release the message.",
    ),
    UNREADABLE: (
        REASONS[UNREADABLE],
        _RUN,
        "The log of that time has the error; release the message after an update that fixes it.",
    ),
    REQUEST_INCOMPLETE: (
        "An order was posted without a channel or a usable Idempotency-Key.",
        _SENDER,
        "Send both headers, with a different Idempotency-Key for each order.",
    ),
}

_ASK_THEM = "`orders show` says whom the order waits for: ask them; the alarm repeats daily."
_AT_THE_EDGE = "`quarantine show` says where in the message; correct it on the sender's side."


def overdue(stage: str) -> str:
    """Return the category of orders that wait too long in a stage."""
    return f"overdue_{stage}" if stage in OVERDUE_STAGES else UNCATEGORISED


def _table() -> dict[str, Category]:
    found = {
        reason: Category(code=reason, words=words, who=_SENDER, fix=_AT_THE_EDGE, counted_from=EDGE)
        for reason, words in REASONS.items()
    }
    for code, (words, who, fix) in _EDGE.items():
        found[code] = Category(code=code, words=words, who=who, fix=fix, counted_from=EDGE)
    for code, (words, who, fix) in _OF_ORDERS.items():
        source = BOTH if code in found else ORDERS
        found[code] = Category(code=code, words=words, who=who, fix=fix, counted_from=source)
    for code, words, who, fix in told_of_the_service(_RUN):
        found[code] = Category(code=code, words=words, who=who, fix=fix, counted_from=SERVICE)
    for code, (words, who) in ((overdue(stage), told) for stage, told in OVERDUE_STAGES.items()):
        found[code] = Category(code=code, words=words, who=who, fix=_ASK_THEM)
    return found


CATEGORIES: Mapping[str, Category] = MappingProxyType(_table())
"""Every category by its code. A new refusal reason needs no line here."""
