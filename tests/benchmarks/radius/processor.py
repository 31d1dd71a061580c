"""What a server cost: processor time and memory of all its processes."""

from __future__ import annotations

from dataclasses import dataclass

import psutil


def processes(pid: int) -> list[psutil.Process]:
    """The process and all below it."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def seconds_spent(pid: int) -> float:
    """By the process, all below it, and those of them that have ended and were waited for."""
    total = 0.0
    for process in processes(pid):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def seconds_of_the_machine() -> tuple[float, float]:
    """In which the processors were busy with anything, and all that they had, since the machine began."""
    times = psutil.cpu_times()
    idle = times.idle + times.iowait
    return sum(times[:8]) - idle, sum(times[:8])


class Meter:
    """Processor time between its making and now."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self._before = [seconds_spent(pid) for pid in pids]
        self._machine_before = seconds_of_the_machine()

    def spent(self) -> list[float]:
        """Seconds of each."""
        return [seconds_spent(pid) - before for pid, before in zip(self._pids, self._before, strict=True)]

    def share_of_others(self, *ours: float) -> float:
        """Of all that the processors had, what went to nobody among us, who spent `ours` seconds."""
        busy, everything = (
            now - before for now, before in zip(seconds_of_the_machine(), self._machine_before, strict=True)
        )
        return max(0.0, busy - sum(ours)) / everything if everything else 0.0


@dataclass(frozen=True)
class Memory:
    """In megabytes. `largest` counts pages a process shares with others, `together` counts them once."""

    largest: float
    together: float

    @classmethod
    def of(cls, pid: int) -> Memory:
        found = [process.memory_full_info() for process in processes(pid)]
        return cls(max(memory.rss for memory in found) / 1e6, sum(memory.pss for memory in found) / 1e6)
