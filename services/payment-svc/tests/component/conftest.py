"""The service on SQLite and on PostgreSQL, without a message bus."""

from testkit.component import service_fixtures

migrated, tested = service_fixtures("payment", "payment_svc")
