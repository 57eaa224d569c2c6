"""AWS's signatures, by the values of its published test suite.

The suite is in AWS's own repositories: `tests/aws-signing-test-suite/v4` of awslabs/aws-c-auth (the
session token is that of `get-vanilla-with-session-token`) and, as one file,
`packages/signature-v4/src/suite.fixture.ts` of smithy-lang/smithy-typescript (all others).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from adapters.kit.sigv4 import AwsKey, signed

NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
KEY = AwsKey(
    key_id="AKIDEXAMPLE",
    secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    region="us-east-1",
    service="service",
)
HOST = {"Host": "example.amazonaws.com"}
FORM = "application/x-www-form-urlencoded"


def authorization(names: str, signature: str) -> str:
    """Return the header as the suite has it."""
    return (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


@pytest.mark.parametrize(
    ("method", "more", "body", "names", "signature"),
    [
        pytest.param(
            "GET", {}, b"", "host;x-amz-date",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            id="get-vanilla",
        ),
        pytest.param(
            "POST", {}, b"", "host;x-amz-date",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            id="post-vanilla",
        ),
        pytest.param(
            "GET", {"My-Header1": " value1", "My-Header2": ' "a   b   c"'}, b"",
            "host;my-header1;my-header2;x-amz-date",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            id="get-header-value-trim",
        ),
        pytest.param(
            "POST", {"My-Header1": "value1"}, b"", "host;my-header1;x-amz-date",
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
            id="post-header-key-sort",
        ),
        pytest.param(
            "POST", {"My-Header1": "VALUE1"}, b"", "host;my-header1;x-amz-date",
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
            id="post-header-value-case",
        ),
        pytest.param(
            "POST", {"Content-Type": FORM}, b"Param1=value1", "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            id="post-x-www-form-urlencoded",
        ),
        pytest.param(
            "POST", {"Content-Type": f"{FORM}; charset=utf8"}, b"Param1=value1",
            "content-type;host;x-amz-date",
            "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
            id="post-x-www-form-urlencoded-parameters",
        ),
    ],
)  # fmt: skip
def test_the_signatures_are_those_of_the_suite(
    method: str, more: Mapping[str, str], body: bytes, names: str, signature: str
) -> None:
    """Headers by name, their values trimmed, and the body are signed."""
    found = signed(KEY, method, "/", {**HOST, **more}, body, NOW)
    assert found["X-Amz-Date"] == "20150830T123600Z"
    assert found["Authorization"] == authorization(names, signature)


def test_a_token_of_a_session_is_signed_too() -> None:
    """A key that ends is sent with its token, which the signature covers."""
    token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
    found = signed(replace(KEY, session_token=token), "GET", "/", HOST, b"", NOW)
    assert found["X-Amz-Security-Token"] == token
    assert found["Authorization"] == authorization(
        "host;x-amz-date;x-amz-security-token",
        "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
    )
