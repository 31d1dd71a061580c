"""python -m radius_svc serve | migrate | dead-letters | listen"""

from __future__ import annotations

import os
import sys
from tempfile import TemporaryDirectory


def listen() -> int:
    """Answer RADIUS packets in a plain process. It is small because it does not load the control plane."""
    with TemporaryDirectory(prefix="radius-listener-") as folder:
        # Where workers share their metrics. Prometheus's client reads the variable when it is imported.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        from radius_svc.listener.process import run

        return run.main()


def control() -> None:
    """Run one of the other commands, under nameko."""
    import servicekit.green  # noqa: F401  # must come first
    from servicekit.runner import main

    from radius_svc.service import RadiusService

    main(RadiusService, "radius_svc")


if __name__ == "__main__":
    if sys.argv[1:] == ["listen"]:
        sys.exit(listen())
    control()
