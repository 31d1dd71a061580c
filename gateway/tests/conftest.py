"""The gateway's app on a database of its own, with the services in memory."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# pytest derives the name gateway.tests.conftest from our place in the repository and, unless the package
# gateway was imported before, puts an empty stand-in for it into sys.modules.
if getattr(sys.modules.get("gateway"), "__file__", None) is None:
    sys.modules.pop("gateway", None)
sys.path.append(str(Path(__file__).parent))

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from gateway.app import make_app
from gateway.clients.context import EXTENSION, Gateway
from gateway.identity import operators, passwords
from gateway.models import Role
from gateway.settings import GatewaySettings, read_gateway_settings
from gateway_fakes import NOW, PASSWORD, World, basic
from jinja2.bccache import Bucket, BytecodeCache
from servicekit.clock import FrozenClock, MovableClock
from servicekit.db import Database
from servicekit.secrets import new_key
from testkit.component import Migrated
from werkzeug.routing import Rule


class RuleCompiledOnce(Rule):
    """Werkzeug writes two functions for each route of each app. These apps all have the same routes."""

    compiled: dict[tuple[object, ...], Any] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Any:
        key = (self.rule, repr(self.defaults), append_unknown)
        if key not in self.compiled:
            self.compiled[key] = super()._compile_builder(append_unknown)
        return self.compiled[key]


class TemplatesInMemory(BytecodeCache):
    """Jinja compiles each template once for all apps."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._compiled:
            bucket.bytecode_from_string(self._compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Each test has an app of its own; making one took longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "url_rule_class", RuleCompiledOnce)
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": TemplatesInMemory()})
        yield


PRODUCTION_HASHER = passwords.hasher


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture
def passwords_as_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hasher", PRODUCTION_HASHER)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "ISPOS_DATA_DIR": str(tmp_path),
        "ISPOS_SECRET_KEY": "s" * 40,
        "ISPOS_ENCRYPTION_KEY": new_key(),
        "ISPOS_HTTP_PORT": "8080",
    }


