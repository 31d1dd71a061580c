"""Work in the background: ending exemptions whose time is over."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from servicekit import leases
from servicekit.metrics import JOB_LAST_SUCCESS
from servicekit.runtime import Runtime

from subscriber_svc.usecases import exemptions

LEASE = timedelta(seconds=10)
EXEMPTIONS_LEASE = "exemptions"
BATCH = 50


def end_exemptions(runtime: Runtime, holder: str) -> None:
    """End every exemption whose time is over by business time, also those that ended while we were down.

    Each batch is one transaction. If it fails, the next tick tries it again.
    """
    with suppress(leases.LeaseTaken):
        while service_ids := _expired(runtime):
            with leases.holding(runtime, EXEMPTIONS_LEASE, holder, LEASE) as session:
                for service_id in sorted(service_ids):  # locked in the order that payments lock them in
                    exemptions.end_expired(session, service_id, now=runtime.now())
            JOB_LAST_SUCCESS.labels(EXEMPTIONS_LEASE).set_to_current_time()


def _expired(runtime: Runtime) -> list[str]:
    with runtime.reading() as session:  # every second, so it must not block writers
        return exemptions.expired(session, runtime.now(), limit=BATCH)
