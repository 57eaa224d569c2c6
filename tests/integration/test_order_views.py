"""Saved views in Postgres: whose they are, how many, and that no address stays in them."""

from __future__ import annotations

import asyncio

import pytest

from adapters.postgres.audit import Audit
from adapters.postgres.order_views import MAX_OWN, OrderViews, ViewRefused
from adapters.postgres.pool import Pool
from tests.given import NOON
from tests.integration.test_rules import pool

__all__ = ["pool"]


async def kept(
    views: OrderViews, owner: str, name: str, words: str, *, shared: bool = False
) -> int:
    """Save a view as a person of the console."""
    return await views.save(
        owner, name, words, shared=shared, person=f"{owner} (console)", now=NOON
    )


async def test_own_views_are_their_owner_s_and_shared_ones_everybody_s(pool: Pool) -> None:
    """Two people use one name; a name used again gets the new filter; a shared one is seen by both,
    and only who shares it changes it."""
    views = OrderViews(pool)
    mine = await kept(views, "ada", "Late", "age:>2d is:open")
    await kept(views, "linus", "Late", "age:>9d")
    shared = await kept(views, "ada", "Held", "hold:address", shared=True)
    assert await kept(views, "ada", " Late ", "age:>3d is:open") == mine
    assert [(x.name, x.filter) for x in await views.seen_by("ada")] == [
        ("Late", "age:>3d is:open"),
        ("Held", "hold:address"),
    ]
    assert [x.filter for x in await views.seen_by("linus")] == ["age:>9d", "hold:address"]
    with pytest.raises(ViewRefused, match="ada shares a view of this name"):
        await kept(views, "linus", "Held", "is:open", shared=True)
    for view, others in ((mine, True), (shared, False)):
        with pytest.raises(ViewRefused, match="that you may remove"):
            await views.remove(view, "linus", others=others, person="linus", now=NOON)
    await views.remove(shared, "linus", others=True, person="linus", now=NOON)
    await views.remove(mine, "ada", others=False, person="ada", now=NOON)
    assert await views.seen_by("ada") == []
    told = [(x.person, x.action, x.target) for x in await Audit(pool).entries(limit=2)]
    assert told == [
        ("ada", "view.remove", f"view:{mine}"),
        ("linus", "view.remove", f"view:{shared}"),
    ]


@pytest.mark.parametrize(
    ("name", "words", "why"),
    [
        ("  ", "is:open", "under which name"),
        ("x" * 41, "is:open", "at most 40 characters"),
        ("a\u202eb", "is:open", "that can be printed"),
        ("Mine", "stge:open", "stge"),
        ("Mine", " ", "which orders"),
        ("Jo", "email:jo@example.com", "can't hold an e-mail address"),
        ("Jo", 'is:open "jo@example.com"', "can't hold an e-mail address"),
    ],
)
async def test_what_can_t_be_a_view_is_refused_in_words(
    pool: Pool, name: str, words: str, why: str
) -> None:
    """Names are short and whole, filters can be read, and an address would outlive its erasure."""
    with pytest.raises(ViewRefused, match=why):
        await kept(OrderViews(pool), "ada", name, words)


async def test_views_are_bounded_also_when_many_are_saved_at_once(pool: Pool) -> None:
    """The one too many is refused, whoever comes first; another's and shared ones don't count."""
    views = OrderViews(pool)
    every = (kept(views, "ada", f"View {number}", "is:open") for number in range(MAX_OWN + 3))
    ends = await asyncio.gather(*every, return_exceptions=True)
    refused = [one for one in ends if isinstance(one, ViewRefused)]
    assert len(refused) == 3
    assert "remove one" in str(refused[0])
    assert len(await views.seen_by("ada")) == MAX_OWN
    await kept(views, "linus", "View 1", "is:open")
    await kept(views, "ada", "View 1", "is:open", shared=True)
