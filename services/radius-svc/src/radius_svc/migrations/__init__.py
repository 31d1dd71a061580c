"""Alembic migrations: one sentence each, forward only."""
