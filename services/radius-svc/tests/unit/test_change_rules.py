"""Which requests are sent for which sessions, and how often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from contracts.radius import RequestKind, RequestOutcome
from contracts.router import SessionControl
from radius_svc.domain.change_rules import (
    MAX_ROUNDS,
    PAUSES_SECONDS,
    SUSPENDED_CLASS_IN_RADACCT,
    is_settled,
    must_follow,
    pause_before_round,
    requests_for,
)

COA, DISCONNECT = RequestKind.COA, RequestKind.DISCONNECT
NOW = datetime(2026, 11, 23, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("situation", "control", "requests"),
    [
        ({}, SessionControl.DISCONNECT, [DISCONNECT]),
        ({}, SessionControl.COA, [COA, DISCONNECT]),
        ({"rate_only": True}, SessionControl.DISCONNECT, [COA, DISCONNECT]),
        ({"rate_only": True}, SessionControl.COA, [COA, DISCONNECT]),
        ({"kick": True}, SessionControl.COA, [DISCONNECT]),
        ({"must_redial": True}, SessionControl.COA, [DISCONNECT]),
        ({"must_redial": True, "rate_only": True}, SessionControl.COA, [DISCONNECT]),
    ],
)
def test_requests_are_tried_in_the_right_order(situation, control, requests):
    usual = {"rate_only": False, "kick": False, "must_redial": False}
    assert requests_for(**usual | situation, control=control) == requests


@pytest.mark.parametrize(
    ("outcome", "cause", "settled"),
    [
        (RequestOutcome.ACKED, None, True),
        (RequestOutcome.NACKED, 503, True),
        (RequestOutcome.NACKED, 403, False),
        (RequestOutcome.NACKED, None, False),
        (RequestOutcome.TIMED_OUT, None, False),
    ],
)
def test_a_session_is_settled_if_the_router_obeyed_or_lost_it(outcome, cause, settled):
    assert is_settled(outcome, cause) is settled


@pytest.mark.parametrize(
    ("started", "fenced", "suspended", "lifted", "follows"),
    [
        (-SECOND, False, False, False, True),
        (-SECOND, True, True, False, True),
        (0 * SECOND, False, False, False, False),
        (SECOND, False, True, False, False),
        (SECOND, True, False, False, True),
        (SECOND, True, False, True, False),
        (SECOND, True, True, False, False),
    ],
)
def test_sessions_from_before_the_change_or_still_fenced_must_follow(
    started, fenced, suspended, lifted, follows
):
    assert (
        must_follow(
            started_at=NOW + started,
            authorized_at=NOW,
            session_class=SUSPENDED_CLASS_IN_RADACCT if fenced else None,
            suspended=suspended,
            fence_lifted_by_coa=lifted,
        )
        is follows
    )


def test_the_class_in_radacct_is_hexadecimal():
    assert SUSPENDED_CLASS_IN_RADACCT == "0x6973702d73757370656e646564"


def test_pauses_grow_then_repeat_then_end():
    pauses = [pause_before_round(rounds) for rounds in range(1, MAX_ROUNDS + 1)]
    assert pauses == sorted(pauses)
    assert pauses[: len(PAUSES_SECONDS)] == [timedelta(seconds=seconds) for seconds in PAUSES_SECONDS]
    assert pauses[-1] == timedelta(hours=1)
    assert pause_before_round(MAX_ROUNDS + 1) is None
