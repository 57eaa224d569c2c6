"""An order as Amazon's `getOrder` tells it, every field filled, to try out where each goes.

Field names: https://developer-docs.amazon.com/sp-api/reference/getorder (Orders API 2026-01-01).
"""

from __future__ import annotations

from adapters.channels.amazon.order import fulfilled_of, unchecked_order
from adapters.channels.amazon.shapes import Fetched
from adapters.kit.fetching import FETCHED
from adapters.kit.inbound import Translator
from adapters.kit.lineage import Example
from schemas.contracts.refusals import Refused
from schemas.contracts.strict_json import parse
from schemas.contracts.validation import read_foreign
from schemas.messages.inputs import UpdateOrder
from schemas.messages.privacy import Read

Fields = dict[str, object]
REF = "902-5550001-0000001"


def _money(amount: str) -> Fields:
    return {"amount": amount, "currencyCode": "USD"}


def _part(kind: str, amount: str, **details: str) -> Fields:
    found: Fields = {"type": kind, "subtotal": _money(amount)}
    if details:
        found["detailedBreakdowns"] = [
            {"subtype": name, "value": _money(value)} for name, value in details.items()
        ]
    return found


def _window(day: int) -> Fields:
    return {
        "earliestDateTime": f"2026-11-{day}T08:00:00Z",
        "latestDateTime": f"2026-11-{day + 1}T08:00:00Z",
    }


def _address(name: str) -> Fields:
    return {
        "name": name,
        "companyName": "Probe Works",
        "addressLine1": "12 Sample Street",
        "addressLine2": "Floor 3",
        "addressLine3": "Door B",
        "city": "Louisville",
        "districtOrCounty": "Jefferson",
        "stateOrRegion": "KY",
        "municipality": "Louisville Metro",
        "postalCode": "40202",
        "countryCode": "US",
        "phone": "+1 502 555 0101",
        "addressType": "PICKUP_POINT",
        "extendedFields": {
            "streetName": "Sample Street",
            "streetNumber": "12",
            "complement": "Floor 3",
            "neighborhood": "Docks",
        },
    }


_NOON: Fields = {"hour": 12, "minute": 30}
_HOURS: Fields = {"startTime": _NOON, "endTime": _NOON}
_WEIGHT: Fields = {"unit": "GRAMS", "value": 900.0}

_ITEM: Fields = {
    "orderItemId": "71",
    "quantityOrdered": 3,
    "measurement": _WEIGHT,
    "associatedOrderItems": [
        {"orderId": "902-1", "orderItemId": "61", "associationType": "REPLACED_BY"}
    ],
    "programs": ["TRANSPARENCY"],
    "product": {
        "asin": "B000000001",
        "title": "Lamp",
        "sellerSku": "LAMP-1",
        "condition": {
            "conditionType": "New",
            "conditionSubtype": "New",
            "conditionNote": "In its box",
        },
        "price": {"unitPrice": _money("20.00"), "priceDesignation": "BUSINESS_PRICE"},
        "serialNumbers": ["SN-1"],
        "customization": {"customizedUrl": "https://customized.example.com/1"},
    },
    "proceeds": {
        "proceedsTotal": _money("48.50"),
        "breakdowns": [
            _part("ITEM", "40.00"),
            _part("SHIPPING", "8.00"),
            _part("GIFT_WRAP", "2.00"),
            _part("COD_FEE", "0.75"),
            _part("OTHER", "0.25"),
            _part("DISCOUNT", "4.00", ITEM="3.00", SHIPPING="1.00"),
            _part("TAX", "1.50", ITEM="1.25", SHIPPING="0.25"),
        ],
    },
    "expense": {
        "pointsCost": {"pointsGranted": {"pointsNumber": 10, "pointsMonetaryValue": _money("0.10")}}
    },
    "promotion": {"breakdowns": [{"promotionId": "GREEN WEEK"}]},
    "cancellation": {"cancellationRequest": {"requester": "BUYER", "cancelReason": "Too late"}},
    "fulfillment": {
        "quantityFulfilled": 0,
        "quantityUnfulfilled": 2,
        "picking": {
            "substitutionPreference": {
                "substitutionType": "DO_NOT_SUBSTITUTE",
                "substitutionOptions": [
                    {
                        "asin": "B000000002",
                        "quantityOrdered": 1,
                        "sellerSku": "LAMP-2",
                        "title": "Other lamp",
                        "measurement": _WEIGHT,
                    }
                ],
            }
        },
        "packing": {
            "giftOption": {"giftMessage": "Many happy returns", "giftWrapLevel": "GOLD"},
            "serialNumberRequirement": {"requirementType": "MANDATORY"},
        },
        "shipping": {
            "scheduledDeliveryWindow": _window(24),
            "shippingConstraints": {
                "palletDelivery": "MANDATORY",
                "cashOnDelivery": "MANDATORY",
                "signatureConfirmation": "MANDATORY",
                "recipientIdentityVerification": "MANDATORY",
                "recipientAgeVerification": "MANDATORY",
            },
            "internationalShipping": {"iossNumber": "IM1234567890"},
        },
    },
    "tax": {
        "taxCalculationBreakdowns": [{"reportingScheme": "IOSS"}],
        "taxCollections": [
            {"model": "MARKETPLACE_FACILITATOR", "responsibleParty": "Amazon Services"}
        ],
    },
}

_TIMES: Fields = {
    "businessHours": [{"dayOfWeek": "MON", "timeWindows": [_HOURS]}],
    "exceptionDates": [
        {"exceptionDate": "2026-12-25", "exceptionDateType": "CLOSED", "timeWindows": [_HOURS]}
    ],
}

