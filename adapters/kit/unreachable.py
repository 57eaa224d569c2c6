"""Why a partner can't be reached, in words that say whose turn it is."""

from __future__ import annotations

import ssl

import aiohttp


def words_of(partner: str, error: BaseException) -> str:
    """Return a sentence about a connection that was not made."""
    place = _place(error)
    cause = _certificate(error)
    if cause is not None:
        return (
            f"{partner} can't be reached: its TLS certificate{place} is not valid for us ({cause})."
            " Correct the address, or have the partner renew it."
        )
    if isinstance(error, ssl.SSLError | aiohttp.ClientSSLError):
        return (
            f"{partner} can't be reached: TLS fails{place} ({_reason(error)}). Check that this port"
            " speaks TLS, and which versions."
        )
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"{partner} can't be reached: its name is not known{place}. Correct the address."
    if isinstance(error, aiohttp.ConnectionTimeoutError | TimeoutError):
        return f"{partner} can't be reached: nothing answers there in time. Check the network."
    if _is_refused(error):
        return (
            f"{partner} can't be reached: the connection is refused{place}. It does not run there,"
            " or a firewall refuses us."
        )
    return f"{partner} can't be reached: {_reason(error)}."


def _place(error: BaseException) -> str:
    host, port = getattr(error, "host", ""), getattr(error, "port", "")
    return f" at {host}:{port}" if host else ""


def _certificate(error: BaseException) -> str | None:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        error = error.certificate_error
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return seen.verify_message or str(seen)
        seen = seen.__cause__ or seen.__context__
    return None


def _is_refused(error: BaseException) -> bool:
    inner = getattr(error, "os_error", None) or error.__cause__ or error
    return isinstance(inner, ConnectionRefusedError) or "refused" in str(error).lower()


def _reason(error: BaseException) -> str:
    inner = getattr(error, "os_error", None) or error
    return (getattr(inner, "strerror", None) or str(error) or type(error).__name__).rstrip(".")
