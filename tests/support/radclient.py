"""FreeRADIUS's own client: what a router would send, and what it would get."""

from __future__ import annotations

import subprocess
import tempfile
from typing import Literal

from tests.support.deployment import NAS_SECRET

Method = Literal["pap", "chap", "mschap"]
PROOFS = {"pap": "User-Password", "chap": "CHAP-Password", "mschap": "MS-CHAP-Password"}
METHODS: tuple[Method, ...] = ("pap", "chap", "mschap")


def dial(port: int, username: str, password: str, method: Method = "pap") -> str:
    """What came back, as radclient prints it."""
    attributes = {"User-Name": username, PROOFS[method]: password, "NAS-IP-Address": "127.0.0.1"}
    return _radclient(port, "auth", attributes | {"Message-Authenticator": "0x00"})


def account(port: int, status: str, username: str, session_id: str, **octets: int) -> str:
    """Start, Interim-Update or Stop of a session; `input=` and `output=` octets."""
    attributes = {
        "Acct-Status-Type": status,
        "Acct-Session-Id": session_id,
        "User-Name": username,
        "NAS-IP-Address": "127.0.0.1",
        "Framed-IP-Address": "10.64.0.9",
        **{f"Acct-{name.capitalize()}-Octets": str(value) for name, value in octets.items()},
    }
    return _radclient(port, "acct", attributes)


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
    with tempfile.TemporaryFile("w+") as request, tempfile.TemporaryFile("w+") as answer:
        request.write(",\n".join(f"{name} = {value}" for name, value in quoted.items()) + "\n")
        request.seek(0)
        command = ["radclient", "-x", "-r", "2", "-t", "1", f"127.0.0.1:{port}", kind, NAS_SECRET]
        subprocess.Popen(command, stdin=request, stdout=answer, stderr=answer).wait()
        answer.seek(0)
        return answer.read()
