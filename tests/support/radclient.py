"""FreeRADIUS's radclient in the role of a router."""

from __future__ import annotations

import subprocess
import tempfile
from typing import Literal

from tests.support.deployment import NAS_SECRET

Method = Literal["pap", "chap", "mschap"]
PROOFS = {"pap": "User-Password", "chap": "CHAP-Password", "mschap": "MS-CHAP-Password"}
METHODS: tuple[Method, ...] = ("pap", "chap", "mschap")


def dial(
    port: int, username: str, password: str, method: Method = "pap", *, source: str = "127.0.0.1"
) -> str:
    """Dial in from the router at `source`. Returns the output of radclient."""
    attributes = {
        "Packet-Src-IP-Address": source,
        "User-Name": username,
        PROOFS[method]: password,
        "NAS-IP-Address": source,
    }
    return _radclient(port, "auth", attributes | {"Message-Authenticator": "0x00"})


def account(port: int, status: str, username: str, session_id: str, **octets: int) -> str:
    """Report a Start, Interim-Update or Stop; `input=` and `output=` are octets."""
    attributes = {
        "Acct-Status-Type": status,
        "Acct-Session-Id": session_id,
        "User-Name": username,
        "NAS-IP-Address": "127.0.0.1",
        "Framed-IP-Address": "10.64.0.9",
        **{f"Acct-{name.capitalize()}-Octets": str(value) for name, value in octets.items()},
    }
    return _radclient(port, "acct", attributes)


def report(port: int, source: str, attributes: str) -> None:
    """Send an Accounting-Request from the router at `source`. It must be acknowledged."""
    answer = _ask(port, "acct", f"Packet-Src-IP-Address = {source}, {attributes}", NAS_SECRET)
    assert is_acknowledged(answer), answer


def is_healthy(port: int, kind: Literal["auth", "acct"], secret: str) -> bool:
    """Whether Status-Server (RFC 5997) gets the right answer."""
    answer = _ask(port, "status", "Message-Authenticator = 0x00", secret)
    return is_accept(answer) if kind == "auth" else is_acknowledged(answer)


def is_accept(answer: str) -> bool:
    return "Received Access-Accept" in answer


def is_reject(answer: str) -> bool:
    return "Received Access-Reject" in answer


def is_acknowledged(answer: str) -> bool:
    return "Received Accounting-Response" in answer


def rate_of(answer: str) -> str | None:
    """The speed in an Access-Accept."""
    for line in answer.splitlines():
        name, _, value = line.strip().partition(" = ")
        if name == "Mikrotik-Rate-Limit":
            return value.strip('"')
    return None


def _radclient(port: int, kind: str, attributes: dict[str, str]) -> str:
    quoted = {
        name: value
        if name in ("Message-Authenticator", "Acct-Status-Type") or value[:1].isdigit()
        else f'"{value}"'
        for name, value in attributes.items()
    }
    return _ask(port, kind, ",\n".join(f"{name} = {value}" for name, value in quoted.items()), NAS_SECRET)


def _ask(port: int, kind: str, attributes: str, secret: str) -> str:
    with tempfile.TemporaryFile("w+") as request, tempfile.TemporaryFile("w+") as answer:
        request.write(attributes + "\n")
        request.seek(0)
        command = ["radclient", "-x", "-r", "2", "-t", "1", f"127.0.0.1:{port}", kind, secret]
        subprocess.Popen(command, stdin=request, stdout=answer, stderr=answer).wait()
        answer.seek(0)
        return answer.read()
