import socket
import subprocess
import sys

import pytest
from servicekit import private_process
from servicekit.private_process import PrivateServerError, find_free_port


def test_free_port_can_be_listened_on_and_so_can_its_derived_ones():
    port = find_free_port(also=(10_000, 20_000))

    for distance in (0, 10_000, 20_000):
        with socket.socket() as server:
            server.bind(("127.0.0.1", port + distance))


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_taken_port_is_not_offered(monkeypatch, kind):
    with socket.socket(type=kind) as server:
        server.bind(("127.0.0.1", 0))
        taken = server.getsockname()[1]
        monkeypatch.setattr(private_process, "FREE_PORTS", range(taken, taken + 1))

        with pytest.raises(PrivateServerError, match="no free port"):
            find_free_port()


def test_who_asks_for_several_ports_gets_different_ones():
    ports = [find_free_port() for _ in range(100)]

    assert len(set(ports)) == len(ports)


def test_a_port_given_to_one_process_is_given_to_no_other(monkeypatch):
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
