from __future__ import annotations

import json

from contracts.payment import PaymentView
from payment_svc.models import Base
from servicekit import migrations
from servicekit.codec import from_json
from sqlalchemy import text
from testkit.component import ServiceUnderTest, database_of_revision, schema_differences

ANSWER_OF_0001 = {
    "id": "payment",
    "subscriber_id": "juan",
    "invoice_id": None,
    "amount": {"minor": 150_000, "currency": "PHP"},
    "method": "cash",
    "reference": "",
    "received_on": "2026-11-23",
    "recorded_at": "2026-11-23T02:00:00Z",
    "recorded_by": "ana",
    "same_reference": [],
}


def test_migrations_create_the_tables_of_the_models(tested: ServiceUnderTest):
    assert schema_differences(tested.runtime.database, Base.metadata) == []


database_of_0001 = database_of_revision("payment_svc", "0001")


def test_reference_stored_before_migration_2_is_found(database_of_0001):
    with database_of_0001.transaction() as session:
        for reference in ("GCash 1", "Peña"):
            session.execute(
                text(
                    "insert into payments (id, subscriber_id, amount_minor, currency, method, reference,"
                    " received_on, recorded_at, recorded_by)"
                    " values (:reference, 'juan', 1, 'PHP', 'cash', :reference,"
                    " '2026-11-23', '2026-11-23 02:00:00', 'ana')"
                ),
                {"reference": reference},
            )
    migrations.migrate(database_of_0001, "payment_svc")
    with database_of_0001.reading() as session:
        keys = set(session.scalars(text("select reference_key from payments")))
    assert keys == {"gcash 1", "pena"}


def test_answer_stored_before_migration_2_can_be_repeated(database_of_0001):
    with database_of_0001.transaction() as session:
        session.execute(
            text(
                "insert into idempotent_commands (key, fingerprint, answer, created_at)"
                " values ('click', 'x', :answer, '2026-11-23 02:00:00')"
            ),
            {"answer": json.dumps(ANSWER_OF_0001)},
        )
    migrations.migrate(database_of_0001, "payment_svc")
    with database_of_0001.reading() as session:
        answer = from_json(session.scalar(text("select answer from idempotent_commands")), PaymentView)
    assert (answer.id, answer.subscriber_name) == ("payment", "")
