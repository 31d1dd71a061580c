"""Our side of the PDF worker: started on first use, one document at a time, every wait limited."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.common import Unavailable
from servicekit.logs import log

from gateway.pdf import frames

RENDER_SECONDS = 20.0
# In addition to the one in progress, which takes a second or less. Any more are asked to try again later.
MAX_QUEUED = 8
COMMAND = (sys.executable, "-P", "-m", "gateway.pdf.worker")
# Not the whole environment: the worker does not need our keys or the addresses of databases.
ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "XDG_CACHE_HOME")
# In the Unicode names of the characters of Chinese, Japanese and Korean.
LARGE_SCRIPTS = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "FULLWIDTH")
PACKAGES = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"


@dataclass(frozen=True)
class Document:
    """A PDF file. `missing` has the characters it cannot show, because no installed font has them."""

    content: bytes
    missing: str


class RenderFailed(Exception):
    """The document could not be made; the message says why, for the log."""


class Renderer:
    """Makes PDF documents. Safe to use from several threads or greenthreads."""

    def __init__(self, command: Sequence[str] = COMMAND, seconds: float = RENDER_SECONDS) -> None:
        self._command = tuple(command)
        self._seconds = seconds
        self._places = threading.BoundedSemaphore(1 + MAX_QUEUED)
        self._turn = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._connection: socket.socket | None = None

    def render(self, html: str, files: Mapping[str, bytes]) -> Document:
        """The PDF of `html`, in which `isp:<name>` refers to one of `files`.

        Raises Unavailable if too many documents are queued, if it takes too long, or if a library is
        missing; RenderFailed if the document cannot be made.
        """
        encoded = {name: base64.b64encode(content).decode() for name, content in files.items()}
        request = json.dumps({"html": html, "files": encoded}).encode()
        if not self._places.acquire(blocking=False):
            raise Unavailable("too many PDF files are being created right now; try again in a few seconds")
        try:
            return self._in_turn(request)
        finally:
            self._places.release()

    def close(self) -> None:
        """Stop the worker. The next document starts a new one."""
        process, connection = self._process, self._connection
        self._process = self._connection = None
        if connection is not None:
            connection.close()
        if process is not None:
            process.kill()
            process.wait()

    def _in_turn(self, request: bytes) -> Document:
        if not self._turn.acquire(timeout=self._seconds):
            raise Unavailable("other PDF files are taking longer than usual; try again in a minute")
        try:
            document = _read(self._ask(request))
            if document.missing:
                self.close()  # a new worker knows the fonts that were installed since
            return document
        except TimeoutError:
            log.error("pdf took too long", seconds=self._seconds)
            raise Unavailable("creating the PDF file took too long; try again in a minute") from None
        finally:
            self._turn.release()

    def _ask(self, request: bytes) -> bytes:
        """The worker's response. A worker that died, or stopped because it was idle, is replaced once."""
        try:
            return self._exchange(request)
        except frames.Ended:
            log.info("pdf worker restarted")
        try:
            return self._exchange(request)
        except frames.Ended:
            raise RenderFailed("the PDF worker died twice over the same document") from None

    def _exchange(self, request: bytes) -> bytes:
        connection = self._connection or self._start()
        try:
            frames.send(connection, request)
            return frames.receive(connection)
        except BaseException:  # also if our greenthread is killed: the next one must not read a late response
            self.close()
            raise

    def _start(self) -> socket.socket:
        # A socket, not pipes: eventlet can wait for it without blocking other requests.
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # our own command line
                self._command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
            )
        ours.settimeout(self._seconds)
        self._connection = ours
        return ours


def _read(answer: bytes) -> Document:
    kind, content = answer[:1], answer[1:]
    if kind == frames.MISSING:
        log.error("pdf library missing", error=content.decode(errors="replace"))
        raise Unavailable(
            "PDF files need a library that isn't installed on this machine; install it with: "
            f"sudo apt-get install {PACKAGES}"
        )
    if kind == frames.FAILED:
        raise RenderFailed(content.decode(errors="replace"))
    missing, _, pdf = content.partition(frames.END_OF_TEXT)
    document = Document(pdf, missing.decode())
    if document.missing:
        log.warning("pdf font missing", characters=document.missing, install=font_packages(document.missing))
    return document


def font_packages(characters: str) -> str:
    """The Debian packages of the fonts that have these characters, in alphabetical order.

    Noto has a font for nearly every script. Debian ships Chinese, Japanese, Korean and emoji separately
    because those fonts are large.
    """
    return " ".join(sorted({_font_package(character) for character in characters}))


def _font_package(character: str) -> str:
    name = unicodedata.name(character, "")
    if any(script in name for script in LARGE_SCRIPTS):
        return "fonts-noto-cjk"
    return "fonts-noto-color-emoji" if unicodedata.category(character) == "So" else "fonts-noto-core"
