"""Tests that click and type in Chromium, as people do, against the real system.

Tests read a page as a person does: by role, label and visible words. Anything that the browser complains
about (an error on the console, a violation of the Content Security Policy, a request to another host) fails
the test.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright
from testkit.chromium import find_chromium
from testkit.pytest_tools import require

from tests.browser.browsing import DESKTOP, OpenBrowser, Window
from tests.browser.looks import Inspector
from tests.browser.town import Town, build_town
from tests.support.deployment import OWNER_EMAIL, OWNER_PASSWORD, Deployment, running

OUTPUT = Path(__file__).parent / "output"
SHOWN_WITHIN_SECONDS = 15
NO_OWNER: dict[str, str | None] = {"ISPOS_OWNER_EMAIL": None, "ISPOS_OWNER_PASSWORD": None}

expect.set_options(timeout=SHOWN_WITHIN_SECONDS * 1000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", action="store_true", help="save a picture of each page to output/")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    _no_eventlet()
    require("chromium")
    browser = playwright.chromium.launch(
        executable_path=find_chromium(), args=["--no-sandbox", "--disable-dev-shm-usage"]
    )
    yield browser
    browser.close()


@pytest.fixture
def open_browser(chromium: Browser) -> Iterator[OpenBrowser]:
    """Call it for a window without cookies. At the end, the browser must not have complained."""
    opened: list[Window] = []

    def open_window(url: str, **options: object) -> Window:
        window = Window(chromium, url, **{"viewport": DESKTOP, "reduced_motion": "reduce", **options})
        opened.append(window)
        return window

    yield open_window
    for window in opened:
        window.close()
    complaints = [complaint for window in opened for complaint in window.complaints]
    assert not complaints, complaints


@pytest.fixture(scope="session")
def inspector(request: pytest.FixtureRequest) -> Inspector:
    """Looks at pages, and remembers what it has judged."""
    return Inspector(pictures=request.config.getoption("--pictures", default=False))


@pytest.fixture(scope="module")
def new_system(server_directory: Callable[[str], Path]) -> Iterator[Deployment]:
    """A system after its first start, which has no owner."""
    with running(Deployment("embedded", server_directory("ispos"), environ=NO_OWNER)) as deployment:
        yield deployment


@pytest.fixture(scope="session")
def town(chromium: Browser, server_directory: Callable[[str], Path]) -> Iterator[Town]:
    """A system with something on every page, shared by the tests of pages."""
    with ExitStack() as stack:
        deployment = stack.enter_context(running(Deployment("embedded", server_directory("ispos"))))
        yield build_town(deployment, stack)


@pytest.fixture(scope="session")
def owner_cookies(chromium: Browser, town: Town) -> dict[str, object]:
    """The cookies of a browser in which the owner logged in, shared by all tests."""
    window = Window(chromium, town.url, viewport=DESKTOP)
    window.log_in(OWNER_EMAIL, OWNER_PASSWORD)
    state = window.context.storage_state()
    window.close()
    return dict(state)


@pytest.fixture
def owner(open_browser: OpenBrowser, town: Town, owner_cookies: dict[str, object]) -> Window:
    """A window where the owner is logged in."""
    return open_browser(town.url, storage_state=owner_cookies)


@pytest.fixture(scope="session")
def second_operator(chromium: Browser, town: Town) -> str:
    """The email address of an operator who was invited. Tests may end all of their sessions."""
    email = "second@example.com"
    sent = town.api.post("/invitations", {"email": email, "role": "admin"})
    window = Window(chromium, town.url, viewport=DESKTOP)
    window.go(sent["link"])
    passwords = {"Password": OWNER_PASSWORD, "Confirm password": OWNER_PASSWORD}
    window.fill(**{"Full Name": "Sonia Second", **passwords})
    window.click("Join")
    window.see_heading("Dashboard")
    window.close()
    return email


@pytest.fixture
def second(open_browser: OpenBrowser, town: Town, second_operator: str) -> Window:
    """A window where the second operator is logged in."""
    window = open_browser(town.url)
    window.log_in(second_operator, OWNER_PASSWORD)
    return window


def _no_eventlet() -> None:
    if "testkit.pytest_plugin" in sys.modules:
        pytest.skip("not run: tests in a browser need a run of their own (make test-browser)")
