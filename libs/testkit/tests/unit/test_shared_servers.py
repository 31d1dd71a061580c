"""Test processes that run at the same time share servers that somebody else started."""

from pathlib import Path

import pytest
from servicekit import private_postgres, private_rabbitmq
from testkit import shared_servers


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_postgres, "is_installed", lambda: False)
    monkeypatch.setattr(private_rabbitmq, "is_installed", lambda: False)


def test_a_process_that_was_given_no_server_shares_none(monkeypatch):
    monkeypatch.delenv(shared_servers.POSTGRES, raising=False)
    monkeypatch.delenv(shared_servers.RABBITMQ, raising=False)

    assert shared_servers.shared_postgres() is None
    assert shared_servers.shared_rabbitmq() is None


def test_a_process_finds_the_servers_it_was_given(monkeypatch, tmp_path):
    (tmp_path / "superuser_password").write_text("secret\n")
    monkeypatch.setenv(shared_servers.POSTGRES, f"15432:{tmp_path}")
    monkeypatch.setenv(shared_servers.RABBITMQ, f"15672:{tmp_path}")

    postgres, rabbitmq = shared_servers.shared_postgres(), shared_servers.shared_rabbitmq()

    assert postgres.url() == "postgresql://postgres:secret@127.0.0.1:15432/postgres"
    assert rabbitmq.url == "amqp://guest:guest@127.0.0.1:15672/%2F"


@pytest.mark.parametrize("code", [0, 3])
def test_the_exit_code_is_that_of_the_command(code):
    assert shared_servers.main(["sh", "-c", f"exit {code}"]) == code


class FakeServer:
    port = 15432

    def __init__(self, directory: Path, **_options: object) -> None:
        self.directory, self.is_running = directory, False

    def start(self) -> None:
        self.is_running = True

    def stop(self) -> None:
        self.is_running = False


def test_servers_stop_and_leave_nothing_behind_when_the_command_ends(monkeypatch):
    made: list[FakeServer] = []

    def make(directory: Path, **options: object) -> FakeServer:
        made.append(FakeServer(directory, **options))
        return made[-1]

    monkeypatch.setattr(private_postgres, "is_installed", lambda: True)
    monkeypatch.setattr(shared_servers, "PrivatePostgres", make)
    monkeypatch.setenv(shared_servers.POSTGRES, "")

    assert shared_servers.main(["sh", "-c", f'test -d "${{{shared_servers.POSTGRES}#*:}}"']) == 0

    assert not made[0].is_running
    assert not made[0].directory.exists()
