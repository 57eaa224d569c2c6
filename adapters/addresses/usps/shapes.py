"""USPS's answers, as far as they are read (Addresses 3.2.3). Fields that may be missing are "" or
empty."""

from __future__ import annotations

import msgspec
from msgspec import Struct


class Standard(Struct, frozen=True):
    """`DomesticAddress`: the address as USPS writes it."""

    street: str = msgspec.field(name="streetAddress", default="")
    secondary: str = msgspec.field(name="secondaryAddress", default="")
    city: str = ""
    state: str = ""
    zip_code: str = msgspec.field(name="ZIPCode", default="")
    plus4: str = msgspec.field(name="ZIPPlus4", default="")


class Info(Struct, frozen=True):
    """`AddressAdditionalInfo`."""

    route: str = msgspec.field(name="carrierRoute", default="")
    confirmed: str = msgspec.field(name="DPVConfirmation", default="")
    agency: str = msgspec.field(name="DPVCMRA", default="")
    business: str = ""
    vacant: str = ""


class Code(Struct, frozen=True):
    """One of `AddressCorrections`."""

    code: str = ""


class Found(Struct, frozen=True):
    """`AddressResponse`."""

    address: Standard = Standard()
    info: Info = msgspec.field(name="additionalInfo", default=Info())
    corrections: tuple[Code, ...] = ()


class Fault(Struct, frozen=True):
    """What `ErrorMessage` says."""

    message: str = ""


class Refusal(Struct, frozen=True):
    """`ErrorMessage`."""

    error: Fault = Fault()


found_decoder = msgspec.json.Decoder(Found)
refusal_decoder = msgspec.json.Decoder(Refusal)
