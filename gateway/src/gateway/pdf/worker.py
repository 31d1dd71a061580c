"""python -m gateway.pdf.worker: HTML in, PDF out, on the socket that is its standard input.

A process of its own, since it takes 80 MB, and up to a second of computing a document, which the one event
loop of the gateway cannot spare. It ends when the gateway does, when nobody wanted anything for a while, and
when one document takes too long.

What it is given may come from strangers (names, an SVG logo): it fetches nothing but what is in the request.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import signal
import socket

from gateway.pdf import frames

IDLE_SECONDS = 300.0
# Longer than the gateway waits: this is for the one whose gateway was killed meanwhile.
RENDER_SECONDS = 25
MAX_MEMORY_OCTETS = 1_000_000_000
NICENESS = 5


def serve(connection: socket.socket) -> None:
    """Until the other side is gone, or silent for IDLE_SECONDS."""
    connection.settimeout(IDLE_SECONDS)
    try:
        from gateway.pdf.maker import Maker
    except (OSError, ImportError) as error:
        frames.receive(connection)
        frames.send(connection, frames.MISSING + str(error).encode())
        return
    maker = Maker()
    while True:
        request = json.loads(frames.receive(connection))
        files = {name: base64.b64decode(content) for name, content in request["files"].items()}
        signal.alarm(RENDER_SECONDS)
        try:
            answer = frames.DONE + maker.make(request["html"], files)
        except Exception as error:
            answer = frames.FAILED + repr(error).encode()
        signal.alarm(0)
        frames.send(connection, answer)


def main() -> None:
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_OCTETS, MAX_MEMORY_OCTETS))
    # A Ctrl-C at the terminal is for the gateway, whose end is ours.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=0) as connection:
        try:
            serve(connection)
        except (frames.Ended, TimeoutError):
            return


if __name__ == "__main__":
    main()
