"""A simulated MikroTik: a PPPoE server that speaks RADIUS over real sockets, and its command line.

python -m simulators.nas --secret s3cret --subscriber juan:secret --subscriber pedro:secret
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from contextlib import ExitStack

from simulators.coa import CoaExchange
from simulators.faults import Faults
from simulators.home_router import HomeRouter
from simulators.packets import DICTIONARY, SESSION_NOT_FOUND, Method
from simulators.pppoe_server import SimulatedNas
from simulators.sessions import Dial, NasSession, Outcome

__all__ = [
    "DICTIONARY",
    "SESSION_NOT_FOUND",
    "CoaExchange",
    "Dial",
    "Faults",
    "Method",
    "NasSession",
    "Outcome",
    "SimulatedNas",
]


def main(arguments: list[str] | None = None) -> None:
    """Run one NAS and a home router for each subscriber until interrupted."""
    options = _parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    nas = SimulatedNas(
        secret=options.secret.encode(),
        radius_host=options.radius_host,
        auth_port=options.auth_port,
        acct_port=options.acct_port,
        coa_port=options.coa_port,
        source_address=options.source_address,
        identity=options.identity,
        interim_seconds=options.interim_seconds,
        octets_per_second=(20_000, 200_000),
        on_event=lambda line: print(time.strftime("%H:%M:%S"), line, flush=True),
    )
    with ExitStack() as running:
        running.enter_context(nas)
        for username, _, password in (pair.partition(":") for pair in options.subscriber):
            running.enter_context(HomeRouter(nas, username, password, options.method))
        threading.Event().wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.nas", description="Simulate a PPPoE router and the homes behind it."
    )
    parser.add_argument("--radius-host", default="127.0.0.1")
    parser.add_argument("--auth-port", type=int, default=1812)
    parser.add_argument("--acct-port", type=int, default=1813)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--coa-port", type=int, default=3799)
    parser.add_argument(
        "--source-address", default="127.0.0.1", help="the address under which the router is registered"
    )
    parser.add_argument("--identity", default="sim-router")
    parser.add_argument("--interim-seconds", type=float, help="overrides what the server asks for")
    parser.add_argument("--method", choices=[method.value for method in Method], default="mschap2")
    parser.add_argument(
        "--subscriber", action="append", default=[], metavar="USER:PASSWORD", help="may be repeated"
    )
    return parser


if __name__ == "__main__":
    main()
