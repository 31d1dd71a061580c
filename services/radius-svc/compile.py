"""Compiles what every packet passes through to machine code (mypyc), beside its source.

The source stays what it is: Python that runs as well without this, only slower. docs/adr/0015 says why.

Usage, from the top of the repository: python services/radius-svc/compile.py STAMP
STAMP is a file that says what was compiled last. If that is what there is now, nothing is done.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path

SOURCE = Path("services/radius-svc/src")
BUILD = Path("build/radius-svc")
# Nothing that reads rows or waits: compiled code keeps the interpreter until it calls something that is not.
MODULES = (
    "domain/acct_unique_id",
    "domain/mschap",
    "listener/accounting",
    "listener/authenticate",
    "listener/authentication",
    "listener/duplicates",
    "listener/events",
    "listener/index",
    "listener/packet",
    "listener/receiver",
    "listener/signing",
    "listener/tally",
)
# Types are checked by `make lint`. Here what is not compiled is Any: that it is what its annotation says
# would otherwise be believed, and a row of SQLAlchemy's is no tuple.
CHECKING = ("--config-file=", "--ignore-missing-imports", "--follow-imports=skip")


def main(stamp: Path) -> None:
    sources = [SOURCE / "radius_svc" / f"{module}.py" for module in MODULES]
    state = state_of([Path(__file__), *sources])
    if stamp.is_file() and stamp.read_text() == state:
        return
    stamp.unlink(missing_ok=True)
    for outdated in SOURCE.rglob("*.so"):
        outdated.unlink()
    if not has_compiler():
        print(
            "The RADIUS listener is not compiled and takes a third more processor time (all works): "
            "sudo apt-get install gcc libc6-dev python3-dev, then run make again",
            file=sys.stderr,
        )
        return
    print("Compiling the RADIUS listener (once, about a quarter of a minute) ...", file=sys.stderr)
    build(sources)
    stamp.write_text(state)


def state_of(files: list[Path]) -> str:
    """By what is in the files: those of a release may be older than what was compiled before it."""
    digest = hashlib.sha256(f"{sys.version} {version('mypy')}".encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def build(sources: list[Path]) -> None:
    from mypyc.build import mypycify  # takes longer to import than to see that there is nothing to do
    from setuptools import setup

    setup(
        script_args=["--quiet", "build_ext", "--inplace", f"--build-temp={BUILD}"],
        package_dir={"": str(SOURCE)},
        ext_modules=mypycify(
            [*CHECKING, *map(str, sources)],
            group_name="radius_svc",
            target_dir=str(BUILD),
            opt_level="2",
            debug_level="0",
        ),
    )


def has_compiler() -> bool:
    compiler = shlex.split(sysconfig.get_config_var("CC") or "cc")[0]
    return shutil.which(compiler) is not None and Path(sysconfig.get_path("include"), "Python.h").is_file()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
