"""Billing runs that are killed, fail, or run at the same time as others."""

from __future__ import annotations

from datetime import timedelta

import pytest
from billing_svc import jobs
from billing_svc.usecases import billing_run, settlement
from contracts.billing import InvoiceStatus
from contracts.billing_runs import RunStatus
from contracts.money import Money
from servicekit import leases
from sqlalchemy import exc
from testkit.component import while_held


def test_run_killed_between_batches_resumes_and_bills_everyone_once(billing, monkeypatch):
    subscribers = [billing.subscriber(f"Subscriber {number}") for number in range(7)]
    monkeypatch.setattr(billing_run, "BATCH", 2)
    run_id = billing.start_run()
    work_on, done = billing_run.work_on, []

    def killed_in_the_third_batch(session, *args, **kwargs):
        more = work_on(session, *args, **kwargs)
        done.append(more)
        if len(done) == 3:
            raise exc.OperationalError("commit", None, Exception("the server closed the connection"))
        return more

    monkeypatch.setattr(billing_run, "work_on", killed_in_the_third_batch)
    with pytest.raises(exc.OperationalError):
        billing.tick()
    halfway = billing.run(run_id)
    assert (halfway.status, halfway.created) == (RunStatus.RUNNING, 4)
    assert len(billing.invoices()) == 4

    billing.tick("this process")
    finished = billing.run(run_id)
    assert (finished.status, finished.created, finished.total) == (RunStatus.FINISHED, 7, 7)
    assert sorted(invoice.subscriber_id for invoice in billing.invoices()) == sorted(subscribers)
    assert billing.numbers() == [f"INV-{number:06d}" for number in range(1, 8)]
    assert billing.ledger_check().differences == []


@pytest.mark.parametrize(
    "trouble",
    [
        exc.OperationalError("x", None, Exception("database is locked")),
        exc.InterfaceError("x", None, Exception("connection already closed")),
        exc.TimeoutError("QueuePool limit of size 10 overflow 10 reached"),
        leases.LeaseTaken("another process took over the run"),
    ],
    ids=lambda trouble: type(trouble).__module__ + "." + type(trouble).__name__,
)
def test_run_resumes_after_database_trouble_or_a_lost_lease(billing, monkeypatch, trouble):
    billing.subscriber()
    run_id = billing.start_run()
    with monkeypatch.context() as patch:

        def fail(*_args, **_kwargs):
            raise trouble

        patch.setattr(billing_run, "work_on", fail)
        with pytest.raises(type(trouble)):
            billing.tick()
    assert billing.run(run_id).status is RunStatus.RUNNING
    billing.tick()
    assert billing.run(run_id).status is RunStatus.FINISHED


def test_failed_run_shows_its_error_and_leaves_no_gap_in_numbers(billing, monkeypatch):
    for number in range(4):
        billing.subscriber(f"Subscriber {number}")
    monkeypatch.setattr(billing_run, "BATCH", 2)
    report, calls = billing_run._report, []

    def fail_in_the_second_batch(*args):
        calls.append(args)
        if len(calls) == 2:
            raise ZeroDivisionError("a bug")
        report(*args)

    monkeypatch.setattr(billing_run, "_report", fail_in_the_second_batch)
    failed = billing.bill()
    assert (failed.status, failed.error, failed.created) == (RunStatus.FAILED, "ZeroDivisionError: a bug", 2)

    rest = billing.bill()
    assert (rest.created, rest.skipped) == (2, 2)
    assert billing.numbers() == ["INV-000001", "INV-000002", "INV-000003", "INV-000004"]


def test_only_the_process_with_the_lease_works_on_a_run(billing):
    billing.subscriber()
    run_id = billing.start_run()
    with billing.runtime.transaction() as session:
        assert leases.take(session, jobs.RUN_LEASE, "another process", timedelta(seconds=30))
    billing.tick("this process")
    assert billing.run(run_id).status is RunStatus.RUNNING
    with billing.runtime.transaction() as session:
        leases.release(session, jobs.RUN_LEASE, "another process")
    billing.tick("this process")
    assert billing.run(run_id).status is RunStatus.FINISHED


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_two_concurrent_runs_bill_everyone_once(billing):
    for number in range(3):
        billing.subscriber(f"Subscriber {number}")
    first, second = billing.start_run(), billing.start_run()
    replica = billing.tested.another().runtime

    def second_replica():
        more = True
        while more:
            with replica.transaction() as session:
                more = billing_run.work_on(session, second, now=replica.now())

    while_held(
        billing.tested,
        lambda session: billing_run.work_on(session, first, now=billing.runtime.now()),
        second_replica,
    )
    billing.tick()
    assert billing.numbers() == ["INV-000001", "INV-000002", "INV-000003"]
    assert (billing.run(first).created, billing.run(second).created) == (3, 0)
    assert billing.run(second).skipped == 3


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_two_replicas_process_each_batch_once(billing, monkeypatch):
    monkeypatch.setattr(billing_run, "BATCH", 2)
    for number in range(4):
        billing.subscriber(f"Subscriber {number}")
    run_id = billing.start_run()
    replica = billing.tested.another().runtime

    def other():
        with replica.transaction() as session:
            return billing_run.work_on(session, run_id, now=replica.now())

    def batch(session):
        billing_run.work_on(session, run_id, now=billing.runtime.now())

    assert while_held(billing.tested, batch, other)
    assert billing.run(run_id).created == 4
    assert len(billing.numbers()) == 4


@pytest.mark.parametrize("tested", ["postgresql"], indirect=True)
def test_payment_during_a_batch_pays_the_new_invoice(billing):
    juan = billing.subscriber()
    run_id = billing.start_run()
    replica = billing.tested.another()
    payment = billing.payment(juan, 150_000)

    def pay():
        with replica.runtime.transaction() as session:
            settlement.apply_payment(session, payment, now=replica.runtime.now(), today=billing.today)

    while_held(
        billing.tested,
        lambda session: billing_run.work_on(session, run_id, now=billing.runtime.now()),
        pay,
    )
    assert billing.invoice(juan).status is InvoiceStatus.PAID
    assert billing.account(juan).credit == Money(0)