@pytest.fixture
def settings(environment: dict[str, str]) -> GatewaySettings:
    return read_gateway_settings(environment)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def wall() -> FrozenClock:
    """The machine's clock, which ages sessions and keys."""
    return FrozenClock(datetime(2026, 11, 23, 2, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Migrated:
    return Migrated("gateway", tmp_path_factory.mktemp("gateway"))


@pytest.fixture
def database(settings: GatewaySettings, migrated: Migrated) -> Database:
    return migrated.open_sqlite(Path(settings.database_url.removeprefix("sqlite:///")))


@pytest.fixture(scope="session")
def made_app() -> Iterator[list[Flask]]:
    """The app that tests share, once the first has made it."""
    made: list[Flask] = []
    yield made
    for app in made:
        app.extensions[EXTENSION].pdf.close()


@pytest.fixture
def app(
    settings: GatewaySettings, database: Database, world: World, wall: FrozenClock, made_app: list[Flask]
) -> Flask:
    """The same app for all tests, because making one takes longer than most of them, with a new Gateway.

    Only what is expensive or registered in the app remains: the PDF worker and the (emptied) cache.
    """
    if not made_app:
        made_app.append(make_app(settings, FrozenClock(NOW), database, world.call, wall))
    app = made_app[0]
    before: Gateway = app.extensions[EXTENSION]
    before.kept.forget()
    app.extensions[EXTENSION] = Gateway(
        settings, FrozenClock(NOW), wall, database, world.call, pdf=before.pdf, kept=before.kept
    )
    return app


@pytest.fixture
def movable_app(environment: dict[str, str], database: Database, world: World, tmp_path: Path) -> Flask:
    settings = read_gateway_settings({**environment, "ISPOS_CLOCK": "movable"})
    return make_app(settings, MovableClock(tmp_path / "clock.json"), database, world.call)


@pytest.fixture
def gateway(app: Flask) -> Gateway:
    return app.extensions[EXTENSION]


@pytest.fixture
def add_operator(gateway: Gateway) -> Callable[..., operators.Identity]:
    """Call it for the operator in a role, made at the first call."""
    made: dict[Role, operators.Identity] = {}

    def add(role: Role = Role.OWNER) -> operators.Identity:
        if role not in made:
            with gateway.database.transaction() as session:
                made[role] = operators.create_operator(
                    gateway,
                    session,
                    email=f"{role}@example.com",
                    full_name=role.value.capitalize(),
                    role=role,
                    password=PASSWORD,
                )
        return made[role]

    return add


class Api:
    """The API as a script sees it."""

    def __init__(self, client: FlaskClient, token: str) -> None:
        self._client = client
        self.token = token

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.open(
            f"/api/v1{path}",
            method=method,
            json=body,
            headers={"Authorization": f"Bearer {self.token}", **named},
        )


@pytest.fixture
def api_as(app: Flask, add_operator: Callable) -> Callable[[Role], Api]:
    """Call it for the API with the token of a new operator in that role."""

    def make(role: Role) -> Api:
        email = add_operator(role).email
        client = app.test_client()
        made = client.post("/api/v1/tokens", json={"name": "tests"}, headers=basic(email))
        assert made.status_code == 201, made.text
        return Api(client, made.json["token"])

    return make


@pytest.fixture
def api(api_as: Callable[[Role], Api]) -> Api:
    return api_as(Role.OWNER)


class Browser:
    """A person at the admin pages: forms are sent with the hidden fields they came with."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str) -> Any:
        return self.client.get(path)

    def post(
        self,
        path: str,
        form: dict[str, str] | None = None,
        *,
        seen_at: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Send a form to `path` that was seen on the page `seen_at` (default: the same)."""
        page = self.client.get(seen_at or path).text
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
        return self.client.post(path, data={**hidden, **(form or {})}, headers=headers)

    def log_in(self, email: str, password: str = PASSWORD) -> Any:
        return self.post("/login", {"email": email, "password": password})


@pytest.fixture
def new_browser(app: Flask) -> Browser:
    """Nobody is logged in yet."""
    return Browser(app.test_client())


@pytest.fixture
def browser_as(app: Flask, add_operator: Callable) -> Callable[[Role], Browser]:
    def make(role: Role) -> Browser:
        browser = Browser(app.test_client())
        assert browser.log_in(add_operator(role).email).status_code == 303
        return browser

    return make


@pytest.fixture
def browser(browser_as: Callable[[Role], Browser]) -> Browser:
    return browser_as(Role.OWNER)


PLAN = {"name": "Fiber 50 Mbps", "price": 150000, "download_kbps": 50000, "upload_kbps": 50000}


@pytest.fixture
def plan_id(api: Api) -> str:
    return api("POST", "/plans", PLAN).json["id"]


@pytest.fixture
def router_id(api: Api) -> str:
    body = {
        "name": "Main",
        "connection": "manual",
        "nas_address": "10.0.0.1",
        "radius_secret": "s3cret",
    }
    return api("POST", "/routers", body).json["id"]


@pytest.fixture
def service_body(plan_id: str, router_id: str) -> dict[str, Any]:
    return {
        "pppoe_username": "pedro.reyes",
        "pppoe_password": "pppoe-pass-03",
        "plan_id": plan_id,
        "router_id": router_id,
    }


@pytest.fixture
def subscriber(api: Api, service_body: dict[str, Any]) -> dict[str, Any]:
    made = api("POST", "/subscribers", {"full_name": "Pedro Reyes", "service": service_body})
    assert made.status_code == 201, made.text
    return made.json


@pytest.fixture
def invoice_id(api: Api, subscriber: dict[str, Any], world: World) -> str:
    api("POST", "/billing-runs", {})
    return next(iter(world.invoices))
