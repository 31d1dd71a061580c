"""python -m gateway serve | migrate"""

import servicekit.green  # noqa: F401, I001 - must come first

import sys

from servicekit.runner import main
from servicekit.settings import SettingsError

from gateway.service import CannotListen, GatewayService, listen
from gateway.settings import read_gateway_settings

EXIT_CONFIGURATION = 2


def check_port() -> None:
    """Raises CannotListen here, where it prints one line; a failing greenthread prints a traceback too."""
    try:
        settings = read_gateway_settings()
    except SettingsError:
        return  # main reports the error
    listen(settings.http_host, settings.http_port).close()


if __name__ == "__main__":
    try:
        if sys.argv[1:] in ([], ["serve"]):
            check_port()
        main(GatewayService, "gateway")
    except CannotListen as error:
        print(error, file=sys.stderr)
        sys.exit(EXIT_CONFIGURATION)
