"""What a running service takes over from a changed configuration, and what waits for a start."""

from __future__ import annotations

from pathlib import Path

from msgspec import structs

from service.settings import Settings, load
from service.settings.changes import TAKEN, changes
from service.settings.roles import inconsistencies
from service.settings.shape import keys_of

BEFORE = """
[channels.wholesale]
kind = "canonical"

[partners.east]
kind = "warehouse"
base_url = "https://warehouse.example"
token = "one"
callback_secrets = ["first"]
"""


def configured(folder: Path, text: str) -> Settings:
    path = folder / "orderwright.toml"
    path.write_text(text)
    return load({}, path)


def test_a_secret_and_a_limit_are_taken_and_named_without_their_values(tmp_path: Path) -> None:
    """The words name keys alone; the settings are the new ones."""
    text = BEFORE.replace('"one"', '"two"') + "\n[limits]\nmailbox = 7\n"
    found = changes(configured(tmp_path, BEFORE), new := configured(tmp_path, text))
    assert found.settings == new
    assert found.words() == "changed: partners.east.token, limits.mailbox."


def test_nothing_new_says_so(tmp_path: Path) -> None:
    """The same text changes nothing."""
    found = changes(configured(tmp_path, BEFORE), configured(tmp_path, BEFORE))
    assert (found.taken, found.later) == ((), ())
    assert found.words() == "nothing has changed."


def test_what_needs_a_start_stays_as_it_was(tmp_path: Path) -> None:
    """An address and a bound of the database keep their old values and are named."""
    old = configured(tmp_path, BEFORE)
    new = configured(tmp_path, BEFORE + "[listen]\nport = 9\n[limits]\npool_size = 9\nmailbox=9\n")
    found = changes(old, new)
    assert (found.settings.listen, found.settings.limits.pool_size) == (old.listen, 10)
    assert found.settings.limits.mailbox == 9
    assert found.words().endswith("Only a restart changes: listen.port, limits.pool_size.")


def test_an_instance_that_is_gone_or_of_another_kind_stays(tmp_path: Path) -> None:
    """Orders under way need it: its settings stay, also where its name means something else now."""
    old = configured(tmp_path, BEFORE)
    smtp = 'kind = "smtp"\nhost = "h"\nfrom_address = "a@b.example"\ndomain = "b.example"\n'
    new = configured(tmp_path, f"[channels.outlet]\nkind='canonical'\n[partners.east]\n{smtp}")
    found = changes(old, new)
    assert found.settings.partners == old.partners
    assert set(found.settings.channels) == {"wholesale", "outlet"}
    assert found.taken == ("channels.outlet (new)",)
    assert set(found.later) == {
        "channels.wholesale (removed or of another kind)",
        "partners.east (removed or of another kind)",
    }


def test_a_partner_that_took_another_s_role_contradicts_it(tmp_path: Path) -> None:
    """A warehouse under a new name would stand beside the old one, and no one said which packs."""
    renamed = BEFORE.replace("partners.east", "partners.west")
    found = changes(configured(tmp_path, BEFORE), configured(tmp_path, renamed))
    assert any("there are several warehouses" in one for one in inconsistencies(found.settings))


def test_every_key_that_is_taken_exists() -> None:
    """The list names keys of the settings' own tree."""
    tables = {key.name: key for key in keys_of(Settings, None)}
    for key in TAKEN:
        table, _, name = key.partition(".")
        if name:
            held = tables[table].table
            assert held is not None
            assert name in structs.asdict(held()), key
