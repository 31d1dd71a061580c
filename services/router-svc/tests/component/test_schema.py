from router_svc.models import Base
from testkit.component import ServiceUnderTest, schema_differences


def test_migrations_create_the_tables_of_the_models(tested: ServiceUnderTest):
    assert schema_differences(tested.runtime.database, Base.metadata) == []
