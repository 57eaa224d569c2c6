"""AWS's signatures, by the examples of its own test suite."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.kit.sigv4 import AwsKey, signed

NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
KEY = AwsKey(
    key_id="AKIDEXAMPLE",
    secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    region="us-east-1",
    service="service",
)


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_the_signatures_are_those_of_the_suite(method: str, signature: str) -> None:
    """`get-vanilla` and `post-vanilla`: host and date are signed, over an empty body."""
    found = signed(KEY, method, "/", {"Host": "example.amazonaws.com"}, b"", NOW)
    assert found["X-Amz-Date"] == "20150830T123600Z"
    assert found["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}"
    )


def test_a_token_of_a_session_is_signed_too() -> None:
    """A key that ends is sent with its token, which the signature covers."""
    key = AwsKey(key_id="A", secret="s", region="eu-west-1", service="sqs", session_token="t")
    found = signed(key, "POST", "/", {"Host": "sqs.eu-west-1.amazonaws.com"}, b"{}", NOW)
    assert found["X-Amz-Security-Token"] == "t"
    assert "host;x-amz-date;x-amz-security-token" in found["Authorization"]
