"""Each test of this folder runs twice: against the gateway's fakes, and against the real services."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from testkit.component import Migrated

sys.path.append(str(Path(__file__).parents[3] / "gateway" / "tests"))  # for gateway_fakes

from tests.contract.behavior.backends import PACKAGES, Backend, FakeBackend, ServiceBackend


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Migrated]:
    return {name: Migrated(package, tmp_path_factory.mktemp(name)) for name, package in PACKAGES.items()}


@pytest.fixture(params=["fakes", "services"])
def isp(request: pytest.FixtureRequest, migrated: dict[str, Migrated], tmp_path: Path) -> Iterator[Backend]:
    if request.param == "fakes":
        yield FakeBackend()
        return
    backend = ServiceBackend(migrated, tmp_path)
    yield backend
    backend.close()
