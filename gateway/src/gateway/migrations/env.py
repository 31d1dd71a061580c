"""Alembic's environment: everything is in the kit."""

from servicekit.migrations import run_env

run_env()
