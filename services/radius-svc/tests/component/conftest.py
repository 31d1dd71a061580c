"""Databases for the tests of the listener and of the control plane."""

from testkit.component import database_urls, service_fixtures

SECRET = "nas-shared-secret"

migrated, tested = service_fixtures("radius", "radius_svc")
radius_database_url = database_urls()
