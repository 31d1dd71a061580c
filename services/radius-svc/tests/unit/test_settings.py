"""Settings of the control plane and of the listener."""

import pytest
from radius_svc.listener.process import settings as listener
from radius_svc.listener.process.settings import ListenerSettings
from radius_svc.settings import RadiusSettings
from servicekit.secrets import new_key
from servicekit.settings import SettingsError, read_settings

KEY = {"ISPOS_ENCRYPTION_KEY": new_key()}
FOR_LISTENER = {**KEY, "RADIUS_DATABASE_URL": "sqlite:////nowhere/radius.db"}


def mistakes(kind, environ):
    with pytest.raises(SettingsError) as refused:
        read_settings(kind, environ, service="radius")
    return str(refused.value).splitlines()


def test_control_plane_needs_only_the_encryption_key():
    settings = read_settings(RadiusSettings, KEY, service="radius")

    assert (settings.session_days, settings.reject_days) == (400, 90)
    assert not settings.freeradius_in_front


def test_retention_and_the_server_can_be_chosen():
    environ = {
        "ISPOS_RADIUS_SESSION_DAYS": "0",
        "ISPOS_RADIUS_REJECT_DAYS": "30",
        "ISPOS_RADIUS_SERVER": "freeradius",
    }
    settings = read_settings(RadiusSettings, KEY | environ, service="radius")

    assert (settings.session_days, settings.reject_days) == (0, 30)
    assert settings.freeradius_in_front


@pytest.mark.parametrize(
    ("variable", "value", "advice"),
    [
        ("ISPOS_RADIUS_SESSION_DAYS", "a year", "0 to keep everything"),
        ("ISPOS_RADIUS_REJECT_DAYS", "-1", "0 to keep everything"),
        ("ISPOS_RADIUS_SERVER", "freeradius3", "use builtin (the default) or freeradius"),
    ],
)
def test_wrong_value_is_named_with_what_to_write(variable, value, advice):
    (line,) = mistakes(RadiusSettings, {**KEY, variable: value})
    assert line.startswith(f"{variable}: ")
    assert advice in line


def test_listener_needs_its_database_and_the_encryption_key():
    settings = read_settings(ListenerSettings, {**FOR_LISTENER, "ISPOS_DATA_DIR": "/var/lib/isp-os"})
    assert (settings.host, settings.auth_port, settings.acct_port) == ("0.0.0.0", 1812, 1813)
    assert (settings.workers, settings.metrics_port, settings.status_secret) == (1, None, None)
    assert str(settings.spool_dir) == "/var/lib/isp-os/spool"

    assert sorted(line.split(":")[0] for line in mistakes(ListenerSettings, {})) == sorted(FOR_LISTENER)


@pytest.mark.parametrize(
    ("variable", "value", "advice"),
    [
        ("ISPOS_RADIUS_AUTH_PORT", "65536", "use a number from 1 to 65535"),
        ("ISPOS_RADIUS_ACCT_PORT", "ninety", "use a number from 1 to 65535"),
        ("ISPOS_RADIUS_WORKERS", "65", "use 1 to 64"),
    ],
)
def test_wrong_listener_setting_is_named_with_what_to_write(variable, value, advice):
    (line,) = mistakes(ListenerSettings, {**FOR_LISTENER, variable: value})
    assert line.startswith(f"{variable}: ")
    assert advice in line


def test_several_workers_need_linux(monkeypatch):
    environ = {**FOR_LISTENER, "ISPOS_RADIUS_WORKERS": "2"}
    assert read_settings(ListenerSettings, environ).workers == 2

    monkeypatch.setattr(listener, "can_share_a_port", lambda: False)
    assert mistakes(ListenerSettings, environ) == ["ISPOS_RADIUS_WORKERS: several workers need Linux; use 1"]
