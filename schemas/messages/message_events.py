"""Events of a message to the customer."""

from __future__ import annotations

from schemas.messages.base import Event, Parts


class MessageWanted(Event, frozen=True, kw_only=True, tag="message.wanted.v1"):
    """The customer is to be written to about these units, or about a refund, by its key."""

    template: str
    units: Parts = ()
    about: str = ""


class MessageSent(Event, frozen=True, kw_only=True, tag="message.sent.v1"):
    """The mail server took the message."""

    template: str
    message_id: str
