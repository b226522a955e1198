"""Addresses in messages: one spelling only, so that equal origins are equal texts."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, StringConstraints

ADDRESS_CHARACTERS_MAX = 500
ORIGIN_CHARACTERS_MAX = 300
# What is put behind an address of somebody's object when it is spoken of: a part, or a version.
FRAGMENT_CHARACTERS_MAX = 20
DEFAULT_PORTS = {"https": 443, "http": 80}
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# Lower-case ASCII host, no user, no trailing dot; a port only when it says something.
_AUTHORITY = re.compile(
    rf"(?P<host>\[[0-9a-f:.]{{2,45}}\]|{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>[1-9][0-9]{{0,4}}))?"
)


class AddressError(ValueError):
    """Not an address in the one spelling that we compare."""


def origin_of(address: str) -> str:
    """Return scheme, host and port of an address that is spelled canonically, or refuse it."""
    if len(address) > ADDRESS_CHARACTERS_MAX or not _VISIBLE_ASCII.fullmatch(address):
        raise AddressError("too long, or not plain ASCII")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise AddressError("unreadable") from error
    if parts.scheme not in DEFAULT_PORTS or not address.startswith(f"{parts.scheme}://"):
        raise AddressError("not a plain http address")
    if not _AUTHORITY.fullmatch(parts.netloc) or "\\" in address:
        raise AddressError("a host in another spelling")
    if port == DEFAULT_PORTS[parts.scheme]:
        raise AddressError("a port that goes without saying")
    return f"{parts.scheme}://{parts.netloc}"


def normal_origin(typed: str) -> str:
    """Return the canonical origin of what a person typed: a host name, or an address of it."""
    text = typed.strip()
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
        host = (parts.hostname or "").rstrip(".").encode("idna").decode("ascii").lower()
    except (ValueError, UnicodeError) as error:
        raise AddressError("unreadable") from error
    if parts.username is not None or parts.password is not None or parts.path not in {"", "/"}:
        raise AddressError("more than an origin")
    if parts.query or parts.fragment:
        raise AddressError("more than an origin")
    scheme = parts.scheme.lower()
    shown = f"[{host}]" if ":" in host else host
    suffix = "" if port is None or port == DEFAULT_PORTS.get(scheme) else f":{port}"
    return origin_of(f"{scheme}://{shown}{suffix}")


def has_room(address: str) -> bool:
    """Whether a fragment can be put behind an address that others gave us."""
    return len(address) <= ADDRESS_CHARACTERS_MAX - FRAGMENT_CHARACTERS_MAX


def _canonical(address: str) -> str:
    origin_of(address)
    return address


Address = Annotated[
    str, StringConstraints(max_length=ADDRESS_CHARACTERS_MAX), AfterValidator(_canonical)
]
