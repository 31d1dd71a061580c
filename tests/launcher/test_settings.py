"""The launcher reads what each process reads, and gives each process only the secrets that it needs."""

from __future__ import annotations

import pytest
from servicekit.secrets import new_key
from servicekit.settings import SettingsError

from ispos.embedded import SERVICES
from ispos.settings import LISTENER, SETTINGS_TYPES, environ_for, read_installation

KEYS = {"ISPOS_SECRET_KEY": "s" * 40, "ISPOS_ENCRYPTION_KEY": new_key()}


def test_launcher_reads_the_settings_that_each_service_reads():
    assert {service.name: service.settings_type for service in SERVICES} == SETTINGS_TYPES


def test_listener_works_on_the_database_of_radius():
    settings = read_installation({**KEYS, "ISPOS_DATA_DIR": "/var/lib/isp-os"})
    assert settings.listener.database_url == settings.radius.database_url
    assert settings.listener.database_url == "sqlite:////var/lib/isp-os/radius.db"


def test_mistakes_of_all_processes_are_named_at_once():
    wrong = {"ISPOS_HTTP_PORT": "x", "ISPOS_RADIUS_WORKERS": "0", "ISPOS_RADIUS_SERVER": "x", "AMQP_URL": "x"}
    with pytest.raises(SettingsError) as refused:
        read_installation(KEYS | wrong)
    assert sorted(line.split(":")[0] for line in str(refused.value).splitlines()) == sorted(wrong)


@pytest.mark.parametrize(
    ("process", "secrets"),
    [
        ("billing", {"AMQP_URL", "BILLING_DATABASE_URL"}),
        ("router", {"AMQP_URL", "ROUTER_DATABASE_URL", "ISPOS_ENCRYPTION_KEY"}),
        (LISTENER, {"RADIUS_DATABASE_URL", "ISPOS_ENCRYPTION_KEY", "ISPOS_RADIUS_STATUS_SECRET"}),
        (
            "gateway",
            {
                "AMQP_URL",
                "GATEWAY_DATABASE_URL",
                "ISPOS_ENCRYPTION_KEY",
                "ISPOS_OWNER_PASSWORD",
                "ISPOS_SECRET_KEY",
            },
        ),
    ],
)
def test_process_gets_only_the_secrets_it_needs(process, secrets):
    databases = {f"{service.upper()}_DATABASE_URL" for service in SETTINGS_TYPES}
    others = {"AMQP_URL", "ISPOS_OWNER_PASSWORD", "ISPOS_RADIUS_STATUS_SECRET"}
    environ = dict.fromkeys({*KEYS, *databases, *others, "PATH", "ISPOS_CLOCK"}, "hunter2")

    assert set(environ_for(process, environ)) == secrets | {"PATH", "ISPOS_CLOCK"}
