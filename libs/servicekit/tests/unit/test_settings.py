from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from servicekit.secrets import new_key
from servicekit.settings import SettingsError, read_settings

KEYS = {"ISPOS_SECRET_KEY": "s" * 40, "ISPOS_ENCRYPTION_KEY": new_key()}


def mistakes(**environ):
    with pytest.raises(SettingsError) as refused:
        read_settings(KEYS | environ)
    return str(refused.value).splitlines()


def test_with_two_keys_everything_else_has_a_default():
    settings = read_settings(KEYS | {"ISPOS_DATA_DIR": "/var/lib/isp-os"})

    assert settings.embedded
    assert not settings.movable_clock
    assert settings.time_zone == ZoneInfo("Asia/Manila")
    assert (settings.http_host, settings.http_port, settings.public_url) == (
        "127.0.0.1",
        8080,
        "http://127.0.0.1:8080",
    )
    assert (settings.radius_auth_port, settings.radius_acct_port, settings.health_port) == (1812, 1813, None)
    assert settings.trusted_proxies == 0
    assert (settings.radius_session_days, settings.radius_reject_days) == (400, 90)
    assert not settings.freeradius_in_front
    assert settings.database_urls["billing"] == "sqlite:////var/lib/isp-os/billing.db"


def test_given_values_are_used():
    settings = read_settings(
        KEYS
        | {
            "AMQP_URL": "amqp://isp:pw@broker:5672/isp",
            "BILLING_DATABASE_URL": "postgresql://billing:pw@db/billing",
            "ISPOS_CLOCK": "movable",
            "ISPOS_HEALTH_PORT": "9100",
            "ISPOS_PUBLIC_URL": "https://isp.example/",
            "ISPOS_TRUSTED_PROXIES": "2",
            "ISPOS_RADIUS_SESSION_DAYS": "0",
            "ISPOS_RADIUS_REJECT_DAYS": "30",
            "ISPOS_RADIUS_SERVER": "freeradius",
            "ISPOS_OWNER_EMAIL": "ana@isp.example",
            "ISPOS_OWNER_PASSWORD": "correct horse",
        }
    )

    assert not settings.embedded
    assert settings.movable_clock
    assert settings.database_urls["billing"] == "postgresql://billing:pw@db/billing"
    assert (settings.health_port, settings.public_url) == (9100, "https://isp.example")
    assert settings.trusted_proxies == 2
    assert (settings.radius_session_days, settings.radius_reject_days) == (0, 30)
    assert settings.freeradius_in_front


def test_an_empty_variable_counts_as_not_given():
    assert read_settings(KEYS | {"ISPOS_HTTP_PORT": "", "AMQP_URL": ""}).http_port == 8080


BROKEN = {
    "ISPOS_HTTP_PORT": ("80a", "use a number from 1 to 65535"),
    "ISPOS_RADIUS_AUTH_PORT": ("0", "use a number"),
    "ISPOS_RADIUS_ACCT_PORT": ("65536", "use a number"),
    "ISPOS_HEALTH_PORT": ("-1", "use a number"),
    "ISPOS_TIME_ZONE": ("Manila", "use a name such as Asia/Manila"),
    "ISPOS_CLOCK": ("fast", "use system"),
    "AMQP_URL": ("http://broker", "use amqp://user:password@host:5672/vhost"),
    "SUBSCRIBER_DATABASE_URL": ("mysql://root:hunter2@db/x", "use postgresql://"),
    "BILLING_DATABASE_URL": ("nonsense", "use postgresql://"),
    "PAYMENT_DATABASE_URL": ("postgresql+asyncpg://pay:hunter2@db/x", "use postgresql://"),
    "RADIUS_DATABASE_URL": ("postgresql://radius:hunter2@db:port/x", "use postgresql://"),
    "ROUTER_DATABASE_URL": ("sqlite://", "sqlite:////path/name.db"),
    "GATEWAY_DATABASE_URL": ("postgres://gateway:hunter2@db/x", "use postgresql://"),
    "ISPOS_SECRET_KEY": ("hunter2", "at least 32"),
    "ISPOS_ENCRYPTION_KEY": ("hunter2", "32 random octets"),
    "ISPOS_PUBLIC_URL": ("isp.example", "use https://host"),
    "ISPOS_TRUSTED_PROXIES": ("all", "use 0 (the default) to 10"),
    "ISPOS_RADIUS_SESSION_DAYS": ("a year", "0 to keep everything"),
    "ISPOS_RADIUS_REJECT_DAYS": ("-1", "0 to keep everything"),
    "ISPOS_RADIUS_SERVER": ("freeradius3", "use builtin (the default) or freeradius"),
}


def test_every_broken_variable_is_named_at_once_with_what_to_do():
    lines = mistakes(
        **{name: value for name, (value, _) in BROKEN.items()}, ISPOS_OWNER_EMAIL="ana@isp.example"
    )

    for name, (_, advice) in BROKEN.items():
        (line,) = [line for line in lines if line.startswith(f"{name}: ")]
        assert advice in line
    assert any("ISPOS_OWNER_PASSWORD" in line for line in lines)
    assert len(lines) == len(BROKEN) + 1


def test_no_secret_is_echoed():
    lines = mistakes(**{name: value for name, (value, _) in BROKEN.items()}, ISPOS_OWNER_PASSWORD="hunter2")

    assert "hunter2" not in "\n".join(lines)


@pytest.mark.parametrize(
    "url", ["amqp://", "amqp:broker", "amqp://broker:many", "amqp://[broker", "broker:5672"]
)
def test_a_broken_broker_address_is_refused(url):
    assert mistakes(AMQP_URL=url)[0].startswith("AMQP_URL: ")


@pytest.mark.parametrize("url", ["http://", "http://[", "https://isp.example:port", "ftp://isp.example"])
def test_a_broken_web_address_is_refused(url):
    assert mistakes(ISPOS_PUBLIC_URL=url)[0].startswith("ISPOS_PUBLIC_URL: ")


def test_missing_keys_are_named():
    with pytest.raises(SettingsError) as refused:
        read_settings({})

    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == list(KEYS)


def test_a_relative_data_folder_is_made_absolute():
    assert read_settings(KEYS | {"ISPOS_DATA_DIR": "here"}).data_dir == Path.cwd() / "here"
