from __future__ import annotations

import pytest
from alembic import command
from billing_svc.models import Base
from servicekit import migrations
from servicekit.db import Database
from servicekit.testing import ServiceUnderTest, schema_differences
from sqlalchemy import text


def test_migrations_make_the_tables_of_the_models(tested: ServiceUnderTest):
    assert schema_differences(tested.runtime.database, Base.metadata) == []


@pytest.fixture(params=["sqlite", "postgresql"])
def database_of_0001(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/billing.db"
    else:
        url = request.getfixturevalue("make_postgres_database")()
    database = Database(url)
    config = migrations._config("billing_svc")
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    yield database
    database.close()


def test_name_of_before_migration_2_is_found(database_of_0001):
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
