"""python -m gateway.pdf.worker: HTML in, PDF out, over the socket that is its standard input.

It is a separate process because it takes 80 MB, and up to a second of computing per document, which would
block the gateway's only event loop. It ends when the gateway does, after five minutes without a request, and
when a document takes too long.

Its input may come from strangers (names, an SVG logo), so it loads nothing except what is in the request.
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
# Longer than the gateway waits: it stops a worker whose gateway was killed in the meantime.
RENDER_SECONDS = 25
MAX_MEMORY_OCTETS = 1_000_000_000
NICENESS = 5


def serve(connection: socket.socket) -> None:
    """Handle requests. Raises Ended once the gateway is gone, TimeoutError after IDLE_SECONDS without one."""
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
            content, missing = maker.make(request["html"], files)
            answer = frames.DONE + missing.encode() + frames.END_OF_TEXT + content
        except Exception as error:
            answer = frames.FAILED + repr(error).encode()
        signal.alarm(0)
        frames.send(connection, answer)


def main() -> None:
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_OCTETS, MAX_MEMORY_OCTETS))
    # Ctrl-C in the terminal is for the gateway. When it ends, so do we.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=0) as connection:
        try:
            serve(connection)
        except (frames.Ended, TimeoutError):
            return


if __name__ == "__main__":
    main()
