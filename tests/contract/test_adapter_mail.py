"""Mail: once, never twice; and nothing a customer wrote becomes a header."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from email import message_from_bytes
from email.policy import SMTP

import pytest
from msgspec.structs import replace

from actors.runtime.errors import LeaseLost, Rejected, Retryable, Unauthorised, Unknown
from adapters.messages.smtp.message import display_name, header_text, mail_address, mail_bytes
from adapters.messages.smtp.templates import TEMPLATES, order_confirmed
from schemas.messages.effects import MailSent, SendMail, Units
from schemas.order.canonical import Customer, Presentment, Totals
from tests.contract.partner_calls import NOON, TestClock, a_call, mail
from tests.contract.simulated import Client, Running, started
from tests.orders import an_order

CONFIRMED = SendMail(template="order_confirmed")
PIPELINING = "250-here\r\n250 PIPELINING"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


@asynccontextmanager
async def scripted(*replies: str, greets: str = "250 here") -> AsyncIterator[tuple[int, list[str]]]:
    """A mail server that gives these replies in turn (DATA's text is one line of the log)."""
    heard: list[str] = []
    left = list(replies)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            writer.write(b"220 here\r\n")
            while left:
                end = b"\r\n.\r\n" if heard and heard[-1] == "DATA" else b"\r\n"
                try:
                    heard.append((await reader.readuntil(end)).decode().removesuffix("\r\n"))
                except asyncio.IncompleteReadError:
                    return
                if heard[-1].startswith("EHLO"):
                    writer.write(greets.encode() + b"\r\n")
                elif (reply := left.pop(0)) != "hang up":
                    writer.write(reply.encode() + b"\r\n")
                else:
                    return

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard


async def test_the_happy_way(running: Running, simulators: Client) -> None:
    """The customer gets one mail, named by and marked with the message's own reference."""
    post = mail(running.smtp_port)
    call = a_call(CONFIRMED)
    result = await post.perform(call)
    assert result == MailSent(message_id=f"<{call.reference}@acme.example>")
    (entry,) = await simulators.ledger("mail")
    assert entry["reference"] == call.reference
    assert call.reference in entry["id"]
    await post.close()


async def test_connections_are_kept_and_bounded(running: Running, simulators: Client) -> None:
    """Thirty mails at once need no more connections than the pool has, and all arrive."""
    post = mail(running.smtp_port, connections=2)
    calls = [a_call(CONFIRMED, an_order(ref=str(number))) for number in range(30)]
    await asyncio.gather(*(post.perform(call) for call in calls))
    assert len(await simulators.ledger("mail")) == 30
    assert len(post._pool._idle) <= 2
    await post.close()


async def test_a_mail_of_another_process_s_order_is_not_handed_in() -> None:
    """Whose the order is is asked when the server waits for the text; without its final dot no
    server takes a message, and the connection is not used again."""

    def taken_over() -> None:
        raise LeaseLost("Another process owns this order now.")

    async with scripted("250 ok", "250 ok", "354 go", "250 ok") as (port, heard):
        post = mail(port)
        with pytest.raises(LeaseLost):
            await post.perform(replace(a_call(CONFIRMED), check_ours=taken_over))
        await post.close()
    assert heard[-1] == "DATA"
    assert post._pool._idle == []


async def test_a_connection_that_died_while_idle(running: Running, simulators: Client) -> None:
    """A kept connection that the server has closed is replaced, and the mail still goes once."""
    async with scripted(*["250 ok"] * 2, "354 go", "250 ok", "hang up", *["250 ok"] * 2, "354 go",
                        "250 ok") as (port, heard):  # fmt: skip
        post = mail(port)
        await post.perform(a_call(CONFIRMED))
        await post.perform(a_call(CONFIRMED, number=4))
        await post.close()
    assert heard.count("DATA") == 2


@pytest.mark.parametrize(
    ("replies", "error"),
    [
        (("421 busy",), Retryable),
        (("250 ok", "450 greylisted"), Retryable),
        (("250 ok", "550 no such user"), Rejected),
        (("530 log in",), Unauthorised),
        (("250 ok", "250 ok", "451 later"), Retryable),
        (("250 ok", "hang up", "hang up"), Retryable),
        (("250 ok", "250 ok", "354 go", "452 full"), Retryable),
        (("250 ok", "250 ok", "354 go", "554 spam"), Rejected),
        (("250 ok", "250 ok", "354 go", "hang up"), Unknown),
        (("250 ok", "250 ok", "354 go", "<html>"), Unknown),
        (("250 ok", "250 ok", "354 go", "2"), Unknown),
    ],
)
@pytest.mark.parametrize("greets", ["250 here", PIPELINING])
async def test_what_each_reply_means(
    replies: tuple[str, ...], error: type[Exception], greets: str
) -> None:
    """Before the final dot nothing has happened; after it only a clear refusal is one: also where
    the envelope goes in one write."""
    async with scripted(*replies, greets=greets) as (port, _):
        post = mail(port)
        with pytest.raises(error):
            await post.perform(a_call(CONFIRMED))
        await post.close()


@asynccontextmanager
async def in_pieces(*pieces: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A mail server that reads once and then sends one piece, again and again."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            writer.write(b"220 here\r\n")
            await reader.readline()
            writer.write(PIPELINING.encode() + b"\r\n")
            for piece in pieces:
                heard.append(await reader.read(65_536))
                for part in piece.split(b"|"):
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard


@pytest.mark.parametrize(
    "envelope",
    [
        b"250 ok\r\n250 ok\r\n354 go\r\n",
        b"25|0 ok\r\n250-as|you\r\n250 like\r|\n354 go\r|\n",
        b"250 ok\n250 ok\n354\n",
    ],
)
async def test_an_envelope_in_one_write(envelope: bytes) -> None:
    """A server that takes several commands at once gets the envelope in one write, and its replies
    are told apart however they arrive."""
    async with in_pieces(envelope, b"250 queued\r\n") as (port, heard):
        post = mail(port)
        await post.perform(a_call(CONFIRMED))
        await post.close()
    first, message = heard
    assert re.fullmatch(rb"MAIL FROM:<[^>]+>\r\nRCPT TO:<[^>]+>\r\nDATA\r\n", first)
    assert message.endswith(b"\r\n.\r\n")


async def test_a_refusal_within_the_envelope_sends_nothing() -> None:
    """A recipient that is refused while DATA was sent along gets no message, not an empty one
    either: the connection is closed, and the next message has another."""
    async with in_pieces(b"250 ok\r\n550 who?\r\n354 go\r\n", b"") as (port, heard):
        post = mail(port)
        with pytest.raises(Rejected, match="who"):
            await post.perform(a_call(CONFIRMED))
        assert post._pool._idle == []
        await post.close()
    assert b"\r\n.\r\n" not in b"".join(heard)


async def test_what_comes_unasked_ends_a_connection() -> None:
    """A farewell between two messages is not taken for the next one's reply."""
    talk = (b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 queued\r\n|421 time to go\r\n")
    async with in_pieces(*talk) as (port, heard):
        post = mail(port)
        await post.perform(a_call(CONFIRMED, number=4))
        (kept,) = post._pool._idle
        async with asyncio.timeout(20):
            while kept.session.is_open:  # noqa: ASYNC110 — nothing else tells of it
                await asyncio.sleep(0)
        await post.perform(a_call(CONFIRMED, number=5))
        await post.close()
    assert len(heard) == 4


@pytest.mark.parametrize("reply", [b"250-" + b"x" * 20_000, b"250-more\r\n" * 3_000])
async def test_a_reply_without_end(reply: bytes) -> None:
    """A server that never ends its reply, or its line, is given up before it fills the memory."""
    async with in_pieces(reply) as (port, _):
        post = mail(port)
        with pytest.raises(Retryable, match="without end"):
            await post.perform(a_call(CONFIRMED))
        await post.close()


async def test_a_refusal_after_the_message_is_believed_once() -> None:
    """A server that takes the message and then answers 4xx may have sent it: it is handed in once
    more and then never. What it says before it has the message is believed."""
    replies = ("250 ok", "250 ok", "354 go", "451 try later", "451 try later")
    async with scripted(*replies) as (port, heard):
        post = mail(port)
        with pytest.raises(Retryable) as late:
            await post.perform(a_call(CONFIRMED, number=4))
        with pytest.raises(Retryable) as early:
            await post.perform(a_call(CONFIRMED, number=4))
        await post.close()
    assert (late.value.once, early.value.once) == (True, False)
    assert heard.count("DATA") == 1


async def test_silence_after_the_message(running: Running, simulators: Client) -> None:
    """A time-out after the message is Unknown, and there is no look-up that could tell."""
    post = mail(running.smtp_port, timeout_seconds=0.2)
    await simulators.fault("mail", act_no_answer_rate=1.0)
    with pytest.raises(Unknown):
        await post.perform(a_call(CONFIRMED))
    assert post.can_look_up is False
    with pytest.raises(Unknown):
        await post.look_up(a_call(CONFIRMED))
    await post.close()


async def test_no_one_listens() -> None:
    """A mail server that can't be reached is Retryable, and the sentence says where it was
    sought."""
    async with scripted() as (port, _):
        free = port
    with pytest.raises(Retryable, match=rf"127\.0\.0\.1:{free}.*the connection is refused"):
        await mail(free).perform(a_call(CONFIRMED))


async def test_a_server_without_starttls_is_named() -> None:
    """A mail server that does not offer what is configured is Retryable, and the sentence says what
    to set."""
    async with scripted("502 What is that?") as (port, _):
        with pytest.raises(Retryable, match=r"does not offer STARTTLS\. Set `security`"):
            await mail(port, security="starttls").perform(a_call(CONFIRMED))


@pytest.mark.parametrize(
    "email", ["", "  ", "nobody", "a@b@c", "a b@c.de", "a@c.de\r\nBcc: x@y.z", "<a@c.de>", "é@c.de"]
)
async def test_no_address_to_write_to(email: str) -> None:
    """Without a usable address the mail is refused before anybody is called."""
    order = an_order(customer=Customer(name="Ada", email=email))
    with pytest.raises(Rejected, match="e-mail address"):
        await mail(1).perform(a_call(CONFIRMED, order))


async def test_hostile_texts_stay_in_their_place() -> None:
    """Newlines, dots, direction marks and emoji in names and numbers make no header and no end."""
    hostile = "x\r\nBcc: evil@example.com\r\n\r\n.\r\nQUIT\u202e\u2028😀"
    order = an_order(
        number="#1\r\nX-Evil: 1", customer=Customer(name=hostile, email="ada@example.com")
    )
    async with scripted("250 ok", "250 ok", "354 go", "250 ok") as (port, heard):
        post = mail(port)
        await post.perform(a_call(CONFIRMED, order))
        await post.close()
    message = message_from_bytes(heard[-1].removesuffix("\r\n.").encode(), policy=SMTP)
    assert heard[-2] == "DATA"
    assert message["Bcc"] is None
    assert message["X-Evil"] is None
    assert message["Subject"] == "Your order #1 X-Evil: 1 is confirmed"
    assert message["From"] == '"Acme, Inc." <orders@acme.example>'
    text = message.get_content()
    assert "QUIT" in text
    assert "\u202e" not in text


@pytest.mark.parametrize(
    "text", ["Your order #1", "Größe " * 30, "注文 " * 40, "=?utf-8?q?fake?=", "a😀b", "", "\r\n\t"]
)
def test_headers_survive_the_way(text: str) -> None:
    """Any subject is one header, short-lined ASCII, and reads as it was written."""
    raw = mail_bytes(
        sender="a@b.de", sender_name="N", recipient="c@d.de", subject=text, text=".\n.x\n",
        message_id="<1@b.de>", reference="r", at=NOON,
    )  # fmt: skip
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    message = message_from_bytes(raw, policy=SMTP)
    assert message["Subject"] == " ".join(text.split())
    assert raw.endswith(b"\r\n\r\n..\r\n..x\r\n")
    assert header_text(text).isascii()


def test_names_and_addresses() -> None:
    """A name with a comma is one name, and a domain beyond ASCII is written in ASCII."""
    assert display_name('Acme "Best", Inc.') == '"Acme \\"Best\\", Inc."'
    assert mail_address(" ada@bücher.example ") == "ada@xn--bcher-kva.example"
    assert mail_address("ada@" + "x" * 300) is None


async def test_each_message_has_its_own_reference(running: Running, simulators: Client) -> None:
    """Two messages of one order are told apart; a repeat of one has the same Message-ID, by which
    mail programs recognise it; an unknown template is refused."""
    post = mail(running.smtp_port, TestClock())
    first = await post.perform(a_call(CONFIRMED, key="M1"))
    second = await post.perform(a_call(SendMail(template="order_cancelled"), key="M2", number=9))
    again = await post.perform(a_call(CONFIRMED, key="M1", number=12))
    assert first == again != second
    entries = await simulators.ledger("mail")
    assert len({entry["reference"] for entry in entries}) == 2
    with pytest.raises(Rejected, match="template"):
        await post.perform(a_call(SendMail(template="spam")))
    assert "takes our login" in await post.probe()
    await post.close()


def money_of(text: str) -> dict[str, int]:
    """The amounts of a bill by what stands before them, in minor units."""
    rows = re.findall(r"(?m)^(.+): (-?[0-9.]+) [A-Z]{3}$", text)
    return {name: int(amount.replace(".", "")) for name, amount in rows}


def test_a_confirmation_shows_what_the_customer_pays() -> None:
    """In the customer's currency where the shop says what each line came to in it; discounts of the
    order, shipping, duty and tax on top follow, and all sums to the total."""
    seen = Presentment(
        currency="EUR",
        totals=Totals(
            subtotal_minor=1600, discount_minor=160, shipping_minor=450, tax_minor=95,
            duty_minor=30, total_minor=2015,
        ),
    )  # fmt: skip
    order = an_order(presentment=seen)
    lines = (
        replace(order.lines[0], presentment_total_minor=920),
        replace(order.lines[1], presentment_total_minor=680),
    )
    _, text = order_confirmed(replace(order, lines=lines), (), "Acme")
    assert money_of(text) == {
        "2 x Cup": 920, "1 x Jar": 680, "Discount": -160, "Shipping": 450, "Duty": 30, "Tax": 95,
        "Total": 2015,
    }  # fmt: skip
    assert "EUR" in text
    assert "USD" not in text
    _, text = order_confirmed(order, (), "Acme")
    amounts = money_of(text)
    assert amounts.pop("Total") == sum(amounts.values()) == 2015


def test_a_confirmation_of_many_lines_still_sums() -> None:
    """What is not listed is one sum."""
    line = an_order().lines[0]
    lines = tuple(replace(line, line_id=str(n), title=f"Cup {n}") for n in range(60))
    totals = Totals(
        subtotal_minor=60_000, discount_minor=7, shipping_minor=0, tax_minor=0, total_minor=59_993
    )
    _, text = order_confirmed(an_order(lines=lines, totals=totals), (), "Acme")
    amounts = money_of(text)
    assert amounts["and 10 more lines"] == 10_000
    assert amounts.pop("Total") == sum(amounts.values()) == 59_993


def test_a_refund_is_told_with_its_amount() -> None:
    """What was given back is told in the customer's currency, and when it may be seen."""
    mail = SendMail(template="order_refunded", amount_minor=500, currency="JPY")
    subject, text = TEMPLATES["order_refunded"](an_order(), mail, "Acme")
    assert subject == "Money back for your order #1042"
    assert "given 500 JPY back to you" in text


@pytest.mark.parametrize("template", sorted(set(TEMPLATES) - {"order_refunded"}))
def test_no_message_promises_money(template: str) -> None:
    """No refund is promised that no one makes, and a part that is cancelled is named."""
    units: tuple[Units, ...] = (Units("1", "SKU-1", 1), Units("9", "SKU-9", 2))
    if template == "order_confirmed":
        units = ()
    mail = SendMail(template=template, units=units)
    subject, text = TEMPLATES[template](an_order(), mail, "Acme")
    assert "#1042" in subject
    for word in ("refund", "money", "back", "days"):
        assert word not in text
    if template == "order_partly_cancelled":
        assert "1 x Cup" in text
        assert "2 x SKU-9" in text
