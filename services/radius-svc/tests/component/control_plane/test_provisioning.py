"""Events become RADIUS rows and changes of live sessions, in any order and even if repeated."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from contracts.billing_settings import SuspensionMode
from contracts.holds import ExemptionKind, ExemptionView, HoldReason
from contracts.subscriber import (
    ServiceCreated,
    ServiceExempted,
    ServiceExemptionEnded,
    ServiceHoldPlaced,
    ServiceHoldReleased,
    ServiceStatus,
)
from radius_svc.models import (
    Base,
    ChangeKind,
    ChangeStatus,
    Nas,
    RadCheck,
    RadGroupCheck,
    RadiusAccount,
    RadUserGroup,
    SessionChange,
)
from servicekit import inbox
from servicekit.codec import to_wire
from servicekit.ids import new_id
from sqlalchemy import select, update
from testkit.component import ServiceUnderTest, schema_differences

# Indexes on expressions, which neither SQLAlchemy nor Alembic can compare (see RadAcct). test_sessions.py and
# test_rejects.py use them.
BY_TEXT = {
    *(f"ix_radacct_closed_{column}" for column in ("username", "framedipaddress", "callingstationid")),
    *(f"ix_radpostauth_refused_{column}" for column in ("username", "callingstationid")),
}


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_migrations_make_the_tables_of_the_models(tested: ServiceUnderTest):
    different = schema_differences(tested.runtime.database, Base.metadata)
    assert [what for what in different if what[0] != "remove_index" or what[1].name not in BY_TEXT] == []


def account(control, service):
    with control.runtime.reading() as session:
        return session.get(RadiusAccount, service.id)


def groups(control, username="juan"):
    query = select(RadUserGroup.groupname).where(RadUserGroup.username == username)
    with control.runtime.reading() as session:
        return list(session.scalars(query.order_by(RadUserGroup.priority)))


def services_that_log_in_as(control, username):
    query = select(RadiusAccount.service_id).where(
        RadiusAccount.username == username, RadiusAccount.terminated.is_(False)
    )
    with control.runtime.reading() as session:
        return list(session.scalars(query))


def retry_parked(control):
    waiting = inbox.InboxMessage
    with control.runtime.transaction() as session:
        due = update(waiting).where(waiting.status == inbox.WAITING)
        session.execute(due.values(next_attempt_at=waiting.received_at))
    control._service._inbox().retry_due()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_newest_version_wins_in_any_order_of_events(control, order):
    created = control.snapshot()
    held = replace(created, version=2, status=ServiceStatus.SUSPENDED)
    free = replace(created, version=3, static_ip="10.9.9.9")
    released = ServiceHoldReleased(
        service=free, reason=HoldReason.OVERDUE, released_at=control.runtime.now(), payment_id=new_id()
    )
    events = [
        ServiceCreated(service=created),
        ServiceHoldPlaced(service=held, reason=HoldReason.OVERDUE),
        released,
    ]

    control.handle(*(events[number] for number in order), times=2)

    stored = account(control, created)
    assert (stored.version, stored.suspended, stored.static_ip) == (3, False, "10.9.9.9")
    assert groups(control) == [f"plan:{control.fiber.id}"]
    with control.runtime.reading() as session:
        assert len(session.scalars(select(RadCheck).where(RadCheck.username == "juan")).all()) == 1


def test_a_hold_and_its_release_make_one_reconnect(control):
    service = control.service()
    assert control.changes(service) == []

    held = control.hold(service)
    assert groups(control) == ["suspended", f"plan:{control.fiber.id}"]
    paid_at = control.runtime.now()
    control.clock.advance(seconds=1)
    free = replace(held, version=held.version + 1, status=ServiceStatus.ACTIVE)
    released_at = control.runtime.now()
    payment_id = new_id()
    released = ServiceHoldReleased(
        service=free,
        reason=HoldReason.OVERDUE,
        released_at=released_at,
        paid_at=paid_at,
        payment_id=payment_id,
    )
    control.handle(released, times=2)
    control.handle(released)  # published again: another id, the same version

    assert [change.kind for change in control.changes(service)] == [ChangeKind.AUTHORIZATION] * 2
    (reconnect,) = control.reconnects(service)
    assert (reconnect.payment_id, reconnect.paid_at, reconnect.released_at) == (
        payment_id,
        paid_at,
        released_at,
    )
    assert reconnect.authorized_at == control.runtime.now()


def test_an_exemption_gives_access_back_until_it_ends(control):
    service = control.service()
    held = control.hold(service)
    now = control.runtime.now()
    exemption = ExemptionView("e", ExemptionKind.TEMPORARY_RESTORE, now, now + timedelta(days=3), "ana", "")
    restored = replace(held, version=held.version + 1, status=ServiceStatus.ACTIVE)
    control.handle(ServiceExempted(service=restored, exemption=exemption))
    assert groups(control) == [f"plan:{control.fiber.id}"]
    (reconnect,) = control.reconnects(service)
    assert (reconnect.payment_id, reconnect.released_at) == (None, now)

    over = replace(restored, version=restored.version + 1, status=ServiceStatus.SUSPENDED)
    ended = replace(exemption, ended_at=exemption.until)
    control.handle(ServiceExemptionEnded(service=over, exemption=ended))
    assert groups(control) == ["suspended", f"plan:{control.fiber.id}"]
    assert len(control.changes(service)) == 3


def test_a_release_with_another_active_hold_changes_nothing(control):
    held = control.hold(control.service())
    still_held = replace(held, version=held.version + 1)
    control.handle(
        ServiceHoldReleased(service=still_held, reason=HoldReason.OVERDUE, released_at=control.runtime.now())
    )

    assert len(control.changes(held)) == 1
    assert control.reconnects(held) == []
    assert account(control, held).suspended


def test_two_services_can_swap_their_names(control):
    ana, ben = control.service("ana"), control.service("ben")
    aside = replace(ana, version=2, pppoe_username="between")
    ben_as_ana = replace(ben, version=2, pppoe_username="ana")
    ana_as_ben = replace(ana, version=3, pppoe_username="ben")

    # In the wrong order: the name is not free yet, so the event has to wait.
    control.handle(*(ServiceCreated(service=service) for service in (ana_as_ben, ben_as_ana, aside)))
    for _ in range(2):
        retry_parked(control)

    assert services_that_log_in_as(control, "ana") == [ben.id]
    assert services_that_log_in_as(control, "ben") == [ana.id]
    assert services_that_log_in_as(control, "between") == []
    assert groups(control, "ana") == groups(control, "ben") == [f"plan:{control.fiber.id}"]


def test_a_new_speed_is_sent_to_live_sessions_that_are_not_suspended(control):
    up, off, fenced = (control.service(name) for name in ("up", "off", "fenced"))
    control.dial(up)
    fenced = control.hold(fenced)
    control.dial(fenced, fenced=True)
    stopped = control.dial(off)
    control.stop(stopped)
    control.follow()

    control.change_plan(download_kbps=100_000)
    control.change_plan(price=control.fiber.price)  # no other speed

    assert [change.kind for change in control.changes(up)] == [ChangeKind.RATE]
    assert control.changes(off) == []
    assert [change.kind for change in control.changes(fenced)] == [ChangeKind.AUTHORIZATION]


def test_a_new_speed_ends_pauses_of_the_same_services_only(control):
    here, elsewhere = control.service("here"), control.service("elsewhere", plan=control.plan())
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    for service in (here, elsewhere):
        control.dial(service)
        control.change(service, static_ip="10.0.0.9")
    with control.runtime.transaction() as session:
        session.execute(update(SessionChange).values(next_round_at=in_an_hour))

    control.change_plan(download_kbps=100_000)

    waiting, added = control.changes(here)
    assert waiting.next_round_at < in_an_hour
    assert (added.kind, added.status, added.rounds) == (ChangeKind.RATE, ChangeStatus.PENDING, 0)
    assert added.authorized_seq > waiting.authorized_seq
    assert [change.next_round_at for change in control.changes(elsewhere)] == [in_an_hour]


def test_another_plan_changes_the_speed_unless_suspended(control):
    service = control.service()
    slow = control.plan(download_kbps=5_000)
    service = control.change(service, plan=slow)
    held = control.hold(service)
    control.change(held, plan=control.fiber)

    kinds = [change.kind for change in control.changes(service)]
    assert kinds == [ChangeKind.RATE, ChangeKind.AUTHORIZATION]


def test_a_new_password_does_not_affect_live_sessions(control):
    service = control.service()
    control.change(service, password_encrypted=control.runtime.cipher.encrypt("another", aad=service.id))
    assert control.changes(service) == []


def limits(control, username="juan"):
    query = select(RadCheck.op, RadCheck.value).where(
        RadCheck.username == username, RadCheck.attribute == "Simultaneous-Use"
    )
    with control.runtime.reading() as session:
        return [tuple(row) for row in session.execute(query)]


def test_a_session_limit_does_not_affect_live_sessions(control):
    service = control.service(session_limit=1)
    control.dial(service)
    assert limits(control) == [(":=", "1")]
    service = control.change(service, session_limit=3)
    assert limits(control) == [(":=", "3")]
    service = control.change(service, session_limit=None)
    assert limits(control) == []
    assert (control.changes(service), account(control, service).version) == ([], 3)


def test_a_session_limit_is_removed_with_the_login(control):
    service = control.service(session_limit=2)
    service = control.change(service, pppoe_username="juan.delacruz")
    assert (limits(control), limits(control, "juan.delacruz")) == ([], [(":=", "2")])
    control.terminate(service)
    assert limits(control, "juan.delacruz") == []


def test_an_event_without_a_session_limit_means_no_limit(control):
    service = control.snapshot()
    data = to_wire(ServiceCreated(service=service), ServiceCreated)
    assert data["service"].pop("session_limit", "absent") is None
    control.handle_wire(ServiceCreated.name, service.id, data)
    assert limits(control) == []
    assert account(control, service).session_limit is None


def test_block_mode_and_walled_garden_can_be_switched(control):
    def refused():
        with control.runtime.reading() as session:
            return [row.groupname for row in session.scalars(select(RadGroupCheck))]

    assert refused() == []
    control.settings(SuspensionMode.BLOCK, version=2)
    control.settings(SuspensionMode.WALLED_GARDEN, version=1)  # late
    assert refused() == ["suspended"]
    control.settings(SuspensionMode.WALLED_GARDEN, version=3)
    assert refused() == []


def test_older_events_of_a_router_are_ignored(control):
    def routers():
        with control.runtime.reading() as session:
            return {nas.router_id: nas.version for nas in session.scalars(select(Nas))}

    control.register(version=3)
    control.register(version=2)
    assert routers() == {"router": 3}
    control.deregister(version=4)
    control.register(version=3)
    assert routers() == {}
    control.register(version=5)
    control.deregister(version=4)
    assert routers() == {"router": 5}


def test_a_new_secret_clears_the_recorded_mismatch(control):
    def mismatch_at():
        with control.runtime.reading() as session:
            return session.scalar(select(Nas.last_secret_mismatch_at))

    now = control.runtime.now()
    with control.runtime.transaction() as session:
        session.execute(update(Nas).values(last_secret_mismatch_at=now))
    control.register(version=2, name="renamed")
    assert mismatch_at() == now
    control.register(version=3, secret="another-shared-secret")
    assert mismatch_at() is None


def test_a_terminated_login_is_deleted_and_its_name_is_free(control):
    service = control.terminate(control.service())
    assert groups(control) == []
    assert [change.kind for change in control.changes(service)] == [ChangeKind.AUTHORIZATION]

    other = control.service()
    assert services_that_log_in_as(control, "juan") == [other.id]
