"""Settings: what the file and the environment may say, and how a fault is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.carriers.ups.settings import UpsSettings
from adapters.channels.shopify.settings import ShopifySettings
from adapters.kit.secret import MASK
from adapters.warehouses.http.settings import WarehouseSettings
from service.app.errors import OperatorError
from service.settings import (
    ConfigurationRefused,
    Settings,
    describe,
    load,
    markdown,
    unknown_variables,
)

ROOT = Path(__file__).resolve().parents[2]

WHOLE = """
data_dir = "/var/lib/orderwright"
postgres_dsn = "postgresql://ow:secret-dsn@db/ow"

[correlation]
active = "2"
keys = { 1 = "env:OLD_KEY", 2 = "0123456789abcdef0123" }

[channels.acme-us]
kind = "shopify"
shop_domain = "acme-us.myshopify.com"
webhook_secrets = ["first-secret", "second-secret"]
access_token = "env:SHOP_TOKEN"
calls = { rate_per_second = 10 }
promised_payment_methods = ["Net 30"]
collected_payment_methods = ["Cash on Delivery (COD)"]

[channels.partners]
kind = "canonical"

[partners.bc]
kind = "business_central"
base_url = "https://erp.example/api/v2.0"
token_url = "https://login.example/token"
company_id = "c0ffee00-0000-4000-8000-000000000000"
client_id = "app"
client_secret = "erp-secret"
customer_number = "WEB"

[partners.east]
kind = "warehouse"
base_url = "http://127.0.0.1:9002"
token = "wh-token"
callback_secrets = ["wh-secret"]

[partners.ups]
kind = "ups"
client_id = "ups"
client_secret = "ups-secret"
account_number = "A1B2C3"
services = { "Next Day" = "01" }
[partners.ups.shipper]
name = "Acme"
lines = ["1 Main Street"]
city = "Springfield"
country = "US"

[partners.mail]
kind = "smtp"
host = "127.0.0.1"
from_address = "orders@acme.example"
domain = "acme.example"

[policy]
pack_due_seconds = 5
"""

ENVIRONMENT = {"OLD_KEY": "an-old-key-of-some-length", "SHOP_TOKEN": "shop-token"}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "orderwright.toml"
    path.write_text(text)
    return path


def faults(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigurationRefused) as refused:
        load(environ or {}, written(tmp_path, text))
    return refused.value.faults


def test_nothing_set_gives_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file and without variables everything has its default."""
    monkeypatch.chdir(tmp_path)
    assert load({}) == Settings()


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    """Every part of the file arrives, secrets by reference included."""
    settings = load(ENVIRONMENT, written(tmp_path, WHOLE))
    shop = settings.channels["acme-us"]
    assert isinstance(shop, ShopifySettings)
    assert shop.access_token is not None
    assert shop.access_token.reveal() == "shop-token"
    assert [one.reveal() for one in shop.webhook_secrets] == ["first-secret", "second-secret"]
    assert shop.calls.rate_per_second == 10.0
    assert settings.correlation is not None
    assert settings.correlation.keys["1"].reveal() == "an-old-key-of-some-length"
    carrier = settings.partners["ups"]
    assert isinstance(carrier, UpsSettings)
    assert carrier.services == {"Next Day": "01"}
    assert settings.policy.pack_due_seconds == 5.0


def test_the_environment_goes_before_the_file_and_the_overlay_before_both(tmp_path: Path) -> None:
    """The order of precedence is file, environment, overlay."""
    path = written(tmp_path, 'data_dir = "a"\n[listen]\nport = 1\nhost = "::1"\n')
    environ = {"ORDERWRIGHT_CONFIG": str(path), "ORDERWRIGHT_PORT": "2", "ORDERWRIGHT_DATA": "b"}
    settings = load(environ, overlay={"listen": {"port": 3}})
    assert (settings.data_dir, settings.listen.port, settings.listen.host) == ("b", 3, "::1")


