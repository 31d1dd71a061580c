"""The REST API. Importing this package declares every endpoint."""

import sys

from gateway.api.routing import blueprint
from gateway.discovery import import_modules

__all__ = ["blueprint"]

import_modules(sys.modules[__name__])
