"""The Flask app: put together here, the same in both modes of running."""

from __future__ import annotations

from flask import Flask
from flask_wtf.csrf import CSRFProtect
from servicekit.clock import Clock, SystemClock
from servicekit.db import Database
from servicekit.rpc import Transport
from servicekit.settings import Settings

from gateway import access, display, headers, health, observe, problems
from gateway.admin import blueprint as admin
from gateway.api import blueprint as api
from gateway.api import docs
from gateway.context import EXTENSION, Gateway
from gateway.portal import blueprint as portal

MAX_BODY_OCTETS = 1_000_000


def make_app(
    settings: Settings,
    clock: Clock,
    database: Database,
    transport: Transport,
    wall: Clock | None = None,
) -> Flask:
    """`clock` tells business time; `wall` (default: the system's) ages sessions, keys and attempts."""
    app = Flask("gateway")
    secure = settings.public_url.startswith("https://")
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=MAX_BODY_OCTETS,
        SESSION_COOKIE_NAME="__Host-isp_session" if secure else "isp_session",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,  # a form stays good as long as its session
    )
    app.extensions[EXTENSION] = Gateway(settings, clock, wall or SystemClock(), database, transport)
    observe.register(app)
    headers.register(app, secure=secure)
    problems.register(app)
    app.before_request(access.guard)
    CSRFProtect(app).exempt(api)
    display.register(app)
    for blueprint in (health.blueprint, api, docs.blueprint, admin, portal):
        app.register_blueprint(blueprint)
    access.needs(access.Permission.PUBLIC)(app.view_functions["static"])
    return app
