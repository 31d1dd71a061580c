"""Cached answers: fetched once, and again when they are too old or something has changed."""

from __future__ import annotations

import pytest
from flask import Flask
from gateway.clients.kept import Kept, register


def counting() -> tuple[list[int], object]:
    asked: list[int] = []

    def ask() -> int:
        asked.append(1)
        return len(asked)

    return asked, ask


def test_answer_is_fetched_once():
    kept = Kept()
    asked, ask = counting()
    assert [kept.get("plans", ask), kept.get("plans", ask)] == [1, 1]
    assert len(asked) == 1


def test_each_name_has_its_own_answer():
    kept = Kept()
    assert (kept.get("plans", lambda: "a"), kept.get("routers", lambda: "b")) == ("a", "b")


def test_old_answer_is_fetched_again():
    kept = Kept(seconds=0.0)
    _, ask = counting()
    assert [kept.get("plans", ask), kept.get("plans", ask)] == [1, 2]


def test_failure_is_not_cached():
    kept = Kept()
    with pytest.raises(ZeroDivisionError):
        kept.get("plans", lambda: 1 // 0)
    assert kept.get("plans", lambda: 1) == 1


@pytest.mark.parametrize(("method", "asked_again"), [("GET", False), ("HEAD", False), ("POST", True)])
def test_change_by_this_process_is_seen_immediately(method, asked_again):
    app, kept = Flask(__name__), Kept()
    register(app, kept)
    app.add_url_rule("/", "page", lambda: "", methods=["GET", "POST"])
    _, ask = counting()
    kept.get("plans", ask)
    app.test_client().open("/", method=method)
    assert kept.get("plans", ask) == (2 if asked_again else 1)
