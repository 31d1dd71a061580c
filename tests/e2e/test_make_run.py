"""The real `make run`, used only from outside: over HTTP and with FreeRADIUS's radclient."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from testkit.pytest_plugin import require

from tests.support import radclient
from tests.support.deployment import (
    LISTENER,
    MAIN,
    NAS_SECRET,
    OWNER_EMAIL,
    OWNER_PASSWORD,
    Deployment,
    running,
)
from tests.support.waiting import wait_for

MAKE_RUN = ["make", "--no-print-directory", "run"]
NO_OWNER: dict[str, str | None] = {"ISPOS_OWNER_EMAIL": None, "ISPOS_OWNER_PASSWORD": None}
ROUTER = {
    "name": "radclient",
    "connection": "manual",
    "nas_address": "127.0.0.1",
    "radius_secret": NAS_SECRET,
}
PLAN = {"name": "Fiber 50 Mbps", "price": 150_000, "download_kbps": 50_000, "upload_kbps": 50_000}
LOGIN = {"pppoe_username": "juan.delacruz", "pppoe_password": "pppoe-pass-01"}


@pytest.fixture(autouse=True)
def _tools() -> None:
    require("radclient")


@pytest.fixture
def make_run(server_directory: Callable[[str], Path]) -> Iterator[Callable[..., Deployment]]:
    made: list[Deployment] = []

    def make(**environ: str | None) -> Deployment:
        made.append(Deployment("embedded", server_directory("make-run"), command=MAKE_RUN, environ=environ))
        return made[-1]

    yield make
    for deployment in made:
        deployment.destroy()


@pytest.fixture(scope="module")
def isp(server_directory: Callable[[str], Path]) -> Iterator[Deployment]:
    """A running system, with an owner, that several tests share."""
    with running(Deployment("embedded", server_directory("make-run"), command=MAKE_RUN)) as isp:
        yield isp


def test_first_start_bills_and_second_start_keeps_everything(
    make_run: Callable[..., Deployment],
) -> None:
    isp = make_run(**NO_OWNER)
    isp.start()
    _make_first_owner(isp)
    isp.api.log_in(OWNER_EMAIL, OWNER_PASSWORD)
    subscriber = _enter_juan(isp)
    _dial_every_way(isp)
    _account_a_session(isp)

    isp.generate_invoices()
    (invoice,) = isp.api.list("/invoices")
    isp.pay(subscriber["id"], 150_000, reference="GCash-20260408-001", invoice_id=invoice["id"])
    assert isp.api.get(f"/invoices/{invoice['id']}")["status"] == "paid"

    _press_ctrl_c(isp)

    isp.start()
    assert "Create the first owner account" not in _last_banner(isp, starts=2)
    assert isp.api.get(f"/invoices/{invoice['id']}")["status"] == "paid"
    assert isp.api.get(f"/subscribers/{subscriber['id']}")["full_name"] == "Juan dela Cruz"
    assert radclient.is_accept(radclient.dial(isp.auth_port, **_juan()))
    _press_ctrl_c(isp)


def test_radius_keeps_working_while_the_rest_is_down(isp: Deployment) -> None:
    _enter_juan(isp)

    with isp.stopped(MAIN):
        _dial_every_way(isp)
        assert radclient.is_acknowledged(
            radclient.account(isp.acct_port, "Start", "juan.delacruz", "81000001")
        )

    listener = isp.pid(LISTENER)
    isp.kill(MAIN)
    _dial_every_way(isp)
    assert radclient.is_acknowledged(
        radclient.account(isp.acct_port, "Stop", "juan.delacruz", "81000001", input=5, output=7)
    )

    isp.start()
    assert isp.pid(LISTENER) != listener
    _dial_every_way(isp)
    (session,) = isp.api.list("/sessions")
    assert (session["input_octets"], session["output_octets"]) == (5, 7)
    assert session["stopped_at"] is not None


def test_port_in_use_is_one_line_with_the_variable_to_change(make_run: Callable[..., Deployment]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        isp = make_run(ISPOS_HTTP_PORT=str(port))
        isp.launch()

        assert isp.wait_ended() == 2

    (line,) = _own_lines(isp)
    assert line.startswith(f"Port {port} on 127.0.0.1 is in use. Choose another one: ISPOS_HTTP_PORT=")
    assert line.endswith(" make run")


def test_each_invalid_variable_is_one_line(
    make_run: Callable[..., Deployment],
) -> None:
    isp = make_run(ISPOS_HTTP_PORT="http", ISPOS_TIME_ZONE="Manila")
    isp.launch()

    assert isp.wait_ended() == 2

    zone, port = _own_lines(isp)
    assert port.startswith("ISPOS_HTTP_PORT: 'http' is not a port")
    assert zone.startswith("ISPOS_TIME_ZONE: 'Manila' is not a time zone")


def test_second_start_on_the_same_data_is_refused_in_one_line(isp: Deployment, tmp_path: Path) -> None:
    second = Deployment("embedded", isp.data_dir, command=MAKE_RUN)
    second.log = tmp_path / "output.log"
    second.launch()

    assert second.wait_ended() == 2

    (line,) = _own_lines(second)
    assert line.startswith(f"ISP-OS is already running on {isp.data_dir}")
    assert isp.what_is_not_ready() == ""


def _make_first_owner(isp: Deployment) -> None:
    """Open the link printed on the terminal, as in a browser, and fill in the form."""
    link = wait_for(
        "the setup link is printed",
        lambda: re.search(r"Create the first owner account: (http\S+)", isp.log.read_text()),
    )[1]
    with requests.Session() as browser:
        page = browser.get(link, timeout=10)
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        fields |= {"full_name": "Olivia Owner", "email": OWNER_EMAIL}
        fields |= {"password": OWNER_PASSWORD, "password_again": OWNER_PASSWORD}
        welcome = browser.post(link, data=fields, timeout=10)
        assert welcome.ok and "Welcome" in welcome.text
        assert browser.get(link, timeout=10).status_code == 404  # the link works once


def _enter_juan(isp: Deployment) -> dict:
    router, plan = isp.api.post("/routers", ROUTER), isp.api.post("/plans", PLAN)
    service = {**LOGIN, "plan_id": plan["id"], "router_id": router["id"]}
    service["session_limit"] = None  # radclient dials again and again without hanging up
    return isp.make_subscriber("Juan dela Cruz", service)


def _juan() -> dict[str, str]:
    return {"username": LOGIN["pppoe_username"], "password": LOGIN["pppoe_password"]}


def _dial_every_way(isp: Deployment) -> None:
    for method in radclient.METHODS:
        answer = radclient.dial(isp.auth_port, method=method, **_juan())
        assert radclient.is_accept(answer), answer
        assert radclient.rate_of(answer) == "50M/50M"
        refused = radclient.dial(isp.auth_port, "juan.delacruz", "wrong", method)
        assert radclient.is_reject(refused), refused


def _account_a_session(isp: Deployment) -> None:
    for status, octets in (
        ("Start", {}),
        ("Interim-Update", {"input": 1_000, "output": 2_000}),
        ("Stop", {"input": 3_000, "output": 4_000}),
    ):
        answer = radclient.account(isp.acct_port, status, "juan.delacruz", "81000001", **octets)
        assert radclient.is_acknowledged(answer), answer
    (session,) = isp.api.list("/sessions")
    assert session["username"] == "juan.delacruz"
    assert (session["input_octets"], session["output_octets"]) == (3_000, 4_000)
    assert session["stopped_at"] is not None


def _last_banner(isp: Deployment, *, starts: int) -> str:
    """What it printed at its last start. The banner is printed a moment after the system is ready."""

    def banners() -> list[str] | None:
        printed = isp.log.read_text().split("ISP-OS is running.")[1:]
        return printed if len(printed) == starts and "Press Ctrl-C to stop." in printed[-1] else None

    return wait_for("the banner of the last start", banners)[-1]


def _press_ctrl_c(isp: Deployment) -> None:
    """The terminal sends SIGINT both to make and to the process that make started."""
    isp.interrupt_group()
    assert isp.wait_ended() == -signal.SIGINT  # make waits for its child, then ends by the signal
    assert "Stopped." in isp.log.read_text().rpartition("Press Ctrl-C to stop.")[2]
    assert not isp.processes()


def _own_lines(isp: Deployment) -> list[str]:
    """The output without make's own lines."""
    return [line for line in isp.log.read_text().splitlines() if not line.startswith("make: ")]
