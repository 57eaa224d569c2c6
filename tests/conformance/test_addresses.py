"""Our address services do what every address service must do."""

from __future__ import annotations

from adapters.addresses.ups.kind import KIND as UPS
from adapters.addresses.usps.kind import KIND as USPS
from adapters.conformance.addresses import AddressConformance


class TestUsps(AddressConformance):
    kind = USPS


class TestUps(AddressConformance):
    kind = UPS
