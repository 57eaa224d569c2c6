"""Commands find the running service's configuration by themselves, wherever they are typed."""

from __future__ import annotations

import json
from pathlib import Path

from service.app import running
from tests.integration.whole import CHANNEL, Whole

UNRELATED = (
    'data_dir = "elsewhere"\nnats_url = "env:NO"\n[channels.x]\nkind = "nothing we know"\n',
    '[tool.other]\nname = "not ours"\n',
    "this is = = no TOML\n",
)


def test_a_file_in_the_working_directory_is_left_alone(whole: Whole, empty: Path) -> None:
    """With --data, a foreign or broken orderwright.toml where the command is typed changes nothing,
    for orders, keys, quarantine, channels, personal data, mappings, incidents and settings."""
    data = ("--data", str(whole.world.data))
    commands = (
        ("orders", "list"), ("keys", "list"), ("quarantine", "list"), ("channels", "list"),
        ("privacy", "list"), ("privacy", "keys"), ("mappings", "show"), ("incidents", "list"),
    )  # fmt: skip
    for text in UNRELATED:
        (empty / "orderwright.toml").write_text(text)
        for words in commands:
            whole.cli(*words, *data, cwd=empty, running=False)
        shown = whole.cli("config", "show", *data, cwd=empty, running=False)
        assert f'channels.{CHANNEL}.kind = "canonical"' in shown


def test_commands_know_the_channels_of_the_running_service(whole: Whole, empty: Path) -> None:
    """`channels` needs no --config: the runtime file names the configuration, as an absolute path
    that only its owner can read; the demo's outer folder does as well as the inner one."""
    found = running.read(whole.world.data)
    assert Path(found.config).is_absolute()
    assert Path(found.config).samefile(whole.world.config)
    told = whole.cli(
        "channels", "list", "--json", "--data", str(whole.world.data), cwd=empty, running=False
    )
    assert {one["name"] for one in json.loads(told)} == set(found.channels)


def test_a_configuration_that_only_the_service_can_read_is_enough(
    whole: Whole, empty: Path
) -> None:
    """Where orderwright.toml names variables that only the service has, commands take `data_dir`
    from it and ask the service's own environment for the rest."""
    text = f'data_dir = "{whole.world.data}"\nnats_url = "env:ONLY_THE_SERVICE_HAS_IT"\n'
    (empty / "orderwright.toml").write_text(text)
    assert "number" in whole.cli("orders", "list", cwd=empty, running=False)
    assert "kind" in whole.cli("config", "show", "--data", str(whole.world.data), cwd=empty)
    said = whole.cli("config", "show", cwd=empty, running=False, code=2)
    assert "nats_url names the environment variable ONLY_THE_SERVICE_HAS_IT" in said
