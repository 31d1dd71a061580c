"""Which open sessions were replaced by a newer session of the same home: their Stop was lost.

A home has one session per port of a NAS, the newest. On a MikroTik the port is the interface that many homes
share, so a session with another MAC address belongs to another home.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple


class OpenLine(NamedTuple):
    """An open row of radacct. `nas` identifies its router."""

    radacctid: int
    username: str
    nas: str
    nas_port_id: str | None
    calling_station_id: str | None
    started_at: datetime


def replaced_sessions(lines: Iterable[OpenLine]) -> dict[int, datetime]:
    """Ids of the sessions that are over, and when the newest session of the same home started."""
    of_port: dict[tuple[str, str, str], list[OpenLine]] = defaultdict(list)
    for line in lines:
        if line.nas_port_id is not None:
            of_port[line.username, line.nas, line.nas_port_id].append(line)
    return {
        line.radacctid: max(began)
        for together in of_port.values()
        if len(together) > 1
        for line in together
        if (began := [other.started_at for other in together if _followed(line, other)])
    }


def _followed(line: OpenLine, other: OpenLine) -> bool:
    stations = (line.calling_station_id, other.calling_station_id)
    return other.started_at > line.started_at and (None in stations or stations[0] == stations[1])
