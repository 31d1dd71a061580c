"""A private RabbitMQ node, run by any user, with its own directory, ports and cookie."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO
from urllib.parse import quote

from servicekit.private_process import PrivateServerError, end_orphan, find_free_port, tail, wait_until

# Not /usr/sbin/rabbitmq-server, which is a wrapper that only root and the user rabbitmq can run.
PROGRAMS = Path("/usr/lib/rabbitmq/bin")
DEBIAN_PACKAGE = "rabbitmq-server"

EPMD_DISTANCE = 10_000
DISTRIBUTION_DISTANCE = 20_000
MAX_PORT = 65_535 - DISTRIBUTION_DISTANCE

# It takes four seconds on an idle machine, and took forty on one with twice the load it has processors for.
START_SECONDS = 100
STOP_SECONDS = 20

AMQP_HEADER = b"AMQP\x00\x00\x09\x01"
METHOD_FRAME = b"\x01"


def is_installed() -> bool:
    return (PROGRAMS / "rabbitmq-server").exists()


def find_rabbitmq_port() -> int:
    """A port for a PrivateRabbitMQ. The two ports that it derives from this one are free as well."""
    return find_free_port(also=(EPMD_DISTANCE, DISTRIBUTION_DISTANCE))


class PrivateRabbitMQ:
    """A node with its data in `directory`, where durable queues survive stop, kill and start.

    Listens on loopback only, on `port`, `port` + 10,000 and `port` + 20,000.
    """

    def __init__(self, directory: Path, port: int) -> None:
        if not 0 < port <= MAX_PORT:
            raise ValueError(f"the port of a private RabbitMQ is at most {MAX_PORT}, not {port}")
        self.directory = Path(directory).absolute()
        self.port = port
        self._node: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.vhost_url("/")

    def vhost_url(self, vhost: str) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{quote(vhost, safe='')}"

    def start(self) -> None:
        """Return when the node answers. Raises PrivateServerError if it isn't installed or doesn't start."""
        if not is_installed():
            raise PrivateServerError(f"RabbitMQ is missing: install the Debian package {DEBIAN_PACKAGE}")
        self._end_orphans()
        self._write_configuration()
        self._start_epmd()
        with self._log.open("ab") as log:
            self._node = self._spawn([str(PROGRAMS / "rabbitmq-server")], log)
        wait_until(lambda: self._answers() or not self.is_running(), seconds=START_SECONDS)
        if not self._answers():
            self.kill()
            raise PrivateServerError(f"RabbitMQ did not start on port {self.port}:\n{tail(self._log)}")

    def stop(self) -> None:
        """End the node cleanly, and its name server. Safe to repeat, and after kill()."""
        self._signal_node(signal.SIGTERM)
        if not self._wait_for_end():
            self.kill()
            raise PrivateServerError(f"RabbitMQ on port {self.port} had to be killed:\n{tail(self._log)}")
        self._stop_epmd()

    def kill(self) -> None:
        """End the node like a power cut would."""
        self._signal_node(signal.SIGKILL)
        if self._node is not None:
            # What the Erlang machine left behind, or the shell script if it had not started it yet.
            _signal_group(self._node.pid, signal.SIGKILL)
        self._wait_for_end()
        self._stop_epmd()

    def add_vhost(self, name: str) -> str:
        """Create a virtual host, with its own exchanges and queues. Returns its URL. Safe to repeat.

        Raises PrivateServerError if the node refuses, ValueError for a name that would need escaping.
        """
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
            raise ValueError(f"a virtual host cannot be named {name!r} here")
        vhost, user, everything = f'<<"{name}">>', '<<"guest">>', '<<".*">>'
        permissions = f"{user}, {vhost}, {everything}, {everything}, {everything}, {user}"
        self._call(f"rabbit_vhost:add({vhost}, {user})")
        self._call(f"rabbit_auth_backend_internal:set_permissions({permissions})")
        return self.vhost_url(name)

    @property
    def _log(self) -> Path:
        return self.directory / "output.log"

    @property
    def _pid_file(self) -> Path:
        return self.directory / "pid"

    @property
    def _node_name(self) -> str:
        return f"node{self.port}@localhost"

    def _write_configuration(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._pid_file.unlink(missing_ok=True)
        # Empty, so that the system's configuration is not read.
        (self.directory / "env.conf").write_text("")
        (self.directory / "enabled_plugins").write_text("[].\n")
        (self.directory / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = 127.0.0.1:{self.port}\n"
            "loopback_users = none\n"
            "disk_free_limit.absolute = 50MB\n"
            "vm_memory_high_watermark.absolute = 512MB\n"
        )

    def _environment(self) -> Mapping[str, str]:
        directory = self.directory
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(directory),  # the cookie is in here, so no other node can join
            "RABBITMQ_CONF_ENV_FILE": str(directory / "env.conf"),
            "RABBITMQ_NODENAME": self._node_name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.port + DISTRIBUTION_DISTANCE),
            "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            "RABBITMQ_PID_FILE": str(self._pid_file),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(directory / "advanced.config"),
            "ERL_EPMD_PORT": str(self.port + EPMD_DISTANCE),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # One scheduler that does not spin while idle: the machine has other work, and on a busy one the
            # node starts twice as fast with one scheduler as with two.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"
            ),
        }

    def _spawn(self, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  # our own command lines
            command,
            cwd=self.directory,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is for our parent
        )

    def _start_epmd(self) -> None:
        # By default the node starts Erlang's name server as a daemon that outlives it. If one is running,
        # it uses that: ours, which runs in the foreground and ends when we end it.
        program = shutil.which("epmd")
        if program is None:
            raise PrivateServerError(f"epmd is missing: it comes with the Debian package {DEBIAN_PACKAGE}")
        with self._log.open("ab") as log:
            self._epmd = self._spawn([program], log)
        epmd_port = self.port + EPMD_DISTANCE
        if not wait_until(lambda: _listens(epmd_port), seconds=START_SECONDS):
            raise PrivateServerError(f"epmd did not start on port {epmd_port}:\n{tail(self._log)}")

    def _end_orphans(self) -> None:
        """End the node and the name server that a killed parent left behind."""
        end_orphan(self._pid_file, str(self.directory), signal.SIGTERM, seconds=STOP_SECONDS)
        program = shutil.which("epmd")
        if program is not None and _listens(self.port + EPMD_DISTANCE):
            subprocess.run(  # noqa: S603  # our own command line
                [program, "-port", str(self.port + EPMD_DISTANCE), "-kill"],
                check=False,
                capture_output=True,
                timeout=STOP_SECONDS,
            )

    def _stop_epmd(self) -> None:
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait(STOP_SECONDS)
            self._epmd = None

    def is_running(self) -> bool:
        return self._node is not None and self._node.poll() is None

    def _signal_node(self, number: signal.Signals) -> None:
        # The file has the process id of the Erlang machine. The process that we started may be a shell around
        # it, which does not pass signals on.
        pid = self._read_pid()
        if self.is_running() and pid is not None:
            _signal_process(pid, number)

    def _read_pid(self) -> int | None:
        try:
            return int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _wait_for_end(self) -> bool:
        if self._node is None:
            return True
        try:
            self._node.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        self._node = None
        return True

    def _answers(self) -> bool:
        """Whether it answers AMQP: it accepts connections before it can serve them."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(AMQP_HEADER)
                return connection.recv(1) == METHOD_FRAME
        except OSError:
            return False

    def _call(self, function: str) -> None:
        """Call an Erlang function in the node. It must give `ok`.

        rabbitmqctl would start another Erlang machine for that, which takes a second of CPU.
        """
        program = shutil.which("erl_call")
        if program is None:
            raise PrivateServerError("erl_call is missing: it comes with the Debian package erlang-base")
        # Not a pipe: erl_call may end before it has read it, and subprocess under eventlet would wait.
        with tempfile.TemporaryFile() as expression:
            expression.write(f"{function}.\n".encode())
            expression.seek(0)
            finished = subprocess.run(  # noqa: S603  # our own command line
                [program, "-n", self._node_name, "-e"],
                env=self._environment(),
                stdin=expression,
                check=False,
                capture_output=True,
                text=True,
                timeout=START_SECONDS,
            )
        if finished.returncode or finished.stdout != "{ok, ok}":
            raise PrivateServerError(f"{function}: {finished.stdout}{finished.stderr}")


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _signal_process(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        pass
