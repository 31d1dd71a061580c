"""Runs each worker in a forked process, and starts another when one dies.

The sockets belong to the supervisor, so packets that arrive while a worker is replaced wait for the new one.
The supervisor itself uses neither packets nor the database and has only one thread, so it can fork at any
time.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from prometheus_client import multiprocess
from servicekit.logs import log

from radius_svc.listener import metrics
from radius_svc.listener.stopping import SIGNALS, Stopping, Termination

# Called once packets are being answered.
OnReady = Callable[[], None]
# What a worker runs until it must stop.
Work = Callable[[Stopping, OnReady], None]
# What one thread of a process runs until it must stop.
Part = Callable[[Stopping], None]

_LOOK_EVERY_SECONDS = 0.1
_STOP_SECONDS = 8.0
# A worker that dies soon after its start is restarted after longer and longer pauses.
_PAUSES_SECONDS = (0.0, 0.2, 1.0, 2.0, 5.0)
_STEADY_AFTER_SECONDS = 30.0


@dataclass
class _Child:
    name: str
    work: Work
    pid: int | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    quick_deaths: int = 0
    is_ready: bool = False
    ready: int = field(default=-1)


class Supervisor:
    """Starts, replaces and stops the workers."""

    def __init__(self, termination: Termination) -> None:
        self._termination = termination
        self._workers: list[_Child] = []

    def add(self, name: str, work: Work) -> None:
        """Add a worker; `name` appears in logs and metrics."""
        self._workers.append(_Child(name, work))

    def run(self, on_ready: OnReady) -> None:
        """Run the workers until SIGTERM or SIGINT. Calls `on_ready` once, when all of them are ready."""
        gc.collect()
        gc.freeze()  # keep existing objects in memory pages shared with the workers
        all_ready = False
        while not self._termination.wait(_LOOK_EVERY_SECONDS if all_ready else _LOOK_EVERY_SECONDS / 10):
            self._replace_dead()
            self._note_ready()
            if not all_ready and all(worker.is_ready for worker in self._workers):
                all_ready = True
                on_ready()
        self._stop()

    def _replace_dead(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if worker.pid is not None and _has_ended(worker.pid) is not None:
                self._plan_restart(worker, now)
            if worker.pid is None and now >= worker.start_at:
                self._start(worker, now)

    def _plan_restart(self, worker: _Child, now: float) -> None:
        log.error("a worker of the radius listener died; starting another", worker=worker.name)
        multiprocess.mark_process_dead(worker.pid)
        metrics.WORKER_RESTARTS.labels(worker.name).inc()
        quick = now - worker.started_at < _STEADY_AFTER_SECONDS
        worker.quick_deaths = worker.quick_deaths + 1 if quick else 0
        worker.start_at = now + _PAUSES_SECONDS[min(worker.quick_deaths, len(_PAUSES_SECONDS) - 1)]
        worker.pid, worker.is_ready = None, False
        self._forget_ready(worker)

    def _start(self, worker: _Child, now: float) -> None:
        ready, report = os.pipe()
        # Signals are blocked until the child has its own handlers.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        pid = os.fork()
        if pid == 0:
            os.close(ready)
            os._exit(_run(worker.work, self._termination, report))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        os.close(report)
        worker.pid, worker.ready, worker.started_at = pid, ready, now
        log.info("worker started", worker=worker.name, pid=pid)

    def _note_ready(self) -> None:
        pipes = {worker.ready: worker for worker in self._workers if worker.ready >= 0}
        for pipe in select.select(list(pipes), [], [], 0)[0]:
            worker = pipes[pipe]
            worker.is_ready = bool(os.read(pipe, 1))
            self._forget_ready(worker)

    @staticmethod
    def _forget_ready(worker: _Child) -> None:
        if worker.ready >= 0:
            os.close(worker.ready)
            worker.ready = -1

    def _stop(self) -> None:
        pids = [worker.pid for worker in self._workers if worker.pid is not None]
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for pid in pids:
            while _has_ended(pid) is None:
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                    break
                time.sleep(0.01)


def run_parts(stopping: Stopping, parts: Sequence[Part]) -> None:
    """Run the first part in this thread and the others in their own threads. If one ends, all are stopped.

    A worker with only some of its parts is worse than none: the supervisor replaces a worker that exits.
    """

    def guarded(part: Part) -> None:
        try:
            part(stopping)
        finally:
            stopping.set()

    threads = [threading.Thread(target=guarded, args=(part,)) for part in parts[1:]]
    for thread in threads:
        thread.start()
    try:
        guarded(parts[0])
    finally:
        for thread in threads:
            thread.join()


def _run(work: Work, termination: Termination, report: int) -> int:
    """Run a worker in the child process. Returns the exit code, and never continues the supervisor's code."""
    supervisor = os.getppid()
    stopping = Stopping(alive=lambda: os.getppid() == supervisor)
    termination.leave_to_parent(stopping)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    code = 1
    try:
        work(stopping, lambda: _report_ready(report))
        code = 0
    except Exception as error:
        log.exception("a worker of the radius listener failed", error=type(error).__name__)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return code


def _report_ready(pipe: int) -> None:
    os.write(pipe, b"1")
    os.close(pipe)


def _has_ended(pid: int) -> int | None:
    """The exit status of a process, once; None while it is running."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return status if ended else None
