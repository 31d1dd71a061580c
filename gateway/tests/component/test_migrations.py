from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from gateway.models import AuditEntry, Base, LoginSession, Operator
from servicekit.db import Database
from servicekit.migrations import _config, migrate
from servicekit.tables import KitBase
from sqlalchemy import MetaData, select, text


def differences(database):
    both = MetaData(naming_convention=Base.metadata.naming_convention)
    for metadata in (Base.metadata, KitBase.metadata):
        for table in metadata.tables.values():
            table.to_metadata(both)
    with database.engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection), both)


def test_migrations_match_the_models(database):
    assert differences(database) == []


def upgrade_to(database, revision):
    config = _config("gateway")
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@pytest.fixture(params=["sqlite", "postgresql"])
def old_database(request, tmp_path):
    """A database of the first version, with an operator, a session and audit entries."""
    urls = {
        "sqlite": lambda: f"sqlite:///{tmp_path}/old.db",
        "postgresql": lambda: request.getfixturevalue("make_postgres_database")(),
    }
    database = Database(urls[request.param]())
    upgrade_to(database, "0001")
    now = datetime(2026, 11, 1, tzinfo=UTC)
    with database.transaction() as session:
        for statement in (
            "insert into operators values ('o1', 'ana@example.com', 'Ana', 'owner', 'hash', :no, :now)",
            "insert into login_sessions values ('hash', 'o1', :now, :now)",
            "insert into audit_log (recorded_at, operator_id, actor, address, action, path, record_id,"
            " correlation_id) values (:now, 'o1', 'ana@example.com', '10.0.0.1', 'POST /plans/new',"
            " '/plans/new', 'p1', 'c1')",
        ):
            asked = {
                name: value for name, value in {"now": now, "no": False}.items() if f":{name}" in statement
            }
            session.execute(text(statement), asked)
    yield database
    database.close()


@pytest.mark.filterwarnings("ignore:The default datetime adapter:DeprecationWarning")
def test_database_of_the_first_version_is_migrated(old_database):
    migrate(old_database, "gateway")
    assert differences(old_database) == []
    with old_database.reading() as session:
        operator = session.scalars(select(Operator)).one()
        entry = session.scalars(select(AuditEntry)).one()
        assert session.scalars(select(LoginSession)).all() == []
    assert (operator.email, operator.last_seen_at) == ("ana@example.com", None)
    assert (entry.action, entry.event, entry.role) == ("POST /plans/new", "", "")
