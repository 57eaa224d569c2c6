"""Our ERP, warehouse, carrier and mail kinds do what every partner must do."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.carriers.fedex.kind import KIND as FEDEX
from adapters.carriers.ups.kind import KIND as UPS
from adapters.conformance.partner import PartnerConformance
from adapters.conformance.samples import Sample
from adapters.conformance.webhooks import NOW, REFERENCE_KEYS, ReportsConformance
from adapters.erp.business_central.kind import KIND as BUSINESS_CENTRAL
from adapters.kit.http_client import Request
from adapters.messages.smtp.kind import KIND as SMTP
from adapters.warehouses.http.kind import KIND as WAREHOUSE
from schemas.order.canonical import Order
from schemas.order.ids import order_id_for, sign_reference
from schemas.order.money import exponent_of
from schemas.order.things import FULFILMENT, key_of
from tests.contract.described import check_fedex
from tests.contract.ups_words import complaints

REFERENCE = sign_reference(
    order_id_for("acme-us", "1042"), key_of(FULFILMENT, 1), "1", REFERENCE_KEYS
)


class TestBusinessCentral(PartnerConformance):
    kind = BUSINESS_CENTRAL

    def money_told(self, sent: object, order: Order) -> int | None:
        """Return what the lines of a sales order come to, with the tax that it adds by itself."""
        tree: Any = sent
        lines = tree.get("salesOrderLines") if isinstance(tree, dict) else None
        if not lines:
            return None
        exponent = exponent_of(tree.get("currencyCode") or "USD")
        total = 0 if order.totals.taxes_included else order.totals.tax_minor
        for line in lines:
            price = round(float(line.get("unitPrice", 0)) * 10**exponent)
            discount = round(float(line.get("discountAmount", 0)) * 10**exponent)
            total += price * int(line.get("quantity", 0)) - discount
        return total


class TestWarehouse(PartnerConformance):
    kind = WAREHOUSE
    tells_no_money = (
        "A task names goods. What is collected: tests/contract/test_adapter_warehouse.py."
    )


class TestUps(PartnerConformance):
    kind = UPS
    tells_no_money = (
        "A label within a country has no amounts. Customs: tests/contract/test_adapter_ups_sums.py."
    )

    def description_faults(self, request: Request) -> list[str] | None:
        """Hold ship requests against UPS's own description."""
        if not request.url.path.endswith("/ship"):
            return None
        found = complaints("Shipping.yaml", "SHIPRequestWrapper", json.loads(request.body or b""))
        return found.splitlines()


class TestFedex(PartnerConformance):
    kind = FEDEX
    tells_no_money = (
        "A label within a country has no amounts. Customs: tests/contract/test_adapter_fedex.py."
    )

    def description_faults(self, request: Request) -> list[str] | None:
        """Hold ship requests against FedEx's own description."""
        if not request.url.path.endswith("/shipments"):
            return None
        check_fedex("ship.json", "Full_Schema_Ship", json.loads(request.body or b""))
        return []


class TestMail(PartnerConformance):
    kind = SMTP
    speaks_http = False
    tells_no_money = (
        "It writes in the customer's own currency: tests/properties/test_money_told.py reads that."
    )


class TestWarehouseReports(ReportsConformance):
    kind = WAREHOUSE

    def samples(self) -> Sequence[Sample]:
        """Return what a warehouse reports, one after the other."""
        parcel = {"parcel_id": "p1", "lines": [{"line_id": "1", "quantity": 2}]}
        return (
            self.report("picked"),
            self.report("packed", parcels=[parcel]),
            self.report("handed_over"),
        )

    def headers_of(self, sample: Sample, secret: str, delivery: str) -> Mapping[str, str]:
        """Sign as https://www.standardwebhooks.com says."""
        stamp = str(int(NOW.timestamp()))
        signed = f"{delivery}.{stamp}.".encode() + sample.raw
        digest = base64.b64encode(hmac.digest(secret.encode(), signed, "sha256")).decode()
        return {
            "webhook-id": delivery,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{digest}",
        }

    def report(self, what: str, **more: object) -> Sample:
        tree = {
            "type": f"task.{what}",
            "reference": REFERENCE,
            "channel": "acme-us",
            "order_ref": "1042",
            "task_id": "WT-1",
            "occurred_at": "2026-11-27T11:59:58Z",
            **more,
        }
        kind = what.replace("_", "-")
        return Sample(raw=json.dumps(tree).encode(), topic=f"task.{what}", kind=kind, ref="1042")
