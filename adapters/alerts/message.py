"""What an alert says, in each of its shapes."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

_MARKS = {"info": "ℹ️", "warning": "⚠️", "error": "🔴", "critical": "🚨"}


class Told(Struct, frozen=True, kw_only=True):
    """An alert in words. `id` is that of the alert, and with `number` that of the message: a
    receiver that knows both has had it. `state` is `open`, `repeated`, `resolved` or `test`;
    times are RFC 3339 in the configured zone."""

    id: int
    number: int
    state: str
    severity: str
    category: str
    partner: str
    title: str
    text: str
    who: str
    fix: str
    runbook: str
    opened_at: str
    resolved_at: str
    url: str


def subject_of(told: Told) -> str:
    """Return one line."""
    state = {"resolved": "resolved: ", "repeated": "still: ", "test": "test: "}.get(told.state, "")
    return f"[{told.severity}] {state}{told.title}"


def lines_of(told: Told) -> list[str]:
    """Return what is to be known, a line each."""
    lines = [told.text, f"Since {told.opened_at}."]
    if told.resolved_at:
        return [*lines, f"It is over since {told.resolved_at}."]
    if told.who:
        lines.append(f"Who acts: {told.who}. {told.fix}")
    if told.url:
        lines.append(told.url)
    if told.id:
        lines.append(f"No more of it: orderwright alerts ack {told.id} --reason '…'")
    return lines


def body_of(told: Told, shape: str) -> Any:  # Any: JSON
    """Return the JSON of a webhook: our own fields, a Slack message, or a Teams one.

    Slack: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
    Teams (an Adaptive Card, as a workflow's webhook takes it):
    https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
    """
    if shape == "json":
        return told
    subject = subject_of(told)
    if shape == "slack":
        mark = "✅" if told.state == "resolved" else _MARKS.get(told.severity, "")
        words = "\n".join(_escaped(one) for one in lines_of(told))
        section = {"type": "mrkdwn", "text": f"{mark} *{_escaped(subject)}*\n{words}"[:3_000]}
        return {"text": subject, "blocks": [{"type": "section", "text": section}]}
    blocks = [{"type": "TextBlock", "text": subject, "weight": "Bolder", "wrap": True}]
    blocks += [{"type": "TextBlock", "text": one, "wrap": True} for one in lines_of(told)]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
