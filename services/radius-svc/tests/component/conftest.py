"""What the listener's and the control plane's tests have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

SECRET = "nas-shared-secret"


@pytest.fixture(params=["sqlite", "postgresql"])
def radius_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'radius.db'}"
    return request.getfixturevalue("make_postgres_database")()
