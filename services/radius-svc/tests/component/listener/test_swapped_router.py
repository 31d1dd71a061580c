"""A new home router after the old session's Stop was lost is refused once, then let in."""

from __future__ import annotations

from radius_svc.models import RadAcct
from radius_svc.usecases.following import probing, rounds
from radius_svc.usecases.following.asking import follow_change
from servicekit.clock import SystemClock
from servicekit.runtime import Runtime
from simulators.nas import Outcome
from sqlalchemy import select
from testkit.component import make_settings

from .conftest import wait_for

OLD, NEW = "02:00:00:00:00:0A", "02:00:00:00:00:0B"


def test_the_new_home_router_is_let_in_at_its_next_dial(
    radius_database, radius_database_url, make_nas, tmp_path
):
    """With the real listener, and the control plane step by step."""
    radius_database.limit("juan", 1)
    nas = make_nas(tries=3)
    radius_database.nas("127.0.0.1", version=2, coa_port=nas.coa_port)
    radius_database.wait_in_force()
    assert nas.mschap2("juan", "clientPass", mac=OLD).outcome is Outcome.ACCEPTED
    nas.wait_reported(30)
    nas.faults.lose_accounting = True
    nas.hang_up("juan")

    runtime = Runtime(make_settings("radius", radius_database_url, tmp_path), SystemClock())
    try:
        wait_for(
            lambda: True if dial(nas) is Outcome.REJECTED else None,
            what="the new home router to be refused",
            every=0.1,
        )
        wait_for(lambda: ask_refused(runtime), what="the refusal to be written down")
        with runtime.reading() as session:
            evidence = session.scalars(select(RadAcct.closed_on_evidence)).all()
        assert evidence == ["unknown-to-nas"]
        assert dial(nas) is Outcome.ACCEPTED
    finally:
        runtime.database.close()


def dial(nas):
    """Dial and hang up again, because the old session is known only a second or two after its Start."""
    outcome = nas.mschap2("juan", "clientPass", mac=NEW).outcome
    nas.hang_up("juan")
    return outcome


def ask_refused(runtime):
    """Do what the dispatcher does every two seconds. Returns the number of probes, or None."""
    with runtime.transaction() as session:
        found = probing.request_probes(session, now=runtime.now())
    with runtime.reading() as session:
        due = rounds.due_changes(session, per_router=25)
    for change_id in due:
        follow_change(runtime, change_id)
    return found or None
