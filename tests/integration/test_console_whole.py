"""The console of a running service, over HTTP: who may sign in, see and decide."""

from __future__ import annotations

import re

import msgspec
from msgspec.structs import replace

from service.app.sessions import open_reports
from service.console.frame import HEADERS
from service.console.passwords import TRIES
from service.demo.run import shelves
from service.wiring.store import seed_stock
from tests.integration.console import PASSWORD, Visitor, a_user, hidden_of
from tests.integration.whole import CANARY, CHANNEL, OUTLET, Whole
from tests.waiting import eventually

PAGES = (
    "/",
    "/orders",
    "/orders/views",
    "/batches",
    "/warehouse",
    "/quarantine",
    "/incidents",
    "/mappings",
    "/rules",
    "/audit",
    "/partners",
    "/recon",
    "/recon/new",
    "/recon/differences",
)
LACKING = "NOT-IN-STOCK"
_NEVER_STYLED = re.compile(r"<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)


async def test_no_page_is_open_and_every_page_is_guarded(whole: Whole) -> None:
    """Who has not signed in is led to the sign-in and back; every page has all headers and neither
    a style nor a script of its own."""
    stranger = Visitor(whole)
    for path in PAGES:
        answer = await stranger.get(path)
        assert answer.status == 303
        assert answer.headers["location"].startswith("/sign-in")
    assert (await stranger.get("/orders?q=is%3Aopen")).headers["location"] == (
        "/sign-in?to=%2Forders%3Fq%3Dis%3Aopen"
    )
    a_user(whole, "ada", "admin")
    ada = Visitor(whole)
    answer = await ada.post("/sign-in", name="ada", password=PASSWORD, to="/orders?q=is:open")
    assert (answer.status, answer.headers["location"]) == (303, "/orders?q=is:open")
    for path in (*PAGES, "/orders/unknown"):
        answer = await ada.get(path)
        assert answer.status == (404 if "unknown" in path else 200), answer.body
        for name, value in HEADERS.items():
            assert answer.headers[name.lower()] == value
        assert not _NEVER_STYLED.search(answer.body.decode())


async def test_a_session_is_the_browser_s_alone(whole: Whole) -> None:
    """Its cookie can't be read by scripts or sent by other sites, and it ends at the sign-out, with
    another password, and when the user is disabled."""
    a_user(whole, "grace", "viewer")
    grace = Visitor(whole)
    answer = await grace.sign_in("grace")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    kept = grace.cookie
    await grace.post("/sign-out")
    grace.cookie = kept
    assert (await grace.get("/")).status == 303
    await grace.sign_in("grace")
    assert (await grace.get("/")).status == 200
    file = whole.world.home / "another"
    file.write_text("quite another password\n")
    whole.cli("users", "password", "grace", "--password-file", str(file))
    assert (await grace.get("/")).status == 303
    assert (await grace.sign_in("grace")).status == 401
    assert (await grace.sign_in("grace", "quite another password")).status == 303
    whole.cli("users", "disable", "grace")
    assert (await grace.get("/")).status == 303
    assert (await grace.sign_in("grace", "quite another password")).status == 401
    assert "disabled" in whole.cli("users", "list")
    told = whole.cli("users", "add", "grace", "--no-password", code=1)
    assert "take another" in told


async def test_a_form_may_ask_for_every_line_of_an_order(whole: Whole) -> None:
    """As the warehouse's do: an order of 600 lines is packed like any other."""
    fields = {f"line:{number}": "1" for number in range(600)}
    assert (await Visitor(whole).post("/sign-in", name="x", password="y", **fields)).status == 401
    more = {f"more:{number}": "1" for number in range(100)}
    answer = await Visitor(whole).post("/sign-in", name="x", password="y", **fields, **more)
    assert answer.status == 400


async def test_a_form_of_another_site_is_refused(whole: Whole) -> None:
    """A form needs the console's own Origin, also that of the sign-in."""
    a_user(whole, "ada", "admin")
    ada = Visitor(whole)
    await ada.sign_in("ada")
    for origin in ("https://evil.example", "null", "", whole.world.url.replace("http", "https")):
        ada.origin = origin
        assert (await ada.post("/sign-out")).status == 403
        assert (await Visitor(whole).get("/sign-in")).status == 200
    ada.origin = whole.world.url
    assert (await ada.get("/")).status == 200


async def test_a_link_signs_in_once(whole: Whole) -> None:
    """Looking at it uses nothing up; a second use, and a wrong one, are refused."""
    a_user(whole, "linus", "agent")
    link = whole.cli("users", "link", "linus").strip().removeprefix(whole.world.url)
    visitor = Visitor(whole)
    for _ in range(2):
        assert "Sign in by a link" in await visitor.page(link)
    assert (await visitor.post(link)).status == 303
    assert "linus" in await visitor.page("/")
    assert (await Visitor(whole).post(link)).status == 404
    assert (await Visitor(whole).post("/sign-in/wrong")).status == 404


async def test_wrong_passwords_are_slowed(whole: Whole) -> None:
    """After some wrong ones for a name even the right one has to wait, and the answer says how
    long; other names are not slowed."""
    a_user(whole, "slow", "viewer")
    visitor = Visitor(whole)
    for _ in range(TRIES):
        assert (await visitor.sign_in("slow", "wrong")).status == 401
    answer = await visitor.sign_in("slow")
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 31
    a_user(whole, "ada", "admin")
    assert (await Visitor(whole).sign_in("ada")).status == 303


async def test_roles_and_channels_bound_what_is_seen_and_done(whole: Whole) -> None:
    """A viewer sees no one's name and decides nothing; an agent sees whose order it is, and that it
    looked is kept; a user of another channel finds nothing."""
    order = whole.order()
    placed = await whole.place(order, X_Orderwright_Channel=CHANNEL)
    await whole.until(order.ref, "open", "completed", "closed")
    one = f"/orders/{placed['order_id']}"
    a_user(whole, "victor", "viewer")
    victor = Visitor(whole)
    await victor.sign_in("victor")
    page = await victor.page(one)
    assert order.number in page
    assert CANARY not in page
    assert "C••• X•••" in page
    refused = ("customer", "address", "do/cancel", "exchanges/1", "labels/K1")
    for path in refused:
        assert (await victor.get(f"{one}/{path}")).status == 403, path
    assert (await victor.get("/quarantine")).status == 403
    a_user(whole, "agatha", "agent")
    agatha = Visitor(whole)
    await agatha.sign_in("agatha")
    assert CANARY not in await agatha.page(one)
    assert CANARY in await agatha.page(f"{one}/customer")
    a_user(whole, "otto", "operator", "--channel", OUTLET)
    otto = Visitor(whole)
    await otto.sign_in("otto")
    assert (await otto.get(one)).status == 404
    assert order.number not in await otto.page("/orders")
    assert one not in await otto.page(f"/orders?q={order.number}")


async def test_a_decision_is_taken_once_and_kept_with_its_reason(whole: Whole) -> None:
    """A form that is sent twice is carried out once; the timeline says who and why; and what can't
    be done is said before it is sent."""
    whole.erp.quoting = True
    try:
        order = whole.order()
        placed = await whole.place(order, X_Orderwright_Channel=CHANNEL)
        one = f"/orders/{placed['order_id']}"
        a_user(whole, "agatha", "agent")
        agatha = Visitor(whole)
        await agatha.sign_in("agatha")

        async def stuck() -> str:
            answer = await agatha.get(one)
            found = re.search(r'href="(/orders/\w+/do/retry\?target=\w+)"', answer.body.decode())
            return found[1] if found else ""

        retry = await eventually(stuck, 30.0)
    finally:
        whole.erp.quoting = False
    page = await agatha.page(retry)
    assert "nothing is done twice" in page
    fields = hidden_of(page)
    assert b"Say why." in (await agatha.post(retry, **fields, reason=" ")).body
    for _ in range(2):
        answer = await agatha.post(retry, **fields, reason="the <b>ERP</b> is back")
        assert answer.status in (303, 409), "the second may find that it is done"
    await whole.until(order.ref, "delivered", "closed", "shipped", seconds=60)

    async def told() -> str:
        page = await agatha.page(one)
        return page if "agatha (console)" in page and "is posted" in page else ""

    page = await eventually(told, 30.0)
    assert "the &lt;b&gt;ERP&lt;/b&gt; is back" in page
    assert whole.cli("orders", "timeline", order.number).count("agatha") == 1
    assert "No effect of the order waits for a person." in await agatha.page(retry)
    assert (await agatha.get(f"{one}/do/dance")).status == 404


async def test_a_batch_is_seen_and_begun_within_one_s_channels(whole: Whole) -> None:
    """A batch of all channels is not there for who sees one alone, whose own batches reach that one
    alone; a form that is sent twice begins once; a viewer begins none."""
    order = whole.order()
    await whole.place(order, X_Orderwright_Channel=CHANNEL)
    await whole.until(order.ref, "open", "completed", "closed")
    told = {"filter": f"number:{order.ref}", "verb": "refetch", "orders": "1", "per_second": "50"}
    a_user(whole, "agatha", "agent")
    agatha = Visitor(whole)
    await agatha.sign_in("agatha")
    fields = {**hidden_of(await agatha.page(f"/batches/new?q={told['filter']}")), **told}
    assert fields["orders"] == "1"
    assert b"Say why" in (await agatha.post("/batches", **fields, reason=" ")).body
    begun = [await agatha.post("/batches", **fields, reason="again") for _ in range(2)]
    there = {answer.headers["location"].partition("?")[0] for answer in begun}
    assert len(there) == 1, "the second is the first"
    a_user(whole, "otto", "agent", "--channel", OUTLET)
    otto = Visitor(whole)
    await otto.sign_in("otto")
    for path in there:
        assert (await otto.get(path)).status == 404
        assert (await otto.get(f"{path}/now")).status == 404
        assert (await otto.post(f"{path}/stop", reason="mine")).status == 404
    fields = {**hidden_of(await agatha.page(f"/batches/new?q={told['filter']}")), **told}
    assert b"no order matches" in (await otto.post("/batches", **fields, reason="x")).body.lower()
    a_user(whole, "victor", "viewer")
    victor = Visitor(whole)
    await victor.sign_in("victor")
    assert (await victor.post("/batches", **fields, reason="x")).status == 403


async def test_an_address_is_corrected_where_it_is_read(whole: Whole) -> None:
    """The form has the address as it is, says what is wrong with a new one, and sends a right one
    through the same way as the API. Its order waits for stock: another one may be delivered and
    closed before it is read, and is edited no more."""
    async with open_reports(whole.world.runtime().postgres_dsn) as pool:
        for place in shelves():
            await seed_stock(pool, [LACKING], 0, place=place)
    order = whole.order()
    lines = tuple(replace(line, sku=LACKING) for line in order.lines)
    placed = await whole.place(replace(order, lines=lines), X_Orderwright_Channel=CHANNEL)
    one = f"/orders/{placed['order_id']}"
    await whole.until(order.ref, "backordered")
    a_user(whole, "agatha", "agent")
    agatha = Visitor(whole)
    await agatha.sign_in("agatha")
    page = await agatha.page(f"{one}/address")
    assert "Shippington" in page
    told = {
        **hidden_of(page),
        "name": "Steve Shipper",
        "lines": "5 Other Street",
        "city": "Shippington",
        "country": "XX",
        "region": "KY",
        "postal_code": "40003",
        "reason": "a typo",
    }
    assert b"ISO 3166-1" in (await agatha.post(f"{one}/address", **told)).body
    assert (await agatha.post(f"{one}/address", **{**told, "country": "US"})).status == 303

    async def changed() -> bool:
        return "5 Other Street" in await agatha.page(f"{one}/customer")

    await eventually(changed, 20.0)


async def test_a_refused_message_is_corrected_checked_and_released(whole: Whole) -> None:
    """Its fault is marked in the original; a check keeps nothing; the edit is kept, released, and
    becomes an order like any other."""
    order = whole.order()
    text = msgspec.json.encode(order).decode()
    broken = text.replace('"currency":"USD"', '"currency":"dollars"')
    assert broken != text
    await whole.publish("place", order.ref, broken.encode())
    a_user(whole, "oscar", "operator")
    oscar = Visitor(whole)
    await oscar.sign_in("oscar")

    async def came() -> str:
        found = re.search(r'href="(/quarantine/[0-9]+)">', await oscar.page("/quarantine"))
        return found[1] if found else ""

    item = await eventually(came, 20.0)
    page = await oscar.page(item)
    assert "<mark>&#34;dollars&#34;</mark>" in page
    still = await oscar.post(f"{item}/check", content=broken.replace("dollars", "guilders"))
    assert b"Still refused" in still.body
    assert b"<mark>&#34;guilders&#34;</mark>" in still.body
    assert b"It would be accepted" in (await oscar.post(f"{item}/check", content=text)).body
    answer = await oscar.post(f"{item}/fix", content=text, then="release", reason="a currency")
    assert answer.headers["location"] == "/quarantine?said=r", answer.body
    await whole.until(order.ref, "open", "completed")
    page = await oscar.page(item)
    assert "released" in page
    assert "a currency" in page


async def test_a_filter_leads_to_orders_or_says_what_is_wrong(whole: Whole) -> None:
    """The same language in the console, the API and on the command line, with the same words."""
    order = whole.order()
    placed = await whole.place(order, X_Orderwright_Channel=CHANNEL)
    await whole.until(order.ref, "open", "completed")
    a_user(whole, "ada", "admin")
    ada = Visitor(whole)
    await ada.sign_in("ada")
    answer = await ada.get(f"/orders?q={order.number}")
    assert (answer.status, answer.headers["location"]) == (303, f"/orders/{placed['order_id']}")
    assert order.number in await ada.page("/orders?q=email:canary.xyzzy@example.com%20age:%3C1d")
    words = "There is no field 'stge'; did you mean stage? (at character 1)."
    assert words in (await ada.page("/orders?q=stge:open")).replace("&#39;", "'")
    answer = await whole.api("GET", "/api/v1/orders?filter=stge:open")
    assert (answer.status, answer.json()["detail"]) == (400, words)
    assert words in whole.cli("orders", "list", "stge:open", code=1)
    answer = await whole.api("GET", f"/api/v1/orders?filter={order.number}")
    assert order.ref in answer.body.decode()
    assert order.number in whole.cli("orders", "list", order.number, "age:<1d")
    answer = await whole.api("GET", f"/api/v1/orders?filter={order.number}&stage=cancelled")
    assert (answer.status, answer.json()["orders"]) == (200, [])
    assert order.number not in whole.cli("orders", "list", order.number, "--stage", "cancelled")
    assert "stage:" in await ada.page("/orders/complete?q=is%3Aopen%20sta")
    assert order.number in await ada.page("/orders/rows")


async def test_the_live_parts_are_parts(whole: Whole) -> None:
    """What a page refreshes is a part of it; an order that has not moved is answered with nothing,
    and whoever is signed out is led to the sign-in."""
    order = whole.order()
    placed = await whole.place(order, X_Orderwright_Channel=CHANNEL)
    await whole.until(order.ref, "closed", "completed", seconds=60)
    a_user(whole, "ada", "admin")
    ada = Visitor(whole)
    await ada.sign_in("ada")
    assert (await ada.page("/overview/now")).lstrip().startswith('<div id="now"')
    one = f"/orders/{placed['order_id']}/now"
    part = await ada.page(one)
    assert "<html" not in part
    seen = re.search(r"seen=([\w-]+)", part)
    if seen is not None:
        assert (await ada.get(f"{one}?seen={seen[1]}")).status in (200, 204)
    ada.cookie = ""
    answer = await ada.get("/overview/now", HX_Request="true")
    assert answer.headers["hx-refresh"] == "true"


async def test_assets_are_ours(whole: Whole) -> None:
    """Style and scripts are served with their types and tags; nothing else of the folder is."""
    stranger = Visitor(whole)
    for name, kind in (("console.css", "text/css"), ("htmx.min.js", "text/javascript")):
        answer = await stranger.get(f"/assets/{name}")
        assert answer.headers["content-type"].startswith(kind)
        again = await stranger.get(f"/assets/{name}", If_None_Match=answer.headers["etag"])
        assert again.status == 304
    for name in ("vendored.json", "..%2Fframe.py", "none.js"):
        assert (await stranger.get(f"/assets/{name}")).status == 404
