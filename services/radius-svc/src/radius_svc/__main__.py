"""python -m radius_svc serve | migrate | dead-letters | listen"""

from __future__ import annotations

import os
import sys
from tempfile import TemporaryDirectory


def listen() -> int:
    """Answer RADIUS packets: a plain process, small because it loads nothing the control plane needs."""
    with TemporaryDirectory(prefix="radius-listener-") as folder:
        # Where the workers keep their figures for one another. Prometheus's client reads it when imported.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        from radius_svc.listener.process import run

        return run.main()


def control() -> None:
    """Everything else runs under nameko."""
    import servicekit.green  # noqa: F401  # must come first
    from servicekit.runner import main

    from radius_svc.service import RadiusService

    main(RadiusService, "radius_svc")


if __name__ == "__main__":
    if sys.argv[1:] == ["listen"]:
        sys.exit(listen())
    control()
