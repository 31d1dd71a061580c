"""In which order changes are followed, and when: one by one, and once the listener has them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from radius_svc.usecases import provisioning
from radius_svc.usecases.following import asking, rounds
from radius_svc.usecases.following.asking import follow_change
from testkit.component import while_held

from .conftest import make_dispatcher


def test_only_the_oldest_change_of_a_service_is_due(control):
    service = control.hold(control.service())
    service = control.release(service)
    other = control.hold(control.service("ana"))
    first, _second = control.changes(service)
    assert control.due() == [first.id, control.changes(other)[0].id]


def test_a_change_in_progress_is_not_overtaken(control):
    service = control.service()
    control.dial(service)
    service = control.hold(service)
    (first,) = control.due()
    with control.runtime.reading() as session:
        work = rounds.load_work(session, first)  # the first dispatcher begins
    control.release(service)
    assert control.due() == [first]  # all that the second dispatcher could do
    with control.runtime.transaction() as session:
        rounds.finish_round(session, work, [], now=control.runtime.now())
    assert len(control.due()) == 1
    assert control.due() != [first]


def test_a_restore_does_not_wait_for_a_dead_router(control):
    """Requests to a dead router are repeated for days. The restore must not wait for that."""
    service = control.service()
    control.dial(service, router_id="dead")
    control.register(version=1, router_id="dead", coa_port=9, nas_address="127.0.0.2")
    live = control.dial(service)
    service = control.hold(service)
    control.follow()
    assert not live.online
    control.stop(live)
    fenced = control.dial(service)  # its router does not return the Class
    control.clock.advance(seconds=1)
    service = control.release(service)

    control.follow()

    assert not fenced.online
    assert control.statuses(service) == ["given_up", "pending"]


def test_a_pending_disconnect_gives_way_only_to_another_one(control):
    control.nas.faults.ignore_coa = True
    service = control.service()
    control.dial(service)
    control.kick(service)
    control.follow()
    service = control.hold(service)
    control.follow()
    assert control.statuses(service) == ["pending", "pending"]
    control.kick(service)
    control.follow()
    assert control.statuses(service) == ["given_up", "given_up", "pending"]


def test_each_router_has_a_limited_share(control):
    control.register(version=1, router_id="other", nas_address="127.0.0.2")
    for number in range(3):
        control.dial(service := control.service(f"here-{number}"))
        control.hold(service)
    control.dial(there := control.service("there"), router_id="other")
    control.hold(there)
    with control.runtime.reading() as session:
        due = rounds.due_changes(session, per_router=2)
    assert len(due) == 3
    assert control.changes(there)[0].id in due


def test_two_dispatchers_take_turns(control):
    """The second one works only after the first has released its lease, or the lease has expired."""
    control.dial(service := control.service())
    control.hold(service)
    first, second = (make_dispatcher(runtime) for runtime in (control.runtime, control.tested.another()))
    second._holder = "second"
    first._dispatch_due()
    second._dispatch_due()
    assert second._pool.running() == 0
    first.stop()
    second.stop()
    second.shared.runtime.database.close()
    assert control.statuses(service) == ["done"]
    assert control.asked() == ["disconnect"]


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)  # SQLite has one writer
def test_concurrent_changes_keep_their_order(control, tested):
    service = control.service()
    control.dial(service)
    held = replace(service, version=2, status=provisioning.ServiceStatus.SUSPENDED)
    free = replace(service, version=3)
    rival = tested.another()

    def keep(runtime, snapshot) -> None:
        with runtime.transaction() as session:
            provisioning.keep_service(session, snapshot, cipher=runtime.cipher, now=runtime.now())

    while_held(
        tested,
        lambda session: provisioning.keep_service(
            session, held, cipher=tested.runtime.cipher, now=tested.runtime.now()
        ),
        lambda: keep(rival.runtime, free),
    )
    rival.runtime.database.close()
    first, second = control.changes(service)
    assert first.authorized_seq < second.authorized_seq


def test_requests_wait_until_the_listener_has_the_change(control, monkeypatch):
    service = control.service()
    control.dial(service)
    control.listener(applied_seq=0)
    service = control.hold(service)
    seen = []

    def sleep(seconds):
        seen.append(control.asked())
        control.listener(applied_seq=1_000)

    monkeypatch.setattr(asking.time, "sleep", sleep)
    (change_id,) = control.due()
    follow_change(control.runtime, change_id)
    assert seen == [[]]
    assert control.asked() == ["disconnect"]


@pytest.mark.parametrize("silent", [True, False])
def test_a_late_or_dead_listener_does_not_block_requests(control, monkeypatch, silent):
    monkeypatch.setattr(asking, "APPLIED_WITHIN_SECONDS", 0.1)
    heard_at = datetime.now(UTC) - timedelta(seconds=60 if silent else 0)
    control.listener(applied_seq=0, heard_at=heard_at)
    live = control.dial(service := control.service())
    control.hold(service)
    control.follow()
    assert not live.online
