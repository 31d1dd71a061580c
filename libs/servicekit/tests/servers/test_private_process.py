import socket
import subprocess
import sys

import pytest
from servicekit import private_process
from servicekit.private_process import PrivateServerError, find_free_port


def test_free_port_and_the_ports_derived_from_it_can_be_used():
    port = find_free_port(also=(10_000, 20_000))

    for distance in (0, 10_000, 20_000):
        with socket.socket() as server:
            server.bind(("127.0.0.1", port + distance))


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_port_in_use_is_not_given_out(monkeypatch, kind):
    with socket.socket(type=kind) as server:
        server.bind(("127.0.0.1", 0))
        taken = server.getsockname()[1]
        monkeypatch.setattr(private_process, "FREE_PORTS", range(taken, taken + 1))

        with pytest.raises(PrivateServerError, match="no free port"):
            find_free_port()


def test_several_free_ports_are_different():
    ports = [find_free_port() for _ in range(100)]

    assert len(set(ports)) == len(ports)


def test_port_given_to_one_process_is_not_given_to_another(monkeypatch):
    port = find_free_port()
    program = (
        "from servicekit import private_process\n"
        f"private_process.FREE_PORTS = range({port}, {port} + 1)\n"
        "try:\n    print(private_process.find_free_port())\n"
        "except private_process.PrivateServerError:\n    print('none')\n"
    )
    other = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert other.stdout.strip() == "none"
