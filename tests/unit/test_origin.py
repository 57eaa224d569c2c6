"""Who may say what in which channel: every message kind, source and channel, sealed and not."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest

from actors.runtime.ports import Message
from adapters.kinds import kinds
from adapters.kit.kind import example_of
from adapters.kit.settings import ChannelSettings
from adapters.nats.seal import Seal
from schemas.contracts.refusals import SOURCE_REFUSED, Refused
from schemas.messages.inputs import KINDS
from service.settings import Settings
from service.wiring.channels import PERSONAL_KINDS, STATED_KINDS, Readers
from tests.conftest import Say

KEYS = {"1": b"a key that signs references", "2": b"the next one, which signs now"}
SHOPS = {one.name: one for one in kinds() if one.channel is not None}
SOURCES = (*(one.name for one in kinds()), "made-up")
RAW = b'{"ref": "1"}'


def message(channel: str, kind: str, source: str, seal: str, raw: bytes = RAW) -> Message:
    """A message as it came out of the stream."""
    return Message(
        partition=0, channel=channel, kind=kind, source=source, topic="t", delivery_id="d",
        raw=raw, headers={"orderwright-seal": seal} if seal else {}, deliveries=1,
        received_at=datetime(2026, 11, 27, tzinfo=UTC),
    )  # fmt: skip


def readers() -> Readers:
    """One channel of each kind, named like it."""
    shops: dict[str, ChannelSettings] = {}
    for name, kind in SHOPS.items():
        found = example_of(kind)
        assert isinstance(found, ChannelSettings)
        shops[name] = found
    return Readers(Settings(channels=shops), KEYS)


def refusal_of(here: Readers, told: Message) -> str:
    """Why a message is refused for its sender; "" when it is not."""
    try:
        here.require_origin(told)
    except Refused as error:
        return f"{error.reason}: {error.sentences[0]}"
    return ""


def test_only_our_own_messages_may_say_everything(say: Say) -> None:
    """Of every combination exactly those are taken that the rule names. The count is printed."""
    here, seal = readers(), Seal(KEYS, "2")
    crossed = refused = 0
    kinds_of_messages = (*KINDS, "privacy", "unknown")
    for channel, kind, source in product((*SHOPS, "removed"), kinds_of_messages, SOURCES):
        own = channel
        may = (
            channel in SHOPS
            and source in ("canonical", own)
            and kind not in PERSONAL_KINDS
            and (source == own or kind not in STATED_KINDS)
        )
        scope = f"{channel}/{kind}/"
        seals = {
            "": may,
            seal.of(scope, source, "t", RAW): True,
            seal.of(f"other/{kind}/", source, "t", RAW): may,
            seal.of(scope, "other", "t", RAW): may,
            seal.of(scope, source, "other", RAW): may,
            seal.of(scope, source, "t", b"other"): may,
            Seal({"2": b"another's key"}, "2").of(scope, source, "t", RAW): may,
        }
        for given, taken in seals.items():
            crossed += 1
            said = refusal_of(here, message(channel, kind, source, given))
            assert (said == "") == taken, (channel, kind, source, given)
            refused += not taken
    assert refused > 1_000
    say(f"Channels, message kinds, sources and seals crossed: {crossed}, {refused} refused.")


@pytest.mark.parametrize("kind", KINDS)
def test_no_one_publishes_for_a_channel_that_is_not_configured(kind: str) -> None:
    """It is refused with what its sender does, and what the operator does, whatever it says; what
    we published ourselves, such as a warehouse's report on its orders, is read."""
    here = readers()
    said = refusal_of(here, message("removed", kind, "canonical", ""))
    assert said.startswith('channel_unknown: The channel "removed" is not configured here')
    for who in ("Its sender publishes under", 'the operator adds [channels."removed"] there'):
        assert who in said
    seal = Seal(KEYS, "2").of(f"removed/{kind}/", "canonical", "t", RAW)
    assert refusal_of(here, message("removed", kind, "canonical", seal)) == ""


def test_an_older_key_still_holds_and_a_lost_one_does_not() -> None:
    """What was sealed before a rotation is ours; without the key nothing is."""
    old = Seal(KEYS, "1").of("a/act/", "canonical", "", RAW)
    assert Seal(KEYS, "2").holds(old, "a/act/", "canonical", "", RAW)
    assert not Seal({"2": KEYS["2"]}, "2").holds(old, "a/act/", "canonical", "", RAW)
    assert Seal(KEYS).of("a/act/", "canonical", "", RAW) == ""
    for wrong in ("", "1", "1.", "1.é", f"1.{'0' * 32}"):
        assert not Seal(KEYS, "2").holds(wrong, "a/act/", "canonical", "", RAW)


def test_reading_a_message_asks_who_sent_it_first() -> None:
    """The intake's translation refuses what may not be said before it is read."""
    with pytest.raises(Refused) as caught:
        readers().translate(message("shopify", "place", "canonical", ""))
    assert caught.value.reason == SOURCE_REFUSED


@pytest.mark.parametrize(
    ("came_as", "goes_as"),
    [("note", "privacy"), ("", "edit"), ("note", "act"), ("note", "place")],
)
def test_a_release_says_no_more_than_its_sender_may(came_as: str, goes_as: str) -> None:
    """What came unsealed is judged by the kind under which it would go on, which may be another
    than it came as; what our own process published may go on as anything."""
    here, seal = readers(), Seal(KEYS, "2")
    source = "canonical" if goes_as == "place" else "shopify"
    forged = message("shopify", came_as, source, "")
    with pytest.raises(Refused) as refused:
        here.require_origin(forged, "shopify", goes_as)
    assert refused.value.reason == SOURCE_REFUSED
    scope = f"shopify/{came_as}/"
    sealed = seal.of(scope, source, "t", RAW)
    here.require_origin(message("shopify", came_as, source, sealed), "shopify", goes_as)


def test_a_release_stays_in_its_channel() -> None:
    """An unsealed message never goes on in another channel than it came in."""
    with pytest.raises(Refused):
        readers().require_origin(message("shopify", "note", "shopify", ""), "bigcommerce", "note")