def test_variables_reach_every_table_and_lists() -> None:
    """An instance can be configured by variables alone; its name has dashes for underscores."""
    settings = load(
        {
            "ORDERWRIGHT_PARTNERS_EAST_COAST_KIND": "warehouse",
            "ORDERWRIGHT_PARTNERS_EAST_COAST_BASE_URL": "http://127.0.0.1:1",
            "ORDERWRIGHT_PARTNERS_EAST_COAST_TOKEN": "env:TOKEN",
            "ORDERWRIGHT_PARTNERS_EAST_COAST_CALLBACK_SECRETS": "one, two",
            "ORDERWRIGHT_PARTNERS_EAST_COAST_CALLS_CONCURRENCY": "3",
            "TOKEN": "of-the-warehouse",
            "OTEL_TRACES_SAMPLER_ARG": "0.5",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
            "OTEL_SDK_DISABLED": "true",
        }
    )
    warehouse = settings.partners["east-coast"]
    assert isinstance(warehouse, WarehouseSettings)
    assert warehouse.token.reveal() == "of-the-warehouse"
    assert [one.reveal() for one in warehouse.callback_secrets] == ["one", "two"]
    assert warehouse.calls.concurrency == 3
    assert settings.telemetry.sample_ratio == 0.5
    assert settings.telemetry.otlp_endpoint == "http://127.0.0.1:4318"
    assert settings.telemetry.disabled


def test_a_variable_goes_before_the_key_of_an_instance_in_the_file(tmp_path: Path) -> None:
    """What the file names can be set by variables, a secret or a nested limit alike."""
    environ = {
        **ENVIRONMENT,
        "ORDERWRIGHT_PARTNERS_UPS_CLIENT_SECRET": "other",
        "ORDERWRIGHT_CHANNELS_ACME_US_CALLS_RATE_PER_SECOND": "7",
    }
    settings = load(environ, written(tmp_path, WHOLE))
    carrier = settings.partners["ups"]
    assert isinstance(carrier, UpsSettings)
    assert carrier.client_secret.reveal() == "other"
    assert settings.channels["acme-us"].calls.rate_per_second == 7


def test_an_instance_of_an_unknown_kind_is_told_also_by_variables_alone() -> None:
    """A misspelt kind is reported alone: nothing else of that instance could be understood."""
    with pytest.raises(ConfigurationRefused) as refused:
        load({"ORDERWRIGHT_PARTNERS_CARRIER_KIND": "upx"})
    (fault,) = refused.value.faults
    assert fault.startswith("partners.carrier.kind must be one of business_central, ")


def test_every_fault_is_one_sentence_that_names_its_key(tmp_path: Path) -> None:
    """All faults come at once, so that no one fixes them one start at a time."""
    text = """
    dta_dir = "x"
    [listen]
    port = "eighty"
    [limits]
    live_orders = 0
    mailbox = 1.5
    [channels.Acme]
    kind = "canonical"
    [channels.shop]
    kind = "magento"
    [partners.bc]
    kind = "business_central"
    base_url = "ftp://erp"
    """
    told = faults(tmp_path, text, {"ORDERWRIGHT_LIMITS_POOL_SIZE": "many"})
    assert "dta_dir is not a setting; did you mean data_dir?" in told
    assert "listen.port must be a whole number, not text." in told
    assert "limits.live_orders must be 1 at least." in told
    assert "limits.mailbox must be a whole number, not a number." in told
    assert any(one.startswith("channels.Acme: the name does not have the form") for one in told)
    kinds = [one for one in told if one.startswith("channels.shop.kind must be one of amazon, ")]
    assert [one.endswith(", not 'magento'.") for one in kinds] == [True]
    assert any(one.startswith("partners.bc.base_url does not have the form") for one in told)
    assert "partners.bc.token_url is missing; it is needed wherever [partners.bc] is set." in told
    assert (
        "The environment variable ORDERWRIGHT_LIMITS_POOL_SIZE must be a whole number, not text."
        in told
    )
    assert all(one.endswith((".", "?")) for one in told)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            (
                '[channels.a]\nkind = "bigcommerce"\naccess_token = "t"\nstore_hash = "abc"\n'
                'webhook_secrets = ["short"]'
            ),
            (
                "In [channels.a], webhook_secrets of kind bigcommerce are sent in a header: each "
                "needs at least 16 printable ASCII characters."
            ),
        ),
        (
            (
                '[channels.a]\nkind = "bigcommerce"\naccess_token = "t"\nstore_hash = "abc"\n'
                'webhook_secrets = [" a secret of 16 "]'
            ),
            "In [channels.a], webhook_secrets must not begin or end with a space.",
        ),
        (
            '[channels.a]\nkind = "ups"',
            "channels.a: ups belongs under [partners.NAME]; it plays carrier.",
        ),
        (
            '[partners.a]\nkind = "canonical"',
            "partners.a: canonical belongs under [channels.NAME]; it plays storefront.",
        ),
        ("[partners.a]", "partners.a.kind is missing; it says which kind of partner it is."),
        (
            '[carrier]\nclient_id = "x"',
            (
                '[carrier] is not a table any more: write it as [partners.NAME] with kind = "ups", '
                "where NAME is what you call that partner."
            ),
        ),
        (
            '[correlation]\nactive = "9"\nkeys = { 1 = "0123456789abcdef" }',
            "In [correlation], active names the key 9, which is not among keys.",
        ),
        (
            'nats_url = "env:NOT_THERE"',
            "nats_url names the environment variable NOT_THERE, which is not set.",
        ),
        (
            'nats_url = "file:/nowhere/at/all"',
            (
                "nats_url names the file /nowhere/at/all, which can't be read"
                " (No such file or directory)."
            ),
        ),
        (
            "nats_url = 5",
            "nats_url must be text: a secret, or env:NAME or file:/path that leads to it.",
        ),
        ("listen = 5", "listen must be a table, not a whole number."),
        ("channels = 5", "channels must be a table of tables, not a whole number."),
        ("[partners]\na = 5", "partners.a must be a table, not a whole number."),
    ],
)
def test_a_fault_in_what_belongs_together(tmp_path: Path, text: str, sentence: str) -> None:
    """Rules between keys, secrets that lead nowhere and wrong shapes are told by their key."""
    assert faults(tmp_path, text) == [sentence]


