"""UPS's answers, as far as they are read (Address Validation v2). Version 1, as in UPS's own
sample, has one thing where version 2 has a list of one; both are read."""

from __future__ import annotations

import msgspec
from msgspec import Struct


class Key(Struct, frozen=True, rename="pascal"):
    """`AddressKeyFormat`: an address as UPS writes it."""

    address_line: tuple[str, ...] | str = ()
    political_division2: str = msgspec.field(name="PoliticalDivision2", default="")
    political_division1: str = msgspec.field(name="PoliticalDivision1", default="")
    postcode_primary_low: str = ""
    postcode_extended_low: str = ""
    country_code: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """Its lines."""
        found = self.address_line
        return tuple(one for one in ((found,) if isinstance(found, str) else found) if one)


class Classified(Struct, frozen=True, rename="pascal"):
    """`AddressClassification`."""

    code: str = ""


class Candidate(Struct, frozen=True, rename="pascal"):
    """One address that may be meant."""

    address_key_format: Key = Key()


class Found(Struct, frozen=True, rename="pascal"):
    """`XAVResponse`. An indicator that is there says yes, whatever it has in it."""

    valid_address_indicator: str | None = None
    ambiguous_address_indicator: str | None = None
    no_candidates_indicator: str | None = None
    address_classification: Classified = Classified()
    candidate: tuple[Candidate, ...] | Candidate = ()

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All of them."""
        return (self.candidate,) if isinstance(self.candidate, Candidate) else self.candidate


class Answer(Struct, frozen=True):
    """`XAVResponseWrapper`."""

    found: Found = msgspec.field(name="XAVResponse")


class Fault(Struct, frozen=True):
    """`ErrorMessage`."""

    code: str = ""
    message: str = ""


class Faults(Struct, frozen=True):
    """`CommonErrorResponse`."""

    errors: tuple[Fault, ...] = ()


class Refusal(Struct, frozen=True):
    """`ErrorResponse`."""

    response: Faults


answer_decoder = msgspec.json.Decoder(Answer)
refusal_decoder = msgspec.json.Decoder(Refusal)
