"""Why something was not let in: one error, and one table of reasons."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TOO_LARGE = "too_large"
JSON_NOT_UTF8 = "json_not_utf8"
JSON_BYTE_ORDER_MARK = "json_byte_order_mark"
JSON_MALFORMED = "json_malformed"
JSON_NUL = "json_nul"
JSON_LONE_SURROGATE = "json_lone_surrogate"
JSON_TOO_DEEP = "json_too_deep"
JSON_DUPLICATE_KEY = "json_duplicate_key"
JSON_NUMBER_OUT_OF_RANGE = "json_number_out_of_range"
SCHEMA_MISMATCH = "schema_mismatch"
TOTAL_MISMATCH = "total_mismatch"
CURRENCY_UNKNOWN = "currency_unknown"
COUNTRY_UNKNOWN = "country_unknown"
ADDRESS_FORMAT_INVALID = "address_format_invalid"
EMAIL_INVALID = "email_invalid"
PHONE_INVALID = "phone_invalid"
SHIP_TO_MISSING = "ship_to_missing"
SHIP_TO_SEVERAL = "ship_to_several"
DATE_IMPOSSIBLE = "date_impossible"
LINE_REPEATED = "line_repeated"
CSV_MALFORMED = "csv_malformed"
ORDER_DIFFERS = "order_differs"
PARCELS_IMPOSSIBLE = "parcels_impossible"
QUANTITY_IMPOSSIBLE = "quantity_impossible"
MONEY_UNREADABLE = "money_unreadable"
SKU_MISSING = "sku_missing"
NOTHING_TO_FULFIL = "nothing_to_fulfil"
KIND_UNKNOWN = "kind_unknown"
KIND_MISMATCH = "kind_mismatch"
TOPIC_UNKNOWN = "topic_unknown"
TOPIC_NOT_OURS = "topic_not_ours"
ORDER_UNNAMED = "order_unnamed"
CHANNEL_DISCONNECTED = "channel_disconnected"
PRIVACY_REQUEST = "privacy_request"
REF_MISSING = "ref_missing"
REF_MISMATCH = "ref_mismatch"
CORRELATION_REFUSED = "correlation_refused"
ORDER_UNKNOWN = "order_unknown"
UNDECIDABLE = "undecidable"
UNREADABLE = "unreadable"

REASONS: Mapping[str, str] = MappingProxyType(
    {
        TOO_LARGE: "The body is larger than the edge takes.",
        JSON_NOT_UTF8: "The bytes are no UTF-8 text.",
        JSON_BYTE_ORDER_MARK: "The text begins with a byte order mark, which JSON must not have.",
        JSON_MALFORMED: "The text is no JSON.",
        JSON_NUL: "A text holds the character NUL, which no database column can keep.",
        JSON_LONE_SURROGATE: "A text holds half of a surrogate pair, which is no character.",
        JSON_TOO_DEEP: "Objects and lists are nested deeper than any order needs.",
        JSON_DUPLICATE_KEY: "An object has a key twice, so no one can tell which one counts.",
        JSON_NUMBER_OUT_OF_RANGE: "A number is larger than 64 bits or than a float can hold.",
        SCHEMA_MISMATCH: "The message has not the published shape.",
        TOTAL_MISMATCH: "The amounts do not add up to the total.",
        CURRENCY_UNKNOWN: "The currency is not in ISO 4217.",
        COUNTRY_UNKNOWN: "The country is not in ISO 3166-1.",
        ADDRESS_FORMAT_INVALID: "A postal code or region has not the shape its country's have.",
        EMAIL_INVALID: "An e-mail address has not the form of one.",
        PHONE_INVALID: "A phone number has not the form of one.",
        SHIP_TO_MISSING: "Something must be shipped and no address says where to.",
        SHIP_TO_SEVERAL: "The goods go to several addresses, and an order here has one.",
        DATE_IMPOSSIBLE: "A date or time has the right form and is on no calendar.",
        LINE_REPEATED: "Two lines have the same id, so no one can tell them apart.",
        CSV_MALFORMED: "A file of orders, or a row of it, can't be read as it stands.",
        ORDER_DIFFERS: "An import names an order that is here already and says something else.",
        PARCELS_IMPOSSIBLE: "The parcels cannot exist as stated.",
        QUANTITY_IMPOSSIBLE: "Pieces are counted in a way that can't have happened.",
        MONEY_UNREADABLE: "An amount is no money of its currency.",
        SKU_MISSING: "Something must be shipped and the channel does not say which article it is.",
        NOTHING_TO_FULFIL: "The order has no lines.",
        KIND_UNKNOWN: "The kind or version of the message is unknown here.",
        KIND_MISMATCH: "The message is of another kind than it was sent as.",
        TOPIC_UNKNOWN: "The channel's topic has no meaning here yet.",
        TOPIC_NOT_OURS: "The channel's topic does not concern orders, on purpose.",
        ORDER_UNNAMED: "The channel's news concerns an order and does not say which.",
        CHANNEL_DISCONNECTED: "The channel ended its connection: nothing more comes from it.",
        PRIVACY_REQUEST: "Somebody asks for customer data, or for its erasure, by law.",
        REF_MISSING: "The message does not say which order it is about.",
        REF_MISMATCH: "The message is about another order than it was sent for.",
        CORRELATION_REFUSED: "The correlation id is forged, altered or of another order.",
        ORDER_UNKNOWN: "The message is about an order that no one here knows.",
        UNDECIDABLE: "The order could not take the message, however often it was tried.",
        UNREADABLE: "Reading the message failed through a fault of ours.",
    }
)
"""Every reason code a Refused may carry, and what it means. Codes are published: never renamed."""


class Refused(ValueError):
    """A payload that must not come in; it is kept whole in quarantine, or answered with 4xx.

    `reason` is one of REASONS. `sentences` are whole and plain: what is wrong, where, what was
    expected and how to fix it; at least one, at most 21.
    """

    def __init__(self, reason: str, sentences: tuple[str, ...]) -> None:
        assert reason in REASONS, reason
        assert sentences
        super().__init__(" ".join(sentences))
        self.reason = reason
        self.sentences = sentences


def refused(reason: str, *sentences: str) -> Refused:
    """Make a Refused of single sentences."""
    return Refused(reason, sentences)
