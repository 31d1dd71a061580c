from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from gateway.models import Base
from servicekit.tables import KitBase
from sqlalchemy import MetaData


def test_the_migrations_make_the_tables_that_the_models_say(database):
    both = MetaData(naming_convention=Base.metadata.naming_convention)
    for metadata in (Base.metadata, KitBase.metadata):
        for table in metadata.tables.values():
            table.to_metadata(both)
    with database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), both)
    assert differences == []
