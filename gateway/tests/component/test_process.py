"""The gateway as a separate process (`python -m gateway`), alone on the bus."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
import requests


@pytest.fixture
def run(environment, free_port):
    """Call it to start `python -m gateway <command>`. Returns the process and its port."""
    started = []

    def start(command, port=None):
        port = port or free_port()
        own = {**os.environ, **environment, "ISPOS_HTTP_PORT": str(port)}
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "gateway", command],
            env=own,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process, port

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for(url):
    deadline = time.monotonic() + 60
    while True:
        try:
            return requests.get(url, timeout=5)
        except requests.ConnectionError:
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.05)


def test_gateway_migrates_serves_and_stops_on_a_signal(run, tmp_path):
    migrating, _ = run("migrate")
    assert migrating.wait(30) == 0
    process, port = run("serve")
    assert wait_for(f"http://127.0.0.1:{port}/healthz").status_code == 200
    ready = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=10)
    assert ready.status_code == 503
    assert ready.json()["parts"]["gateway.database"] == "ok"
    assert set(ready.json()["wrong"]) == {
        f"{name}.service" for name in ("subscriber", "billing", "payment", "radius", "router")
    }
    assert (tmp_path / "setup-token").exists()
    with requests.Session() as kept_alive:
        kept_alive.get(f"http://127.0.0.1:{port}/healthz", timeout=5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5)


def test_large_and_chunked_bodies_are_limited_and_the_server_survives(run, database):
    _, port = run("serve")
    url = f"http://127.0.0.1:{port}/login"
    wait_for(url)
    answer = requests.post(url, data=b"x" * 2_000_000, timeout=10)
    assert answer.status_code in (400, 413)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    too_large = requests.post(url, data=(b"x" * 65_536 for _ in range(30)), headers=form, timeout=10)
    assert too_large.status_code in (400, 413)
    with requests.Session() as browser:
        token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(url, timeout=5).text)[1]
        body = iter([b"csrf_token=", token.encode(), b"&email=a@example.com&password=no"])
        assert browser.post(url, data=body, headers=form, timeout=10).status_code == 401


def test_port_in_use_is_one_clear_line(run, database):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process, _ = run("serve", port)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    said = [line for line in errors.splitlines() if not line.startswith("{")]
    assert said == [
        f"cannot listen on 127.0.0.1 port {port}: another program uses it; "
        "choose others with ISPOS_HTTP_HOST and ISPOS_HTTP_PORT"
    ]
