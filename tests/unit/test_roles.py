"""Who plays which role for a channel: what has to be said, what follows, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.kernel.setup import AddressKind, Place, Reach, Setup
from schemas.messages.effects import WhoBuys
from service.settings import ConfigurationRefused, Settings, load
from service.settings.roles import places_of, setup_of, setups

SHOP = '[channels.web]\nkind = "canonical"\n'
AT_HOME = Reach(
    home="US", offered=frozenset({("*", "home")}), calls_abroad=True, coded=frozenset({"VN"})
)
NO_BOXES: frozenset[AddressKind] = frozenset({"post_box", "military", "pickup_point"})
ERP = """[partners.bc]
kind = "business_central"
base_url = "https://erp.example/api/v2.0"
token_url = "https://login.example/token"
company_id = "c"
client_id = "app"
client_secret = "s"
customer_number = "WEB"
"""
SHOPIFY = """[channels.web]
kind = "shopify"
shop_domain = "a.myshopify.com"
access_token = "t"
webhook_secrets = ["s"]
"""
MAIL = """[partners.post]
kind = "smtp"
host = "127.0.0.1"
from_address = "a@b.example"
domain = "b.example"
"""


def a_warehouse(name: str) -> str:
    return (
        f'[partners.{name}]\nkind = "warehouse"\nbase_url = "http://w.example"\ntoken = "t"\n'
        'callback_secrets = ["s"]\n'
    )


def a_carrier(name: str) -> str:
    return (
        f'[partners.{name}]\nkind = "ups"\nclient_id = "c"\nclient_secret = "s"\n'
        'account_number = "A1B2C3"\n'
        'default_service = "03"\n'
        f"[partners.{name}.shipper]\n"
        'name = "Acme"\nlines = ["1 Main"]\ncity = "Springfield"\ncountry = "US"\n'
    )


def loaded(folder: Path, *parts: str) -> Settings:
    path = folder / "orderwright.toml"
    path.write_text("".join(parts))
    return load({}, path)


def faults(folder: Path, *parts: str) -> list[str]:
    with pytest.raises(ConfigurationRefused) as refused:
        loaded(folder, *parts)
    return refused.value.faults


def test_one_of_each_needs_no_word_about_roles(tmp_path: Path) -> None:
    """Given one ERP, warehouse, carrier and mail server, each plays its role, at one place."""
    settings = loaded(tmp_path, SHOP, ERP, MAIL, a_warehouse("east"), a_carrier("ups"))
    assert setup_of(settings, "web") == Setup(
        channel="web",
        storefront="storefront:web",
        erp="bc",
        mail="post",
        places=(
            Place(
                name="main",
                warehouse="east",
                carrier="ups",
                labels="us",
                refuses=NO_BOXES,
                label_lines=(35, 35, 35),
                reach=AT_HOME,
            ),
        ),
        carriers=(("ups", "ups"),),
        longest_sku=20,
        unbooked=frozenset({"shipping", "duty", "gift_card", "tip", "fee", "service"}),
        hears=frozenset({"ready"}),
    )


def test_a_shop_is_told_what_its_settings_ask_for(tmp_path: Path) -> None:
    """Given locations of places and a fulfilment service of ours, it hears where goods left and
    what was stopped."""
    shop = '[channels.web]\nkind = "shopify"\nshop_domain = "a.myshopify.com"\n'
    shop += 'access_token = "t"\nwebhook_secrets = ["s"]\n'
    assert setup_of(loaded(tmp_path, shop), "web").hears == {"ready"}
    more = '[channels.web.place_locations]\nmain = "7"\n'
    more += '[channels.web.translation]\nfulfillment_services = ["ours"]\n'
    assert setup_of(loaded(tmp_path, shop, more), "web").hears == {
        "place", "ready", "request", "stop",
    }  # fmt: skip


def test_an_account_that_is_set_is_booked_on(tmp_path: Path) -> None:
    """Given an account for shipping and tips, an order is held for the other kinds of money."""
    erp = ERP.rstrip() + '\nshipping_account = "40100"\ntip_account = "40300"\n'
    setup = setup_of(loaded(tmp_path, SHOP, erp), "web")
    assert setup.unbooked == {"duty", "gift_card", "fee", "service"}


def test_a_seller_without_partners_has_a_shorter_life(tmp_path: Path) -> None:
    """Given a channel alone, no one plays any other role and nothing travels by us."""
    setup = setup_of(loaded(tmp_path, SHOP), "web")
    assert (setup.erp, setup.mail, setup.places) == ("", "", ())


@pytest.mark.parametrize(
    ("words", "labels"),
    [("", "them"), ('labels = "none"\n', "none"), ('labels = "them"\n', "them")],
)
def test_a_warehouse_without_a_carrier_buys_its_own_labels(
    tmp_path: Path, words: str, labels: WhoBuys
) -> None:
    """A 3PL ships by itself; the place may say that its parcels need no label."""
    place = f"[places.main]\n{words}" if words else ""
    (found,) = places_of(loaded(tmp_path, SHOP, a_warehouse("east"), place))
    assert found == Place(name="main", warehouse="east", carrier="", labels=labels)


def test_two_warehouses_serve_two_places(tmp_path: Path) -> None:
    """Each place names its warehouse; the only carrier needs no word, and a place may do
    without."""
    tables = '[places.west]\nwarehouse = "3pl"\ncarrier = ""\n[places.east]\nwarehouse = "east"\n'
    settings = loaded(
        tmp_path, SHOP, a_warehouse("east"), a_warehouse("3pl"), a_carrier("ups"), tables
    )
    assert places_of(settings) == (
        Place(name="west", warehouse="3pl", carrier="", labels="them"),
        Place(
            name="east",
            warehouse="east",
            carrier="ups",
            labels="us",
            refuses=NO_BOXES,
            label_lines=(35, 35, 35),
            reach=AT_HOME,
        ),
    )


def test_a_channel_chooses_its_places_erp_mail_and_terms(tmp_path: Path) -> None:
    """What a channel says goes before what there is, and payment methods are folded."""
    shop = (
        '[channels.web]\nkind = "canonical"\nerp = ""\nmail = ""\nplaces = ["west"]\n'
        'promised_payment_methods = ["Net 30 "]\ncollected_payment_methods = ["COD"]\n'
        'writes = ["order_cancelled"]\nshort_pick = "backorder"\nrestock_by = "channel"\n'
        "keeps_stock = false\nnotify_customer = true\n"
    )
    tables = "[places.east]\n[places.west]\n"
    setup = setups(loaded(tmp_path, shop, ERP, MAIL, a_warehouse("one"), tables))["web"]
    assert (setup.erp, setup.mail) == ("", "")
    assert [place.name for place in setup.places] == ["west"]
    assert setup.promised == {"net 30", "cod"}
    assert setup.collected == {"cod"}
    assert setup.writes == {"order_cancelled"}
    assert (setup.short_pick, setup.restock_by, setup.stock) == ("backorder", "channel", False)
    assert setup.notify_customer


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (
            (SHOP, a_warehouse("a"), a_warehouse("b")),
            "[places.NAME].warehouse is missing; there are several warehouses: a, b.",
        ),
        (
            (SHOP, a_carrier("a"), a_carrier("b"), "[places.main]\n"),
            "places.main.carrier is missing; there are several carriers: a, b.",
        ),
        (
            (SHOP, ERP, ERP.replace("partners.bc", "partners.other")),
            "channels.web.erp is missing; there are several ERPs: bc, other.",
        ),
        (
            (SHOP, '[places.main]\nwarehouse = "east"\n'),
            "places.main.warehouse names east, which is not among the warehouses; there are none.",
        ),
        (
            (SHOP, a_warehouse("east"), '[places.main]\nlabels = "us"\n'),
            'places.main.labels is "us", but no carrier is configured there to buy them from.',
        ),
        (
            (SHOP, a_carrier("ups"), '[places.main]\nlabels = "them"\n'),
            'places.main.labels is "them", but no warehouse is configured there to buy them.',
        ),
        (
            ('[channels.web]\nkind = "canonical"\nplaces = ["moon"]\n',),
            "channels.web.places names moon; there is no [places.moon].",
        ),
        (
            ('[channels.web]\nkind = "canonical"\ntime_zone = "Berlin"\n',),
            (
                "channels.web.time_zone: no time zone is called 'Berlin'; write one like"
                " Europe/Berlin or UTC."
            ),
        ),
        (
            (SHOP, a_warehouse("web")),
            (
                "A channel and a partner are both named web; rename one, for both are reached at"
                " /hooks/web."
            ),
        ),
        (
            (SHOP, a_warehouse("stock")),
            "partners.stock: the name is taken by our own stock table; choose another.",
        ),
        (
            (SHOP, MAIL, ERP, '[places.main]\ncounted_by = "post"\n'),
            "places.main.counted_by: post tells no stock; those that do: bc.",
        ),
        (
            (SHOP, ERP, '[places.a]\ncounted_by = "bc"\n[places.b]\ncounted_by = "bc"\n'),
            (
                "places.a.counted_by: bc has one figure for all places and counts a, b: leave it to"
                " one of them."
            ),
        ),
        (
            (SHOPIFY, '[channels.web.stock_locations]\nmoon = "7"\n'),
            "channels.web is to be told the stock of moon; the places are: none.",
        ),
    ],
)
def test_what_is_left_open_is_refused_in_a_sentence(
    tmp_path: Path, parts: tuple[str, ...], told: str
) -> None:
    """Nothing is guessed where two could be meant, and no name leads nowhere."""
    assert faults(tmp_path, *parts) == [told]


AMAZON = """[channels.market]
kind = "amazon"
webhook_secrets = ["s"]
client_id = "c"
client_secret = "s"
refresh_token = "r"
region = "eu"
marketplace_ids = ["A1PA6795UKMFR9"]
"""


def a_shop(*lines: str) -> str:
    told = "".join(f"{line}\n" for line in lines)
    return (
        '[channels.shop]\nkind = "shopify"\nshop_domain = "a.myshopify.com"\naccess_token = "t"\n'
        f'webhook_secrets = ["s"]\n{told}'
    )


@pytest.mark.parametrize(
    ("parts", "claiming"),
    [
        ((a_shop(), SHOP), set()),
        ((AMAZON, SHOP), {"market"}),
        ((AMAZON, a_shop(), SHOP), {"market", "shop"}),
        ((AMAZON, a_shop("marketplace_orders = false")), {"market"}),
        ((a_shop("marketplace_orders = true"),), {"shop"}),
        ((AMAZON, f"{SHOP}marketplace_orders = true\n"), {"market", "web"}),
    ],
)
def test_orders_of_a_marketplace_are_recognised_where_they_may_come_twice(
    tmp_path: Path, parts: tuple[str, ...], claiming: set[str]
) -> None:
    """Of Amazon always, of Shopify beside it, of others where the settings say so."""
    found = setups(loaded(tmp_path, *parts))
    assert {name for name, setup in found.items() if setup.claims} == claiming


def test_a_channel_that_captures(tmp_path: Path) -> None:
    """What the settings say of money that is only reserved; left out, nothing is captured here."""
    plain = setup_of(loaded(tmp_path, SHOPIFY), "web")
    assert (plain.capture, plain.authorised_days) == ("none", 0)
    more = 'capture = "handover"\ncapture_parts = true\nhand_over_unpaid = true\n'
    setup = setup_of(loaded(tmp_path, SHOPIFY, more), "web")
    assert (setup.capture, setup.authorised_days) == ("handover", 7)
    assert setup.capture_parts
    assert setup.receivable
    assert setup.voids


def test_a_channel_that_gives_money_back(tmp_path: Path) -> None:
    """A person does, unless the settings say that what is owed goes back by itself; a kind that
    can't is refused at start."""
    plain = setup_of(loaded(tmp_path, SHOPIFY), "web")
    assert (plain.refund, plain.refunds) == ("person", True)
    by_itself = setup_of(loaded(tmp_path, SHOPIFY, 'refund = "automatic"\n'), "web")
    assert by_itself.refund == "automatic"
    (told,) = faults(tmp_path, SHOP, 'refund = "automatic"\n')
    assert "no money is given back through canonical" in told


