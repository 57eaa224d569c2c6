"""Why a message is refused: one error, and one table of reasons."""

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
TOPIC_MISMATCH = "topic_mismatch"
SOURCE_REFUSED = "source_refused"
ORDER_UNNAMED = "order_unnamed"
CHANNEL_DISCONNECTED = "channel_disconnected"
CHANNEL_UNKNOWN = "channel_unknown"
PRIVACY_REQUEST = "privacy_request"
REF_MISSING = "ref_missing"
REF_MISMATCH = "ref_mismatch"
CORRELATION_REFUSED = "correlation_refused"
ORDER_UNKNOWN = "order_unknown"
UNDECIDABLE = "undecidable"
UNREADABLE = "unreadable"

REASONS: Mapping[str, str] = MappingProxyType(
    {
        TOO_LARGE: "The body is larger than the edge accepts.",
        JSON_NOT_UTF8: "The bytes are not UTF-8 text.",
        JSON_BYTE_ORDER_MARK: "The text begins with a byte order mark, which JSON must not have.",
        JSON_MALFORMED: "The text is not JSON.",
        JSON_NUL: "A text contains the character NUL, which no database column can store.",
        JSON_LONE_SURROGATE: "A text contains half of a surrogate pair, which is not a character.",
        JSON_TOO_DEEP: "Objects and lists are nested deeper than any order needs.",
        JSON_DUPLICATE_KEY: "An object has a key twice, so its meaning is ambiguous.",
        JSON_NUMBER_OUT_OF_RANGE: "A number does not fit into 64 bits or a float.",
        SCHEMA_MISMATCH: "The message does not match the published schema.",
        TOTAL_MISMATCH: "The amounts do not add up to the total.",
        CURRENCY_UNKNOWN: "The currency is not in ISO 4217.",
        COUNTRY_UNKNOWN: "The country is not in ISO 3166-1.",
        ADDRESS_FORMAT_INVALID: "A postal code or region does not match its country.",
        EMAIL_INVALID: "An e-mail address is malformed.",
        PHONE_INVALID: "A phone number is malformed.",
        SHIP_TO_MISSING: "Something must be shipped, but there is no delivery address.",
        SHIP_TO_SEVERAL: "The goods go to several addresses, but an order can have only one.",
        DATE_IMPOSSIBLE: "A date or time has the right form but does not exist.",
        LINE_REPEATED: "Two lines have the same id.",
        CSV_MALFORMED: "A file of orders, or a row of it, can't be read.",
        ORDER_DIFFERS: "An import names an existing order with different contents.",
        PARCELS_IMPOSSIBLE: "The parcels cannot exist as stated.",
        QUANTITY_IMPOSSIBLE: "Quantities are stated that are impossible.",
        MONEY_UNREADABLE: "An amount is not valid in its currency.",
        SKU_MISSING: "Something must be shipped, but the channel does not name the article.",
        NOTHING_TO_FULFIL: "The order has no lines.",
        KIND_UNKNOWN: "The kind or version of the message is unknown here.",
        KIND_MISMATCH: "The message is of a different kind than it was sent as.",
        TOPIC_UNKNOWN: "The channel's topic has no meaning here yet.",
        TOPIC_NOT_OURS: "The channel's topic does not concern orders; it is ignored on purpose.",
        TOPIC_MISMATCH: "The signed body does not bear out its topic, which is not signed.",
        SOURCE_REFUSED: "The sender may not say this in this channel, or in this name.",
        ORDER_UNNAMED: "The channel's message concerns an order but does not name it.",
        CHANNEL_DISCONNECTED: "The channel ended its connection: it sends nothing more.",
        CHANNEL_UNKNOWN: "The message names a channel that is not configured here.",
        PRIVACY_REQUEST: "Someone requests customer data, or its erasure, by law.",
        REF_MISSING: "The message does not name its order.",
        REF_MISMATCH: "The message names another order than the one it was sent for.",
        CORRELATION_REFUSED: "The correlation id is forged, altered or belongs to another order.",
        ORDER_UNKNOWN: "The message is about an unknown order.",
        UNDECIDABLE: "The order could not process the message, even after many attempts.",
        UNREADABLE: "Reading the message failed because of an internal error.",
    }
)
"""Every reason code of a Refused, and its meaning. Codes are published and never renamed."""


class Refused(ValueError):
    """A message that must not come in; it is kept in full in quarantine, or answered with 4xx.

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
    """Return a Refused with these sentences."""
    return Refused(reason, sentences)
