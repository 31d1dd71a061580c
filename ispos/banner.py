"""The text printed once the system is up: addresses, ports and the data folder."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.identity.first_owner import setup_url

from ispos.settings import Installation


def banner(settings: Installation, processes: Mapping[str, int | None] | None = None) -> str:
    """Addresses and ports, and the setup link while there is no owner yet."""
    radius = (
        "FreeRADIUS, started separately (docs/howto/freeradius.md)"
        if settings.radius.freeradius_in_front
        else f"{settings.listener.host} authentication {settings.listener.auth_port}/udp, "
        f"accounting {settings.listener.acct_port}/udp"
    )
    lines = [
        "",
        "ISP-OS is running.",
        "",
        f"  Admin UI      {settings.gateway.public_url}/",
        f"  Payment page  {settings.gateway.public_url}/c/<the subscriber's token>",
        f"  REST API      {settings.gateway.public_url}/api/docs",
        f"  RADIUS        {radius}",
        f"  Data          {settings.data_dir}",
    ]
    if processes:
        lines.append("  Processes     " + ", ".join(f"{name} {pid}" for name, pid in processes.items()))
    owner = setup_url(settings.gateway)
    if owner:
        lines += ["", f"  Create the first owner account: {owner}"]
    return "\n".join([*lines, "", "Press Ctrl-C to stop.", ""])
