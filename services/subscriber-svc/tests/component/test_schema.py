from __future__ import annotations

from contracts.subscriber import SubscriberChanged
from servicekit import migrations
from sqlalchemy import text
from subscriber_svc.models import Base, Subscriber
from testkit.component import ServiceUnderTest, database_of_revision, schema_differences
from testkit.examples import START


def test_migrations_create_the_tables_of_the_models(tested: ServiceUnderTest):
    assert schema_differences(tested.runtime.database, Base.metadata) == []


database_of_0001 = database_of_revision("subscriber_svc", "0001")


def test_migration_2_publishes_every_name_again_and_sorts_by_it(database_of_0001):
    with database_of_0001.transaction() as session:
        session.execute(
            text(
                "insert into subscribers"
                " (id, version, short_id, full_name, email, phone, address, notes, created_at)"
                " values ('juan', 3, 'short', 'Juan Peña', '', '', '', '', '2026-11-23 02:00:00')"
            )
        )
    migrations.migrate(database_of_0001, "subscriber_svc")
    tested = ServiceUnderTest(runtime=database_of_0001, clock=None)  # type: ignore[arg-type]  # only reads
    assert tested.new_events() == [SubscriberChanged(subscriber_id="juan", version=3, full_name="Juan Peña")]
    with database_of_0001.reading() as session:
        assert session.scalar(text("select name_key from subscribers")) == "juan pena"


database_of_0002 = database_of_revision("subscriber_svc", "0002")


def test_migration_3_leaves_existing_services_without_a_session_limit(database_of_0002):
    with database_of_0002.transaction() as session:
        for row in (
            "insert into plans (id, version, name, price_minor, currency, billing_type, download_kbps,"
            " upload_kbps, status, created_at) values ('fiber', 1, 'Fiber', 150000, 'PHP', 'postpaid', 50000,"
            " 50000, 'active', '2026-11-23 02:00:00')",
            "insert into subscribers (id, version, short_id, full_name, name_key, email, phone, address,"
            " notes, created_at) values ('juan', 1, 'short', 'Juan', 'juan', '', '', '', '',"
            " '2026-11-23 02:00:00')",
            "insert into services (id, version, subscriber_id, plan_id, router_id, pppoe_username,"
            " password_encrypted, activated_on, created_at) values ('line', 1, 'juan', 'fiber', 'router',"
            " 'juan.delacruz', 'token', '2026-11-23', '2026-11-23 02:00:00')",
        ):
            session.execute(text(row))
    migrations.migrate(database_of_0002, "subscriber_svc")
    with database_of_0002.reading() as session:
        assert session.execute(text("select id, session_limit from services")).all() == [("line", None)]
        # Migration 5: it is billed from the day it was added.
        assert session.scalar(text("select billed_from = activated_on from services"))


database_of_0006 = database_of_revision("subscriber_svc", "0006")


def test_migration_7_numbers_subscribers_in_the_order_they_were_added(database_of_0006):
    with database_of_0006.transaction() as session:
        session.execute(
            text(
                "insert into subscribers"
                " (id, version, short_id, full_name, name_key, email, phone, address, notes, created_at)"
                " values (:name, 1, :name, :name, :name, '', '', '', '', :created_at)"
            ),
            [
                {"name": "maria", "created_at": "2026-11-25 02:00:00"},
                {"name": "juan", "created_at": "2026-11-23 02:00:00"},
                {"name": "pedro", "created_at": "2026-11-24 02:00:00"},
            ],
        )
    migrations.migrate(database_of_0006, "subscriber_svc")
    with database_of_0006.transaction() as session:
        ana = {"version": 1, "short_id": "ana", "full_name": "Ana", "email": "", "phone": "", "address": ""}
        session.add(Subscriber(id="ana", notes="", created_at=START, **ana))
    with database_of_0006.reading() as session:
        in_order = session.execute(text("select id, account_number from subscribers order by 2")).all()
    assert in_order == [("juan", "1000015"), ("pedro", "1000028"), ("maria", "1000031"), ("ana", "1000044")]
