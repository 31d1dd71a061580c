"""Databases for the tests of the listener and of the control plane."""

from radius_svc.settings import RadiusSettings
from testkit.component import service_fixtures

SECRET = "nas-shared-secret"

migrated, tested = service_fixtures("radius", "radius_svc", RadiusSettings)
