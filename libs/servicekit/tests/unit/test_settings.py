"""Settings are declared once and read from the environment. Mistakes are named with what to write."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from servicekit import environment
from servicekit.clock import MovableClock, SystemClock
from servicekit.environment import Reader, declared_in, number, setting
from servicekit.secrets import new_key
from servicekit.settings import (
    EncryptingServiceSettings,
    ProcessSettings,
    ServiceSettings,
    SettingsError,
    read_settings,
)

KEY = {"ISPOS_ENCRYPTION_KEY": new_key()}


def mistakes(kind=ServiceSettings, **environ):
    with pytest.raises(SettingsError) as refused:
        read_settings(kind, environ, service="billing")
    return str(refused.value).splitlines()


def test_service_without_secrets_needs_no_setting():
    settings = read_settings(ServiceSettings, {"ISPOS_DATA_DIR": "/var/lib/isp-os"}, service="billing")

    assert settings.embedded
    assert isinstance(settings.clock, SystemClock)
    assert settings.time_zone == ZoneInfo("Asia/Manila")
    assert settings.health_port is None
    assert settings.log_level == logging.INFO
    assert settings.database_url == "sqlite:////var/lib/isp-os/billing.db"


def test_given_values_are_used():
    environ = {
        "AMQP_URL": "amqp://isp:pw@broker:5672/isp",
        "BILLING_DATABASE_URL": "postgresql://billing:pw@db/billing",
        "PAYMENT_DATABASE_URL": "postgresql://payment:pw@db/payment",
        "ISPOS_CLOCK": "movable",
        "ISPOS_HEALTH_PORT": "9100",
        "ISPOS_LOG_LEVEL": "warning",
        "ISPOS_TIME_ZONE": "Asia/Tokyo",
    }
    settings = read_settings(ServiceSettings, environ, service="billing")

    assert not settings.embedded
    assert isinstance(settings.clock, MovableClock)
    assert settings.database_url == "postgresql://billing:pw@db/billing"
    assert (settings.health_port, settings.log_level) == (9100, logging.WARNING)
    assert settings.time_zone == ZoneInfo("Asia/Tokyo")


def test_empty_variable_counts_as_not_set():
    settings = read_settings(ServiceSettings, {"ISPOS_HEALTH_PORT": "", "AMQP_URL": ""}, service="billing")
    assert settings.health_port is None
    assert settings.embedded


def test_relative_data_folder_is_made_absolute():
    assert read_settings(ProcessSettings, {"ISPOS_DATA_DIR": "here"}).data_dir == Path.cwd() / "here"
    assert read_settings(ProcessSettings, {}).data_dir == Path.cwd() / "data"


BROKEN = {
    "ISPOS_HEALTH_PORT": ("-1", "use a number from 1 to 65535"),
    "ISPOS_TIME_ZONE": ("Manila", "use a name such as Asia/Manila"),
    "ISPOS_CLOCK": ("fast", "use system"),
    "ISPOS_LOG_LEVEL": ("loud", "use DEBUG, INFO"),
    "AMQP_URL": ("http://isp:hunter2@broker", "use amqp://user:password@host:5672/vhost"),
    "BILLING_DATABASE_URL": ("mysql://root:hunter2@db/x", "use postgresql://"),
    "ISPOS_ENCRYPTION_KEY": ("hunter2", "32 random bytes"),
}


def test_every_wrong_variable_is_named_at_once_with_what_to_do():
    lines = mistakes(EncryptingServiceSettings, **{name: value for name, (value, _) in BROKEN.items()})

    for name, (_, advice) in BROKEN.items():
        (line,) = [line for line in lines if line.startswith(f"{name}: ")]
        assert advice in line
    assert len(lines) == len(BROKEN)


def test_no_secret_is_shown():
    lines = mistakes(EncryptingServiceSettings, **{name: value for name, (value, _) in BROKEN.items()})
    assert "hunter2" not in "\n".join(lines)

    settings = read_settings(EncryptingServiceSettings, KEY, service="billing")
    assert KEY["ISPOS_ENCRYPTION_KEY"] not in repr(settings)
    assert settings.database_url not in repr(settings)


def test_missing_required_setting_is_named_with_what_to_do():
    assert mistakes(EncryptingServiceSettings) == [
        "ISPOS_ENCRYPTION_KEY: is not set; `make run` makes one and keeps it in the data folder"
    ]


@pytest.mark.parametrize(
    "url", ["amqp://", "amqp:broker", "amqp://broker:many", "amqp://[broker", "broker:5672"]
)
def test_wrong_broker_address_is_refused(url):
    assert mistakes(AMQP_URL=url)[0].startswith("AMQP_URL: ")


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "postgresql+asyncpg://pay:pw@db/x",
        "postgresql://radius:pw@db:port/x",
        "sqlite://",
        "postgres://gateway:pw@db/x",
    ],
)
def test_wrong_database_address_is_refused(url):
    assert "sqlite:////path/name.db" in mistakes(BILLING_DATABASE_URL=url)[0]


@pytest.mark.parametrize("url", ["http://", "http://[", "https://isp.example:port", "ftp://isp.example"])
def test_wrong_web_address_is_refused(url):
    with pytest.raises(ValueError, match="use https://host"):
        environment.http_url(url)


@pytest.mark.parametrize("value", ["4", "0", "-1", "1.5", "²", "one", ""])
def test_number_outside_its_range_is_refused_with_the_range(value):
    with pytest.raises(ValueError, match="is not a number of ovens; use 1 to 3"):
        number("a number of ovens", 1, 3)(value)


@dataclass(frozen=True, kw_only=True)
class BakerySettings(ProcessSettings):
    ovens: int = setting("BAKERY_OVENS", number("a number of ovens", 1, 3), default=2, meaning="Ovens")
    bakers: int = setting(
        "BAKERY_BAKERS",
        number("a number of bakers", 1, 9),
        default_from=lambda earlier: earlier.ovens * 2,
        default_shown="two per oven",
        meaning="Bakers",
    )

    def mistakes(self) -> Iterable[str]:
        yield from super().mistakes()
        if self.bakers < self.ovens:
            yield "BAKERY_BAKERS: too few; one per oven is needed"


def test_default_may_follow_from_a_setting_before_it():
    assert read_settings(BakerySettings, {"BAKERY_OVENS": "3"}).bakers == 6
    assert read_settings(BakerySettings, {"BAKERY_BAKERS": "5"}).bakers == 5


def test_settings_that_do_not_fit_together_are_named():
    assert mistakes(BakerySettings, BAKERY_OVENS="3", BAKERY_BAKERS="1") == [
        "BAKERY_BAKERS: too few; one per oven is needed"
    ]


def test_mistakes_of_several_processes_are_named_together_and_once():
    reader, other = Reader({"ISPOS_CLOCK": "fast"}), Reader({"BAKERY_OVENS": "9"})
    for service in ("billing", "payment"):
        reader.read(ServiceSettings, service=service)
    assert other.read(BakerySettings).ovens == 2

    with pytest.raises(SettingsError) as refused:
        reader.check(other)
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == ["ISPOS_CLOCK", "BAKERY_OVENS"]


def test_declarations_are_readable_for_the_docs():
    declared = declared_in(BakerySettings)

    assert list(declared)[-2:] == ["ovens", "bakers"]
    assert [declared[name].default_shown for name in ("ovens", "bakers")] == ["`2`", "two per oven"]
    assert declared_in(ServiceSettings)["database_url"].variable_of("billing") == "BILLING_DATABASE_URL"
