"""Errors named by who must act."""

from __future__ import annotations

LOOK_THERE = "look there, then skip it or retry it."
"""What a person does about something that a partner may have done."""


class PartnerError(Exception):
    """Base of what a partner call can end in. The text is a whole sentence for people."""


class Rejected(PartnerError):
    """The partner refused for a business reason; sending the same again won't help."""


class Retryable(PartnerError):
    """Nothing happened at the partner, and time may fix it.

    `retry_after_seconds` is the partner's own wish (None: ours to choose). `throttled` says the
    partner asked everybody to slow down, or, with `alone`, only those who ask what this effect
    asks; `sick` counts towards the partner's breaker. `once`: the partner says that nothing
    happened and is not believed twice, so that the same is tried once more and then never.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        throttled: bool = False,
        alone: bool = False,
        sick: bool = True,
        once: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.throttled = throttled
        self.alone = alone
        self.once = once
        self.sick = sick and not throttled


class Unknown(PartnerError):
    """The call may or may not have acted: look it up by our reference before repeating it."""


class Unauthorised(PartnerError):
    """The credential was refused: the partner pauses until it is fixed; no retry is burnt."""


class NeedsPerson(PartnerError):
    """No machine can tell or fix this. `outcome_known` is False when it may have been done. A
    look-up is made because it may have been: that it surely was not must be said there."""

    def __init__(self, message: str, *, outcome_known: bool | None = None) -> None:
        super().__init__(message)
        self.outcome_known = outcome_known is not False
        self._is_said = outcome_known is not None

    @classmethod
    def of_look_up(cls, error: PartnerError) -> NeedsPerson:
        """Return what a look-up leaves that ended with this instead of an answer."""
        surely = isinstance(error, cls) and error.outcome_known and error._is_said
        return cls(str(error), outcome_known=surely)


class LeaseLost(Exception):
    """Another process owns these orders now; this one must stop writing and calling."""


class JournalUnavailable(Exception):
    """The journal can't be reached or did not answer in time. Nothing may be acknowledged."""


class QuarantineFull(JournalUnavailable):
    """So many refused messages of this channel wait for a person that no more are taken: none of
    them is dropped, so the message stays where it is."""


class MailboxFull(Exception):
    """One order has more inputs waiting than its mailbox holds: redeliver later."""


class StreamUnavailable(Exception):
    """The stream took no responsibility for a message in time, or has no room: nothing may be
    acknowledged to the sender, who should come again after `retry_after_seconds`.

    The message may have been stored all the same; the same delivery id makes its repeat harmless.
    """

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class TooLargeForStream(Exception):
    """The message is larger than the stream takes; sending it again won't help."""


class AppendRefused(Exception):
    """The journal can't hold this one append, however often it is repeated (a NUL in a text, an
    event number used twice). The text says why; the input belongs into quarantine or to a
    person."""
