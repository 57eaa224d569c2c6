"""Orders of five lines as Amazon's `getOrder` tells them, for the edge's bench."""

from __future__ import annotations

import msgspec

Fields = dict[str, object]

MARKETPLACE = "A1PA6795UKMFR9"


def payloads(count: int, lines: int) -> list[bytes]:
    """Return fetched orders, each of another buyer."""
    return [
        msgspec.json.encode({"order": _order(number, lines)}, order="sorted")
        for number in range(1, count + 1)
    ]


def _money(cents: int) -> Fields:
    return {"amount": f"{cents // 100}.{cents % 100:02}", "currencyCode": "EUR"}


def _part(kind: str, cents: int, **details: int) -> Fields:
    told = [{"subtype": name, "value": _money(value)} for name, value in details.items()]
    return {"type": kind, "subtotal": _money(cents), "detailedBreakdowns": told}


def _item(order: int, line: int) -> Fields:
    quantity, price = 1 + (order + line) % 3, 1_099 + 100 * line
    whole = quantity * price
    return {
        "orderItemId": f"{68828573160000 + order * 100 + line}",
        "quantityOrdered": quantity,
        "programs": [],
        "product": {
            "asin": f"B0{order:04}{line:04}",
            "title": f"Lamp with a shade of linen, number {line}, for indoors",
            "sellerSku": f"SKU-{line:03}",
            "condition": {"conditionType": "New", "conditionSubtype": "New"},
            "price": {"unitPrice": _money(price)},
        },
        "proceeds": {
            "proceedsTotal": _money(whole + 399 - 100 + 76),
            "breakdowns": [
                _part("ITEM", whole),
                _part("SHIPPING", 399),
                _part("DISCOUNT", 100, ITEM=100),
                _part("TAX", 76, ITEM=57, SHIPPING=19),
            ],
        },
        "promotion": {"breakdowns": [{"promotionId": "GREEN WEEK"}]},
        "fulfillment": {
            "quantityFulfilled": 0,
            "quantityUnfulfilled": quantity,
            "shipping": {"internationalShipping": {"iossNumber": "IM1234567890"}},
        },
        "tax": {
            "taxCollections": [
                {"model": "MARKETPLACE_FACILITATOR", "responsibleParty": "Amazon Services EU"}
            ]
        },
    }


def _order(number: int, lines: int) -> Fields:
    items = [_item(number, line) for line in range(1, lines + 1)]
    whole = sum((1 + (number + line) % 3) * (1_099 + 100 * line) for line in range(1, lines + 1))
    return {
        "orderId": f"902-{number:07}-{number:07}",
        "createdTime": "2026-11-20T09:00:00Z",
        "lastUpdatedTime": "2026-11-20T09:31:00Z",
        "programs": ["PRIME"],
        "salesChannel": {
            "channelName": "AMAZON",
            "marketplaceId": MARKETPLACE,
            "marketplaceName": "Amazon.de",
        },
        "buyer": {
            "buyerName": f"Berta Buyer {number}",
            "buyerEmail": f"b{number}@marketplace.amazon.example",
        },
        "recipient": {
            "deliveryAddress": {
                "name": f"Rita Recipient {number}",
                "addressLine1": f"Beispielweg {number}",
                "city": "Hamburg",
                "postalCode": "20095",
                "countryCode": "DE",
                "phone": "+49 40 555 0101",
                "addressType": "RESIDENTIAL",
            }
        },
        "proceeds": {"grandTotal": _money(whole + lines * (399 - 100 + 76))},
        "payment": {"paymentExecutions": [{"paymentMethod": "CreditCard"}]},
        "fulfillment": {
            "fulfillmentStatus": "UNSHIPPED",
            "fulfilledBy": "MERCHANT",
            "fulfillmentServiceLevel": "STANDARD",
            "shipByWindow": {
                "earliestDateTime": "2026-11-20T23:00:00Z",
                "latestDateTime": "2026-11-23T22:59:59Z",
            },
            "deliverByWindow": {
                "earliestDateTime": "2026-11-24T23:00:00Z",
                "latestDateTime": "2026-11-27T22:59:59Z",
            },
        },
        "orderItems": items,
        "packages": [],
    }
