"""The events on the timeline of a service."""

from __future__ import annotations

import pytest
from contracts.radius import LineEventKind, RequestKind, RequestOutcome, SessionQuery


def events_of(control, *services, limit=100):
    """The oldest first."""
    events = control.api.list_line_events([service.id for service in services], limit)
    assert [event.at for event in events] == sorted((event.at for event in events), reverse=True)
    return [(event.kind.value, event.detail) for event in events[::-1]]


def test_the_timeline_shows_online_requests_and_offline(control):
    service = control.service()
    live = control.dial(service)
    service = control.hold(service)
    control.follow()
    control.clock.advance(seconds=1)
    control.stop(live)

    assert events_of(control, service) == [
        ("online", live.framed_ip_address),
        ("request", ""),
        ("offline", "Admin-Reset"),
    ]
    request = control.api.list_line_events([service.id], 100)[1]
    assert (request.request, request.outcome) == (RequestKind.DISCONNECT, RequestOutcome.ACKED)
    assert request.error_cause is None
    assert (request.service_id, request.at) == (service.id, control.attempts(service)[0].sent_at)


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        ("accounting-on", "the router has restarted"),
        ("missed-interims", "the router stopped reporting it"),
        ("of-a-later-version", "of-a-later-version"),
    ],
)
def test_evidence_is_shown_in_words(control, evidence, words):
    live = control.dial(service := control.service())
    ended = {"acctstoptime": control.runtime.now(), "acctterminatecause": "Lost-Service"}
    control.amend(live, closed_on_evidence=evidence, **ended)
    assert events_of(control, service)[-1] == ("offline", words)
    (session,) = control.api.list_sessions(SessionQuery(), 10, None).items
    assert (session.terminate_cause, session.ended_because) == ("Lost-Service", words)


def test_a_stop_of_the_router_shows_its_terminate_cause(control):
    control.stop(control.dial(control.service()))
    (session,) = control.api.list_sessions(SessionQuery(), 10, None).items
    assert (session.terminate_cause, session.ended_because) == ("Admin-Reset", None)


def test_a_refused_request_shows_its_error_cause(control):
    control.nas.faults.nak_coa_with = 401
    control.dial(service := control.service())
    control.hold(service)
    control.follow()
    (request,) = (
        event
        for event in control.api.list_line_events([service.id], 100)
        if event.kind is LineEventKind.REQUEST
    )
    assert (request.outcome, request.error_cause) == (RequestOutcome.NACKED, 401)


def test_the_newest_events_of_the_given_services_are_listed(control):
    juan, ana, other = control.service(), control.service("ana"), control.service("other")
    sessions = [control.dial(service) for service in (juan, ana, other, juan)]
    addresses = [live.framed_ip_address for live in sessions]
    assert events_of(control, juan, ana) == [("online", addresses[number]) for number in (0, 1, 3)]
    assert events_of(control, juan, ana, limit=1) == [("online", addresses[3])]
    assert events_of(control, juan, juan, limit=0) == [("online", addresses[3])]
    assert events_of(control) == []
