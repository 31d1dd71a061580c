"""A service as a process: health pages, stopping, migrations with replicas starting at once."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

import eventlet
import pytest
from contracts.common import Unavailable
from nameko.rpc import rpc
from servicekit import db, health
from servicekit.db import Database
from servicekit.health import ping, ping_all
from servicekit.migrations import ADVISORY_LOCK, is_current, migrate
from servicekit.runner import Host
from servicekit.secrets import new_key
from servicekit.service import Service
from servicekit.settings import SettingsError
from sqlalchemy import inspect, text

BOTH_BUSES = ["membus", "rabbitmq"]
EMBEDDED = pytest.mark.parametrize("bus_url", ["membus"], indirect=True)


class ShopService(Service):
    name = "kitshop"

    @rpc
    def work(self, request):
        eventlet.sleep(request["seconds"])
        return {"ok": "done"}


def fetch(port, page):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{page}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


@pytest.fixture
def shop_databases(tmp_path, open_database):
    urls = {"kitshop": f"sqlite:///{tmp_path / 'shop.db'}"}
    open_database(urls["kitshop"])
    return urls


@pytest.fixture
def port(free_port):
    return free_port()


@pytest.fixture
def shop(start, shop_databases, port):
    return start(ShopService, shop_databases, health_port=port)


@EMBEDDED
def test_ready_process_says_so_and_shows_its_metrics(shop, port):
    assert fetch(port, "/healthz") == (200, '{"misses": 0}')
    assert fetch(port, "/readyz") == (200, '{"database": "ok"}')
    status, metrics = fetch(port, "/metrics")
    assert status == 200
    assert "isp_outbox_pending_messages" in metrics
    assert fetch(port, "/elsewhere")[0] == 404


@EMBEDDED
def test_broken_database_fails_readiness_but_not_health(shop, port, runtime_of, monkeypatch):
    def broken():
        raise OSError("disk on fire")

    monkeypatch.setattr(runtime_of(shop).database, "reading", broken)
    status, parts = fetch(port, "/readyz")

    assert (status, json.loads(parts)) == (503, {"database": "isn't responding: OSError"})
    assert fetch(port, "/healthz")[0] == 200


@pytest.fixture
def quick_self_calls(monkeypatch):
    monkeypatch.setattr(health, "PING_SECONDS", 0.05)
    monkeypatch.setattr(health, "SELF_CALL_INTERVAL_SECONDS", 0.06)


@EMBEDDED
def test_process_that_no_longer_hears_the_bus_is_unhealthy_until_it_does(
    quick_self_calls, shop, port, eventually, monkeypatch
):
    eventlet.sleep(0.3)
    assert fetch(port, "/healthz")[0] == 200

    with monkeypatch.context() as deaf:
        deaf.setattr(Service, "check", lambda self: eventlet.sleep(0.3) or {"database": "ok"})
        eventually(lambda: fetch(port, "/healthz")[0] == 503)
        assert fetch(port, "/readyz")[0] == 503
    eventually(lambda: fetch(port, "/healthz")[0] == 200)


@EMBEDDED
def test_outage_of_the_bus_fails_readiness_but_not_health(quick_self_calls, shop, port, monkeypatch):
    def away(*_args, **_kwargs):
        raise OSError("connection refused")

    monkeypatch.setattr("servicekit.rpc.RequestPublisher.publish", away)
    eventlet.sleep(0.6)

    assert fetch(port, "/healthz") == (200, '{"misses": 0}')
    status, parts = fetch(port, "/readyz")
    assert (status, json.loads(parts)) == (503, {"service": "the message bus isn't responding"})


@EMBEDDED
def test_health_port_in_use_is_named(bus_url, port):
    taken = eventlet.listen(("0.0.0.0", port), reuse_port=False)
    try:
        with pytest.raises(SettingsError, match=f"ISPOS_HEALTH_PORT: {port}"):
            health._listen(port)
    finally:
        taken.close()


@EMBEDDED
def test_services_of_one_process_share_the_page(start, tmp_path, port, open_database, shop_databases):
    class DepotService(Service):
        name = "kitdepot"

    urls = shop_databases | {"kitdepot": f"sqlite:///{tmp_path / 'depot.db'}"}
    open_database(urls["kitdepot"])
    for service in (ShopService, DepotService):
        start(service, urls, health_port=port)

    assert fetch(port, "/readyz") == (200, '{"database": "ok"}')


@pytest.mark.parametrize("bus_url", BOTH_BUSES, indirect=True)
def test_service_that_is_not_running_is_named(start, shop_databases, transport):
    start(ShopService, shop_databases)

    assert ping(transport, "kitghost") == {"service": "kitghost is not running"}
    assert ping_all(transport, ["kitshop", "kitghost"]) == {
        "kitshop.database": "ok",
        "kitghost.service": "kitghost is not running",
    }


@pytest.mark.parametrize("bus_url", BOTH_BUSES, indirect=True)
def test_stopping_lets_running_work_finish(settings_of, shop_databases, transport):
    host = Host([ShopService], [settings_of("kitshop", database_url=shop_databases["kitshop"])])
    host.start()
    running = eventlet.spawn(transport, "kitshop", "work", {"seconds": 0.4}, 5)
    eventlet.sleep(0.15)
    started = time.monotonic()
    host.stop()
    host.wait()

    assert running.wait() == {"ok": "done"}
    assert time.monotonic() - started > 0.2
    with pytest.raises(Unavailable):
        transport("kitshop", "work", {"seconds": 0}, 0.2)


def test_stopping_takes_a_limited_time(monkeypatch):
    monkeypatch.setattr("servicekit.runner.MAX_STOP_SECONDS", 0.05)
    done = []

    class Runner:
        def stop(self):
            eventlet.sleep(5)
            done.append("stopped")

        def kill(self):
            done.append("killed")

    host = Host.__new__(Host)
    host._runner = Runner()
    host.stop()
    assert done == ["killed"]


def test_second_signal_does_not_stop_twice():
    script = """
