"""Which addresses count as one caller."""

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
def test_ipv6_network_of_a_customer_is_one_caller(address, network):
    assert network_of(address) == network


def test_ipv4_mapped_ipv6_address_is_the_ipv4_address():
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
def test_port_added_by_a_proxy_is_removed(address, network):
    assert network_of(address) == network


@pytest.mark.parametrize("text", ["", "unknown", "_hidden", "1.2.3.4.5", "[x]", ":", "2001:db8::1::2", "Ñ😀"])
def test_other_text_is_unchanged(text):
    assert network_of(text) == text
