"""Accounting reports, sent one after the other as a router sends them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from simulators.packets import add_attributes
from simulators.radius_client import RadiusClient
from simulators.sessions import NasSession


class AccountingQueue:
    """`changed` is notified whenever a report has been settled: acknowledged or given up."""

    def __init__(
        self, client: RadiusClient, changed: threading.Condition, log: Callable[[str], None]
    ) -> None:
        self._client = client
        self._changed = changed
        self._log = log
        self._reports: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._unsettled = 0
        self._closed = False

    def put(self, report: dict[str, Any]) -> None:
        with self._changed:
            self._unsettled += 1
        self._reports.put(report)

    def close(self) -> None:
        """Drop queued reports and let `run` return."""
        self._closed = True
        self._reports.put(None)

    def wait_settled(self, timeout: float) -> None:
        """Wait until every report so far has been settled. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._unsettled == 0, timeout):
                raise TimeoutError(f"{self._unsettled} accounting packets are not acknowledged")

    def run(self) -> None:
        """Send reports until closed. Reports queued behind a lost packet arrive late, as in real life."""
        while (report := self._reports.get()) is not None and not self._closed:
            request = self._client.accounting_request()
            add_attributes(request, report | {"Acct-Delay-Time": 0})
            if not self._client.report(request):
                self._log(f"accounting {report['Acct-Status-Type']} was not acknowledged")
            with self._changed:
                self._unsettled -= 1
                self._changed.notify_all()


def session_report(status: str, session: NasSession, octets_per_second: tuple[int, int]) -> dict[str, Any]:
    """The attributes of a Start, Interim-Update or Stop as of now, apart from those that name the line."""
    report: dict[str, Any] = {
        "Acct-Status-Type": status,
        "Acct-Session-Id": session.acct_session_id,
        "Acct-Authentic": "RADIUS",
        "Framed-IP-Address": session.framed_ip_address,
    }
    if session.radius_class is not None:
        report["Class"] = session.radius_class
    if status != "Start":
        seconds = time.monotonic() - session.started_at
        upload = session.upload_octets + int(seconds * octets_per_second[0])
        download = session.download_octets + int(seconds * octets_per_second[1])
        report |= {
            "Acct-Session-Time": int(seconds),
            "Acct-Input-Octets": upload & 0xFFFFFFFF,
            "Acct-Input-Gigawords": upload >> 32,
            "Acct-Output-Octets": download & 0xFFFFFFFF,
            "Acct-Output-Gigawords": download >> 32,
            "Acct-Input-Packets": upload // 1000,
            "Acct-Output-Packets": download // 1000,
        }
    if status == "Stop":
        report["Acct-Terminate-Cause"] = session.ended_by
    return report
