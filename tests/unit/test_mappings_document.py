"""What is wrong with a mappings document is said in whole sentences."""

from __future__ import annotations

import pytest

from actors.order.normalise import Tables, Unmapped, normalise
from schemas.contracts.mappings import (
    MAX_ENTRIES,
    MappingsRefused,
    from_table,
    read_mappings,
    tables_of,
    write_mappings,
)
from tests.given import an_order

WRONG: list[tuple[dict[str, object], str]] = [
    ({"skus": {"alias": {}}}, "an unknown key, 'alias', at `$.channels[...].skus`"),
    ({"skus": {"aliases": {"A": "B", "B": "C"}}}, "'A' becomes 'B', which becomes 'C'"),
    ({"skus": {"aliases": {"A": "B", "B": "A"}}}, "write 'A' at once"),
    ({"skus": {"aliases": {"A": "B"}, "known": ["A"]}}, "both ours (known) and 'B'"),
    ({"skus": {"aliases": {"A": "B"}, "variants": {"C": ["A"]}}}, "'A' is both 'B' and 'C'"),
    ({"bundles": {"A": {"components": []}}}, "length >= 1"),
    (
        {"bundles": {"A": {"components": [{"sku": "A"}]}}},
        "the bundle 'A' holds 'A', which is a bundle itself",
    ),
    (
        {"bundles": {"S": {"components": [{"sku": "A"}]}}, "skus": {"aliases": {"A": "B"}}},
        "holds 'A', which is an alias: write 'B'",
    ),
    (
        {"bundles": {"A": {"components": [{"sku": "C"}]}}, "skus": {"aliases": {"A": "B"}}},
        "state the bundle under 'B'",
    ),
    ({"tax_codes": {"codes": {"A": "B+C"}}}, "joins several taxes"),
    ({"shipping_methods": {"others": "drop"}}, "Invalid enum value 'drop'"),
]


@pytest.mark.parametrize(("channel", "sentence"), WRONG)
def test_a_wrong_document_is_refused(channel: dict[str, object], sentence: str) -> None:
    """The sentence names the place, the values and what to write instead."""
    with pytest.raises(MappingsRefused) as refused:
        from_table({"channels": {"acme-us": channel}})
    assert sentence in str(refused.value)
    assert str(refused.value).endswith(".")


def test_a_document_is_bounded() -> None:
    """Too many entries, a channel's name that can't be, and what is not JSON are refused."""
    many = {"skus": {"known": [f"S{n}" for n in range(MAX_ENTRIES + 1)]}}
    with pytest.raises(MappingsRefused, match=f"the limit is {MAX_ENTRIES}"):
        from_table({"channels": {"*": many}})
    with pytest.raises(MappingsRefused, match="is not a channel name"):
        from_table({"channels": {"Acme US": {}}})
    for raw in (b"", b"\xff\xff", b"[" * 100_000, b'{"schema":"orderwright.mappings.v2"}'):
        with pytest.raises(MappingsRefused):
            read_mappings(raw)


def test_a_document_survives_its_writing() -> None:
    """What is written is read as the same, and twice as the same bytes."""
    stated = {"channels": {"*": {"skus": {"variants": {"CUP": ["CUP-S", "CUP-L"]}}}}}
    mappings = from_table(stated)
    assert read_mappings(write_mappings(mappings)) == mappings
    assert write_mappings(from_table(stated)) == write_mappings(mappings)


def test_a_channel_goes_before_the_common_tables() -> None:
    """A channel's own entry wins, the common ones fill up, and its `others` counts."""
    mappings = from_table(
        {
            "channels": {
                "*": {"skus": {"aliases": {"A": "B", "X": "Y"}}},
                "acme-us": {"skus": {"aliases": {"A": "C"}, "others": "keep"}},
            }
        }
    )
    tables = tables_of(mappings, "acme-us")
    assert tables is not None
    assert tables.skus is not None
    assert tables.skus.aliases == {"A": "C", "X": "Y"}
    assert tables.skus.others == "keep"


def test_a_bundle_is_opened_with_its_money() -> None:
    """Components share the line by their shares; at a place that keeps it whole it stays."""
    components = [{"sku": "A", "quantity": 2, "share": 1}, {"sku": "B", "share": 2}]
    bundle = {"components": components, "whole_at": ["south"]}
    stated = {"channels": {"*": {"bundles": {"SKU-1": bundle}}}}
    found = normalise(an_order(), Tables(from_table(stated), 1), "acme-us").order
    assert [(x.line_id, x.sku, x.quantity, x.total_minor) for x in found.lines] == [
        ("1:1", "A", 4, 333),
        ("1:2", "B", 2, 667),
        ("2", "SKU-2", 1, 750),
    ]
    assert [x.bundle_line_id for x in found.lines] == ["1", "1", ""]
    south = Tables(from_table(stated), 1, place="south")
    assert normalise(an_order(), south, "acme-us").order == an_order()


def test_a_bundle_that_is_too_large_waits() -> None:
    """An order that would have more than 500 lines is not cut: it waits, and says for what."""
    line = an_order().lines[0].__class__(
        line_id="1", sku="SKU-1", title="", quantity=1_000_000, unit_price_minor=1, total_minor=1
    )  # fmt: skip
    stated = {
        "channels": {"*": {"bundles": {"SKU-1": {"components": [{"sku": "A", "quantity": 2}]}}}}
    }
    found = normalise(an_order(lines=(line,)), Tables(from_table(stated), 1), "acme-us")
    assert found.unmapped == (
        Unmapped("sku", "SKU-1 (the order is too large to open this bundle)"),
    )
