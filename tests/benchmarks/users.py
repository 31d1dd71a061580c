"""Users of the pages, each with their own session and connection. They send the next request as soon as they
have the response, and check only its status, because they share the machine with what they measure."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

from tests.support.deployment import Deployment

END_OF_HEAD = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\nContent-Length: (\d+)", re.IGNORECASE)
CSRF_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
OCTETS = 65_536
GIVE_UP_SECONDS = 60


class UnexpectedAnswer(Exception):
    """Not 200, or shorter than its Content-Length."""


@dataclass(frozen=True)
class Timing:
    """`seconds` of each request, and `took` in total."""

    seconds: list[float]
    took: float

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.took


def log_in(deployment: Deployment, email: str, password: str) -> dict[str, str]:
    """Log in. Returns the cookies of the new session."""
    with requests.Session() as browser:
        address = f"{deployment.url}/login"
        token = CSRF_TOKEN.search(browser.get(address, timeout=GIVE_UP_SECONDS).text)
        assert token is not None
        typed = {"csrf_token": token[1], "email": email, "password": password}
        answer = browser.post(address, data=typed, allow_redirects=False, timeout=GIVE_UP_SECONDS)
        assert answer.status_code == 303, answer.text
        return browser.cookies.get_dict()


class User:
    def __init__(self, url: str, cookies: dict[str, str]) -> None:
        parts = urlsplit(url)
        self._host = parts.netloc
        self._cookies = "; ".join(f"{name}={value}" for name, value in cookies.items())
        self._connection = socket.create_connection(
            (parts.hostname or "", parts.port or 80), timeout=GIVE_UP_SECONDS
        )
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        self._connection.close()

    def request(self, path: str, *, panel: bool) -> bytes:
        """A request as a browser sends it, or as htmx does for a panel."""
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {self._host}",
            "Accept: text/html",
            "Accept-Encoding: gzip, deflate, br",
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/150.0",
            f"Cookie: {self._cookies}",
            *(["HX-Request: true"] if panel else []),
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def get(self, request: bytes) -> int:
        """The number of octets of the body. Raises UnexpectedAnswer."""
        self._connection.sendall(request)
        received = self._connection.recv(OCTETS)
        while END_OF_HEAD not in received:
            received += self._more()
        head, _, body = received.partition(END_OF_HEAD)
        length = LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 200 ") or length is None:
            raise UnexpectedAnswer(head.decode())
        octets, left = int(length[1]), int(length[1]) - len(body)
        while left > 0:
            left -= len(self._more())
        return octets

    def _more(self) -> bytes:
        received = self._connection.recv(OCTETS)
        if not received:
            raise UnexpectedAnswer("the connection was closed")
        return received


def ask_side_by_side(users: Sequence[User], paths: Sequence[str], each: int, *, panel: bool) -> Timing:
    """Each user requests `each` pages, cycling through `paths`. Raises the error of any user."""
    samples: list[float] = []
    failures: list[BaseException] = []
    ready = threading.Barrier(len(users) + 1)

    def work(number: int, user: User) -> None:
        turns = (paths[(number + turn * len(users)) % len(paths)] for turn in range(each))
        wanted = [user.request(path, panel=panel) for path in turns]
        own = []
        ready.wait()
        try:
            for request in wanted:
                started = time.perf_counter()
                user.get(request)
                own.append(time.perf_counter() - started)
        except BaseException as error:
            failures.append(error)
        samples.extend(own)

    threads = [
        threading.Thread(target=work, args=(number, user), daemon=True) for number, user in enumerate(users)
    ]
    for thread in threads:
        thread.start()
    ready.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - started
    if failures:
        raise failures[0]
    return Timing(samples, took)
