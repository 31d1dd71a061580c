"""ISP-OS behind FreeRADIUS, as operators run it: distributed, without our own listener.

All tests here share one deployment and one FreeRADIUS; each looks at its own router and households. The
clock is not moved, because FreeRADIUS knows only the machine's time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from servicekit.db import Database
from testkit.pytest_plugin import require

from tests.support.deployment import Deployment
from tests.support.deployment import running as running_deployment
from tests.support.freeradius import FreeRadius, OwnListener, make_role, superuser
from tests.support.freeradius import running as running_freeradius
from tests.support.isp import Isp, MakeIsp


@pytest.fixture(scope="session")
def deployment(server_directory: Callable[[str], Path]) -> Iterator[Deployment]:
    for tool in ("rabbitmq", "postgres", "freeradius", "radclient"):
        require(tool)
    environ = {"ISPOS_RADIUS_SERVER": "freeradius"}
    folder = server_directory("ispos")
    with running_deployment(Deployment("distributed", folder, environ=environ)) as deployment:
        make_role(deployment)
        yield deployment


@pytest.fixture(scope="session")
def freeradius(deployment: Deployment, server_directory: Callable[[str], Path]) -> Iterator[FreeRadius]:
    """FreeRADIUS on the ports that our listener would use."""
    installed = FreeRadius(server_directory("freeradius"), deployment)
    with running_freeradius(installed) as freeradius:
        yield freeradius


@pytest.fixture(scope="module")
def own_listener(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnListener]:
    with OwnListener(tmp_path_factory.mktemp("listener"), deployment).running() as listener:
        yield listener


@pytest.fixture(scope="session")
def database(deployment: Deployment) -> Iterator[Database]:
    """The RADIUS database, to see what was written and to set what has no user interface yet."""
    opened = superuser(deployment)
    yield opened
    opened.close()


@pytest.fixture
def make_isp(deployment: Deployment, freeradius: FreeRadius) -> Iterator[MakeIsp]:
    with ExitStack() as started:
        yield lambda **options: Isp(deployment, started, **options)


@pytest.fixture
def isp(make_isp: MakeIsp) -> Isp:
    return make_isp()
