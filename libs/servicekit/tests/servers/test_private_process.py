import socket

import pytest
from servicekit import private_process
from servicekit.private_process import PrivateServerError, find_free_port


def test_free_port_can_be_listened_on_and_so_can_its_derived_ones():
    port = find_free_port(also=(10_000, 20_000))

    for distance in (0, 10_000, 20_000):
        with socket.socket() as server:
            server.bind(("127.0.0.1", port + distance))


def test_taken_port_is_not_offered(monkeypatch):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        taken = server.getsockname()[1]
        monkeypatch.setattr(private_process, "FREE_PORTS", range(taken, taken + 1))

        with pytest.raises(PrivateServerError, match="no free port"):
            find_free_port()
