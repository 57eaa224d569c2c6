"""One order in the real servers, and what can be done with it: by the shop, by warehouses and the
carrier through the simulators' controls, by people as the command line does it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from actors.order.state import State
from actors.order.words import stage_of
from schemas.messages import effects as f
from schemas.order.canonical import Line, Order
from service.app.errors import OperatorError
from service.orders.refunding import Told
from tests.stories.books import Books
from tests.stories.realm import HOUSES, PLACES, PLENTY, Json, Realm, channel_of
from tests.stories.shop import line_number, order_json, sku_of
from tests.waiting import eventually

LOOK_UPS: Mapping[str, tuple[str, str]] = {"label": ("carrier", "recover")}
"""Where a call is looked up that a story lets be found late: once a person skips it, the partner
does not find it until the story says so."""

TAGS: Mapping[str, str] = {
    "label": f.tag_of(f.BuyLabel),
    "mail": f.tag_of(f.SendMail),
    "post": f.tag_of(f.PostSalesOrder),
    "task": f.tag_of(f.CreateTask),
    "publish": f.tag_of(f.PublishFulfilment),
    "capture": f.tag_of(f.CapturePayment),
    "refund": f.tag_of(f.RefundPayment),
}
PATIENCE_SECONDS = 30.0
"""How long a story waits for what it says."""


class Acting:
    """An order of one seller. What the shop does not know and the judge has to: `excess` was packed
    beyond what a task asked for, `others` sent so much, `edited` is what a person set lines to
    here, `kept` had left when one cancelled the rest; `gifts` were given back without goods,
    `returned` came back and were paid for, so that the shop states them no more."""

    def __init__(self, realm: Realm, seller: str = "full", *known_skus: str) -> None:
        assert not known_skus, "mappings are the whole service's; such a story is told alone"
        self.realm, self.seller, self.channel = realm, seller, channel_of(seller)
        self.number = next(realm.numbers)
        self.recipe = realm.recipe(seller)
        self.shop_id = self.recipe.order_id(self.number)
        self.id = realm.order_id(seller, self.number)
        self.words: list[str] = []
        self.order: Order
        self.lines: dict[str, Line] = {}
        self.boxes: Counter[str] = Counter()
        self.others: Counter[str] = Counter()
        self.edited: dict[str, int] = {}
        self.is_moved = self.has_left = False
        self.goes_to = ""
        self.excess: Counter[str] = Counter()
        self.kept: Counter[str] | None = None
        self.returned: Counter[str] = Counter()
        self.stock: dict[tuple[str, str], int] = {}
        self.taken = self.refunded = -1
        self.gifts = 0
        self.gave = False
        self._echoes = 0

    async def place(self, order: Order) -> None:
        """The shop sends its new order."""
        for line in order.lines:
            for place in PLACES:
                named = {"wh1": "WH1", "wh2": "WH2"}.get(place, place)
                count = self.stock.get((named, line.sku), PLENTY)
                await self.realm.put_on_shelf(place, self.sku(line.sku), count)
        made = order_json(self.recipe, self.number, order)
        told = {"id": self.shop_id, "updated_at": made["updated_at"], "order": made}
        await self.ask_shop("POST", "orders", {"orders": [told]})
        await self.realm.hook(self.channel, "orders/create", f"create-{self.shop_id}", made)
        await eventually(self._is_known, PATIENCE_SECONDS)

    async def _is_known(self) -> bool:
        return bool((await self.state()).lines)

    async def repeat(self) -> None:
        """The shop sends the order once more as it is."""
        shown = await self.shop()
        self._echoes += 1
        name = f"again-{self._echoes}-{self.shop_id}"
        await self.realm.hook(self.channel, "orders/updated", name, shown["order"])

    async def nothing_is_sought(self) -> bool:
        """Whether all that was skipped without knowing is found, or looked for no more."""
        rows = await self.realm.local.pool.fetch(
            "SELECT FROM effects WHERE order_id = $1 AND status = 'sought'", self.id
        )
        return not rows

    async def pack(
        self, key: str, *, more: bool = False, number: str = "", units: Mapping[str, int] = {}
    ) -> None:
        """One parcel of these units, or of all that is left."""
        await self.task(key)
        books = await self.books()
        rest = books.rest_of(key)
        held = Counter({name[1:]: count for name, count in units.items()}) or rest
        self.excess.update(held - rest)
        self.boxes[key] += 1
        box: Json = {
            "parcel_id": str(self.boxes[key]),
            "lines": [{"line_id": self.line(k), "quantity": n} for k, n in held.items()],
        }
        if number:
            box |= {"carrier": "DHL", "tracking_number": number}
        await self.act(key, "packed", parcels=[box], complete=not more)

    async def task(self, key: str) -> tuple[str, Json]:
        """The warehouse that has the task of a fulfilment, and the task, once it has come."""
        found: list[tuple[str, Json]] = []

        async def comes() -> bool:
            for house in HOUSES.values():
                name = f"%23{self.number}/{key}"
                path = f"/_sim/warehouse/tasks?warehouse={house}&order={name}"
                tasks = (await self.realm.ask("GET", path))["tasks"]
                own = [one for one in tasks if one["order_ref"] == str(self.shop_id)]
                found.extend((house, one) for one in own)
            return bool(found)

        try:
            await eventually(comes, PATIENCE_SECONDS)
        except AssertionError:
            raise AssertionError(
                self.story(f"no warehouse has {key}", await self.shown())
            ) from None
        return found[-1]

    async def act(self, key: str, what: str, **more: object) -> None:
        """Let a warehouse do something with the task of a fulfilment."""
        house, task = await self.task(key)
        told = {"warehouse": house, "order": task["reference"], "type": f"task.{what}", **more}
        await self.realm.ask("POST", "/_sim/warehouse/act", told)

    async def deliver(self, status: str, parcel: str = "") -> None:
        """The carrier says so of what it carries, and the service has heard of it."""
        state = await self.state()
        told = [key for key, one in state.parcels.items() if one.number and parcel in ("", key)]
        assert told, self.story("the carrier carries nothing", await self.shown())
        for key in told:
            wish = {"tracking_number": state.parcels[key].number, "outcome": status}
            await self.realm.ask("POST", "/_sim/parcels", wish)

        async def heard() -> bool:
            now = (await self.state()).parcels
            return all(k not in now or now[k].stage != state.parcels[k].stage for k in told)

        await eventually(heard, PATIENCE_SECONDS)

    async def decide(self, verb: str, target: str = "") -> None:
        """Decide as `orderwright orders <verb>` does, once there is something to decide."""
        if verb == "skip" and target in LOOK_UPS:
            await self.realm.fault(*LOOK_UPS[target], refuse_rate=1)
        if verb == "cancel" and (books := await self.books()).sent():
            self.kept = books.sent()

        async def can() -> bool:
            state = await self.state()
            named = target
            for one in state.stuck:
                if TAGS.get(target) == one.kind:
                    named = str(one.number)
            for hold in state.holds:
                if target and hold.hold_id.startswith(target):
                    named = hold.hold_id
            try:
                await self.realm.orders.act(self.id, verb, named, "ann", "The story says so.")
            except OperatorError as error:
                self.words.append(f"({verb}: {error})")
                return False
            return True

        await eventually(can, PATIENCE_SECONDS)

    async def give_back(self, amount: int) -> None:
        """Give money back as `orderwright orders refund --amount` does."""
        self.gave = True
        told = Told(amount=f"{amount / 100:.2f}")
        await self.realm.orders.refund(self.id, told, "ann", "The story says so.")

    def line(self, name: str) -> str:
        """The shop's id of a story's line: `l1` or `1`."""
        return str(line_number(self.shop_id, name.removeprefix("l")))

    def name_of(self, line_id: str) -> str:
        """The story's name of a line, such as 1."""
        return str(int(line_id) - self.shop_id * 100)

    def sku(self, sku: str) -> str:
        """This order's own SKU for one of the story's."""
        return sku_of(self.number, sku)

    def _renamed(self, word: str) -> str:
        for line in self.lines.values():
            word = word.replace(line.sku, self.sku(line.sku))
        return word

    async def state(self) -> State:
        """What the service knows."""
        return await self.realm.local.views.state(self.id)

    async def shop(self) -> Json:
        """The order as its shop shows it."""
        return await self.ask_shop("GET", f"orders/{self.shop_id}")

    async def ask_shop(self, method: str, path: str, body: Json | None = None) -> Json:
        """Do something in the shop."""
        where = f"/_sim/shops/{self.channel}.myshopify.com/{path}"
        return await self.realm.ask(method, where, body)

    async def books(self) -> Books:
        """The ledger of this order."""
        state = await self.state()
        prefix = state.reference[:20]
        entries = await self.realm.entries(prefix) if prefix else []
        entries += await self.realm.entries(self.recipe.gid(self.number))
        return Books(entries, self)

    async def rest(self) -> None:
        """Wait until nothing is under way for the order, questions to carriers aside."""
        last = (-1, -1)

        async def quiet() -> bool:
            nonlocal last
            before, last = last, await self.realm.unrest(self.id, self.channel)
            return last[0] == 0 and before == last

        try:
            await eventually(quiet, PATIENCE_SECONDS)
        except AssertionError:
            raise AssertionError(self.story("no rest", last, await self.shown())) from None

    async def shown(self) -> str:
        """What a failing story prints."""
        state, books = await self.state(), await self.books()
        done = [f"{one['kind']} {one['id']}" for one in books.entries]
        return f"{stage_of(state)}; asked {asked(state)}; open {state.open}; ledger {done}"

    def story(self, *about: object) -> str:
        """The story so far, and what is wrong with it."""
        return "\n".join([*self.words, *map(str, about), self.realm.service.last_words()])


def asked(state: State) -> list[str]:
    """All that waits for a person."""
    found = [one.reason for one in state.stuck] + [one.reason for one in state.holds]
    return found + [one.words for one in state.tasks]