def test_what_follows_goods_that_come_back(tmp_path: Path) -> None:
    """By default people decide; what a kind can't give back, and a fee that nothing takes, is
    refused at start."""
    plain = setup_of(loaded(tmp_path, SHOPIFY), "web")
    assert (plain.returns, plain.return_refund) == ("person", "person")
    told = 'returns = "automatic"\nreturn_days = 30\n'
    fee = 'return_refund = "less_fee"\nrestocking_percent = 15\n'
    setup = setup_of(loaded(tmp_path, SHOPIFY, told + fee), "web")
    assert (setup.returns, setup.return_days) == ("automatic", 30)
    assert (setup.return_refund, setup.restocking_percent) == ("less_fee", 15)
    (wrong,) = faults(tmp_path, SHOP, fee)
    assert 'return_refund is "less_fee", but no money is given back' in wrong
    (wrong,) = faults(tmp_path, SHOP, "restocking_percent = 15\n")
    assert "has an effect with" in wrong


def test_a_channel_that_can_not_capture(tmp_path: Path) -> None:
    """Settings that no partner could carry out are refused at start, in words."""
    (told,) = faults(tmp_path, SHOP, 'capture = "order"\n')
    assert "no payments are captured through canonical" in told


def test_a_channel_on_terms_needs_an_erp_that_tells_accounts(tmp_path: Path) -> None:
    """With one its methods are promises with limits; without one the service does not start."""
    more = 'terms_payment_methods = ["Net 30"]\nterms_limits = { USD = 5000 }\n'
    limits = '[approvals.roles.boss]\npeople = ["ann"]\nlimits = { USD = 1 }\n'
    setup = setup_of(loaded(tmp_path, SHOP, more, ERP, limits), "web")
    assert setup.promised == setup.terms == frozenset({"net 30"})
    assert setup.terms_limits == (("USD", 5000),)
    assert setup.approvals
    assert not setup_of(loaded(tmp_path, SHOP, more, ERP), "web").approvals
    (told,) = faults(tmp_path, SHOP, more)
    assert "asks an ERP for its customers' accounts, and there is no ERP" in told
