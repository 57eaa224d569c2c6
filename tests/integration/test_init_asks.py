"""`init` on a terminal, as a person types: wrong answers, defaults, and no wish to go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.dialogue import Dialogue

WHICH = "A channel or partner, NAME=KIND"


def test_a_person_answers_wrongly_and_then_well(tmp_path: Path) -> None:
    """Each wrong answer is told above the same question, which is asked again; secrets are not
    shown, and go to files that others can't read."""
    with Dialogue(tmp_path, "init") as person:
        person.asked(WHICH)
        person.answers("acme-us=shopfy")
        assert "'acme-us=shopfy' is not NAME=KIND; the kinds are: amazon, " in person.asked(WHICH)
        person.answers("acme-us=shopify")
        person.asked(WHICH)
        person.answers("east=warehouse")
        person.asked(WHICH)
        person.answers("")
        person.asked("acme-us.shop_domain: The shop's myshopify domain.")
        person.answers("not a domain")
        told = person.asked("acme-us.shop_domain: The shop's myshopify domain.")
        assert "acme-us.shop_domain does not have the form" in told
        person.answers("acme-us.myshopify.com")
        person.asked("acme-us.webhook_secrets: ")
        person.answers("hush-0")
        person.asked("east.base_url: Where it takes tasks.")
        person.answers("http://127.0.0.1:9/api")
        person.asked("east.token: ")
        person.answers("hush-1")
        person.asked("east.callback_secrets: ")
        person.answers("hush-2")
        told = person.asked("NAME.KEY=VALUE, or NAME.KEY alone for a secret, which is not shown")
        assert "needs either client_id and client_secret, or an access_token" in told
        person.answers("acme-us.access_token")
        person.asked("acme-us.access_token")
        person.answers("hush-3")
        assert person.ends() == 0
        assert "orderwright.toml is written: 1 channel, 1 partner." in person.seen
        assert "hush" not in person.seen
        config = (tmp_path / "orderwright.toml").read_text()
        assert "acme-us.myshopify.com" in config
        assert "hush" not in config
        secrets = sorted((tmp_path / "orderwright-secrets").iterdir())
        assert [file.read_text() for file in secrets] == [
            f"hush-{number}\n" for number in (3, 0, 2, 1)
        ]
        assert all(file.stat().st_mode & 0o777 == 0o600 for file in secrets)


def test_what_was_left_out_is_asked_for_once_more(tmp_path: Path) -> None:
    """Who only presses Enter is told what is missing, may still give it, and may give up: then
    nothing is written."""
    with Dialogue(tmp_path, "init", "acme-us=shopify") as person:
        person.asked("acme-us.shop_domain: ")
        person.answers("")
        person.asked("acme-us.webhook_secrets: ")
        person.answers("")
        assert "channels.acme-us.shop_domain is missing" in person.asked("NAME.KEY=VALUE")
        person.answers("acme-us.shop_domain")
        told = person.asked("NAME.KEY=VALUE")
        assert "'acme-us.shop_domain' is not NAME.KEY=VALUE, such as listen.port=9090." in told
        person.answers("acme-us.shop_domain=acme-us.myshopify.com")
        assert "channels.acme-us.webhook_secrets is missing" in person.asked("NAME.KEY=VALUE")
        person.answers("")
        assert person.ends() == 2
        assert "orderwright: Nothing was written, because this is missing or wrong: " in person.seen
        assert list(tmp_path.iterdir()) == []


def test_enter_alone_writes_what_has_defaults(tmp_path: Path) -> None:
    """Without a channel there is a configuration of defaults to fill in."""
    with Dialogue(tmp_path, "init") as person:
        person.asked(WHICH)
        person.answers("")
        assert person.ends() == 0
        assert "orderwright.toml is written: 0 channels, 0 partners." in person.seen


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
@pytest.mark.parametrize("at", [WHICH, "acme-us.webhook_secrets: "])
def test_who_wants_no_more_leaves_nothing(tmp_path: Path, key: str, at: str) -> None:
    """At any question: one sentence, no traceback, the exit code of an interruption, no file."""
    with Dialogue(tmp_path, "init", *(["acme-us=shopify"] if at != WHICH else [])) as person:
        if at != WHICH:
            person.asked("acme-us.shop_domain: ")
            person.answers("acme-us.myshopify.com")
        person.asked(at)
        person.answers(key, enter=False)
        assert person.ends() == 130
        assert "orderwright: You ended it, and nothing was written." in person.seen
        assert "Traceback" not in person.seen
        assert list(tmp_path.iterdir()) == []
