"""Starts listeners by forking a process that has loaded the libraries already: a twentieth of the time.

Reads a request per line, as JSON, and answers with a line: `{"start": ENVIRONMENT, "log": FILE}` with the
process id, `{"poll": PID}` with the exit code, or null while the process runs. Ends with its standard input.
What a listener loads of our own, but the tables, is loaded after the fork.
"""

import json
import os
import runpy
import sys

import sqlalchemy.dialects.postgresql
import sqlalchemy.dialects.sqlite
import sqlalchemy.orm  # noqa: F401


def main() -> None:
    # It decides when it is imported whether figures of several processes are added up.
    assert "prometheus_client" not in sys.modules
    for line in sys.stdin:
        request = json.loads(line)
        answer = _start(request["start"], request["log"]) if "start" in request else _poll(request["poll"])
        print(json.dumps(answer), flush=True)


def _start(environment: dict[str, str], log: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    for number, file, flags in ((0, os.devnull, os.O_RDONLY), (2, log, os.O_WRONLY | os.O_CREAT)):
        opened = os.open(file, flags)
        os.dup2(opened, number)
        os.close(opened)
    os.dup2(2, 1)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["radius_svc", "listen"]
    runpy.run_module("radius_svc", run_name="__main__", alter_sys=True)  # ends with SystemExit
    raise AssertionError("a listener ends with an exit code")


def _poll(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


if __name__ == "__main__":
    main()