import servicekit.green
import os, signal, eventlet
from servicekit.runner import stop_on_signals
stopped = []
def stop():
    stopped.append(1)
    os.kill(os.getpid(), signal.SIGINT)
    eventlet.sleep(0.05)
stop_on_signals(stop)
os.kill(os.getpid(), signal.SIGTERM)
eventlet.sleep(0.3)
print(stopped)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "[1]\n"


# Migrations


def test_replicas_that_start_together_migrate_once(postgres_url, tmp_path):
    environ = os.environ | {
        "ISPOS_SECRET_KEY": "s" * 40,
        "ISPOS_ENCRYPTION_KEY": new_key(),
        "PAYMENT_DATABASE_URL": postgres_url,
        "ISPOS_DATA_DIR": str(tmp_path),
    }
    command = [sys.executable, "-W", "ignore", "-m", "payment_svc", "migrate"]
    replicas = [subprocess.Popen(command, env=environ, stderr=subprocess.PIPE) for _ in range(2)]
    outcomes = [(replica.communicate()[1], replica.returncode) for replica in replicas]

    assert [code for _, code in outcomes] == [0, 0], outcomes
    database = Database(postgres_url)
    with database.engine.connect() as connection:
        assert is_current(connection, "payment_svc")
        assert {"payments", "outbox_messages", "leases"} <= set(inspect(connection).get_table_names())
    database.close()


def test_replica_waits_longer_for_a_migration_than_for_a_row_lock(postgres_url, monkeypatch):
    monkeypatch.setattr(db, "POSTGRES_OPTIONS", "-c lock_timeout=50 -c statement_timeout=100")
    database, other = Database(postgres_url), Database(postgres_url)
    with other.engine.connect() as connection:
        connection.execute(text(f"select pg_advisory_lock({ADVISORY_LOCK})"))
        migrating = eventlet.spawn(migrate, database, "payment_svc")
        eventlet.sleep(0.4)
        connection.execute(text(f"select pg_advisory_unlock({ADVISORY_LOCK})"))
    migrating.wait()

    with database.engine.connect() as connection:
        assert is_current(connection, "payment_svc")
        assert connection.scalar(text("show lock_timeout")) == "50ms"
    database.close()
    other.close()


def test_migrating_twice_changes_nothing(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'payment.db'}")
    with database.engine.connect() as connection:
        assert not is_current(connection, "payment_svc")
    for _ in range(2):
        migrate(database, "payment_svc")
        with database.engine.connect() as connection:
            assert is_current(connection, "payment_svc")
    database.close()
