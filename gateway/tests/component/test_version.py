"""People and supervisors can see which version of ISP-OS is running."""

import tomllib
from importlib.metadata import version
from pathlib import Path

from gateway.display.version import product_version

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_the_version_is_the_one_in_pyproject():
    released = tomllib.loads(PYPROJECT.read_text())["project"]["version"]

    assert product_version() == released == version("gateway"), "run make setup"


def test_the_health_page_names_the_version(app):
    answer = app.test_client().get("/healthz")

    assert answer.json == {"status": "ok", "version": product_version()}


def test_every_admin_page_ends_with_the_version(browser):
    for address in ("/", "/billing", "/account"):
        page = browser.get(address).text
        assert f"<footer>ISP-OS {product_version()}" in page, address


def test_strangers_do_not_see_the_version_on_the_login_page(app):
    assert product_version() not in app.test_client().get("/login").text
