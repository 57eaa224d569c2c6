"""Settings of an Amazon channel: complete, bounded, and gentle to a slow API."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapters.channels.amazon.settings import AmazonSettings
from adapters.kinds import kind_named
from adapters.kit.instance import Kit
from service.settings import ConfigurationRefused, Settings, describe, load
from service.wiring.channels import api_version, sources

WHOLE = """
[channels.amazon-de]
kind = "amazon"
webhook_secrets = ["forwarder"]
client_id = "amzn1.application-oa2-client.1"
client_secret = "env:LWA_SECRET"
refresh_token = "env:LWA_REFRESH"
region = "eu"
marketplace_ids = ["A1PA6795UKMFR9", "A13V1IB3VIYZZH"]
queue_arn = "arn:aws:sqs:eu-west-1:444455556666:orders"
"""
ENVIRON = {"LWA_SECRET": "the client's secret", "LWA_REFRESH": "Atzr|refresh"}


def loaded(folder: Path, text: str) -> Settings:
    """Read settings from a text."""
    path = folder / "orderwright.toml"
    path.write_text(text)
    return load(ENVIRON, path)


def fault(folder: Path, text: str) -> str:
    """Return the one fault of a text."""
    with pytest.raises(ConfigurationRefused) as refused:
        loaded(folder, text)
    (found,) = refused.value.faults
    return found


def test_an_amazon_channel_is_read_and_its_secrets_are_masked(tmp_path: Path) -> None:
    """Everything is there, `config show` tells it without secrets, and a source can be made."""
    settings = loaded(tmp_path, WHOLE)
    channel = settings.channels["amazon-de"]
    assert isinstance(channel, AmazonSettings)
    assert channel.refresh_token.reveal() == "Atzr|refresh"
    told = " ".join(f"{one.key}={one.value}" for one in describe(settings))
    assert 'channels.amazon-de.region="eu"' in told
    assert not any(secret in told for secret in ENVIRON.values())
    assert sources(settings, {})["amazon-de"].kind == "amazon"
    assert "2026-01-01" in api_version(channel)


def test_the_documented_example_is_accepted(tmp_path: Path) -> None:
    """The configuration of docs/channels.md loads as it is, once its secrets exist."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "channels.md").read_text()
    (example,) = [x for x in re.findall(r"```toml\n(.*?)```", page, re.S) if "amazon" in x]
    path = tmp_path / "orderwright.toml"
    path.write_text(example)
    environ = dict.fromkeys(re.findall(r"env:(\w+)", example), "a secret of the environment")
    assert load(environ, path).channels["amazon-de"].kind == "amazon"


def test_amazon_is_compared_every_half_hour_and_others_every_five_minutes(tmp_path: Path) -> None:
    """Its list refills one call in three minutes; what is set goes before what the kind has."""
    other = '[channels.own]\nkind = "canonical"\n'
    channels = loaded(tmp_path, WHOLE + other).channels
    assert channels["amazon-de"].backfill_seconds == 1_800
    assert channels["own"].backfill_seconds == 300
    often = WHOLE.replace('kind = "amazon"', 'kind = "amazon"\nbackfill_seconds = 0')
    assert loaded(tmp_path, often).channels["amazon-de"].backfill_seconds == 0


def test_amazon_lets_personal_data_be_kept_for_thirty_days(tmp_path: Path) -> None:
    """Its data protection policy counts from delivery: erased by itself then or earlier, never kept
    until somebody asks; other channels keep it as they like."""
    other = '[channels.own]\nkind = "canonical"\n'
    channels = loaded(tmp_path, WHOLE + other).channels
    assert channels["amazon-de"].personal_data_days == 30
    assert channels["own"].personal_data_days == 0

    def kept_for(days: int) -> str:
        return WHOLE.replace('kind = "amazon"', f'kind = "amazon"\npersonal_data_days = {days}')

    assert loaded(tmp_path, kept_for(7)).channels["amazon-de"].personal_data_days == 7
    assert fault(tmp_path, kept_for(0)).endswith("personal_data_days must be 1 at least.")
    assert fault(tmp_path, kept_for(31)).endswith("personal_data_days must be 30 at most.")


def test_a_queue_that_is_read_needs_no_forwarder(tmp_path: Path) -> None:
    """With an AWS key for the queue no secret of a forwarder is asked for; without one nothing of
    the queue is loaded."""
    key = 'aws_access_key_id = "AKID"\naws_secret_access_key = "env:LWA_SECRET"'
    settings = loaded(tmp_path, WHOLE.replace('webhook_secrets = ["forwarder"]', key))
    assert sources(settings, {})["amazon-de"].kind == "amazon"
    channel = kind_named("amazon").channel
    assert channel is not None
    assert channel.queue is not None
    kit = Kit(name="amazon-de", keys={}, client=None, clock=None, intake=None, events=None)  # type: ignore[arg-type]  # nothing is asked of them
    assert channel.queue(loaded(tmp_path, WHOLE).channels["amazon-de"], kit) is None


@pytest.mark.parametrize(
    ("there", "instead", "words"),
    [
        ('region = "eu"', 'regin = "eu"\nregion = "eu"', "did you mean region"),
        ('webhook_secrets = ["forwarder"]', "", "webhook_secrets is missing"),
        ('region = "eu"', 'region = "mars"', "one of na, eu, fe"),
        ('marketplace_ids = ["A1PA6795UKMFR9", "A13V1IB3VIYZZH"]', "", "marketplace_ids"),
        ("arn:aws:sqs:eu-west-1", "arn:aws:sns:eu-west-1", "queue_arn"),
        ('region = "eu"', 'region = "eu"\naws_access_key_id = "AKID"', "belong together"),
        (
            'queue_arn = "arn:aws:sqs:eu-west-1:444455556666:orders"',
            'aws_access_key_id = "AKID"\naws_secret_access_key = "x"',
            "queue_arn is missing",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_told(
    tmp_path: Path, there: str, instead: str, words: str
) -> None:
    """One sentence names the key, before anything is started."""
    assert there in WHOLE
    assert words in fault(tmp_path, WHOLE.replace(there, instead))
