"""The nameko extension that works through changes of live sessions.

Many services are handled concurrently; the changes of one service are handled in order. A router that does
not answer blocks a greenthread for seconds per change, so each router gets a limited share of them.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, suppress
from datetime import timedelta

import eventlet
from nameko.extensions import DependencyProvider
from servicekit import leases
from servicekit.bell import Bell
from servicekit.db import DATABASE_ERRORS
from servicekit.ids import new_id
from servicekit.logs import log
from servicekit.runtime import RuntimeExtension
from sqlalchemy.orm import Session

from radius_svc.usecases.following import asking, probing, rounds, strays
from radius_svc.usecases.following.changes import MARK

PER_ROUTER = 25
SIDE_BY_SIDE = 1000
POLL_SECONDS = 1.0
# Renewed every second while there is work. After a crash another process continues when it has expired.
LEASE = timedelta(seconds=10)
LEASE_NAME = "session-changes"
EMBEDDED_HOLDER = "embedded"
STOP_SECONDS = 8.0
STRAYS_EVERY_SECONDS = 10.0
REFUSED_EVERY_SECONDS = 2.0


class SessionChangeDispatcher(DependencyProvider):
    """Runs when a change is committed, and every second to find changes that are due again."""

    shared = RuntimeExtension()

    def start(self) -> None:
        # An embedded installation is one process: after a kill it takes over its old lease at once.
        self._holder = EMBEDDED_HOLDER if self.shared.runtime.settings.embedded else new_id()
        self._bell = Bell()
        self._stopping = False
        self._busy: set[int] = set()
        self._pool = eventlet.GreenPool(SIDE_BY_SIDE)
        self.shared.runtime.database.after_commit(MARK, self._bell.ring)
        self.container.spawn_managed_thread(self._run, identifier="session changes")

    def stop(self) -> None:
        """Wait for the requests in flight, then release the lease for the next process."""
        self._stopping = True
        self._bell.ring()
        with eventlet.Timeout(STOP_SECONDS, False):
            self._pool.waitall()
        try:
            with self.shared.runtime.transaction() as session:
                leases.release(session, LEASE_NAME, self._holder)
        except DATABASE_ERRORS as error:
            log.warning(
                "could not release the lease; it will expire", name=LEASE_NAME, error=type(error).__name__
            )

    def _run(self) -> None:
        strays_at = refused_at = 0.0
        while not self._stopping:
            try:
                self._dispatch_due()
                if time.monotonic() >= refused_at:
                    refused_at = time.monotonic() + REFUSED_EVERY_SECONDS
                    self._find_refused()
                if time.monotonic() >= strays_at:
                    strays_at = time.monotonic() + STRAYS_EVERY_SECONDS
                    self._find_strays()
            except Exception as error:
                log.warning("session changes are delayed", error=f"{type(error).__name__}: {error}")
                eventlet.sleep(POLL_SECONDS)
            self._bell.wait(POLL_SECONDS)

    def _dispatch_due(self) -> None:
        runtime = self.shared.runtime
        with runtime.reading() as session:
            due = rounds.due_changes(session, per_router=PER_ROUTER)
        if not due and not self._busy:
            return
        try:
            with self._holding_lease():
                pass
        except leases.LeaseTaken:
            return
        for change_id in (change_id for change_id in due if change_id not in self._busy):
            self._busy.add(change_id)
            self._pool.spawn_n(self._follow, change_id)

    def _find_strays(self) -> None:
        runtime = self.shared.runtime
        with runtime.reading() as session:  # slow: does not block writers
            if not strays.strays(session):
                return
        with suppress(leases.LeaseTaken), self._holding_lease() as session:
            found = strays.request_changes_of_strays(session, now=runtime.now())
            if found:
                log.warning("sessions did not follow their service; sending requests again", services=found)

    def _find_refused(self) -> None:
        runtime = self.shared.runtime
        with runtime.reading() as session:
            if not probing.refused_logins(session, now=runtime.now()):
                return
        with suppress(leases.LeaseTaken), self._holding_lease() as session:
            probing.request_probes(session, now=runtime.now())

    def _holding_lease(self) -> AbstractContextManager[Session]:
        return leases.holding(self.shared.runtime, LEASE_NAME, self._holder, LEASE)

    def _follow(self, change_id: int) -> None:
        try:
            asking.follow_change(self.shared.runtime, change_id)
        except Exception as error:
            log.warning(
                "session change is delayed", change_id=change_id, error=f"{type(error).__name__}: {error}"
            )
            eventlet.sleep(POLL_SECONDS)
        finally:
            self._busy.discard(change_id)
            self._bell.ring()  # the next change of the same service may start now
