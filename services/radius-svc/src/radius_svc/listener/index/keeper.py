"""The thread that keeps the index fresh."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from servicekit.logs import log
from sqlalchemy.exc import SQLAlchemyError

from radius_svc.listener import metrics
from radius_svc.listener.database import Database
from radius_svc.listener.index.entries import Index
from radius_svc.listener.index.presence import Presence
from radius_svc.listener.index.reader import IndexReader
from radius_svc.listener.stopping import Stopping

# Half of what a change may take to be effective (100 ms) is left for reading it.
POLL_SECONDS = 0.025
FULL_COMPARISON_SECONDS = 600.0
_RETRY_SECONDS = 1.0


class IndexKeeper:
    """Asks for changes every 25 ms, and compares everything every ten minutes."""

    def __init__(self, database: Database, index: Index, presence: Presence) -> None:
        self._database = database
        self._index = index
        self._reader = IndexReader(index)
        self._newest = database.glance("SELECT seq FROM index_version WHERE id = 1")
        self._presence = presence
        self._compared_at = 0.0
        self._failing = False

    def load(self) -> bool:
        """Fill the index, and say so before the first packet; False if the database cannot be read now."""
        if not self._attempt(self._compare):
            return False
        self._tell()
        return True

    def run(self, stopping: Stopping) -> None:
        """Until told to stop. With the database down the index stays as it is, and answers go on."""
        while not stopping.wait(POLL_SECONDS):
            due = time.monotonic() - self._compared_at >= FULL_COMPARISON_SECONDS
            if not self._attempt(self._compare if due else self._poll):
                stopping.wait(_RETRY_SECONDS)
                continue
            self._tell()
        self._leave()

    def _attempt(self, step: Callable[[], None]) -> bool:
        try:
            step()
        except SQLAlchemyError as error:
            if not self._failing:
                log.error("the database cannot be read", error=type(error).__name__)
            self._failing = True
            return False
        except Exception as error:  # a row nobody foresaw must not end the answering of all others
            log.exception("the index could not be refreshed", error=type(error).__name__)
            return False
        if self._failing:
            log.info("the database can be read again")
        self._failing = False
        metrics.INDEX_REFRESHED_AT.set_to_current_time()
        return True

    def _poll(self) -> None:
        if (self._newest.number() or 0) == self._reader.seq:
            return
        with self._database.snapshot() as connection:
            self._reader.refresh(connection)

    def _tell(self) -> None:
        """What cannot be told now is told at the next change or heartbeat; reading goes on meanwhile."""
        try:
            self._presence.tell(self._reader.seq)
        except SQLAlchemyError as error:
            log.warning("the sign of life cannot be written", error=type(error).__name__)

    def _leave(self) -> None:
        try:
            self._presence.leave()
        except SQLAlchemyError as error:
            log.warning("the sign of life cannot be taken back", error=type(error).__name__)

    def _compare(self) -> None:
        first = self._reader.seq < 0
        with self._database.snapshot() as connection:
            differences = self._reader.load(connection)
        self._compared_at = time.monotonic()
        gc.freeze()  # the index outlives every collection: do not walk it each time
        metrics.ACCOUNTS.set(len(self._index.accounts))
        if differences and not first:
            log.warning("the index differed from the database", differences=differences)
            metrics.INDEX_DIFFERENCES.inc(differences)
