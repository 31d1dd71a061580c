"""What becomes of a change: the router's answers, retries, and a process that is killed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from contracts.radius import RequestKind, RequestOutcome
from radius_svc.domain.change_rules import MAX_ROUNDS
from radius_svc.models import SessionChange
from radius_svc.protocol import coa
from radius_svc.usecases.following import rounds
from sqlalchemy import update

from .conftest import ON_SQLITE


def test_a_session_the_router_does_not_know_is_closed(control):
    service = control.service()
    live = control.dial(service)
    control.nas.hang_up("juan")
    control.hold(service)
    control.follow()

    assert control.outcomes(service) == [("disconnect", "nacked", 503)]
    row = control.row(live)
    assert row.acctstoptime == control.runtime.now()
    assert row.closed_on_evidence == "unknown-to-nas"
    assert control.statuses(service) == ["done"]


def test_a_session_that_a_coa_does_not_find_is_closed(control):
    service = control.service()
    live = control.dial(service)
    control.nas.hang_up("juan")
    control.change_plan(download_kbps=100_000)
    control.follow()

    assert control.outcomes(service) == [("coa", "nacked", 503)]
    assert control.row(live).closed_on_evidence == "unknown-to-nas"


@ON_SQLITE
@pytest.mark.parametrize("cause", [401, 402, 403, 404, 501, 506])
def test_any_other_refusal_is_stored_and_retried(control, cause):
    control.nas.faults.nak_coa_with = cause
    service = control.service()
    live = control.dial(service)
    control.hold(service)
    control.follow()
    assert control.outcomes(service) == [("disconnect", "nacked", cause)]
    assert control.row(live).acctstoptime is None
    assert control.statuses(service) == ["pending"]


def test_an_acknowledged_speed_is_in_force_on_the_router(control):
    """As far as RADIUS can tell: only its API would show that a router acknowledges without doing it."""
    service = control.service()
    live = control.dial(service)
    control.change_plan(download_kbps=100_000)
    control.follow()
    assert (control.outcomes(service), live.rate_limit) == ([("coa", "acked", None)], "50M/100M")
    assert live.online
    control.clock.advance(minutes=5)
    control.amend(live, acctupdatetime=control.runtime.now())
    assert control.look_for_strays() == 0


def test_a_silent_router_is_retried_with_growing_pauses(control):
    control.nas.faults.ignore_coa = True
    service = control.service()
    control.dial(service)
    control.hold(service)
    for seconds in (1, 2, 5):
        control.end_pauses()
        before = datetime.now(UTC)
        control.follow()
        (change,) = control.changes(service)
        assert before <= change.next_round_at - timedelta(seconds=seconds) <= datetime.now(UTC)
    assert control.outcomes(service) == [("disconnect", "timed_out", None)] * 3

    with control.runtime.transaction() as session:
        session.execute(update(SessionChange).values(rounds=MAX_ROUNDS))
    control.end_pauses()
    control.follow()
    assert control.statuses(service) == ["given_up"]


def test_the_change_is_done_once_the_router_answers(control):
    control.nas.faults.ignore_coa = True
    service = control.service()
    live = control.dial(service)
    control.hold(service)
    control.follow()
    control.nas.faults.ignore_coa = False
    assert control.due() == []  # its pause is not over
    control.end_pauses()
    control.follow()
    assert not live.online
    assert control.statuses(service) == ["done"]


def test_killed_between_answer_and_commit_the_request_is_repeated(control, monkeypatch):
    service = control.service()
    live = control.dial(service)
    control.hold(service)

    def killed(*_arguments, **_named):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rounds, "record_attempt", killed)
        with pytest.raises(KeyboardInterrupt):
            control.follow()
    assert not live.online
    control.follow()

    assert control.outcomes(service) == [("disconnect", "nacked", 503)]
    assert control.statuses(service) == ["done"]


def test_killed_before_the_request_nothing_is_lost(control, monkeypatch):
    service = control.service()
    live = control.dial(service)
    control.hold(service)

    def killed(*_arguments, **_named):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(coa, "send", killed)
        with pytest.raises(KeyboardInterrupt):
            control.follow()
    assert live.online
    control.follow()
    assert not live.online


def test_a_late_round_does_not_reopen_a_finished_change(control):
    """A lease may expire during a round. Then two processes work on the same change."""
    service = control.service()
    control.dial(service)
    control.hold(service)
    (change_id,) = control.due()
    with control.runtime.reading() as session:
        late = rounds.load_work(session, change_id)
    control.follow()
    timed_out = coa.CoaResult(RequestOutcome.TIMED_OUT, None, "", control.runtime.now(), None)
    with control.runtime.transaction() as session:
        session.execute(update(SessionChange).values(rounds=MAX_ROUNDS))
    with control.runtime.transaction() as session:
        answers = [(RequestKind.DISCONNECT, timed_out)]
        rounds.finish_round(session, late, answers, now=control.runtime.now())

    assert control.statuses(service) == ["done"]
