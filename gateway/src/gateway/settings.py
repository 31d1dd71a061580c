"""Settings that only the gateway needs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from servicekit import environment
from servicekit.environment import number, read_settings, setting
from servicekit.settings import EncryptingServiceSettings, RadiusPorts


@dataclass(frozen=True, kw_only=True)
class GatewaySettings(EncryptingServiceSettings, RadiusPorts):
    http_host: str = setting(
        "ISPOS_HTTP_HOST",
        environment.text,
        default="127.0.0.1",
        meaning="Address the web server listens on",
    )
    http_port: int = setting(
        "ISPOS_HTTP_PORT", environment.port, default=8080, meaning="Port the web server listens on"
    )
    public_url: str = setting(
        "ISPOS_PUBLIC_URL",
        environment.http_url,
        default_from=lambda earlier: f"http://{earlier.http_host}:{earlier.http_port}",
        default_shown="`http://<host>:<port>`",
        meaning="Address people use to reach it; used in links. With `https://`, login cookies are Secure "
        "and HSTS is sent. TLS itself is up to a reverse proxy",
    )
    trusted_proxies: int = setting(
        "ISPOS_TRUSTED_PROXIES",
        number("a number of proxies", 0, 10, "use 0 (the default) to 10"),
        default=0,
        meaning="Number of reverse proxies in front of the web server that add to `X-Forwarded-For`. Only "
        "what they add is trusted, so rate limits and the audit log see people's real addresses. With `0` "
        "the header is ignored",
    )
    owner_email: str | None = setting(
        "ISPOS_OWNER_EMAIL",
        environment.email,
        default_shown="none (demo: see above)",
        meaning="With `ISPOS_OWNER_PASSWORD`: creates the first owner at the start if there is no operator "
        "yet. Set both or neither",
    )
    owner_password: str | None = setting(
        "ISPOS_OWNER_PASSWORD",
        environment.text,
        default_shown="none (demo: see above)",
        secret=True,
        meaning="Password of that owner",
    )
    secret_key: str = setting(
        "ISPOS_SECRET_KEY",
        environment.secret_key,
        default="",
        default_shown="kept in `data/keys.env`",
        secret=True,
        missing="`make run` makes one and keeps it in the data folder",
        meaning="At least 32 characters. Signs cookies and the setup link. Must be the same for all gateways",
    )

    def mistakes(self) -> Iterable[str]:
        yield from super().mistakes()
        if bool(self.owner_email) != bool(self.owner_password):
            yield "ISPOS_OWNER_EMAIL and ISPOS_OWNER_PASSWORD: set both or neither"


def read_gateway_settings(environ: Mapping[str, str] = os.environ) -> GatewaySettings:
    """The gateway's settings from the environment. Raises SettingsError, naming every wrong variable."""
    return read_settings(GatewaySettings, environ, service="gateway")
