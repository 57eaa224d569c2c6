"""BigCommerce's forms: what customers and stores write there, in our terms."""

from __future__ import annotations

import json

from adapters.kit.attributes import unpacked
from tests.bigcommerce_payloads import a_bundle, a_product, an_address, stated


def test_more_attributes_than_an_order_may_have_are_kept_together() -> None:
    """No order is refused for what a form asks; the last ones are one attribute, as JSON."""
    asked = [{"name": f"q{n}", "value": "a"} for n in range(130)]
    product = a_product(1, "10.0000", 2, configurable_fields=asked)
    found = stated(a_bundle(products=[product, a_product(2, "5.5000")])).attributes
    assert len(found) <= 100
    assert json.loads(found["bigcommerce.more_attributes.1"])["line 1: q129"] == "a"
    assert unpacked(found)["line 1: q129"] == "a"


def test_states_in_words_are_codes() -> None:
    """BigCommerce tells names; a name that its country does not have stays as it is."""
    for country, state, region in (
        ("CA", "Yukon Territory", "YT"), ("CA", "Newfoundland", "NL"), ("US", "Kentucky", "KY"),
        ("US", "Armed Forces Middle East", "AE"), ("US", "Washington D.C.", "DC"),
        ("US", "Puerto Rico", "PR"), ("AU", "New South Wales", "NSW"), ("GB", "Kent", "Kent"),
        ("US", "Utopia", "Utopia"),
    ):  # fmt: skip
        there = an_address(state=state, country_iso2=country)
        address = stated(a_bundle(shipping_addresses=[there])).ship_to
        assert address is not None
        assert address.region == region
