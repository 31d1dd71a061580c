"""Processor time and memory of all processes of a server."""

from __future__ import annotations

from dataclasses import dataclass

import psutil


def processes(pid: int) -> list[psutil.Process]:
    """The process and its descendants."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def seconds_spent(pid: int) -> float:
    """Processor time of the process and its descendants, including those that have ended."""
    total = 0.0
    for process in processes(pid):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def seconds_of_the_machine() -> tuple[float, float]:
    """Seconds since boot: how long all processors were busy, and how long in total."""
    times = psutil.cpu_times()
    idle = times.idle + times.iowait
    return sum(times[:8]) - idle, sum(times[:8])


class Meter:
    """Processor time since the meter was created."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self._before = [seconds_spent(pid) for pid in pids]
        self._machine_before = seconds_of_the_machine()

    def spent(self) -> list[float]:
        """Seconds spent by each process."""
        return [seconds_spent(pid) - before for pid, before in zip(self._pids, self._before, strict=True)]

    def share_of_others(self, *ours: float) -> float:
        """The share of all processor time that unrelated processes used, if ours used `ours` seconds."""
        busy, everything = (
            now - before for now, before in zip(seconds_of_the_machine(), self._machine_before, strict=True)
        )
        return max(0.0, busy - sum(ours)) / everything if everything else 0.0


@dataclass(frozen=True)
class Memory:
    """In megabytes. `largest` includes pages shared with other processes; `together` counts those once."""

    largest: float
    together: float

    @classmethod
    def of(cls, pid: int) -> Memory:
        found = [process.memory_full_info() for process in processes(pid)]
        return cls(max(memory.rss for memory in found) / 1e6, sum(memory.pss for memory in found) / 1e6)
