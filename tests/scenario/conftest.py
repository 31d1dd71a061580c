"""Each scenario runs embedded and distributed. All scenarios of a mode share one deployment.

So a scenario looks only at its own router and households, and the clock continues from where the last
scenario left it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from testkit.pytest_plugin import require

from tests.support.deployment import MODES, Deployment, running
from tests.support.isp import Isp, MakeIsp


@pytest.fixture(scope="session", params=MODES)
def deployment(
    request: pytest.FixtureRequest, server_directory: Callable[[str], Path]
) -> Iterator[Deployment]:
    if request.param == "distributed":
        require("rabbitmq")
        require("postgres")
    with running(Deployment(request.param, server_directory("ispos"))) as deployment:
        yield deployment


@pytest.fixture
def make_isp(deployment: Deployment) -> Iterator[MakeIsp]:
    with ExitStack() as started:
        yield lambda **options: Isp(deployment, started, **options)


@pytest.fixture
def isp(make_isp: MakeIsp) -> Isp:
    return make_isp()
