"""Works through the changes of live sessions: many services side by side, one service in order.

A router that does not answer takes seconds for every change. It has its share of the places and no more, so
that it holds up nobody on another router.
"""

from __future__ import annotations

import time
from datetime import timedelta

import eventlet
from nameko.extensions import DependencyProvider
from servicekit import leases
from servicekit.bell import Bell
from servicekit.db import DATABASE_ERRORS
from servicekit.ids import new_id
from servicekit.logs import log
from servicekit.runtime import RuntimeExtension

from radius_svc.usecases.following import asking, probing, rounds, strays
from radius_svc.usecases.following.changes import MARK

PER_ROUTER = 25
SIDE_BY_SIDE = 1000
POLL_SECONDS = 1.0
# Renewed every second while there is work: after a crash the next process goes on when it is over.
LEASE = timedelta(seconds=10)
LEASE_NAME = "session-changes"
EMBEDDED_HOLDER = "embedded"
STOP_SECONDS = 8.0
STRAYS_EVERY_SECONDS = 10.0
REFUSED_EVERY_SECONDS = 2.0


class SessionChangeDispatcher(DependencyProvider):
    """Woken when a change is committed; looks by itself every second for what is due again."""

    shared = RuntimeExtension()

    def start(self) -> None:
        # Embedded there is one process at a time: it goes on at once where a killed one stopped.
        self._holder = EMBEDDED_HOLDER if self.shared.runtime.settings.embedded else new_id()
        self._bell = Bell()
        self._stopping = False
        self._busy: set[int] = set()
        self._pool = eventlet.GreenPool(SIDE_BY_SIDE)
        self.shared.runtime.database.after_commit(MARK, self._bell.ring)
        self.container.spawn_managed_thread(self._run, identifier="session changes")

    def stop(self) -> None:
        """Let the requests under way be answered, and make way for the next process."""
        self._stopping = True
        self._bell.ring()
        with eventlet.Timeout(STOP_SECONDS, False):
            self._pool.waitall()
        try:
            with self.shared.runtime.transaction() as session:
                leases.release(session, LEASE_NAME, self._holder)
        except DATABASE_ERRORS as error:
            log.warning("the lease is left to expire", name=LEASE_NAME, error=type(error).__name__)

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
                log.warning("session changes wait", error=f"{type(error).__name__}: {error}")
                eventlet.sleep(POLL_SECONDS)
            self._bell.wait(POLL_SECONDS)

    def _dispatch_due(self) -> None:
        runtime = self.shared.runtime
        with runtime.reading() as session:
            due = rounds.due_changes(session, per_router=PER_ROUTER)
        if not due and not self._busy:
            return
        with runtime.transaction() as session:
            if not leases.take(session, LEASE_NAME, self._holder, LEASE):
                return
        for change_id in (change_id for change_id in due if change_id not in self._busy):
            self._busy.add(change_id)
            self._pool.spawn_n(self._follow, change_id)

    def _find_strays(self) -> None:
        runtime = self.shared.runtime
        with runtime.reading() as session:  # others write meanwhile
            if not strays.strays(session):
                return
        with runtime.transaction() as session:
            if not leases.take(session, LEASE_NAME, self._holder, LEASE):
                return
            found = strays.ask_strays(session, now=runtime.now())
        if found:
            log.warning("sessions did not follow their service; asking again", sessions=found)

    def _find_refused(self) -> None:
        runtime = self.shared.runtime
        with runtime.reading() as session:
            if not probing.refused_logins(session, now=runtime.now()):
                return
        with runtime.transaction() as session:
            if leases.take(session, LEASE_NAME, self._holder, LEASE):
                probing.ask_refused(session, now=runtime.now())

    def _follow(self, change_id: int) -> None:
        try:
            asking.follow_change(self.shared.runtime, change_id)
        except Exception as error:
            log.warning("session change waits", change_id=change_id, error=f"{type(error).__name__}: {error}")
            eventlet.sleep(POLL_SECONDS)
        finally:
            self._busy.discard(change_id)
            self._bell.ring()  # the next change of the same service may go now
