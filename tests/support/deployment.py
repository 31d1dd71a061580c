"""The real system as an operator starts it: `python -m ispos run` or `run-distributed`, on its own ports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import psutil
import requests
from servicekit.private_process import find_free_port, tail
from simulators.nas import SimulatedNas

from tests.support.api import Api
from tests.support.waiting import pauses, wait_for

Mode = Literal["embedded", "distributed"]
MODES: tuple[Mode, ...] = ("embedded", "distributed")
COMMANDS = {"embedded": ["run"], "distributed": ["run-distributed"]}
SERVICES = ("subscriber", "billing", "payment", "router", "radius", "gateway")
LISTENER = "radius-listener"
MAIN = "main"
READY_SECONDS = 100  # longer than the launcher waits, so that its own error is seen
STOP_SECONDS = 60
REPOSITORY = Path(__file__).parents[2]

OWNER_EMAIL = "owner@example.com"
OWNER_PASSWORD = "correct horse battery staple"
NAS_SECRET = "nas-secret-0123456789"


class Deployment:
    """Use `running()`. Its output is in `log`."""

    def __init__(
        self,
        mode: Mode,
        data_dir: Path,
        *,
        command: list[str] | None = None,
        environ: Mapping[str, str | None] | None = None,
    ) -> None:
        """`environ` overrides the usual variables; None removes one."""
        self.mode = mode
        self.data_dir = data_dir
        self.log = data_dir / "output.log"
        self.http_port, self.auth_port, self.acct_port = find_free_port(), find_free_port(), find_free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.api = Api(self.url)
        self._command = command or [sys.executable, "-m", "ispos", *COMMANDS[mode]]
        self._extra_environ = dict(environ or {})
        self._process: subprocess.Popen[bytes] | None = None

    # ---- life

    @property
    def environ(self) -> dict[str, str]:
        # Variables of a make that runs the tests would make our own make print more.
        ours = ("ISPOS_", "AMQP_URL", "MAKE", "MFLAGS")
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(ours) and not name.endswith("_DATABASE_URL")
        }
        given: dict[str, str | None] = {
            "ISPOS_DATA_DIR": str(self.data_dir),
            "ISPOS_HTTP_PORT": str(self.http_port),
            "ISPOS_RADIUS_HOST": "127.0.0.1",
            "ISPOS_RADIUS_AUTH_PORT": str(self.auth_port),
            "ISPOS_RADIUS_ACCT_PORT": str(self.acct_port),
            "ISPOS_OWNER_EMAIL": OWNER_EMAIL,
            "ISPOS_OWNER_PASSWORD": OWNER_PASSWORD,
            "ISPOS_CLOCK": "movable",
        }
        given |= self._extra_environ
        return inherited | {name: value for name, value in given.items() if value is not None}

    def launch(self) -> None:
        """Start the command without waiting."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=REPOSITORY,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_interruptible,
            )

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.launch()
        self.wait_ready()
        if not self.api.token and "ISPOS_OWNER_EMAIL" in self.environ:
            self.api.log_in(OWNER_EMAIL, OWNER_PASSWORD)

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until every part is ready. Fails with the end of its output if it exits before."""

        deadline = time.monotonic() + seconds
        pause = pauses()
        while wrong := self.what_is_not_ready():
            assert self._process is not None
            code = self._process.poll()
            assert code is None, f"it ended with {code}:\n{tail(self.log)}"
            assert time.monotonic() < deadline, f"not ready after {seconds:g} s: {wrong}\n{tail(self.log)}"
            time.sleep(next(pause))

    def what_is_not_ready(self) -> str:
        """What /readyz reports, or an empty string if every part is ready."""
        try:
            answer = requests.get(f"{self.url}/readyz", timeout=10)
        except requests.RequestException as error:
            return f"/readyz does not answer: {type(error).__name__}"
        return "" if answer.ok else answer.text

    def stop(self) -> None:
        """Stop it as a supervisor does. It must exit cleanly and leave no process behind."""
        assert self._process is not None
        psutil.Process(self.pid(MAIN)).terminate()
        code = self._process.wait(timeout=STOP_SECONDS)
        self._process = None
        self.api.close()
        assert code == 0, f"it ended with {code}:\n{tail(self.log)}"
        assert not self.processes(), f"left behind: {self.processes()}"

    def interrupt_group(self) -> None:
        """Do what Ctrl-C in a terminal does: send SIGINT to the command and its children."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGINT)

    def wait_ended(self, seconds: float = STOP_SECONDS) -> int:
        """The exit code, once the process has ended on its own."""
        assert self._process is not None
        code = self._process.wait(timeout=seconds)
        self._process = None
        return code

    def destroy(self) -> None:
        """Kill all of its processes that are still running."""
        for process in self.processes():
            with _gone_is_fine():
                process.resume()
                process.kill()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        wait_for("all processes have ended", lambda: not self.processes())
        self.api.close()

    # ---- processes

    def pid(self, name: str) -> int:
        """The process id of `main` (our first process, not make), the listener, a service or a server."""
        if name == MAIN:
            assert self._process is not None
            started = psutil.Process(self._process.pid)
            return started.children()[0].pid if started.name() == "make" else started.pid
        return int(self._pid_file(name).read_text().split()[0])

    def names(self) -> list[str]:
        """The processes that tests may kill and that must recover: neither the launcher nor the servers."""
        return [MAIN, LISTENER] if self.mode == "embedded" else [LISTENER, *SERVICES]

    def kill(self, name: str) -> None:
        """kill -9, and wait until it is gone. If it is being restarted, wait for that first."""
        process: psutil.Process = wait_for(f"{name} runs", lambda: self._running(name), seconds=30)
        process.kill()
        if name == MAIN:
            assert self._process is not None
            self._process.wait()
            self._process = None
        else:
            wait_for(f"{name} is dead", lambda: not _is_alive(process))

    def _running(self, name: str) -> psutil.Process | None:
        with _gone_is_fine():
            process = psutil.Process(self.pid(name))
            return process if self._is_ours(process) else None
        return None

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """Suspend the process (SIGSTOP) within this block."""
        process = psutil.Process(self.pid(name))
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    def processes(self) -> list[psutil.Process]:
        """All processes with our data folder in their environment or command line."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        folder = str(self.data_dir)
        if process.pid == os.getpid() or not _is_alive(process):
            return False
        with _gone_is_fine():
            words = [*process.cmdline(), *process.environ().values()]
            return any(word == folder or f"{folder}/" in word for word in words)
        return False

    def _pid_file(self, name: str) -> Path:
        if name == "postgres":
            return self.data_dir / "postgres" / "data" / "postmaster.pid"
        if name == "rabbitmq":
            return self.data_dir / "rabbitmq" / "pid"
        return self.data_dir / (f"{name}.pid" if self.mode == "embedded" else f"pids/{name}")

    # ---- what operators do

    def make_router(self, nas: SimulatedNas, name: str | None = None, **fields: Any) -> dict[str, Any]:
        content = {
            "name": name or nas.identity,
            "connection": "manual",
            "nas_address": nas.nas_ip_address,
            "radius_secret": NAS_SECRET,
            "coa_port": nas.coa_port,
        }
        return self.api.post("/routers", content | fields)

    def make_plan(
        self, name: str, *, price: int = 150_000, kbps: int = 50_000, **fields: Any
    ) -> dict[str, Any]:
        content = {
            "name": name,
            "price": price,
            "billing_type": "postpaid",
            "download_kbps": kbps,
            "upload_kbps": kbps,
        }
        return self.api.post("/plans", content | fields)

    def make_subscriber(self, full_name: str, service: dict[str, Any], **fields: Any) -> dict[str, Any]:
        return self.api.post("/subscribers", {"full_name": full_name, "service": service, **fields})

    def generate_invoices(self, **content: Any) -> dict[str, Any]:
        """Start a billing run. Returns its report when it has finished."""
        return self.wait_run(self.api.post("/billing-runs", content)["id"])

    def wait_run(self, run_id: str) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            run = self.api.get(f"/billing-runs/{run_id}")
            return run if run["status"] != "running" else None

        return wait_for("the billing run is over", ended, seconds=30)

    def pay(
        self, subscriber_id: str, amount: int, *, reference: str = "", method: str = "gcash", **fields: Any
    ) -> dict[str, Any]:
        content = {"subscriber_id": subscriber_id, "amount": amount, "method": method, "reference": reference}
        return self.api.post("/payments", content | fields)

    # ---- time

    def today(self) -> date:
        return date.fromisoformat(self.api.get("/clock")["date"])

    def advance(self, *, days: int) -> date:
        """Move the clock forward and run the collections of the new day."""
        self.api.put("/clock", advance_days=days)
        self.api.post("/collections-runs")
        return self.today()

    def begin_month(self) -> date:
        """Move to the second day of the next month, after its invoices were generated."""
        first = (self.today().replace(day=1) + timedelta(days=32)).replace(day=1)
        self.api.put("/clock", date=(first + timedelta(days=1)).isoformat())

        def invoiced() -> bool:
            runs = self.api.get("/billing-runs", limit=10)["data"]
            return any(
                run["period"]["start"] == first.isoformat() and run["status"] == "finished" for run in runs
            )

        wait_for(f"the automatic run of {first} is over", invoiced, seconds=30)
        self.api.post("/collections-runs")
        return self.today()


@contextmanager
def running(deployment: Deployment) -> Iterator[Deployment]:
    """Start it, wait until it is ready, and stop it at the end. Destroy it if that fails."""
    try:
        deployment.start()
        yield deployment
        deployment.stop()
    finally:
        deployment.destroy()


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    """A process may end while we look at it, and we may not read processes of other users."""
    try:
        yield
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        pass


def _interruptible() -> None:
    """Let Ctrl-C end the process: a shell starts what it runs in the background with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
