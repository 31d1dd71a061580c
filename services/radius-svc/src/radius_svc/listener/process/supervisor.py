"""Keeps the workers up: a process for each, forked, and another one in the place of one that dies.

The sockets belong to the supervisor, so what arrives while a worker is replaced waits for its successor. It
reads no packet and no database itself, has one thread, and so can fork at any time.
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

# To be called once packets are answered.
Answers = Callable[[], None]
# What a worker runs, until told to end.
Work = Callable[[Stopping, Answers], None]
# What one thread of a process runs, until told to end.
Part = Callable[[Stopping], None]

_LOOK_EVERY_SECONDS = 0.1
_STOP_SECONDS = 8.0
# A worker that dies soon after its start waits longer and longer for the next one.
_PAUSES_SECONDS = (0.0, 0.2, 1.0, 2.0, 5.0)
_STEADY_AFTER_SECONDS = 30.0


@dataclass
class _Worker:
    name: str
    work: Work
    pid: int | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    quick_deaths: int = 0
    answers: bool = False
    ready: int = field(default=-1)


class Supervisor:
    def __init__(self, termination: Termination) -> None:
        self._termination = termination
        self._workers: list[_Worker] = []

    def add(self, name: str, work: Work) -> None:
        self._workers.append(_Worker(name, work))

    def run(self, on_ready: Answers) -> None:
        """Until SIGTERM or SIGINT; `on_ready` is called once, when all answer."""
        gc.collect()
        gc.freeze()  # what is there now is shared with all workers, and stays so if nobody walks it
        told = False
        while not self._termination.wait(_LOOK_EVERY_SECONDS if told else _LOOK_EVERY_SECONDS / 10):
            self._replace_dead()
            self._listen_for_ready()
            if not told and all(worker.answers for worker in self._workers):
                told = True
                on_ready()
        self._stop()

    def _replace_dead(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if worker.pid is not None and _has_ended(worker.pid) is not None:
                self._bury(worker, now)
            if worker.pid is None and now >= worker.start_at:
                self._start(worker, now)

    def _bury(self, worker: _Worker, now: float) -> None:
        log.error("a worker of the radius listener died; another takes its place", worker=worker.name)
        multiprocess.mark_process_dead(worker.pid)
        metrics.WORKER_RESTARTS.labels(worker.name).inc()
        quick = now - worker.started_at < _STEADY_AFTER_SECONDS
        worker.quick_deaths = worker.quick_deaths + 1 if quick else 0
        worker.start_at = now + _PAUSES_SECONDS[min(worker.quick_deaths, len(_PAUSES_SECONDS) - 1)]
        worker.pid, worker.answers = None, False
        self._forget_ready(worker)

    def _start(self, worker: _Worker, now: float) -> None:
        ready, tell = os.pipe()
        # A signal that comes while the child still has our handlers is kept until it has its own.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        pid = os.fork()
        if pid == 0:
            os.close(ready)
            os._exit(_run(worker.work, self._termination, tell))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        os.close(tell)
        worker.pid, worker.ready, worker.started_at = pid, ready, now
        log.info("worker started", worker=worker.name, pid=pid)

    def _listen_for_ready(self) -> None:
        pipes = {worker.ready: worker for worker in self._workers if worker.ready >= 0}
        for pipe in select.select(list(pipes), [], [], 0)[0]:
            worker = pipes[pipe]
            worker.answers = bool(os.read(pipe, 1))
            self._forget_ready(worker)

    @staticmethod
    def _forget_ready(worker: _Worker) -> None:
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


def parts_together(stopping: Stopping, parts: Sequence[Part]) -> None:
    """Run the first part here and the others in threads. One that ends takes all along: half a worker is
    worse than none, and whoever started this process makes a whole one."""

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


def _run(work: Work, termination: Termination, tell: int) -> int:
    """In the child. Nothing of the supervisor's is run any more, whatever happens."""
    supervisor = os.getppid()
    stopping = Stopping(alive=lambda: os.getppid() == supervisor)
    termination.leave_to_parent(stopping)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    code = 1
    try:
        work(stopping, lambda: _tell(tell))
        code = 0
    except Exception as error:
        log.exception("a worker of the radius listener failed", error=type(error).__name__)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return code


def _tell(pipe: int) -> None:
    os.write(pipe, b"1")
    os.close(pipe)


def _has_ended(pid: int) -> int | None:
    """Its exit status, once; None while it lives."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return status if ended else None
