"""Parts of the console that need no server: where a fault is, who may what, and what is shipped."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from itertools import pairwise

import pytest
from msgspec.structs import replace

from adapters.postgres.keys import SCOPES
from adapters.postgres.users import ROLES
from schemas.order.tracking_pages import tracking_page
from service.console.assets import FOLDER
from service.console.frame import asked_once, place_of
from service.console.passwords import EVERY_SECONDS, TRIES, PasswordRefused, Passwords, Tries
from service.console.people import AUDIT, IN_WORDS, PERSONAL, SCOPES_OF, WAREHOUSE, Person
from service.console.rendering import TEMPLATES, Renderer, ago, code, masked, money
from service.http.problems import Problem
from service.orders.choices import WORDS
from service.orders.deciding import VERBS
from service.quarantine.marking import parts_of, spans_of
from tests.appends import NOON


def marked(text: str, *sentences: str) -> list[str]:
    """The marked parts of a text."""
    return [part for part, is_marked in parts_of(text, spans_of(text, sentences)) if is_marked]


def test_a_fault_is_marked_where_it_is() -> None:
    """By line and column, by path, by the name of a field alone; nothing where nothing is named."""
    text = '{"lines": [{"sku": "A"},\n {"sku": "B", "quantity": -1}], "currency": "dollars"}'
    assert marked(text, "The text is not JSON: unexpected at line 2, column 3.") == ['"']
    assert marked(text, "The quantity of line 2 (lines[1].quantity) is the number -1.") == ["-1"]
    assert marked(text, "The currency is the text, but three letters were expected.") == [
        '"dollars"'
    ]
    assert marked(text, "Line 2 (lines[1]) lacks title.") == ['{"sku": "B", "quantity": -1}']
    assert marked(text, "The message lacks lines.", "The id (a.b.c) is wrong.") == []
    assert marked("not json (", "The id (a.b) is wrong.", "See line 99, column 1.") == []


def test_each_role_may_more_than_the_one_before() -> None:
    """Every scope of API keys is an admin's; who decides may also see whose order it is."""
    assert set(SCOPES_OF) == set(ROLES) == set(IN_WORDS)
    scopes = [SCOPES_OF[role] for role in ROLES if role not in ("auditor", "finance")]
    assert all(few < more for few, more in pairwise(scopes))
    assert scopes[-1] == SCOPES | {PERSONAL, WAREHOUSE, AUDIT}
    assert SCOPES_OF["auditor"] == SCOPES_OF["viewer"] | {AUDIT}
    assert [role for role in ROLES if AUDIT in SCOPES_OF[role]] == ["auditor", "admin"]
    for some in scopes:
        assert (PERSONAL in some) == ("orders:act" in some)


def test_who_compares_the_books_decides_about_no_order() -> None:
    """Finance may what a viewer may, and work on reconciliation: no one's name, no decision."""
    assert SCOPES_OF["finance"] == SCOPES_OF["viewer"] | {"recon:read", "recon:act"}
    assert not any(SCOPES_OF[role] & {"recon:read", "recon:act"} for role in ("agent", "operator"))


def test_every_decision_has_its_words() -> None:
    """A verb of the API is a button of the console."""
    assert WORDS.keys() == VERBS.keys()


def test_every_template_compiles() -> None:
    """A slip in a template is found here, not by a person."""
    renderer = Renderer()
    for path in TEMPLATES.glob("*/templates/*.html"):
        renderer._environment.get_template(path.relative_to(TEMPLATES).as_posix())


def test_what_is_vendored_is_what_npm_has() -> None:
    """Each file of others has its package, version and digest beside it."""
    told = json.loads((FOLDER / "vendored.json").read_text())
    for name, one in told.items():
        digest = base64.b64encode(hashlib.sha384((FOLDER / name).read_bytes()).digest()).decode()
        assert one["file_integrity"] == f"sha384-{digest}"
        assert one["package_integrity"].startswith("sha512-")
        assert one["version"]
    assert {path.name for path in FOLDER.glob("*.min.js")} == set(told)


@pytest.mark.parametrize(
    ("asked", "to"),
    [
        ("/orders?q=is:open", "/orders?q=is:open"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ],
)
def test_signing_in_leads_to_no_other_site(asked: str, to: str) -> None:
    """Whatever a link says, what follows is a page of ours."""
    assert place_of(asked) == to


def test_what_people_read() -> None:
    """Money has its thousands apart, a moment is so long ago, a name is masked, a command is
    code."""
    assert money(140495, "USD") == "1,404.95 USD"
    assert money(-5, "USD") == "-0.05 USD"
    assert money(1200, "JPY") == "1,200 JPY"
    assert ago(NOON, NOON + timedelta(seconds=59)) == "59 s ago"
    assert ago(NOON, NOON + timedelta(hours=3)) == "3 h ago"
    assert ago(NOON, NOON - timedelta(days=9)) == "in 9 d"
    assert masked("Steve  Shipper") == "S••• S•••"
    assert code("use `a <b>` & c") == "use <code>a &lt;b&gt;</code> &amp; c"
    assert tracking_page("UPS", "1Z 1") == "https://www.ups.com/track?tracknum=1Z%201"
    assert tracking_page("Unknown", "1") == tracking_page("", "") == ""


async def test_passwords_are_hashed_and_compared() -> None:
    """Only the right one fits; short ones are refused; where nothing is stored nothing fits."""
    passwords = Passwords()
    stored = await passwords.hashed("a few words that fit")
    assert stored.startswith("$argon2id$")
    assert not passwords.is_outdated(stored)
    assert await passwords.fits(stored, "a few words that fit")
    for wrong in ("a few words that fi", "", "x" * 10_000):
        assert not await passwords.fits(stored, wrong)
    assert not await passwords.fits("", "a few words that fit")
    for refused in ("short", "x" * 257):
        with pytest.raises(PasswordRefused):
            await passwords.hashed(refused)


def test_tries_are_counted_by_name_and_address() -> None:
    """After some at once each further one waits; a right one forgets the slips."""
    now = 0.0
    tries = Tries(lambda: now)
    for _ in range(TRIES):
        assert tries.wait_seconds("name:a", "address:b") == 0
        tries.failed("name:a", "address:b")
    assert 0 < tries.wait_seconds("name:a", "address:c") <= EVERY_SECONDS + 1
    assert tries.wait_seconds("name:c", "address:b") > 0
    assert tries.wait_seconds("name:c", "address:c", "") == 0
    now = EVERY_SECONDS
    assert tries.wait_seconds("name:a", "address:b") == 0
    tries.failed("name:a", "address:b")
    assert tries.wait_seconds("name:a") > 0
    tries.worked("name:a")
    assert tries.wait_seconds("name:a") == 0


def test_what_a_form_asks_is_named_by_its_page_and_its_person() -> None:
    """Pressed twice it is one thing; a form without its page's value names nothing, for the next
    such form would be taken for its repeat, and passed over."""
    ada = Person(name="ada", role="admin", channels=frozenset({"*"}))
    name = asked_once(ada, {"once": "a"})
    assert name == asked_once(ada, {"once": "a", "reason": "x"})
    assert name != asked_once(ada, {"once": "b"})
    assert name != asked_once(replace(ada, name="bob"), {"once": "a"})
    for form in ({}, {"once": ""}):
        with pytest.raises(Problem) as refused:
            asked_once(ada, form)
        assert refused.value.status == 400
