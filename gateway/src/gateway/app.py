"""The Flask app, put together in one place for both ways of running."""

from __future__ import annotations

from flask import Flask
from flask_wtf.csrf import CSRFProtect
from servicekit.clock import Clock, SystemClock
from servicekit.db import Database
from servicekit.rpc import Transport
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway.admin import blueprint as admin
from gateway.api import blueprint as api
from gateway.api import docs
from gateway.branding import brand
from gateway.clients import kept
from gateway.clients.context import EXTENSION, Gateway
from gateway.display import words
from gateway.http import access, bodies, headers, health, held_forms, observe, problems, static_files
from gateway.portal import blueprint as portal
from gateway.settings import GatewaySettings


def make_app(
    settings: GatewaySettings,
    clock: Clock,
    database: Database,
    transport: Transport,
    wall: Clock | None = None,
) -> Flask:
    """`clock` is business time; `wall` (by default the system's) ages sessions, keys and attempts."""
    app = Flask("gateway", static_folder=None)
    secure = settings.public_url.startswith("https://")
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="__Host-isp_session" if secure else "isp_session",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,  # a form stays valid as long as its session
    )
    gateway = Gateway(settings, clock, wall or SystemClock(), database, transport)
    app.extensions[EXTENSION] = gateway
    observe.register(app)
    # Proxies are trusted only for the caller's address; ISPOS_PUBLIC_URL says how people reach us.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0, x_host=0)  # type: ignore[method-assign]
    headers.register(app, secure=secure)
    problems.register(app)
    app.before_request(access.guard)
    bodies.register(app)
    CSRFProtect(app).exempt(api)
    held_forms.register(app)
    kept.register(app, gateway.kept)
    words.register(app)
    static_files.register(app)
    for blueprint in (health.blueprint, api, docs.blueprint, admin, portal):
        app.register_blueprint(blueprint)
    brand.register(app)
    return app
