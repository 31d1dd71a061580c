from __future__ import annotations

from billing_svc.models import Base
from servicekit import migrations
from sqlalchemy import text
from testkit.component import ServiceUnderTest, database_of_revision, schema_differences


def test_migrations_create_the_tables_of_the_models(tested: ServiceUnderTest):
    assert schema_differences(tested.runtime.database, Base.metadata) == []


database_of_0001 = database_of_revision("billing_svc", "0001")


def test_name_stored_before_migration_2_is_found(database_of_0001):
    with database_of_0001.transaction() as session:
        session.execute(
            text(
                "insert into accounts (subscriber_id, subscriber_version, full_name, standing_sequence,"
                " suspension_requested) values ('juan', 1, 'Juan Peña', 0, false)"
            )
        )
    migrations.migrate(database_of_0001, "billing_svc")
    with database_of_0001.reading() as session:
        assert session.scalar(text("select name_key from accounts")) == "juan pena"
