"""The pages that operators work with. Importing this package declares every page."""

import sys

from gateway.admin.pages import blueprint
from gateway.discovery import import_modules

__all__ = ["blueprint"]

import_modules(sys.modules[__name__])
