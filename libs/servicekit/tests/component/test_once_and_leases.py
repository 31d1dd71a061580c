import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import eventlet
import pytest
from contracts.common import Command, Conflict, IdempotencyMismatch
from contracts.money import Money
from servicekit import idempotency, leases
from servicekit.tables import IdempotentCommand
from sqlalchemy import update

LEASE = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True)
class Pay(Command):
    amount: Money


@dataclass(frozen=True, kw_only=True)
class GiveBack(Command):
    amount: Money


def pay(key="k-1", minor=100):
    return Pay(idempotency_key=key, amount=Money(minor))


@pytest.fixture
def carry_out(database):
    """Call it with a command; it counts how often its action ran."""
    runs = []

    def run(command, action=None):
        def count():
            runs.append(1)
            return Money(len(runs))

        act = action or count
        return idempotency.carry_out(database, command, Money, lambda _session: act())

    run.runs = runs
    return run


def test_repeated_command_gets_the_first_answer(carry_out):
    assert [carry_out(pay()) for _ in range(3)] == [Money(1)] * 3
    assert carry_out(pay(key="k-2")) == Money(2)


def test_command_without_a_key_runs_each_time(carry_out):
    assert [carry_out(pay(key=None)), carry_out(pay(key=None))] == [Money(1), Money(2)]


@pytest.mark.parametrize("other", [pay(minor=200), GiveBack(idempotency_key="k-1", amount=Money(100))])
def test_key_with_other_content_is_refused(carry_out, other):
    carry_out(pay())

    with pytest.raises(IdempotencyMismatch, match="k-1"):
        carry_out(other)
    assert len(carry_out.runs) == 1


def test_command_repeated_after_an_upgrade_gets_the_first_answer(carry_out, database):
    """The key as commit 9582eae kept it, before commands had `confirm`."""
    content = 'Pay:{"actor":"system","amount":{"currency":"PHP","minor":100},"idempotency_key":null}'
    kept = IdempotentCommand(
        key="k-1",
        fingerprint=hashlib.sha256(content.encode()).hexdigest(),
        answer='{"minor":7,"currency":"PHP"}',
        created_at=datetime(2026, 12, 1, tzinfo=UTC),
    )
    with database.transaction() as session:
        session.add(kept)
    assert carry_out(pay()) == Money(7)
    assert carry_out.runs == []


def test_command_that_was_rolled_back_can_be_repeated(carry_out):
    def fail():
        raise Conflict("not now")

    with pytest.raises(Conflict):
        carry_out(pay(), fail)
    assert carry_out(pay()) == Money(1)


def test_command_sent_twice_at_once_runs_once(carry_out):
    def slowly():
        eventlet.sleep(0.1)
        carry_out.runs.append(1)
        return Money(len(carry_out.runs))

    both = [eventlet.spawn(carry_out, pay(), slowly) for _ in range(2)]

    assert [one.wait() for one in both] == [Money(1), Money(1)]
    assert len(carry_out.runs) == 1


def test_second_of_two_commands_runs_if_the_first_is_rolled_back(carry_out):
    def fail_slowly():
        eventlet.sleep(0.1)
        raise Conflict("not now")

    first = eventlet.spawn(carry_out, pay(), fail_slowly)
    eventlet.sleep(0.02)
    second = eventlet.spawn(carry_out, pay())

    with pytest.raises(Conflict):
        first.wait()
    assert second.wait() == Money(1)


def test_old_keys_are_deleted_in_batches(carry_out, database):
    for number in range(3):
        carry_out(pay(key=str(number)))
    with database.transaction() as session:
        old = datetime.now(UTC) - timedelta(hours=73)
        session.execute(update(IdempotentCommand).where(IdempotentCommand.key != "0").values(created_at=old))

    forgotten = []
    for _ in range(3):
        with database.transaction() as session:
            forgotten.append(idempotency.forget_old(session, limit=1))
    assert forgotten == [1, 1, 0]


@pytest.fixture
def take(database):
    def take(holder, lasting=LEASE):
        with database.transaction() as session:
            return leases.take(session, "job", holder, lasting)

    return take


def test_lease_has_one_holder_who_can_renew_it(take):
    assert [take("a"), take("b"), take("a"), take("b")] == [True, False, True, False]


def test_expired_lease_can_be_taken(take):
    assert take("a", timedelta(seconds=-1))
    assert take("b")
    assert not take("a")


def test_released_lease_can_be_taken_and_only_its_holder_releases_it(take, database):
    take("a")
    for holder, taken in (("b", False), ("a", True)):
        with database.transaction() as session:
            leases.release(session, "job", holder)
        assert take("b") is taken


def test_one_of_several_simultaneous_holders_gets_the_lease(take):
    for lasting in (timedelta(seconds=-1), LEASE):  # at first nobody has it, then all find it expired
        taken = [eventlet.spawn(take, str(number), lasting) for number in range(5)]
        answers = [one.wait() for one in taken]
        if lasting == LEASE:
            assert answers.count(True) == 1
