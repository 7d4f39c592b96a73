"""The client's address: proxies that are trusted are believed, everybody else is not."""

from ipaddress import ip_network

import pytest
from flask import Flask

from shared.client import client_address

TRUSTED = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # a stranger speaks for nobody
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "198.51.100.1, 10.0.0.4", "198.51.100.1"),  # two proxies in a row
        ("127.0.0.1", "192.0.2.9, 198.51.100.1, 10.0.0.4", "198.51.100.1"),  # what the client made up is left out
        ("127.0.0.1", "10.0.0.5", "10.0.0.5"),  # a client inside the house
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_nearest_address_that_is_no_trusted_proxy_counts(peer: str, forwarded: str, client: str) -> None:
    with Flask("test").test_request_context(
        environ_base={"REMOTE_ADDR": peer}, headers={"X-Forwarded-For": forwarded} if forwarded else {}
    ):
        assert client_address(TRUSTED) == client
