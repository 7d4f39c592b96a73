"""Where a request comes from, behind proxies that are believed and not behind others."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from flask import request

Network = IPv4Network | IPv6Network


def client_address(trusted: Sequence[Network]) -> str:
    """The nearest address that is not a trusted proxy. Read from right to left: each proxy adds whom it saw."""
    address = request.remote_addr or ""
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    while forwarded and is_trusted(address, trusted):
        said = forwarded.pop()
        if not is_address(said):
            break
        address = said
    return address


def is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    return is_address(address) and any(ip_address(address) in network for network in trusted)


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:  # a socket file, or a header somebody made up
        return False
    return True
