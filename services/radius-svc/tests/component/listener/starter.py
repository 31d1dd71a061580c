"""Starts listeners by forking a process that has already imported the listener: a tenth of the CPU time.

Reads a request per line, as JSON, and answers with a line: `{"start": ENVIRONMENT, "log": FILE}` with the
process id, `{"poll": PID}` with the exit code, or null while the process runs. Ends with its standard input.
A forked listener then runs the same code as the command `python -m radius_svc listen`.
"""

import json
import os
import runpy
import sys
import traceback
from tempfile import TemporaryDirectory


def main() -> None:
    with TemporaryDirectory(prefix="radius-starter-") as folder:
        # Prometheus's client decides when it is imported whether several processes share their metrics. After
        # the fork it notices the new process id, and opens new files in the folder that the listener names.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        _import_the_listener()
        for line in sys.stdin:
            request = json.loads(line)
            if "start" in request:
                answer = _start(request["start"], request["log"])
            else:
                answer = _poll(request["poll"])
            print(json.dumps(answer), flush=True)


def _import_the_listener() -> None:
    import radius_svc.listener.process.run  # noqa: F401
    import sqlalchemy.dialects.postgresql.psycopg2
    import sqlalchemy.dialects.sqlite.pysqlite
    import sqlalchemy.orm

    sqlalchemy.orm.configure_mappers()


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
    code = 1
    try:
        runpy.run_module("radius_svc", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # the rest of this program is the starter's


def _poll(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


if __name__ == "__main__":
    main()
