"""References: every setting may stand in a variable or a file, and none is used unfollowed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from adapters.carriers.ups.settings import UpsSettings
from adapters.channels.shopify.settings import ShopifySettings
from adapters.kit.secret import Secret
from service.settings import ConfigurationRefused, load
from service.settings.shape import text_of
from tests.unit.test_settings import ENVIRONMENT, WHOLE, faults, written


def test_every_setting_of_a_whole_file_may_be_a_reference(tmp_path: Path) -> None:
    """Each leaf of a whole configuration, moved to a variable or a file of its own, gives the same
    settings: numbers, flags, choices, lists, names and secrets."""
    text = WHOLE + '[telemetry]\ndisabled = true\nlog_level = "debug"\n'
    expected = load(ENVIRONMENT, written(tmp_path, text))
    raw, environ, moved = tomllib.loads(text), dict(ENVIRONMENT), 0

    def move(table: dict[str, object]) -> None:
        nonlocal moved
        for name, value in table.items():
            if isinstance(value, dict):
                move(value)
            elif not (isinstance(value, str) and value.startswith("env:")):
                held = value if isinstance(value, str) else text_of(value).strip("[]")
                held = held.replace('"', "") if isinstance(value, list) else held
                if name.endswith("_secrets"):
                    continue  # a list of two, where a reference leads to one
                moved += 1
                if moved % 2:
                    environ[f"MOVED_{moved}"] = held
                    table[name] = f"env:MOVED_{moved}"
                else:
                    (tmp_path / f"moved-{moved}").write_text(f"{held}\n")
                    table[name] = f"file:{tmp_path / f'moved-{moved}'}"

    move(raw)
    assert moved > 30
    (tmp_path / "empty.toml").write_text("")
    assert load(environ, tmp_path / "empty.toml", overlay=raw) == expected


def test_every_setting_with_a_variable_takes_a_reference_there() -> None:
    """The fixed tables have settings of every type; each is reached through its variable."""
    environ = {
        "ORDERWRIGHT_PORT": "env:PORT",
        "ORDERWRIGHT_LIMITS_DRAIN_SECONDS": "env:SECONDS",
        "ORDERWRIGHT_DATA": "env:FOLDER",
        "OTEL_SDK_DISABLED": "env:OFF",
        "ORDERWRIGHT_PARTNERS_UPS_KIND": "env:KIND",
        "ORDERWRIGHT_PARTNERS_UPS_CLIENT_ID": "env:FOLDER",
        "ORDERWRIGHT_PARTNERS_UPS_CLIENT_SECRET": "env:FOLDER",
        "ORDERWRIGHT_PARTNERS_UPS_ACCOUNT_NUMBER": "env:ACCOUNT",
        "ORDERWRIGHT_PARTNERS_UPS_SHIPPER_NAME": "env:FOLDER",
        "ORDERWRIGHT_PARTNERS_UPS_SHIPPER_LINES": "1 Main Street, env:FOLDER",
        "ORDERWRIGHT_PARTNERS_UPS_SHIPPER_CITY": "env:FOLDER",
        "ORDERWRIGHT_PARTNERS_UPS_SHIPPER_COUNTRY": "env:COUNTRY",
        "PORT": "99", "SECONDS": "1.5", "FOLDER": "there", "OFF": "true", "KIND": "ups",
        "COUNTRY": "US", "ACCOUNT": "A1B2C3",
    }  # fmt: skip
    settings = load(environ)
    assert (settings.listen.port, settings.limits.drain_seconds) == (99, 1.5)
    assert (settings.data_dir, settings.telemetry.disabled) == ("there", True)
    carrier = settings.partners["ups"]
    assert isinstance(carrier, UpsSettings)
    assert carrier.shipper.lines == ("1 Main Street", "there")
    assert carrier.client_secret.reveal() == "there"


@pytest.mark.parametrize(
    "text",
    [
        "${TOKEN}", "$TOKEN", "$(cat token)", "%TOKEN%", "{{ token }}", "ENV:TOKEN", "Env: TOKEN",
        "env=TOKEN", "FILE:/x", " file:/x", "vault:secret/data/x#y", "op://vault/item/field",
        "ssm:/orders/token", "arn:aws:secretsmanager:eu-west-1:1:secret:x", "<your token>",
        "nats://orders:${PASSWORD}@host",
    ],
)  # fmt: skip
def test_what_looks_like_a_reference_is_never_used_as_it_stands(tmp_path: Path, text: str) -> None:
    """A secret, a plain text and an entry of a list are refused alike, each by its key."""
    here = msgspec.json.encode(text).decode()
    table = f"""
    nats_url = {here}
    mappings_file = {here}
    [partners.ups]
    kind = "ups"
    client_id = "x"
    client_secret = {here}
    account_number = "A1B2C3"
    services = {{ "Next Day" = {here} }}
    shipper = {{ name = "A", city = "B", country = "US", lines = [{here}] }}
    """
    told = faults(tmp_path, table)
    keys = "nats_url mappings_file client_secret services shipper.lines".split()
    for key in keys:
        (one,) = [fault for fault in told if fault.partition(" ")[0].endswith(key)]
        assert "looks like a reference that was not filled in; write env:NAME or file:/path" in one
        assert text not in one
    assert len(told) == len(keys)


@pytest.mark.parametrize("text", ["pa$$word", "a${", "100%", "x <y> z", "environment: x", "$5.00"])
def test_ordinary_texts_are_no_references(tmp_path: Path, text: str) -> None:
    """Passwords may have any characters as long as the whole is not another tool's reference."""
    settings = load({}, written(tmp_path, f"nats_url = {msgspec.json.encode(text).decode()}"))
    assert settings.nats_url == Secret(text)


