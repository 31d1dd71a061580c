"""python -m router_svc serve | migrate | dead-letters"""

import servicekit.green  # noqa: F401  # must come first
from servicekit.runner import main

from router_svc.service import RouterService

if __name__ == "__main__":
    main(RouterService, "router_svc")