_PACKAGE: Fields = {
    "packageReferenceId": "1",
    "createdTime": "2026-11-21T08:00:00Z",
    "packageStatus": {"status": "SHIPPED", "detailedStatus": "PICKED_UP"},
    "carrier": "UPS",
    "shipTime": "2026-11-21T09:00:00Z",
    "shippingService": "Ground",
    "trackingNumber": "1Z0000",
    "shipFromAddress": _address("Dock"),
    "packageItems": [{"orderItemId": "71", "quantity": 2, "transparencyCodes": ["AZ:1"]}],
}

_ORDER: Fields = {
    "orderId": REF,
    "orderAliases": [{"aliasId": "SELLER-7", "aliasType": "SELLER_ORDER_ID"}],
    "createdTime": "2026-11-20T09:00:00Z",
    "lastUpdatedTime": "2026-11-20T09:05:00Z",
    "programs": ["PRIME", "IN_STORE_PICK_UP"],
    "associatedOrders": [{"orderId": "902-1", "associationType": "REPLACEMENT_ORIGINAL_ID"}],
    "salesChannel": {
        "channelName": "AMAZON",
        "marketplaceId": "ATVPDKIKX0DER",
        "marketplaceName": "Amazon.com",
    },
    "buyer": {
        "buyerName": "Paula Probe",
        "buyerEmail": "probe@marketplace.example.com",
        "buyerCompanyName": "Probe Works",
        "buyerPurchaseOrderNumber": "PO-77",
    },
    "recipient": {
        "deliveryAddress": _address("Rita Recipient"),
        "deliveryPreference": {
            "dropOffLocation": "Porch",
            "addressInstruction": "Ring twice",
            "deliveryTime": _TIMES,
            "deliveryCapabilities": ["HAS_ACCESS_POINT"],
        },
    },
    "proceeds": {
        "grandTotal": _money("49.50"),
        "breakdowns": [{**_part("DELIVERY_TIP", "1.00"), "status": "ESTIMATED"}],
    },
    "payment": {
        "paymentExecutions": [
            {
                "paymentMethod": "CreditCard",
                "paymentAmount": _money("49.50"),
                "acquirerId": "acquirer",
                "cardBrand": "VISA",
                "authorizationCode": "auth",
            }
        ]
    },
    "tax": {
        "taxRegistrations": [
            {
                "entityType": "BUYER",
                "legalName": "Probe Works Inc.",
                "taxRegistrationType": "VAT",
                "taxRegistrationNumber": "US-1",
                "taxRegistrationAddress": _address("Probe Works"),
                "taxRegistrationAttributes": [{"key": "office", "value": "south"}],
            }
        ],
        "taxInvoicing": {"buyerInvoicePreference": "BUSINESS", "invoiceStatus": "PENDING"},
    },
    "fulfillment": {
        "fulfillmentStatus": "UNSHIPPED",
        "fulfilledBy": "MERCHANT",
        "fulfillmentServiceLevel": "STANDARD",
        "shipByWindow": _window(21),
        "deliverByWindow": _window(24),
        "labelPrintingWindow": _window(20),
    },
    "orderItems": [_ITEM],
    "packages": [],
    "fulfillmentOrders": [{"fulfillmentOrderId": "FO-1"}],
}


def examples() -> tuple[Example, ...]:
    """Return the usual order, and those in which other fields count."""
    tree = {"order": _ORDER}
    no_proceeds = {
        name: inner for name, inner in _ITEM.items() if name not in {"proceeds", "fulfillment"}
    }
    sparse = _recipient("companyName", "city", "name")
    sparser = _recipient("companyName", "city", "name", "municipality", "buyer")
    done = {"cancelledBy": "MERCHANT", "cancelReason": "Sold out"}
    return (
        Example(when="", tree=tree),
        Example(
            when="if nothing is said of the proceeds and of what is left to ship",
            tree={"order": {**_ORDER, "proceeds": {}, "orderItems": [no_proceeds]}},
        ),
        Example(when="if the address has no name and no city", tree={"order": sparse}),
        Example(when="if the address has no city at all", tree={"order": sparser}),
        Example(
            when="if the order is cancelled",
            tree={
                "order": {
                    **_ORDER,
                    "fulfillment": {"fulfillmentStatus": "CANCELLED", "fulfilledBy": "MERCHANT"},
                    "orderItems": [{**_ITEM, "cancellation": {"cancellationExecution": done}}],
                }
            },
        ),
        Example(
            when="if somebody else confirmed a package",
            tree={
                "order": {
                    **_ORDER,
                    "fulfillment": {"fulfillmentStatus": "SHIPPED", "fulfilledBy": "MERCHANT"},
                    "packages": [_PACKAGE],
                }
            },
        ),
    )


def _recipient(*without: str) -> Fields:
    """Return the order without some fields of its address, and without the buyer if named."""
    address = {name: text for name, text in _address("x").items() if name not in without}
    order = {**_ORDER, "recipient": {"deliveryAddress": address}}
    return {name: inner for name, inner in order.items() if name not in without}


def read(reader: Translator, raw: bytes) -> Read:
    """Translate an example, going on where only a check refuses it."""
    try:
        return reader.translate("update", FETCHED, raw)
    except Refused:
        source = read_foreign(parse(raw), Fetched).order
        return UpdateOrder(order=unchecked_order(source), fulfilled=fulfilled_of(source))