def test_broken_files_are_refused_with_the_operators_exit_code(tmp_path: Path) -> None:
    """A file that is missing, no TOML or no text ends with exit code 2 and a sentence."""
    assert "is not valid TOML" in faults(tmp_path, "a = = b")[0]
    path = tmp_path / "latin"
    path.write_bytes(b'data_dir = "\xff"')
    for broken in (path, tmp_path / "missing.toml", tmp_path):
        with pytest.raises(OperatorError) as refused:
            load({}, broken)
        assert refused.value.exit_code == 2
        assert str(broken) in str(refused.value)


def test_a_secret_file_loses_its_line_end_only(tmp_path: Path) -> None:
    """Editors add a line end; spaces inside a secret are its own."""
    secret = tmp_path / "secret"
    secret.write_text(" nats://user:word@host \n")
    settings = load({}, written(tmp_path, f'nats_url = "file:{secret}"'))
    assert settings.nats_url is not None
    assert settings.nats_url.reveal() == " nats://user:word@host "


def test_no_secret_is_ever_shown(tmp_path: Path) -> None:
    """Neither `config show` nor a repr, nor a fault beside it, gives a secret away."""
    settings = load(ENVIRONMENT, written(tmp_path, WHOLE))
    shown = repr(settings) + repr(describe(settings))
    hidden = "secret-dsn first-secret second-secret shop-token erp-secret wh-token wh-secret"
    for secret in [*hidden.split(), "ups-secret", "an-old-key", "0123456789abcdef"]:
        assert secret not in shown
    rows = {row.key: row for row in describe(settings)}
    assert rows["channels.acme-us.access_token"].value == MASK
    assert rows["channels.acme-us.webhook_secrets"].value == f"[{MASK}, {MASK}]"
    assert rows["policy.pack_due_seconds"].changed
    assert not rows["listen.port"].changed
    told = faults(tmp_path, '[correlation]\nactive = "1"\nkeys = { 1 = "too-short" }')
    assert "too-short" not in str(told)


def test_a_misspelt_variable_is_told(tmp_path: Path) -> None:
    """`doctor` can say which ORDERWRIGHT_ variable sets nothing; it does not stop a start."""
    environ = {"ORDERWRIGHT_PROT": "1", "ORDERWRIGHT_CONFIG": "", "HOME": "x"}
    assert unknown_variables(Settings(), environ) == [
        "The environment variable ORDERWRIGHT_PROT sets nothing; did you mean ORDERWRIGHT_PORT?"
    ]
    assert load(environ, written(tmp_path, "")) == Settings()


def test_every_key_is_documented_and_bounded() -> None:
    """The page in docs is what the code says, and no key is without words or bounds."""
    assert (ROOT / "docs" / "configuration.md").read_text() == markdown(), (
        "run `python -m service.settings`"
    )
    for row in describe(Settings()):
        assert row.description.endswith("."), row.key