def test_a_reference_that_leads_nowhere_is_one_fault(tmp_path: Path) -> None:
    """A missing variable or file, a value of the wrong type or another reference is told by the
    key, once, beside whatever else is wrong."""
    (tmp_path / "port").write_text("eighty\n")
    text = f"""
    data_dir = "env:NOT_THERE"
    mappings_file = "env:CHAIN"
    [listen]
    port = "file:{tmp_path / "port"}"
    host = "file:/nowhere"
    [limits]
    mailbox = 0
    """
    assert set(faults(tmp_path, text, {"CHAIN": "env:OTHER", "OTHER": "x"})) == {
        "data_dir names the environment variable NOT_THERE, which is not set.",
        "mappings_file names CHAIN, which holds another reference; name the value itself.",
        "listen.port must be a whole number, not text.",
        "listen.host names the file /nowhere, which can't be read (No such file or directory).",
        "limits.mailbox must be 1 at least.",
    }


def test_a_variable_with_a_lost_reference_is_told_by_its_key() -> None:
    """The key is what both the file and the variable have in common."""
    with pytest.raises(ConfigurationRefused, match=r"listen\.port names the environment"):
        load({"ORDERWRIGHT_PORT": "env:X"})


def test_secrets_of_a_list_are_referenced_one_by_one_or_alone(tmp_path: Path) -> None:
    """While a secret is rotated there are two; a comma may be part of one."""
    environ = {"OLD": "old,secret", "NEW": "new-secret"}
    shop = """
    [channels.shop]
    kind = "shopify"
    shop_domain = "shop.myshopify.com"
    access_token = "t"
    webhook_secrets = """
    for stated, expected in (('["env:NEW", "env:OLD"]', ["NEW", "OLD"]), ('"env:OLD"', ["OLD"])):
        settings = load(environ, written(tmp_path, f"{shop}{stated}"))
        channel = settings.channels["shop"]
        assert isinstance(channel, ShopifySettings)
        assert [one.reveal() for one in channel.webhook_secrets] == [environ[x] for x in expected]
    name = "ORDERWRIGHT_CHANNELS_SHOP_WEBHOOK_SECRETS"
    settings = load({**environ, name: "env:NEW, env:OLD"}, written(tmp_path, f'{shop}"x"'))
    channel = settings.channels["shop"]
    assert isinstance(channel, ShopifySettings)
    assert [one.reveal() for one in channel.webhook_secrets] == ["new-secret", "old,secret"]
