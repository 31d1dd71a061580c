"""The thread that keeps the index up to date."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from servicekit.logs import log
from sqlalchemy.exc import SQLAlchemyError

from radius_svc.listener import metrics
from radius_svc.listener.database import ListenerDatabase
from radius_svc.listener.index.entries import Index
from radius_svc.listener.index.presence import Presence
from radius_svc.listener.index.reader import IndexReader
from radius_svc.listener.stopping import Stopping

# A change must take effect within 100 ms. This leaves enough time for reading it.
POLL_SECONDS = 0.025
FULL_COMPARISON_SECONDS = 600.0
_RETRY_SECONDS = 1.0


class IndexKeeper:
    """Polls for changes every 25 ms, and compares everything with the database every ten minutes."""

    def __init__(self, database: ListenerDatabase, index: Index, presence: Presence) -> None:
        self._database = database
        self._index = index
        self._reader = IndexReader(index)
        self._newest = database.polled_number("SELECT seq FROM index_version WHERE id = 1")
        self._presence = presence
        self._compared_at = 0.0
        self._failing = False

    def load(self) -> bool:
        """Fill the index and publish that it is filled; False if the database cannot be read now."""
        if not self._attempt(self._compare):
            return False
        self._publish()
        return True

    def run(self, stopping: Stopping) -> None:
        """Run until the process must stop. While the database is down, the index stays as it is."""
        while not stopping.wait(POLL_SECONDS):
            due = time.monotonic() - self._compared_at >= FULL_COMPARISON_SECONDS
            if not self._attempt(self._compare if due else self._poll):
                stopping.wait(_RETRY_SECONDS)
                continue
            self._publish()
        self._withdraw()

    def _attempt(self, step: Callable[[], None]) -> bool:
        try:
            step()
        except SQLAlchemyError as error:
            if not self._failing:
                log.error("cannot read the database", error=type(error).__name__)
            self._failing = True
            return False
        except Exception as error:  # an unexpected row must not stop the answers to all others
            log.exception("cannot refresh the index", error=type(error).__name__)
            return False
        if self._failing:
            log.info("the database is readable again")
        self._failing = False
        metrics.INDEX_REFRESHED_AT.set_to_current_time()
        return True

    def _poll(self) -> None:
        if (self._newest.read() or 0) == self._reader.seq:
            return
        with self._database.snapshot() as connection:
            self._reader.refresh(connection)

    def _publish(self) -> None:
        """Publish how far the index is. After a failure the next change or heartbeat does it."""
        try:
            self._presence.publish(self._reader.seq)
        except SQLAlchemyError as error:
            log.warning("cannot write the heartbeat", error=type(error).__name__)

    def _withdraw(self) -> None:
        try:
            self._presence.withdraw()
        except SQLAlchemyError as error:
            log.warning("cannot delete the heartbeat", error=type(error).__name__)

    def _compare(self) -> None:
        first = self._reader.seq < 0
        with self._database.snapshot() as connection:
            differences = self._reader.load(connection)
        self._compared_at = time.monotonic()
        gc.freeze()  # the index is long-lived: exclude it from garbage collection
        metrics.LOGINS.set(len(self._index.logins))
        if differences and not first:
            log.warning("the index differed from the database", entries=differences)
            metrics.INDEX_DIFFERENCES.inc(differences)
