"""Settings that only the gateway has."""

import pytest
from gateway.settings import read_gateway_settings
from servicekit.secrets import new_key
from servicekit.settings import SettingsError

KEYS = {"ISPOS_SECRET_KEY": "s" * 40, "ISPOS_ENCRYPTION_KEY": new_key()}


def mistakes(**environ):
    with pytest.raises(SettingsError) as refused:
        read_gateway_settings(environ)
    return str(refused.value).splitlines()


def test_two_keys_are_enough():
    settings = read_gateway_settings(KEYS)

    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 8080)
    assert settings.public_url == "http://127.0.0.1:8080"
    assert (settings.trusted_proxies, settings.owner_email) == (0, None)
    assert settings.database_url.endswith("/gateway.db")


def test_given_values_are_used():
    environ = {
        "ISPOS_PUBLIC_URL": "https://isp.example/",
        "ISPOS_TRUSTED_PROXIES": "2",
        "ISPOS_OWNER_EMAIL": "ana@isp.example",
        "ISPOS_OWNER_PASSWORD": "correct horse",
    }
    settings = read_gateway_settings(KEYS | environ)

    assert (settings.public_url, settings.trusted_proxies) == ("https://isp.example", 2)
    assert (settings.owner_email, settings.owner_password) == ("ana@isp.example", "correct horse")


def test_missing_keys_are_named():
    assert sorted(line.split(":")[0] for line in mistakes()) == sorted(KEYS)


@pytest.mark.parametrize(
    ("variable", "value", "advice"),
    [
        ("ISPOS_HTTP_PORT", "80a", "use a number from 1 to 65535"),
        ("ISPOS_PUBLIC_URL", "isp.example", "use https://host"),
        ("ISPOS_TRUSTED_PROXIES", "all", "use 0 (the default) to 10"),
        ("ISPOS_SECRET_KEY", "hunter2", "at least 32"),
        ("ISPOS_OWNER_EMAIL", "ana", "use name@example.com"),
    ],
)
def test_wrong_value_is_named_with_what_to_write(variable, value, advice):
    (line,) = mistakes(**{**KEYS, variable: value})
    assert line.startswith(f"{variable}: ")
    assert advice in line
    assert "hunter2" not in line


def test_owner_needs_an_email_address_and_a_password():
    for one in ({"ISPOS_OWNER_EMAIL": "ana@isp.example"}, {"ISPOS_OWNER_PASSWORD": "hunter2"}):
        assert mistakes(**KEYS, **one) == ["ISPOS_OWNER_EMAIL and ISPOS_OWNER_PASSWORD: set both or neither"]
