"""Lists of Shopify that go on over several pages."""

from __future__ import annotations

import pytest

from actors.runtime.errors import Retryable
from adapters.channels.shopify.goods_shapes import PageInfo


def test_a_list_goes_on_where_the_page_before_ended() -> None:
    """The next page begins at its cursor, and the last one needs none."""
    first = PageInfo(has_next_page=True).then(PageInfo(has_next_page=True, end_cursor="a"))
    assert first.end_cursor == "a"
    assert not first.then(PageInfo(end_cursor="a")).has_next_page


@pytest.mark.parametrize("cursor", [None, "", "a"])
def test_a_list_that_leads_nowhere_is_not_read_without_end(cursor: str | None) -> None:
    """A page that says that more follows, and goes on where it began, is tried again later."""
    with pytest.raises(Retryable, match="a list that leads nowhere"):
        PageInfo(has_next_page=True, end_cursor="a").then(
            PageInfo(has_next_page=True, end_cursor=cursor)
        )
