"""Tokens as Microsoft Entra gives them to applications."""

from __future__ import annotations

from urllib.parse import parse_qs

from ops.simulators.partner import World, json_reply
from ops.simulators.wire import Reply, Request

TOKEN_SECONDS = 3599


def bad_client(status: int) -> Reply:
    """The refusal of an application whose secret is wrong."""
    return json_reply(
        status,
        {
            "error": "invalid_client",
            "error_description": "AADSTS7000215: Invalid client secret provided.",
            "error_codes": [7000215],
        },
    )


def token_reply(world: World, partner: str, request: Request) -> Reply:
    """Answers a request for a token of this partner."""
    form = parse_qs(request.body.decode("utf-8", "replace"))
    if form.get("grant_type") != ["client_credentials"]:
        return json_reply(
            400,
            {
                "error": "unsupported_grant_type",
                "error_description": "AADSTS70003: This grant type is not supported.",
            },
        )
    client, secret = (form.get(name, [""])[0] for name in ("client_id", "client_secret"))
    if not world.credentials.admits_client(partner, client, secret):
        return bad_client(401)
    return json_reply(
        200,
        {
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "ext_expires_in": TOKEN_SECONDS,
            "access_token": world.credentials.issue(partner, world.clock()),
        },
    )
