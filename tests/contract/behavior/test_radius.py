"""What every implementation of the RADIUS contract must do. Sessions are recorded, not dialed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from contracts.common import NotFound
from contracts.radius import DisconnectService, RejectQuery, SessionOrder, SessionQuery
from contracts.router import ChangeRouter, RouterStatus
from contracts.subscriber import ChangeService
from testkit.examples import START

from tests.contract.behavior.backends import Backend
from tests.contract.behavior.checks import assert_pages

TODAY = START.date()
HOUR = timedelta(hours=1)


def test_service_is_provisioned_at_its_newest_version(isp: Backend) -> None:
    service = isp.new_service()
    changed = isp.subscriber.change_service(ChangeService(service_id=service.id, session_limit=2))
    isp.settle()

    known, unknown = isp.radius.list_service_states([service.id, "nothing"])

    assert (known.version, known.provisioned, known.session) == (changed.version, True, None)
    assert (unknown.service_id, unknown.version, unknown.provisioned) == ("nothing", 0, False)


def test_service_state_has_the_open_session(isp: Backend) -> None:
    service = isp.new_service()
    isp.open_session(service, START - 2 * HOUR, stopped_at=START - HOUR)
    (state,) = isp.radius.list_service_states([service.id])
    assert state.session is None

    isp.open_session(service, START - HOUR)

    (state,) = isp.radius.list_service_states([service.id])
    assert state.session is not None
    assert state.session.username == service.pppoe_username


def test_sessions_are_listed_newest_first(isp: Backend) -> None:
    service = isp.new_service()
    for hours in (3, 2, 1):
        isp.open_session(service, START - hours * HOUR)

    def by(order: SessionOrder):
        return lambda limit, after: isp.radius.list_sessions(SessionQuery(order=order), limit, after)

    newest = [session.id for session in by(SessionOrder.NEWEST)(10, None).items]
    started = [session.started_at for session in by(SessionOrder.NEWEST)(10, None).items]
    assert started == [START - hours * HOUR for hours in (1, 2, 3)]
    assert_pages(by(SessionOrder.NEWEST), newest)
    assert_pages(by(SessionOrder.OLDEST), newest[::-1])


def test_sessions_are_found_by_state_service_router_and_beginning(isp: Backend) -> None:
    juan = isp.new_service("juan")
    remote = isp.new_router()
    ana = isp.new_subscriber("Ana", "ana", router_id=remote.id).services[0]
    isp.open_session(juan, START - 3 * HOUR, stopped_at=START - 2 * HOUR)
    isp.open_session(juan, START - HOUR, framed_ip_address="10.64.7.1")
    isp.open_session(ana, START - 2 * HOUR, framed_ip_address="10.65.0.1")

    def found(**query) -> list[str]:
        page = isp.radius.list_sessions(SessionQuery(**query), 10, None)
        return sorted(session.username for session in page.items)

    assert found() == ["ana", "juan", "juan"]
    assert found(open_only=True) == ["ana", "juan"]
    assert found(service_id=juan.id) == ["juan", "juan"]
    assert found(router_id=remote.id) == ["ana"]
    assert found(text="JU") == ["juan", "juan"]
    assert found(text="10.64.7") == ["juan"]
    assert found(text="an") == ["ana"]  # the beginning of "ana", not the end of "juan"
    assert isp.radius.count_open_sessions() == 2


def test_usage_has_a_day_for_each_day_and_ends_today(isp: Backend) -> None:
    service = isp.new_service()

    days = isp.radius.list_usage(service.id, 3)

    assert [day.date for day in days] == [TODAY - timedelta(days=age) for age in (2, 1, 0)]
    assert {(day.download_octets, day.upload_octets) for day in days} == {(0, 0)}


def test_online_samples_end_with_the_present_count(isp: Backend) -> None:
    isp.open_session(isp.new_service(), START - HOUR)

    samples = isp.radius.list_online_samples(1)

    assert samples[-1].sessions == 1
    assert samples == sorted(samples, key=lambda sample: sample.at)


def test_lists_of_a_new_service_are_empty(isp: Backend) -> None:
    service = isp.new_service()

    assert isp.radius.list_rejects(RejectQuery(service_id=service.id), 10, None).items == []
    assert isp.radius.list_attempts(service.id, 10, None).items == []
    assert isp.radius.list_reconnects(service.id, 10, None).items == []
    assert isp.radius.list_line_events([service.id], 10) == []
    times = isp.radius.get_reconnect_times(30)
    assert (times.days, times.cases, times.median_milliseconds) == (30, 0, None)


def test_unknown_service_cannot_be_disconnected(isp: Backend) -> None:
    with pytest.raises(NotFound):
        isp.radius.disconnect_service(DisconnectService(service_id="nothing"))


def test_disabled_and_unknown_routers_have_no_activity(isp: Backend) -> None:
    kept, disabled = isp.new_router(), isp.new_router()
    isp.router.change_router(ChangeRouter(router_id=disabled.id, status=RouterStatus.DISABLED))
    isp.settle()

    activity = isp.radius.list_nas_activity([kept.id, disabled.id, "nothing"])

    assert [(nas.router_id, nas.version) for nas in activity] == [(kept.id, 1)]
