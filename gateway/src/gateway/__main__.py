"""python -m gateway serve | migrate"""

import servicekit.green  # noqa: F401, I001 - must come first

import sys

from servicekit.runner import main

from gateway.service import CannotListen, GatewayService

if __name__ == "__main__":
    try:
        main(GatewayService, "gateway")
    except CannotListen as error:
        print(error, file=sys.stderr)
        sys.exit(2)
