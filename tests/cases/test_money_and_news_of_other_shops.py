"""Money without places and with three, seen in another currency; changes that come out of turn or
lead where no carrier goes."""

from __future__ import annotations

from adapters.messages.smtp.templates import order_confirmed
from schemas.messages import effects as f
from tests.cases import field
from tests.cases.test_paid_and_changed import first, said, then
from tests.shopify_payloads import Json, a_payload, an_item, money


def seen(shop: str, customer: str, currency: str = "EUR") -> Json:
    """An amount in dollars, and as the customer saw it."""
    return {
        "shop_money": {"amount": shop, "currency_code": "USD"},
        "presentment_money": {"amount": customer, "currency_code": currency},
    }


def abroad(total: Json, *items: Json, **changes: object) -> Json:
    """An order without shipping and tax that the customer saw in another currency."""
    currency = total["presentment_money"]["currency_code"]
    none = seen("0.00", "0", currency)
    return a_payload(
        line_items=list(items), presentment_currency=currency, current_total_price_set=total,
        current_total_price=total["shop_money"]["amount"], current_shipping_price_set=none,
        current_total_tax="0.00", current_total_tax_set=none, **changes,
    )  # fmt: skip


def test_yen_and_dinars_sum_everywhere() -> None:
    """No places, with tax in the prices and a discount; and three."""
    yen = {"currency": "JPY", "presentment_currency": "JPY"}
    off = {"amount": "594", "amount_set": money("594", "JPY"), "discount_application_index": 0}
    item = an_item(1, "1980", quantity=3, current_quantity=3, discount_allocations=[off],
                   price_set=money("1980", "JPY"))  # fmt: skip
    order = field.order_of(
        field.shopify(
            field.encoded(
                a_payload(
                    line_items=[item], taxes_included=True, current_total_price="5946",
                    current_total_price_set=money("5946", "JPY"), current_total_tax="540",
                    current_shipping_price_set=money("600", "JPY"),
                    current_total_tax_set=money("540", "JPY"), **yen,
                )
            )
        )
    )  # fmt: skip
    assert (order.totals.total_minor, field.total_of(field.booked(order))) == (5946, "5946")
    dinars = seen("90.00", "27.688", "KWD")
    off = {"amount": "9.99", "amount_set": seen("9.99", "3.077", "KWD")}
    item = an_item(1, "33.33", quantity=3, current_quantity=3, discount_allocations=[off],
                   price_set=seen("33.33", "10.255", "KWD"))  # fmt: skip
    order = field.order_of(field.shopify(field.encoded(abroad(dinars, item))))
    assert "Total: 27.688 KWD" in order_confirmed(order, (), "Acme")[1]
    assert field.total_of(field.booked(order)) == "90.00"


def test_money_given_back_is_given_back_in_both_currencies() -> None:
    """Goodwill without goods: the mail says what is left as the customer saw it, the books what is
    left of the shop's."""
    item = an_item(1, "20.00", price_set=seen("20.00", "18.50"))
    refunds = [{"created_at": "2026-11-28T09:00:00Z"}]
    order = field.order_of(
        field.shopify(
            field.encoded(
                abroad(
                    seen("15.00", "13.88"), item, refunds=refunds,
                    financial_status="partially_refunded",
                )
            )
        )
    )  # fmt: skip
    assert "Total: 13.88 EUR" in order_confirmed(order, (), "Acme")[1]
    assert field.total_of(field.booked(order)) == "15.00"


def test_cash_is_collected_in_what_the_customer_saw() -> None:
    """A part that is paid with a gift card is not collected."""
    item = an_item(1, "20.00", price_set=seen("20.00", "18.50"))
    for left, collected in (("20.00", 1850), ("10.00", 925)):
        story = field.placed(
            field.shopify(
                field.encoded(
                    abroad(
                        seen("20.00", "18.50"), item, financial_status="pending",
                        payment_gateway_names=["gift_card", "Cash on Delivery (COD)"],
                        total_outstanding=left,
                    )
                )
            )
        )  # fmt: skip
        (task,) = field.asked(field.released(story), f.CreateTask)
        assert (task.collect_minor, task.collect_currency) == (collected, "EUR")


def test_a_change_to_where_no_carrier_goes_stops_the_task() -> None:
    """The box is found out when the address is changed, not when the parcel is packed; back at a
    street the order goes on by itself."""
    story = field.released(first())
    there = a_payload()["shipping_address"]
    then(story, said(12, shipping_address={**there, "address1": "GPO Box 12"}))
    assert field.holds(story) == {"unmapped-address"}
    assert f.tag_of(f.CancelTask) in field.spent(story)
    then(story, said(13, shipping_address=there))
    assert field.holds(story) == set()


def test_news_that_comes_out_of_turn_changes_nothing() -> None:
    """An update before its order, and an older one after a newer."""
    pine = {**a_payload()["shipping_address"], "address1": "99 Pine Road"}
    story = field.placed(
        field.shopify(field.encoded(said(12, shipping_address=pine)), updated=True)
    )
    story.when(field.shopify(field.encoded(a_payload())))
    then(story, said(11))
    assert story.order is not None
    assert story.order.ship_to is not None
    assert story.order.ship_to.lines == ("99 Pine Road",)
