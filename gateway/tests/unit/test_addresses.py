"""Who counts as one caller."""

import pytest
from gateway.identity.addresses import network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:2", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_an_ipv6_customer_has_a_whole_network(address, network):
    assert network_of(address) == network


def test_an_ipv4_address_in_ipv6_spelling_is_that_address():
    assert network_of("::ffff:1.2.3.4") == network_of("::ffff:102:304") == "1.2.3.4"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("1.2.3.4:5678", "1.2.3.4"),
        ("[2001:db8::1]:80", "2001:db8::/64"),
        ("[2001:db8::1]", "2001:db8::/64"),
        ("[::ffff:1.2.3.4]:80", "1.2.3.4"),
    ],
)
def test_a_port_that_a_proxy_wrote_is_left_out(address, network):
    assert network_of(address) == network


@pytest.mark.parametrize("text", ["", "unknown", "_hidden", "1.2.3.4.5", "[x]", ":", "2001:db8::1::2", "Ñ😀"])
def test_what_is_no_address_stays_as_it_is(text):
    assert network_of(text) == text
