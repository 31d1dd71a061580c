"""The text printed once the system is up: addresses, ports and the data folder."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.identity.first_owner import setup_url
from servicekit.settings import Settings


def banner(settings: Settings, processes: Mapping[str, int | None] | None = None) -> str:
    """Addresses and ports, and the setup link while there is no owner yet."""
    radius = (
        "FreeRADIUS, started separately (docs/howto/freeradius.md)"
        if settings.freeradius_in_front
        else f"{settings.radius_host} authentication {settings.radius_auth_port}/udp, "
        f"accounting {settings.radius_acct_port}/udp"
    )
    lines = [
        "",
        "ISP-OS is running.",
        "",
        f"  Admin UI      {settings.public_url}/",
        f"  Payment page  {settings.public_url}/c/<subscriber's short id>",
        f"  REST API      {settings.public_url}/api/docs",
        f"  RADIUS        {radius}",
        f"  Data          {settings.data_dir}",
    ]
    if processes:
        lines.append("  Processes     " + ", ".join(f"{name} {pid}" for name, pid in processes.items()))
    owner = setup_url(settings)
    if owner:
        lines += ["", f"  Create the first owner account: {owner}"]
    return "\n".join([*lines, "", "Press Ctrl-C to stop.", ""])
