"""Whose request this is when proxies stand in between. Pure.

`X-Forwarded-For` can be written by anybody. Each proxy adds to its end the address that it was
asked from, so it is read from the end, for as long as the address that says so is a proxy of ours.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def networks_of(written: Sequence[str]) -> tuple[Network, ...]:
    """Read addresses and networks; raises ValueError for what is neither."""
    return tuple(ip_network(each.strip()) for each in written)


def client_address(
    direct: str | None, forwarded: Sequence[str], trusted: Sequence[Network]
) -> Address | None:
    """Return where a request comes from; None where nobody who is trusted says so.

    `forwarded` are the values of all X-Forwarded-For headers, in their order.
    """
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    found = _read(direct)
    while found is not None and _is_trusted(found, trusted):
        if not hops:
            return None  # our own proxy does not say for whom it asks
        found = _read(hops.pop())
    return found


def _read(written: str | None) -> Address | None:
    try:
        found = ip_address((written or "").strip("[]"))
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address.version == net.version and address in net for net in trusted)
