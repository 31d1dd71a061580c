"""What is printed once the system is up: where everything is."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.first_owner import setup_url
from servicekit.settings import Settings


def banner(settings: Settings, processes: Mapping[str, int | None] | None = None) -> str:
    """Addresses, ports, and how to make the first owner while there is none."""
    radius = (
        "FreeRADIUS (not started from here), docs/howto/freeradius.md"
        if settings.freeradius_in_front
        else f"{settings.radius_host} authentication {settings.radius_auth_port}/udp, "
        f"accounting {settings.radius_acct_port}/udp"
    )
    lines = [
        "",
        "ISP-OS is running.",
        "",
        f"  Admin UI      {settings.public_url}/",
        f"  Payment page  {settings.public_url}/c/<short id of a subscriber>",
        f"  REST API      {settings.public_url}/api/docs",
        f"  RADIUS        {radius}",
        f"  Data          {settings.data_dir}",
    ]
    if processes:
        lines.append("  Processes     " + ", ".join(f"{name} {pid}" for name, pid in processes.items()))
    owner = setup_url(settings)
    if owner:
        lines += ["", f"  Make the first owner here: {owner}"]
    return "\n".join([*lines, "", "Ctrl-C stops it.", ""])
