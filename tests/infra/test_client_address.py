"""Whose request it is: what trusted proxies wrote counts, and nothing that anybody else wrote."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbank.infra.http.client_address import (
    MAX_HOPS,
    UNKNOWN_ADDRESS,
    TrustedProxies,
    read_address,
)

NOBODY = TrustedProxies()
PROXIES = TrustedProxies([ip_network("10.0.0.0/8"), ip_network("fd00::/8")])


def seen(proxies: TrustedProxies, peer: str | None, *forwarded: str) -> str:
    """Return the address that the server goes by."""
    return str(proxies.client(peer, [line.encode() for line in forwarded]))


def test_by_default_nobody_is_believed():
    assert seen(NOBODY, "203.0.113.7", "198.51.100.1") == "203.0.113.7"
    assert seen(NOBODY, "127.0.0.1", "198.51.100.1") == "127.0.0.1"


def test_a_trusted_proxy_says_whom_it_serves():
    assert seen(PROXIES, "10.0.0.1", "198.51.100.1") == "198.51.100.1"
    assert seen(PROXIES, "fd00::1", "2001:db8::9") == "2001:db8::9"


def test_a_stranger_who_sends_the_header_is_still_a_stranger():
    assert seen(PROXIES, "203.0.113.7", "10.0.0.1") == "203.0.113.7"


def test_what_the_client_wrote_itself_stands_left_of_what_proxies_saw():
    assert seen(PROXIES, "10.0.0.1", "1.1.1.1, 198.51.100.1") == "198.51.100.1"
    assert seen(PROXIES, "10.0.0.1", "1.1.1.1", "198.51.100.1, 10.0.0.2") == "198.51.100.1"
    assert seen(PROXIES, "10.0.0.1", "10.9.9.9, 198.51.100.1") == "198.51.100.1"


def test_several_proxies_are_looked_through():
    assert seen(PROXIES, "10.0.0.1", "198.51.100.1, 10.0.0.3, 10.0.0.2") == "198.51.100.1"


def test_who_is_all_proxies_is_the_furthest_one():
    assert seen(PROXIES, "10.0.0.1", "10.0.0.3, 10.0.0.2") == "10.0.0.3"


@pytest.mark.parametrize("rubbish", ["", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "::g", "a,,b"])
def test_rubbish_ends_the_walk_at_the_proxy_that_passed_it_on(rubbish: str):
    assert seen(PROXIES, "10.0.0.1", f"198.51.100.1, {rubbish}") == "10.0.0.1"
    assert seen(PROXIES, "10.0.0.1", f"198.51.100.1, {rubbish}, 10.0.0.2") == "10.0.0.2"


def test_ports_and_brackets_are_no_part_of_an_address():
    assert seen(PROXIES, "10.0.0.1", "198.51.100.1:4711") == "198.51.100.1"
    assert seen(PROXIES, "10.0.0.1", "[2001:db8::9]:4711") == "2001:db8::9"
    assert seen(PROXIES, "10.0.0.1", "[2001:db8::9]") == "2001:db8::9"
    assert seen(PROXIES, "10.0.0.1", "198.51.100.1:http") == "10.0.0.1"
    assert seen(PROXIES, "10.0.0.1", "[2001:db8::9]x") == "10.0.0.1"


def test_an_ipv4_address_in_ipv6_clothes_is_ipv4():
    assert seen(PROXIES, "::ffff:10.0.0.1", "::ffff:198.51.100.1") == "198.51.100.1"
    assert read_address("::ffff:198.51.100.1").rate_key == "198.51.100.1"


def test_a_household_of_ipv6_addresses_counts_as_one():
    one, other = read_address("2001:db8:1:2::1"), read_address("2001:db8:1:2:ffff:ffff:ffff:ffff")
    assert one.rate_key == other.rate_key == "2001:db8:1:2::/64"
    assert read_address("2001:db8:1:3::1").rate_key != one.rate_key
    assert read_address("198.51.100.1").rate_key != read_address("198.51.100.2").rate_key


def test_an_endless_chain_of_proxies_is_not_followed():
    chain = ["198.51.100.1", *["10.0.0.9"] * (MAX_HOPS + 5)]
    assert seen(PROXIES, "10.0.0.1", ", ".join(chain)) == "10.0.0.9"
    assert seen(PROXIES, "10.0.0.1", "198.51.100.1," + " " * 4_000 + "10.0.0.9") == "10.0.0.1"


def test_a_peer_without_an_address_is_nobody_and_is_in_no_network():
    assert PROXIES.client(None, [b"198.51.100.1"]) is UNKNOWN_ADDRESS
    assert not UNKNOWN_ADDRESS.within([ip_network("0.0.0.0/0"), ip_network("::/0")])


@given(st.one_of(st.none(), st.text(max_size=80)), st.lists(st.binary(max_size=200), max_size=5))
def test_nothing_that_is_sent_raises(peer: str | None, forwarded: list[bytes]):
    PROXIES.client(peer, forwarded)


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_nothing_that_a_stranger_sends_changes_who_it_is(forwarded: list[bytes]):
    assert str(PROXIES.client("203.0.113.7", forwarded)) == "203.0.113.7"


@given(st.lists(st.binary(max_size=100), max_size=4))
def test_nothing_left_of_the_last_honest_entry_changes_who_it_is(forwarded: list[bytes]):
    honest = [*forwarded, b"198.51.100.1, 10.0.0.2"]
    assert str(PROXIES.client("10.0.0.1", honest)) == "198.51.100.1"
