"""Finds the messages in quarantine that are about a customer, although they could not be parsed.

They are searched as text, because most are malformed: for the e-mail address, the telephone number
in any notation, the channel's id of the customer, and references of the customer's orders. An id
counts only in a field that means a customer: `"id": 42` may be an article.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from adapters.postgres.quarantine_workflow import HeldItem
from schemas.messages.privacy import Subject
from schemas.order.customers import phone_of

SHORTEST_PHONE = 7
"""Digits; a shorter number would match inside amounts and ids."""

MAX_REFS = 500
"""References searched for in one pattern, which then stays near ten kilobytes."""

_ESCAPES = ((b"\\u0040", b"@"), (b"\\u002b", b"+"), (b"\\/", b"/"))
_BETWEEN = rb"[ ().+/-]{0,3}"
_ORDER = rb'"(?:ref|id|order_id|order_ref|admin_graphql_api_(?:order_)?id)"\s{0,8}:\s{0,8}"?'
_CUSTOMER = rb'"(?:reference|customer_id)"\s{0,8}:\s{0,8}"?'
_CUSTOMER_ID = rb'"customer"\s{0,8}:\s{0,8}\{[^{}]{0,2000}?"id"\s{0,8}:\s{0,8}"?'
_END = rb"(?![0-9A-Za-z_-])"
_MAIL_END = rb"(?![a-z0-9_-]|\.[a-z0-9])"


def concerns(subject: Subject, refs: Iterable[str] = ()) -> Callable[[HeldItem], bool]:
    """Return a test of whether a message is about the subject, or about one of `refs`, the
    subject's orders."""
    named = {*subject.refs, *refs}
    about = mentions(subject, named)

    def concern(message: HeldItem) -> bool:
        if not message.original:
            return False
        return message.ref in named or about(message.original) or about(message.edited or b"")

    return concern


def mentions(subject: Subject, refs: Iterable[str] = ()) -> Callable[[bytes], bool]:
    """Return a test of whether bytes mention the subject, or one of `refs`."""
    patterns: list[bytes] = []
    if email := subject.email.strip():
        patterns.append(rb"(?<![a-z0-9._%+-])" + re.escape(email.lower().encode()) + _MAIL_END)
    digits = phone_of(subject.phone).removeprefix("phone:").encode()
    if len(digits) >= SHORTEST_PHONE:
        told = _BETWEEN.join(bytes([digit]) for digit in digits)
        patterns.append(rb"(?<![0-9])0{0,2}" + told + rb"(?![0-9])")
    if reference := subject.reference.strip():
        named = re.escape(reference.lower().encode())
        patterns += [head + named + _END for head in (_CUSTOMER, _CUSTOMER_ID)]
        patterns.append(rb"/customer/" + named + _END)
    numbers = sorted({*subject.refs, *refs})[:MAX_REFS]
    if numbers:
        named = rb"(?:" + rb"|".join(re.escape(one.lower().encode()) for one in numbers) + rb")"
        patterns += [_ORDER + named + _END, rb"/order/" + named + _END]
    found = [re.compile(pattern) for pattern in patterns]

    def mention(raw: bytes) -> bool:
        text = raw.lower()
        for escaped, plain in _ESCAPES:
            text = text.replace(escaped, plain)
        return any(pattern.search(text) for pattern in found)

    return mention
