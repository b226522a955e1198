"""Which addresses are of the open internet, and which spellings of a host we take for one.

One spelling only: programs disagree about what `127.1`, `0x7f.1` or `2130706433` mean, so a host
that ends in a number is an IPv4 address in its usual form or nothing (the rule of the URL
standard, without its conversions).
"""

import ipaddress
import re

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Not `ipaddress.is_global`: it calls several translated, relayed and multicast ranges public.
# From the IANA special-purpose registries.
NOT_PUBLIC_V4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Only global unicast at all; so v4-mapped, v4-compatible, NAT64, ULA, link-local are outside.
PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
NOT_PUBLIC_V6 = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
# Names that lead into a house, not out of it (RFC 6761, 6762, 7686, 8375; ICANN's `internal`).
INNER_NAMES = frozenset({"localhost", "local", "internal", "onion", "home.arpa", "in-addr.arpa"})
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def is_public(text: str) -> bool:
    """Whether an address is one of the open internet, by explicit lists."""
    try:
        address: IpAddress = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in NOT_PUBLIC_V4)
    return address in PUBLIC_V6 and not any(address in network for network in NOT_PUBLIC_V6)


def is_callable_host(host: str) -> bool:
    """Whether a host, in ASCII, may be asked for: a public address or an outer name.

    What the name leads to is another question, and is asked when it is dialled.
    """
    if ":" in host:
        return "%" not in host and is_public(host)
    name = host.removesuffix(".").lower()
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return is_public(name)
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        return False
    return not any(name == inner or name.endswith(f".{inner}") for inner in INNER_NAMES)
