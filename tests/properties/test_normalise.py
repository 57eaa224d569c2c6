"""Whatever the tables say, no money is lost or made, and what came out goes in unchanged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.order.normalise import NO_TABLES, Tables, normalise
from schemas.contracts.mappings import MappingsRefused, from_table
from schemas.order.canonical import Line, Order
from tests.given import an_order

NAMES = ("A", "B", "C", "D", "E", "a+b")
names = st.sampled_from(NAMES)
others = st.sampled_from(("hold", "keep"))
minor = st.integers(0, 10**9)

components = st.lists(
    st.fixed_dictionaries(
        {"sku": names, "quantity": st.integers(1, 9)}, optional={"share": st.integers(0, 50)}
    ),
    min_size=1,
    max_size=4,
)
codes = st.fixed_dictionaries(
    {"codes": st.dictionaries(names, names, max_size=4), "others": others},
    optional={"known": st.lists(names, max_size=2)},
)
channel = st.fixed_dictionaries(
    {},
    optional={
        "skus": st.fixed_dictionaries(
            {"aliases": st.dictionaries(names, names, max_size=4), "others": others},
            optional={"known": st.lists(names, max_size=2)},
        ),
        "bundles": st.dictionaries(
            names, st.fixed_dictionaries({"components": components}), max_size=2
        ),
        "tax_codes": codes,
        "shipping_methods": codes,
    },
)


@st.composite
def tables(draw: st.DrawFn) -> Tables:
    """Tables of a document that was accepted."""
    for _ in range(20):
        stated = {"channels": {"x": draw(channel), "*": draw(channel)}}
        try:
            return Tables(from_table(stated), 1)
        except MappingsRefused:
            continue
    return NO_TABLES


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """Orders of few names, whose line ids look like those of components."""
    lines = tuple(
        Line(
            line_id=line_id,
            sku=draw(names),
            title="",
            quantity=draw(st.integers(1, 20)),
            unit_price_minor=draw(minor),
            total_minor=draw(minor),
            discount_minor=draw(minor),
            tax_minor=draw(minor),
            tax_code=draw(st.sampled_from(("", "A", "A+B", "C+D", "a+b"))),
            presentment_total_minor=draw(st.none() | minor),
        )
        for line_id in draw(
            st.lists(st.sampled_from(("1", "2", "1:1", "2:2")), min_size=1, unique=True)
        )
    )
    return an_order(lines=lines, shipping_method=draw(st.sampled_from(("", *NAMES))))


def sums(order: Order, line_id: str) -> tuple[int, ...]:
    """Return what is paid for a line of the channel, however many it became."""
    own = [x for x in order.lines if line_id == (x.bundle_line_id or x.line_id)]
    return (
        sum(x.total_minor for x in own),
        sum(x.discount_minor for x in own),
        sum(x.tax_minor for x in own),
        sum(x.presentment_total_minor or 0 for x in own),
    )


@given(orders(), tables())
def test_nothing_is_lost_or_made(order: Order, ready: Tables) -> None:
    """Each line's money is that of its components, line ids stay unique, nothing else changes."""
    found = normalise(order, ready, "x").order
    ids = [line.line_id for line in found.lines]
    assert len(set(ids)) == len(ids)
    for line in order.lines:
        assert sums(found, line.line_id) == sums(order, line.line_id)
        parts = [x for x in found.lines if x.bundle_line_id == line.line_id]
        assert all(x.quantity % line.quantity == 0 for x in parts)
    kept = {
        "lines": order.lines,
        "shipping_method": order.shipping_method,
        "channel_shipping_method": order.channel_shipping_method,
    }
    assert replace(found, **kept) == order


@given(orders(), tables())
def test_it_is_done_once(order: Order, ready: Tables) -> None:
    """A mapped order is mapped to itself, and the same arguments give the same order."""
    first = normalise(order, ready, "x")
    assert normalise(order, ready, "x") == first
    if not first.unmapped:
        again = normalise(first.order, ready, "x")
        assert again.order is first.order
        assert not again.unmapped


@given(orders())
def test_no_tables_change_nothing(order: Order) -> None:
    """Without tables the very same order comes back."""
    assert normalise(order, NO_TABLES, "x").order is order
